"""Runs many commands in few transactions, with the same answers as if each ran alone.

The commands are decided in order on one ``Work`` and stored together. A refused command costs itself: what it changed
is undone, and the others go on. Answers that are stored already are looked up for the whole batch. Where another writer
was first nothing of the batch is stored, and each half is decided again on what is there then.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from eventsourcing.persistence import IntegrityError
from eventsourcing.utils import get_topic

from domain.askers import Asker
from domain.errors import CommandRepeated, IdTaken, NotFound, RuleBroken
from domain.ports import Answer, CommandLog
from domain.rules.in_force import RulesInForce
from domain.work import Command, Decision, Envelope, NotStoredYet, Work

Asked = Sequence[tuple[Command, Envelope]]
Outcome = Answer | RuleBroken | NotFound
READ_AS_STORED = frozenset(("establishment.device_registered", *RulesInForce.TYPES))
"""Events that a later command sees only once they are stored."""


class Runner(Protocol):
    """The part of the ledger that a batch needs."""

    @property
    def log(self) -> CommandLog:
        """The stored answers."""

    def work(self, commands: Iterable[Command]) -> Work:
        """What these commands read and change."""

    def store(self, decisions: Sequence[Decision], now: datetime) -> list[Answer]:
        """Store in one transaction. Raises IntegrityError, CommandRepeated, RuleBroken, NotFound; then nothing is
        stored.
        """

    def execute(self, command: Command, by: Envelope) -> Answer:
        """Run one command. Raises RuleBroken, NotFound, Contended."""


def outcomes(ledger: Runner, asked: Asked) -> list[Outcome]:
    """The outcome of each command, in order. Raises Contended; commands answered before stay stored."""
    found: list[Outcome] = []
    known = dict(ledger.log.answers_of([by.command_id for _, by in asked]))
    while left := asked[len(found) :]:
        part = _Part(ledger, known)
        taken = left[: part.decide(left)]
        try:
            new = part.stored()
        except (RuleBroken, NotFound, CommandRepeated, IntegrityError):
            new = _again(ledger, taken)
        known |= {by.command_id: one for (_, by), one in zip(taken, new, strict=True) if isinstance(one, Answer)}
        found += new
    return found


def foreseen(ledger: Runner, asked: Asked) -> list[Outcome]:
    """What ``outcomes`` would be, with nothing stored: what is not in the ledger yet has no position.

    A command does not see what an earlier one would have to store first (an AE title, rules, a position).
    """
    found: list[Outcome] = []
    known = ledger.log.answers_of([by.command_id for _, by in asked])
    while left := asked[len(found) :]:
        part = _Part(ledger, known)
        part.decide(left)
        found += part.foreseen()
    return found


def _again(ledger: Runner, asked: Asked) -> list[Outcome]:
    """Each half by itself: what cannot be stored costs few transactions, and only its own command goes alone."""
    if len(asked) > 1:
        middle = len(asked) // 2
        return outcomes(ledger, asked[:middle]) + outcomes(ledger, asked[middle:])
    ((command, by),) = asked
    try:
        return [ledger.execute(command, by)]
    except (RuleBroken, NotFound) as refusal:
        return [refusal]


class _Part:
    """Commands stored in one transaction."""

    def __init__(self, ledger: Runner, known: Mapping[UUID, Answer]) -> None:
        self._ledger = ledger
        self._known = known
        self._ids: list[UUID] = []  # of the commands in order; one id may be asked twice
        self._askers: list[Asker] = []  # by place
        self._first: dict[UUID, Asker | None] = {each: answer.asker for each, answer in known.items()}
        self._decided: dict[UUID, Decision] = {}
        self._refused: dict[int, RuleBroken | NotFound] = {}  # by place
        self._overtaken: IntegrityError | None = None

    def decide(self, asked: Asked) -> int:
        """Decide in order; returns how many, for some have to be stored before the next is decided."""
        new = [command for command, by in asked if by.command_id not in self._known]
        self._work = self._ledger.work(new)
        self._work.look_up(new)
        for command, by in asked:
            try:
                ends = self._one(command, by)
            except NotStoredYet:
                break
            self._ids.append(by.command_id)
            self._askers.append(by.asker(command))
            if ends:
                break
        return len(self._ids)

    def _one(self, command: Command, by: Envelope) -> bool:
        """Decide one, if it was not; returns whether what it decided is seen only once it is stored."""
        try:
            if by.command_id in self._first:
                Answer((), {}, self._first[by.command_id]).to(by.asker(command))
                return False
            decision = self._work.decide(command, by)
        except IdTaken as refusal:
            self._refused[len(self._ids)] = refusal
            return False
        except (RuleBroken, NotFound) as refusal:
            self._refused[len(self._ids)] = refusal
            return self._undo()
        self._decided[by.command_id], self._first[by.command_id] = decision, decision.asker
        return any(get_topic(type(event)) in READ_AS_STORED for event in decision.events)

    def _undo(self) -> bool:
        """Take back what a refused command changed; returns whether another writer makes the part go again."""
        try:
            self._work.undo()
        except IntegrityError as overtaken:
            self._overtaken = overtaken
        return self._overtaken is not None

    def stored(self) -> list[Outcome]:
        """Store what was decided; returns the outcome of each command. Raises what ``Runner.store`` raises."""
        if self._overtaken:
            raise self._overtaken
        return self._told(self._ledger.store(list(self._decided.values()), self._work.now) if self._decided else [])

    def foreseen(self) -> list[Outcome]:
        """The outcome of each command, without storing anything."""
        return self._told([Answer((), decision.result) for decision in self._decided.values()])

    def _told(self, answers: Sequence[Answer]) -> list[Outcome]:
        answered = {**self._known, **dict(zip(self._decided, answers, strict=True))}
        # What refused a command may be the same command, asked by another process at the same moment.
        refused = {self._ids[place] for place in self._refused} - self._first.keys()
        raced = self._ledger.log.answers_of(list(refused)) if refused else {}
        told, before = list[Outcome](), {*self._known}
        for place, each in enumerate(self._ids):
            if place in self._refused:
                told.append(self._raced(place, raced.get(each)))
                continue
            told.append(replace(answered[each], repeated=each in before))
            before.add(each)
        return told

    def _raced(self, place: int, stored: Answer | None) -> Outcome:
        """A refused command's outcome: its own answer, where it is stored by now."""
        try:
            return replace(stored.to(self._askers[place]), repeated=True) if stored else self._refused[place]
        except IdTaken as taken:
            return taken
