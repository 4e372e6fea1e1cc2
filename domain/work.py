"""The unit of work of one command: the caller, the aggregates read and changed, and the decided events.

A command is a value. It looks things up through ``Work``, changes aggregates, and answers with ids; the ledger stores
what it decided, or runs it again on newer aggregates where another writer was first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID, uuid4

from eventsourcing.domain import Aggregate, AggregateEvent
from eventsourcing.persistence import IntegrityError
from eventsourcing.utils import get_topic

from domain.actors import actor
from domain.askers import CONTENT, Asker
from domain.errors import NotFound
from domain.ids import Ids
from domain.membership import Membership
from domain.persons import Persons
from domain.ports import Basis, LedgerState
from domain.rules.in_force import RulesInForce

A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True)
class Envelope:
    """Who asked, and under which ids. ``actor`` is a pseudonymous id with its scheme. Raises BadActor (W1).

    Without one, a program of Krypton asks, never a person. ``of_content``: the command id is a digest of what is asked.
    """

    actor: str = "system:krypton"
    command_id: UUID = field(default_factory=uuid4)
    correlation_id: UUID | None = None
    of_content: bool = False

    def __post_init__(self) -> None:
        actor(self.actor)

    def asker(self, command: "Command") -> Asker:
        """Whose the command id is."""
        return Asker(CONTENT if self.of_content else self.actor, type(command).__name__)

    def stamp(self, recorded_at: int) -> dict[str, Any]:
        """The first fields of every event; ``recorded_at`` in microseconds since 1970, UTC."""
        correlation = self.correlation_id or self.command_id
        return {
            "recorded_at": recorded_at,
            "actor": self.actor,
            "command_id": str(self.command_id),
            "correlation_id": str(correlation),
        }


class Command(Protocol):
    """What can be asked of the ledger: a value. ``decide`` may run again, so it has no side effects of its own."""

    def decide(self, work: "Work") -> dict[str, Any] | None:
        """Change aggregates through ``work``; returns ids the caller needs, never traits. Raises RuleBroken."""


class Foreseen(Protocol):
    """A command that knows in advance which aggregates it needs, so that they are fetched in one query."""

    def touches(self, ids: Ids) -> Iterable[UUID]:
        """Their ids."""


class LookedUpTogether(Protocol):
    """A kind of command of which several ask for much in turn: it looks that up for all of them in few queries."""

    @staticmethod
    def look_up(work: "Work", commands: Sequence[Any]) -> None:
        """A hint, for speed: refuses nothing, and finds nothing out."""


def touched_by(ids: Ids, *commands: Command) -> set[UUID]:
    """What the commands are known to look up: those that are ``Foreseen`` say."""
    return {touched for command in commands if hasattr(command, "touches") for touched in command.touches(ids)}


@dataclass(frozen=True)
class Decision:
    """What one command decided, not yet stored; ``basis``: what must not have changed by then."""

    envelope: Envelope
    asker: Asker
    events: list[AggregateEvent]
    result: dict[str, Any]
    basis: Basis | None = None


class NotStoredYet(Exception):
    """A command needs the position of an event that an earlier command of its batch decided: store that one first."""


class Work:
    """The unit of work: each aggregate is loaded once, and its new events are collected together."""

    def __init__(self, ledger: LedgerState, touched: Iterable[UUID] = ()) -> None:
        self._ledger = ledger
        self.ids = ledger.ids
        self.authorities = ledger.authorities
        self._held: dict[UUID, Aggregate | None] = ledger.load(list(touched))
        self._touched: dict[UUID, Aggregate] = {}
        self._decided: dict[UUID, list[AggregateEvent]] = {}
        self._statements: list[AggregateEvent] = []
        self._read: dict[UUID, int] = {}
        self._positions: dict[UUID, int] = {}
        self._rules_upto: int | None = None
        self._persons = ledger.membership()
        self.now = ledger.clock()
        self.actor = ""
        """Who asks what is decided now."""

    @property
    def membership(self) -> Persons:
        """Who is one person with whom: as stored when first asked, plus statements of this batch."""
        for stated in self._statements:
            self._persons.foresee(get_topic(type(stated)), vars(stated))
        self._statements.clear()
        return self._persons

    def holds(self, aggregate_id: UUID) -> bool:
        """Whether the ledger has the aggregate, whatever became of it."""
        if aggregate_id in self._held:
            return self._held[aggregate_id] is not None
        return self._ledger.holds(aggregate_id)

    def site_of(self, ae_title: str) -> str | None:
        """Code of the establishment that has the AE title, as stored; None: nobody has it."""
        return self._ledger.log.site_of(ae_title)

    def begun_for(self, identity: UUID, after: int = 0) -> Sequence[UUID]:
        """Ids of the studies and orders that are an identity's, or were once, as stored. ``after``: those alone that
        began, or moved to it or from it, at a later ledger position.
        """
        return self._ledger.log.begun_for(identity, after)

    def brought_to(
        self, identity: UUID, aggregates: Sequence[UUID], types: Sequence[str], after: int
    ) -> Sequence[tuple[UUID, str]]:
        """Aggregate and type of stored events behind a ledger position: those of these types of these aggregates, and
        conflicts that name the identity.
        """
        return self._ledger.log.brought_to(identity, aggregates, types, after)

    @property
    def head(self) -> int:
        """The ledger's last position, as stored."""
        return self._ledger.log.max_notification_id() or 0

    @cached_property
    def rules(self) -> RulesInForce:
        """The rules in force, as stored when first asked."""
        found = self._ledger.rules()
        self._rules_upto = found.upto
        return found

    def fetch(self, aggregate_ids: Iterable[UUID]) -> None:
        """Load aggregates that ``find`` will be asked for, in one query."""
        if unknown := [one for one in aggregate_ids if one not in self._held]:
            self._held |= self._ledger.load(unknown)

    def find(self, cls: type[A], aggregate_id: UUID) -> A | None:
        """The aggregate; None if it has no events, or if the id belongs to another kind of aggregate."""
        if aggregate_id not in self._held:
            self._held |= self._ledger.load([aggregate_id])
        held = self._held[aggregate_id]
        if not isinstance(held, cls):
            return None
        self._touched.setdefault(aggregate_id, held)
        return held

    def get(self, cls: type[A], aggregate_id: UUID) -> A:
        """The aggregate. Raises NotFound."""
        if (found := self.find(cls, aggregate_id)) is None:
            raise NotFound(f"{cls.__name__.lower()} {aggregate_id} is not in the ledger")
        return found

    def add(self, aggregate: A) -> A:
        """Take a new aggregate in."""
        self._held[aggregate.id] = self._touched[aggregate.id] = aggregate
        return aggregate

    def rests_on(self, *aggregate_ids: UUID) -> None:
        """What this command decides holds while these aggregates, and all links and rules, are as they are read here:
        if another writer changes them first, it is decided again.
        """
        for one in aggregate_ids:
            if held := self._held.get(one):
                self._read[one] = held.version - len(self._decided.get(one, ()))

    def registered(self, aggregate_id: UUID) -> int:
        """Ledger position of the aggregate's first event. Raises NotFound, NotStoredYet."""
        self.locate((aggregate_id,))
        if aggregate_id not in self._positions:
            if aggregate_id in self._decided:
                raise NotStoredYet
            raise NotFound(f"{aggregate_id} is not in the ledger")
        return self._positions[aggregate_id]

    def locate(self, aggregate_ids: Iterable[UUID]) -> None:
        """Look up the positions that ``registered`` will be asked for, in one query: they never change."""
        if unknown := [one for one in aggregate_ids if one not in self._positions]:
            self._positions |= self._ledger.log.positions_of(unknown)

    def look_up(self, commands: Iterable[Command]) -> None:
        """Look up what these commands will ask for, kind by kind, in few queries: a hint, for speed."""
        kinds: dict[type, list[Command]] = {}
        for command in commands:
            kinds.setdefault(type(command), []).append(command)
        for kind, several in kinds.items():
            if hasattr(kind, "look_up"):
                cast(LookedUpTogether, kind).look_up(self, several)

    def decide(self, command: Command, by: Envelope) -> Decision:
        """What the command decides. Where it raises, ``undo`` before another command is decided."""
        self._read, self.actor = {}, by.actor
        result = command.decide(self) or {}
        return Decision(by, by.asker(command), self._collect(), result, self._basis())

    def _basis(self) -> Basis | None:
        if not self._read:
            return None
        return Basis(self._read, min(at for at in (self._persons.upto, self._rules_upto) if at is not None))

    def undo(self) -> None:
        """Undo what a refused command changed; earlier decisions stay. Raises IntegrityError."""
        changed = [held for held in self._touched.values() if held.pending_events]
        self._touched.clear()
        new = {held.id for held in changed if held.version == len(held.pending_events)}
        self._held |= dict.fromkeys(new)
        known = [held.id for held in changed if held.id not in new]
        for aggregate_id, stored in (self._ledger.load(known) if known else {}).items():
            held = stored
            for event in self._decided.get(aggregate_id, ()):
                if event.originator_version != (held.version if held else 0) + 1:
                    raise IntegrityError("another writer was first")
                held = event.mutate(held)
            self._held[aggregate_id] = held

    def _collect(self) -> list[AggregateEvent]:
        """The events since the last call, in the order in which this command first touched the aggregates."""
        events = [cast(AggregateEvent, e) for held in self._touched.values() for e in held.collect_events()]
        self._touched.clear()
        for event in events:
            self._decided.setdefault(event.originator_id, []).append(event)
        self._statements += [e for e in events if get_topic(type(e)) in Membership.TYPES]
        return events
