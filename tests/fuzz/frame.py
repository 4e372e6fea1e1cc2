"""Fuzzes a target: changes inputs that were understood, tries each, and keeps what is answered in a new way as a seed.

An input is bytes, so that what was found is a file that can be tried again. The inputs of a run follow from its seed
alone. A finding is an error that a target does not declare, a broken promise (``Wrong``), memory or CPU time above a
bound, an error in another thread, or a traceback in the log.
"""

import logging
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType
from typing import Final, Protocol

ROOT: Final = Path(__file__).parents[2]
MEMORY_MIB: Final = 96  # of one input, beyond what the process had before: inputs have less than two
CPU_S: Final = 20.0  # of one input; the machine's load does not count
KEPT: Final = 2_000  # seeds at most
MEMORY: Final = Path("/dev/shm")
TWICE: Final = 3  # findings of one kind that are told


class Wrong(AssertionError):
    """A promise to users that an input breaks."""


class TooSlow(BaseException):
    """An input takes more CPU time than any should. No ``except Exception`` hides it."""


class Target(Protocol):
    """What is fuzzed."""

    name: str

    def seeds(self) -> Sequence[bytes]:
        """Inputs to begin with, nearly all of them valid."""

    def changed(self, given: bytes, other: bytes, random: Random) -> bytes:
        """Another input, made of one or two."""

    def answer(self, given: bytes) -> str:
        """Try an input; says in few words what became of it. Raises Wrong, or whatever the code lets out."""

    def close(self) -> None:
        """Give up what it holds."""


@dataclass(frozen=True)
class Finding:
    """What an input did. ``kind``: the same for all inputs that do the same."""

    kind: str
    story: str
    given: bytes
    number: int


@dataclass
class Report:
    """What a run did."""

    tried: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def fuzz(
    target: Target,
    *,
    seed: int,
    count: int | None = None,
    seconds: float | None = None,
    tell: Callable[[Finding], None],
) -> Report:
    """Try ``count`` inputs, or as many as there are in ``seconds``; ``tell`` is called with each finding."""
    report, seen = Report(), dict[str, int]()
    seeds = list(target.seeds())
    corpus = list(seeds)
    until = None if seconds is None else time.monotonic() + seconds
    while (count is None or report.tried < count) and (until is None or time.monotonic() < until):
        random = Random(f"{target.name} {seed} {report.tried}")
        given = seeds[report.tried] if report.tried < len(seeds) else _next(target, corpus, random)
        said, finding = tried(target, given, report.tried)
        report.tried += 1
        if finding:
            seen[finding.kind] = seen.get(finding.kind, 0) + 1
            if seen[finding.kind] <= TWICE:
                report.findings.append(finding)
                tell(finding)
        elif said not in report.answers and len(corpus) < KEPT:
            corpus.append(given)
        report.answers[said] = report.answers.get(said, 0) + 1
    return report


def _next(target: Target, corpus: Sequence[bytes], random: Random) -> bytes:
    """A change of a seed; of one that was found last more often."""
    recent = corpus[-max(8, len(corpus) // 4) :]
    given = random.choice(recent if random.random() < 0.3 else corpus)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        given = target.changed(given, random.choice(corpus), random)
    return given


def tried(target: Target, given: bytes, number: int = 0) -> tuple[str, Finding | None]:
    """Try one input."""
    with _watched() as watch:
        try:
            said = target.answer(given)
            watch.check()
        except (Exception, TooSlow) as broken:
            return "found", Finding(_kind(broken), "".join(traceback.format_exception(broken)), given, number)
    return said, None


class _Watch(logging.Handler):
    """Hears what is logged and what breaks in other threads, and measures memory."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.wrong: list[str] = []
        self._before = _memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins again

    def emit(self, record: logging.LogRecord) -> None:
        """See ``logging.Handler``."""
        if record.exc_info or "Traceback" in record.getMessage():
            self.wrong.append(f"a traceback in the log: {record.getMessage()}")

    def broke(self, what: threading.ExceptHookArgs) -> None:
        """An error that a thread let out."""
        self.wrong.append("in a thread: " + "".join(traceback.format_exception(what.exc_value)))

    def check(self) -> None:
        """Raises Wrong."""
        if self.wrong:
            raise Wrong(self.wrong[0])
        took = (_memory("VmHWM") - self._before) // 1024
        if took > MEMORY_MIB:
            raise Wrong(f"memory: {took} MiB were taken, {MEMORY_MIB} are allowed")


def _memory(field_name: str) -> int:
    """Of this process, in KiB."""
    status = Path("/proc/self/status").read_text()
    at = status.index(field_name) + len(field_name) + 1
    return int(status[at : status.index("kB", at)])


@contextmanager
def _watched() -> Iterator[_Watch]:
    watch, root = _Watch(), logging.getLogger()
    hook, threading.excepthook = threading.excepthook, watch.broke
    root.addHandler(watch)
    try:
        with _cpu_bound():
            yield watch
    finally:
        root.removeHandler(watch)
        threading.excepthook = hook


@contextmanager
def _cpu_bound() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(_: int, frame: FrameType | None) -> None:
        raise TooSlow(f"more than {CPU_S:.0f} s of CPU time")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _kind(broken: BaseException) -> str:
    """The error and where it came from: the last place in our own code, and before the fuzzers."""
    if isinstance(broken, Wrong):
        return f"Wrong: {str(broken).partition(':')[0][:80]}"
    ours = [
        f"{Path(frame.filename).relative_to(ROOT)}:{frame.lineno}"
        for frame in traceback.extract_tb(broken.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT) and ".venv" not in frame.filename
    ]
    return f"{type(broken).__name__} at {ours[-1] if ours else '?'}"


def scratch() -> Path:
    """A new folder, in memory where there is one."""
    return Path(tempfile.mkdtemp(prefix="krypton-fuzz-", dir=MEMORY if MEMORY.is_dir() else None))
