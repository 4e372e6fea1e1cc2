"""A little of each fuzzer that needs no server, and the fuzzers themselves: they find what they are made to find."""

import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from random import Random

import pytest

from tests.fuzz.datasets import Datasets
from tests.fuzz.dose_mutations import DoseMutations
from tests.fuzz.dose_reports import DoseReports
from tests.fuzz.events import Events
from tests.fuzz.frame import Target, Wrong, fuzz, tried
from tests.fuzz.identity_csv import IdentityCsv
from tests.fuzz.kept import holds
from tests.fuzz.targets import opened


@pytest.fixture(autouse=True)
def _odd_files() -> Iterator[None]:
    """pydicom warns of what is odd in a file; here all are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize(
    ("name", "count"),
    [
        *((Datasets.name, 120), (DoseReports.name, 90), (DoseMutations.name, 250)),
        *((IdentityCsv.name, 150), (Events.name, 1_500)),
    ],
)
def test_nothing_that_comes_in_breaks_its_reader(name: str, count: int) -> None:
    """See each target for what it promises."""
    with opened(name) as target:
        holds(target, count)


class Made:
    """A target that does with each input what it is told."""

    name = "made"

    def __init__(self, does: Callable[[bytes], str]) -> None:
        self._does = does

    def seeds(self) -> Sequence[bytes]:
        """One."""
        return [b"abcdef"]

    def changed(self, given: bytes, other: bytes, random: Random) -> bytes:
        """A byte."""
        at = random.randrange(len(given))
        return given[:at] + bytes((random.randrange(256),)) + given[at + 1 :]

    def answer(self, given: bytes) -> str:
        """As told."""
        return self._does(given)

    def close(self) -> None:
        """Nothing is held."""


def breaks_in_a_thread() -> None:
    def broken() -> None:
        raise ZeroDivisionError

    thread = threading.Thread(target=broken)
    thread.start()
    thread.join()


def logs_a_traceback() -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logging.getLogger("adapters.some").exception("it broke")


def takes_memory() -> None:
    bytearray(200 << 20)[::4_096] = b"x" * (200 << 8)


def breaks_a_promise() -> None:
    raise Wrong("counts: one row is missing")


def lets_an_error_out() -> None:
    raise KeyError


@pytest.mark.parametrize(
    "fault", [breaks_in_a_thread, logs_a_traceback, takes_memory, breaks_a_promise, lets_an_error_out]
)
def test_a_fault_is_found(fault: Callable[[], None]) -> None:
    target: Target = Made(lambda _: fault() or "said")  # type: ignore[func-returns-value]
    assert tried(target, b"x")[1] is not None


def test_a_run_is_the_same_whenever_its_seed_is() -> None:
    """So that a finding can be had again."""

    def inputs(seed: int) -> list[bytes]:
        seen: list[bytes] = []
        fuzz(Made(lambda given: seen.append(given) or str(given[:2])), seed=seed, count=50, tell=lambda _: None)  # type: ignore[func-returns-value]
        return seen

    assert inputs(1) == inputs(1)
    assert inputs(1) != inputs(2)


def test_what_is_answered_in_a_new_way_is_changed_further() -> None:
    """A fault behind three steps is found, which no single change of the seed reaches."""

    def three_steps(given: bytes) -> str:
        steps = next((n for n in range(3) if given[n] < 128), 3)
        if steps == 3:
            raise ZeroDivisionError
        return str(steps)

    assert fuzz(Made(three_steps), seed=1, count=2_000, tell=lambda _: None).findings


@pytest.mark.parametrize(
    ("name", "wrong", "kind"),
    [
        ("report._damage", lambda _: [], "Wrong: silent"),
        ("exposure._later", lambda _, earlier, later: (later or 0.0) + (earlier or 0.0), "Wrong: another dose"),
        ("units._COMMA", re.compile(r"\d+,\d+"), "Wrong: another dose"),
        ("tree.Item.within", lambda *_: True, "Wrong: another dose"),
    ],
    ids=["silent", "doubled", "thousands", "pulses"],
)
def test_a_reader_that_is_wrong_is_found_by_answers_that_are_known(
    name: str, wrong: object, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the comparison proves nothing."""
    monkeypatch.setattr(f"adapters.dicom.rdsr.{name}", wrong)
    with opened(DoseMutations.name) as target:
        found = (tried(target, str(number).encode())[1] for number in range(2_000))
        assert any(finding.kind == kind for finding in found if finding)
