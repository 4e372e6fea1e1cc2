"""Benchmark of HL7: identity messages of people who are new, each stored before it is answered; and PIX queries.

The service runs as ``krypton serve hl7`` does, in a process of its own; each sender is one too, and waits for an answer
before it sends the next message, as senders do.
"""

import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import cycle
from typing import Final
from uuid import uuid4

import psutil

from adapters.hl7.mllp import END, START
from bench.commands import family
from bench.listening import LOCAL, Process, ended
from bench.region import started
from domain.commands.directory import EnrollSite
from domain.work import Envelope
from krypton.bootstrap import Krypton
from tests.fakes.ports import free_port, listens
from tests.waiting import until

MESSAGES: Final = {"messages/s, one sender": 1, "messages/s, four senders": 4, "messages/s, eight senders": 8}
QUERIES: Final = {"PIX queries/s, one sender": 1, "PIX queries/s, four senders": 4}
"""Senders of each figure."""
ANSWER_S: Final = 30.0
ASKED: Final = 50
"""Patients that a sender registers before it asks for them."""


def run(ours: Krypton, seconds: float = 10) -> dict[str, float]:
    """Messages and queries a second, and what the service uses of its processor for a message; takes about five times
    ``seconds``.
    """
    site, titles = f"B{uuid4().hex[:8].upper()}", tuple(f"HL7_{n}" for n in range(max(MESSAGES.values())))
    ours.execute(EnrollSite(code=site, name="Benchmark", ae_titles=titles), Envelope())
    found = dict[str, float]()
    with _service(ours) as (port, process):
        work = [(port, site, title, seconds) for title in titles]
        for said, senders in MESSAGES.items():
            before = _cpu(process)
            count, found[said] = _rate(_register, work[:senders])
            found[f"CPU ms a message: {said}"] = (_cpu(process) - before) / count * 1000
        for said, senders in QUERIES.items():
            _, found[said] = _rate(_ask, work[:senders])
    one, *_, eight = MESSAGES
    found["messages/s, eight senders: times one sender's"] = found[eight] / found[one]
    found["CPU of a message, eight senders: of one sender's"] = (
        found[f"CPU ms a message: {eight}"] / found[f"CPU ms a message: {one}"]
    )
    return found


def _cpu(process: Process) -> float:
    """Seconds so far."""
    used = psutil.Process(process.pid).cpu_times()
    return used.user + used.system


@contextmanager
def _service(ours: Krypton) -> Iterator[tuple[int, Process]]:
    """``krypton serve hl7`` on a free port."""
    port = free_port()
    process = started(ours, "serve", "hl7", KRYPTON_HL7_PORT=str(port))
    with ended(process):
        until(lambda: listens(port), "the HL7 service listens")
        yield port, process


Work = tuple[int, str, str, float]


def _rate(send: Callable[[Work], tuple[int, float]], work: list[Work]) -> tuple[int, float]:
    """How many, and how many a second."""
    with multiprocessing.get_context("spawn").Pool(len(work)) as pool:
        sent = pool.map(send, work)
    return sum(count for count, _ in sent), round(sum(count / took for count, took in sent), 1)


def _register(work: Work) -> tuple[int, float]:
    """Register new patients for some seconds; how many, and how long it took (s)."""
    _, _, _, seconds = work
    with closing(_Sender(work)) as sender:
        return _for(seconds, sender.register)


def _ask(work: Work) -> tuple[int, float]:
    """Ask for the numbers of patients for some seconds; likewise."""
    _, _, _, seconds = work
    with closing(_Sender(work)) as sender:
        known = [sender.register() for _ in range(ASKED)]
        each = cycle(known)
        return _for(seconds, lambda: sender.ask(next(each)))


def _for(seconds: float, say: Callable[[], object]) -> tuple[int, float]:
    count, start = 0, time.perf_counter()
    while (took := time.perf_counter() - start) < seconds:
        say()
        count += 1
    return count, took


class _Sender:
    """A hospital's own system on one connection."""

    def __init__(self, work: Work) -> None:
        port, self._site, self._title, _ = work
        self._connection = socket.create_connection((LOCAL, port), ANSWER_S)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._run, self._sent = uuid4().hex[:8], 0

    def register(self) -> str:
        """A28 of a new patient, whose number it returns."""
        number = f"{self._run}{self._sent}"
        name = f"{family(self._sent)}^ALEX^^^^^L"
        self._say("ADT^A28^ADT_A05", "EVN||20260105", f"PID|1||{number}^^^{self._site}^PI||{name}||19700101|F")
        return number

    def ask(self, number: str) -> None:
        """QBP^Q23: which other numbers the patient has; here none."""
        self._say("QBP^Q23^QBP_Q21", f"QPD|IHE PIX Query|t|{number}^^^{self._site}^PI", "RCP|I")

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _say(self, kind: str, *lines: str) -> None:
        self._sent += 1
        head = f"MSH|^~\\&|{self._title}|{self._site}|KRYPTON||20260105||{kind}|{self._run}{self._sent}|P|2.5"
        self._connection.sendall(START + "".join(f"{line}\r" for line in (head, *lines)).encode() + END)
        answer = b""
        while not answer.endswith(END):
            if not (more := self._connection.recv(4_096)):
                raise AssertionError("the connection was closed instead of an answer")
            answer += more
        if b"MSA|AA|" not in answer:
            raise AssertionError(f"answered {answer!r}")
