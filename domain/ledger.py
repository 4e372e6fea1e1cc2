"""The ledger: the eventsourcing application that runs commands idempotently and stores what they decide.

Idempotency: the command id is inserted in the same transaction as the events; a duplicate key returns the stored
answer, to its own caller (W5). ``execute`` therefore looks nothing up before it decides; only a refusal checks for a
stored answer.
``execute_many`` runs batches (``domain.batch``).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar, cast
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, CanMutateAggregate
from eventsourcing.persistence import EventStore, IntegrityError, Mapper
from eventsourcing.utils import EnvType

from domain.batch import Asked, Outcome, foreseen, outcomes
from domain.directory import Directory
from domain.errors import CommandRepeated, Contended, NotFound, RuleBroken, TablesBehind
from domain.ids import Ids
from domain.ins import Authorities
from domain.persons import Persons
from domain.ports import Answer, Clock, CommandLog, EventCodec, KeyVault
from domain.rules.document import RuleId
from domain.rules.in_force import Published, RulesInForce
from domain.storing import LedgerMapper, LedgerStore
from domain.times import micros
from domain.work import A, Command, Decision, Envelope, Work, touched_by

ATTEMPTS = 8
ALL = 2**31
T = TypeVar("T")


class Ledger(Application[UUID]):
    """The one Application. Build it in ``krypton.bootstrap``; tests build it on the recorder in ``tests/fakes``."""

    name = "ledger"

    def __init__(
        self,
        env: EnvType,
        *,
        codec: EventCodec,
        vault: KeyVault,
        ids: Ids,
        authorities: Authorities,
        clock: Clock | None = None,
    ) -> None:
        """``clock``: another one than the event store's, for tests."""
        self.codec = codec
        self.ids = ids
        self.authorities = authorities
        self.vault = vault
        super().__init__(env)
        self.clock: Clock = clock or self.log.now
        self._present: set[UUID] = set()
        self._published: dict[RuleId, Published] = {}

    def construct_mapper(self) -> Mapper[UUID]:
        """The mapper: Avro in the Confluent wire format."""
        return LedgerMapper(self.codec)

    def construct_event_store(self) -> EventStore[UUID]:
        """The event store: stamps envelopes and records command ids."""
        return LedgerStore(self.mapper, self.recorder, self.vault)

    @property
    def log(self) -> CommandLog:  # type: ignore[override]
        """The recorder, as the log of commands."""
        return cast(CommandLog, self.recorder)

    def membership(self) -> Persons:
        """Persons and bars, looked up when asked for."""
        return Persons(lambda identities: self._looked_up(lambda: self.log.pairs_around(identities)))

    def directory(self) -> Directory:
        """All establishments and professionals, for lists."""
        directory = Directory()
        for stored in self.recorder.select_notifications(None, ALL, topics=Directory.TYPES):
            _, data = self.codec.decode(stored.state, stored.originator_version, unseal=False)
            directory.apply(stored.topic, data)
        return directory

    def rules(self) -> RulesInForce:
        """The published rules, and those in force, as of the last stored event."""
        return RulesInForce(*self._looked_up(self.log.known_rules), self._read_rules)

    def _looked_up(self, ask: Callable[[], T]) -> T:
        """What the log answers. Beside this program one of before may store events, and change no decision table."""
        for _ in range(ATTEMPTS):
            try:
                return ask()
            except TablesBehind:
                self.log.catch_up(self.codec)
        raise Contended("a program of before stores events without end: nothing was decided; stop it, then ask again")

    def _read_rules(self, rule_id: RuleId, position: int) -> Published:
        """The rules published at a position; read once, for they never change."""
        if rule_id not in self._published:
            (stored,) = self.recorder.select_notifications(position, 1)
            _, data = self.codec.decode(stored.state, stored.originator_version, unseal=False)
            self._published[rule_id] = Published.of(data, position)
        return self._published[rule_id]

    def holds(self, aggregate_id: UUID) -> bool:
        """Whether the aggregate has events; noted where it does, for that never ends. Asked of establishments alone."""
        if aggregate_id not in self._present and self.log.positions_of([aggregate_id]):
            self._present.add(aggregate_id)
        return aggregate_id in self._present

    def load(self, aggregate_ids: Sequence[UUID]) -> dict[UUID, Aggregate | None]:
        """Load several aggregates in one query; None for those without events."""
        held: dict[UUID, Aggregate | None] = dict.fromkeys(aggregate_ids)
        stored = self.log.events_of(aggregate_ids) if aggregate_ids else ()
        for event in cast(LedgerMapper, self.mapper).to_domain_events(stored):
            held[event.originator_id] = cast(CanMutateAggregate[UUID], event).mutate(held[event.originator_id])
        return held

    def find(self, cls: type[A], aggregate_id: UUID) -> A | None:
        """One aggregate, to look at."""
        return Work(self).find(cls, aggregate_id)

    def execute(self, command: Command, by: Envelope) -> Answer:
        """Run a command once per command id. Raises RuleBroken, NotFound (nothing written), Contended."""
        for _ in range(ATTEMPTS):
            work = self.work([command])
            try:
                decision = work.decide(command, by)
            except (RuleBroken, NotFound):
                if known := self._answered(command, by):
                    return known
                raise
            try:
                return self.store([decision], work.now)[0]
            except CommandRepeated:
                return cast(Answer, self._answered(command, by))
            except IntegrityError:
                # The command itself was first, where it names what it makes; else another writer changed the aggregate:
                # decide again on what is there now.
                if known := self._answered(command, by):
                    return known
        raise Contended(f"other writers were first {ATTEMPTS} times in a row: nothing was written, ask again")

    def _answered(self, command: Command, by: Envelope) -> Answer | None:
        """The stored answer of a repeated command. Raises IdTaken (W5)."""
        known = self.log.answer_of(by.command_id)
        return known and replace(known.to(by.asker(command)), repeated=True)

    def execute_many(self, asked: Asked) -> list[Outcome]:
        """Run commands in order, in as few transactions as possible; a refused one does not stop the others."""
        return outcomes(self, asked)

    def foresee(self, asked: Asked) -> list[Outcome]:
        """What ``execute_many`` would answer, with nothing written; new answers have no positions."""
        return foreseen(self, asked)

    def work(self, commands: Iterable[Command]) -> Work:
        """What these commands read and change."""
        return Work(self, touched_by(self.ids, *commands))

    def store(self, decisions: Sequence[Decision], now: datetime) -> list[Answer]:
        """One transaction. Raises IntegrityError, CommandRepeated, RuleBroken, NotFound; then nothing is stored."""
        events = [event for d in decisions for event in d.events]
        return cast(list[Answer], self.events.put(events, decisions=decisions, at=micros(now)))
