"""The ledger: the eventsourcing Application. It runs commands once, stamps their envelope, and stores their events.

``execute`` looks nothing up before it decides: the command id is stored in the same transaction as the events, so a
repeated command is found by its conflict (or by its refusal), and is answered as the first time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Protocol, TypeVar, cast, runtime_checkable
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, AggregateEvent, CanInitAggregate, CanMutateAggregate
from eventsourcing.persistence import AggregateRecorder, EventStore, IntegrityError, Mapper, StoredEvent
from eventsourcing.utils import EnvType, get_topic, resolve_topic

from domain.directory import Directory
from domain.errors import CommandRepeated, Contended, NotFound, RuleBroken
from domain.membership import Membership
from domain.ports import Answer, Clock, CommandLog, CommandRecord, EventCodec, KeyVault
from domain.tail import Tail

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ATTEMPTS = 8
A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True)
class Envelope:
    """Who asked, and under which ids. ``actor`` is a pseudonymous id with its scheme (rpps:, aet:, system:)."""

    actor: str = "system:cli"
    command_id: UUID = field(default_factory=uuid4)
    correlation_id: UUID | None = None

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


@runtime_checkable
class Foreseen(Protocol):
    """A command that knows beforehand which aggregates it looks up, so that they are fetched in one go."""

    def touches(self) -> Iterable[UUID]:
        """Their ids."""


def touched_by(*commands: Command) -> set[UUID]:
    """What the commands are known to look up."""
    return {touched for command in commands if isinstance(command, Foreseen) for touched in command.touches()}


@dataclass(frozen=True)
class Decision:
    """What one command decided, not yet stored."""

    envelope: Envelope
    events: list[AggregateEvent]
    result: dict[str, Any]


class Work:
    """What a command reads and changes: each aggregate is loaded once, and its new events are collected together."""

    def __init__(self, ledger: "Ledger", touched: Iterable[UUID] = ()) -> None:
        self._ledger = ledger
        self._held: dict[UUID, Aggregate | None] = ledger.load(list(touched))
        self._touched: dict[UUID, Aggregate] = {}
        self._statements: list[AggregateEvent] = []
        self.now = ledger.clock()

    @property
    def membership(self) -> Membership:
        """Who is held to be one person with whom: as stored when first asked, and as stated since in this batch."""
        for stated in self._statements:
            self._branch.foresee(get_topic(type(stated)), vars(stated))
        self._statements.clear()
        return self._branch

    @cached_property
    def _branch(self) -> Membership:
        return self._ledger.membership().branch()

    @cached_property
    def directory(self) -> Directory:
        """The enrolled establishments and registered professionals, as stored when first asked."""
        return self._ledger.directory()

    def find(self, cls: type[A], aggregate_id: UUID) -> A | None:
        """The aggregate; None where nobody spoke of it yet, or where the id is of another kind of aggregate."""
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

    def registered(self, aggregate_id: UUID) -> int:
        """Ledger position of the aggregate's first event. Raises NotFound."""
        if (position := self._ledger.log.position_of(aggregate_id)) is None:
            raise NotFound(f"{aggregate_id} is not in the ledger")
        return position

    def collect(self) -> list[AggregateEvent]:
        """The events since the last call, in the order in which this command first touched the aggregates."""
        events = [cast(AggregateEvent, e) for held in self._touched.values() for e in held.collect_events()]
        self._touched.clear()
        self._statements += [e for e in events if get_topic(type(e)) in Membership.TYPES]
        return events


class LedgerMapper(Mapper[UUID]):
    """Domain events to stored bytes, by the codec; the bytes are what Kafka carries too."""

    def __init__(self, codec: EventCodec) -> None:
        self.codec = codec

    def stored(self, event: AggregateEvent, envelope: Envelope, recorded_at: int) -> StoredEvent:
        """One event, stamped and encoded."""
        topic = get_topic(type(event))
        body = {k: v for k, v in vars(event).items() if k not in NOT_STORED}
        state = self.codec.encode(
            topic,
            envelope.stamp(recorded_at) | body,
            aggregate_id=str(event.originator_id),
            version=event.originator_version,
        )
        return StoredEvent(event.originator_id, event.originator_version, topic, state)

    def subjects(self, event: AggregateEvent) -> Iterable[str]:
        """Whose keys seal the event."""
        return self.codec.subjects(get_topic(type(event)), vars(event), str(event.originator_id))

    def to_domain_event(self, stored_event: StoredEvent) -> AggregateEvent:
        """The event as its aggregate folds it."""
        schema, body = self.codec.decode(stored_event.state, stored_event.originator_version)
        cls = resolve_topic(stored_event.topic)
        state = {k: UUID(v) if k in schema.uuids and v else v for k, v in body.items()}
        state.pop(schema.aggregate)
        state["originator_id"] = stored_event.originator_id
        state["originator_version"] = stored_event.originator_version
        state["timestamp"] = EPOCH + timedelta(microseconds=body["recorded_at"])
        if issubclass(cls, CanInitAggregate):
            state["originator_topic"] = stored_event.topic.partition(".")[0]
        event = object.__new__(cls)
        event.__dict__.update(state)
        return cast(AggregateEvent, event)


