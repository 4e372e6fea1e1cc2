"""Stores what several threads ask at the same moment in one transaction: a commit is paid once for all who wait.

Whoever comes while nothing is being stored is stored at once, alone. Whoever comes meanwhile waits, and is stored with
all who came by then. An answer is given only once the command is stored; a caller who waits for it before asking for
more is stored in the order in which it asked.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import Final, Protocol

from domain.ids import Ids
from domain.ports import Answer, CommandLog
from domain.work import Command, Envelope
from krypton.policies.each import each

MOST: Final = 64
"""Commands of one transaction: none waits longer than these take."""
LATE: Final = "it was not asked within its time: ask again"


class Executes(Protocol):
    """The ledger, as far as it is needed here."""

    @property
    def ids(self) -> Ids:
        """Makes ids of names."""

    @property
    def log(self) -> CommandLog:
        """Knows answered commands."""

    def execute_many(self, asked: Sequence[tuple[Command, Envelope]]) -> Sequence[Answer | Exception]:
        """Run commands in order, in as few transactions as possible."""


@dataclass(eq=False)
class _Asked:
    """A command that waits. ``told``: what became of it."""

    command: Command
    by: Envelope
    told: Answer | Exception | None = None


class Together:
    """``execute`` of a ledger that several threads ask. ``reachable``: raises while the ledger is away (``each``);
    ``at_once``: transactions at a time.
    """

    def __init__(self, ledger: Executes, reachable: Callable[[], object], at_once: int = 1) -> None:
        self._ledger, self._reachable = ledger, reachable
        self._storing = BoundedSemaphore(at_once)
        self._waiting: deque[_Asked] = deque()
        self._lock = Lock()

    @property
    def ids(self) -> Ids:
        """The ledger's."""
        return self._ledger.ids

    @property
    def log(self) -> CommandLog:
        """The ledger's."""
        return self._ledger.log

    def execute(self, command: Command, by: Envelope) -> Answer:
        """As the ledger's: once per command id. Raises what refuses the command, or what failed."""
        mine = _Asked(command, by)
        with self._lock:
            self._waiting.append(mine)
        with self._storing:
            while mine.told is None:
                self._store()
        if isinstance(mine.told, Exception):
            raise mine.told
        return mine.told

    def _store(self) -> None:
        """All who wait, but no more than ``MOST``. Whatever fails, each of them is told."""
        with self._lock:
            taken = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        try:
            for part, told in each(taken, self._executed, self._reachable):
                answers = [told] * len(part) if isinstance(told, Exception) else told
                for asked, answer in zip(part, answers, strict=True):
                    asked.told = answer
        except Exception as away:
            for asked in taken:
                asked.told = asked.told or away
        for asked in taken:
            asked.told = asked.told or TimeoutError(LATE)

    def _executed(self, taken: Sequence[_Asked]) -> Sequence[Answer | Exception]:
        return self._ledger.execute_many([(asked.command, asked.by) for asked in taken])