NOT_STORED = {"originator_id", "originator_version", "originator_topic", "timestamp"}


class LedgerStore(EventStore[UUID]):
    """Stores decisions: events with the envelope of the command that made them."""

    def __init__(self, mapper: Mapper[UUID], recorder: AggregateRecorder, vault: KeyVault) -> None:
        super().__init__(mapper, recorder)
        self.vault = vault

    def put(
        self, domain_events: Sequence[Any], *, decisions: Sequence[Decision] = (), at: int = 0, **_: Any
    ) -> list[Any]:
        """Store all decisions in one transaction; returns one Answer each. ``at``: microseconds since 1970, UTC."""
        mapper = cast(LedgerMapper, self.mapper)
        if len(decisions) > 1:
            self.vault.prepare(subject for d in decisions for e in d.events for subject in mapper.subjects(e))
        stored = [mapper.stored(event, d.envelope, at) for d in decisions for event in d.events]
        commands = [CommandRecord(d.envelope.command_id, len(d.events), d.result) for d in decisions]
        positions = iter(cast(CommandLog, self.recorder).insert_events(stored, commands=commands))
        return [Answer(tuple(next(positions) for _ in d.events), d.result) for d in decisions]


class Ledger(Application[UUID]):
    """The one Application. Build it in ``krypton.bootstrap``; tests build it on the recorder in ``tests/fakes``."""

    name = "ledger"

    def __init__(self, env: EnvType, *, codec: EventCodec, vault: KeyVault, clock: Clock) -> None:
        self.codec = codec
        self.vault = vault
        self.clock = clock
        super().__init__(env)
        self._membership = Tail(Membership(), self.log, codec)
        self._directory = Tail(Directory(), self.log, codec)

    def construct_mapper(self) -> Mapper[UUID]:
        """Our own: Avro in the Confluent wire format."""
        return LedgerMapper(self.codec)

    def construct_event_store(self) -> EventStore[UUID]:
        """Our own: stamps envelopes and records command ids."""
        return LedgerStore(self.mapper, self.recorder, self.vault)

    @property
    def log(self) -> CommandLog:  # type: ignore[override]
        """The recorder, as the log of commands."""
        return cast(CommandLog, self.recorder)

    def membership(self) -> Membership:
        """Persons and bars as of the last stored event."""
        return self._membership.current()

    def directory(self) -> Directory:
        """Establishments and professionals as of the last stored event."""
        return self._directory.current()

    def load(self, aggregate_ids: Sequence[UUID]) -> dict[UUID, Aggregate | None]:
        """Several aggregates in one look; None where nobody spoke of one yet."""
        held: dict[UUID, Aggregate | None] = dict.fromkeys(aggregate_ids)
        for stored in self.log.events_of(aggregate_ids) if aggregate_ids else ():
            event = cast(CanMutateAggregate[UUID], self.mapper.to_domain_event(stored))
            held[event.originator_id] = event.mutate(held[event.originator_id])
        return held

    def find(self, cls: type[A], aggregate_id: UUID) -> A | None:
        """One aggregate, to look at."""
        return Work(self).find(cls, aggregate_id)

    def execute(self, command: Command, by: Envelope) -> Answer:
        """Run a command once per command id. Raises RuleBroken, NotFound (nothing written), Contended."""
        for _ in range(ATTEMPTS):
            work = Work(self, touched_by(command))
            try:
                result = command.decide(work) or {}
                decision = Decision(by, work.collect(), result)
            except (RuleBroken, NotFound):
                if known := self.log.answer_of(by.command_id):
                    return known
                raise
            try:
                return self._store([decision], work.now)[0]
            except CommandRepeated:
                return cast(Answer, self.log.answer_of(by.command_id))
            except IntegrityError:
                continue  # another writer changed the aggregate first: decide again on what is there now
        raise Contended(f"other writers were first {ATTEMPTS} times in a row: nothing was written, ask again")

    def execute_many(self, asked: Sequence[tuple[Command, Envelope]]) -> list[Answer | RuleBroken | NotFound]:
        """Run commands in order, in as few transactions as possible; a refused one does not stop the others."""
        answers: list[Answer | RuleBroken | NotFound] = []
        decisions: list[Decision] = []
        work = Work(self, touched_by(*(command for command, _ in asked)))
        try:
            for command, by in asked:
                result = command.decide(work) or {}
                decisions.append(Decision(by, work.collect(), result))
            answers.extend(self._store(decisions, work.now))
        except (RuleBroken, NotFound, CommandRepeated, IntegrityError):
            # Nothing of this batch is stored: its commands go one by one, each with its own answer.
            answers = [self._one(command, by) for command, by in asked]
        return answers

    def _one(self, command: Command, by: Envelope) -> Answer | RuleBroken | NotFound:
        try:
            return self.execute(command, by)
        except (RuleBroken, NotFound) as refusal:
            return refusal

    def _store(self, decisions: Sequence[Decision], now: datetime) -> list[Answer]:
        at = (now - EPOCH) // timedelta(microseconds=1)
        events = [event for d in decisions for event in d.events]
        return cast(list[Answer], self.events.put(events, decisions=decisions, at=at))
