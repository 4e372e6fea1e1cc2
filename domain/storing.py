"""Turns decisions into stored events: stamped with the command's envelope, encoded, stored in one transaction.

K1  No key is made for a subject of whom events are sealed already: an identity's key is made with its first event, or
    with the first conflict that names it before; later ones are refused where the vault lacks it. So a vault that is
    older than the ledger gets no second key. A caller whose key it lacks gets none either: nothing is refused for that,
    and the reasons read as erased.

Keys are not waited for until they are on disk. So the transaction of the events finds them in the vault, or stores
nothing: where the server crashed in between, what was sealed is sealed again under a key that is there.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from eventsourcing.domain import AggregateEvent, CanInitAggregate
from eventsourcing.persistence import AggregateRecorder, EventStore, Mapper, StoredEvent
from eventsourcing.utils import get_topic, resolve_topic

from domain.aggregates.viewing import key_of
from domain.decision_tables import changes
from domain.errors import KeysLost
from domain.event_sizes import check_sizes
from domain.ports import Answer, Basis, CommandLog, CommandRecord, EventCodec, KeyVault
from domain.times import EPOCH
from domain.work import Decision, Envelope

NOT_STORED = {"originator_id", "originator_version", "originator_topic", "timestamp"}


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

    def subjects(self, event: AggregateEvent) -> Mapping[str, bool]:
        """Whose keys seal the event; true of each of whom it may be the first."""
        body, version = vars(event), event.originator_version
        return self.codec.subjects(get_topic(type(event)), body, str(event.originator_id), version)

    def to_domain_event(self, stored_event: StoredEvent) -> AggregateEvent:
        """The event as its aggregate folds it."""
        (event,) = self.to_domain_events([stored_event])
        return event

    def to_domain_events(self, stored: Sequence[StoredEvent]) -> list[AggregateEvent]:
        """The same of many; the keys of all are fetched together."""
        read = self.codec.decode_all([(one.state, one.originator_version) for one in stored])
        return [self._event(one, *found) for one, found in zip(stored, read, strict=True)]

    def _event(self, stored_event: StoredEvent, schema: Any, body: Mapping[str, Any]) -> AggregateEvent:
        cls = resolve_topic(stored_event.topic)
        state = {k: UUID(v) if k in schema.uuids and v else v for k, v in body.items()}
        state.pop(schema.aggregate)
        state["originator_id"] = stored_event.originator_id
        state["originator_version"] = stored_event.originator_version
        state["timestamp"] = EPOCH + timedelta(microseconds=body["recorded_at"])
        if issubclass(cls, CanInitAggregate):
            # An aggregate whose events are named after another's says itself what it is.
            state["originator_topic"] = getattr(cls, "AGGREGATE", stored_event.topic.partition(".")[0])
        event = object.__new__(cls)
        event.__dict__.update(state)
        return cast(AggregateEvent, event)


class LedgerStore(EventStore[UUID]):
    """Stores decisions: events with the envelope of the command that made them."""

    def __init__(self, mapper: Mapper[UUID], recorder: AggregateRecorder, vault: KeyVault) -> None:
        super().__init__(mapper, recorder)
        self.vault = vault

    def put(
        self, domain_events: Sequence[Any], *, decisions: Sequence[Decision] = (), at: int = 0, **_: Any
    ) -> list[Any]:
        """Store all decisions in one transaction; returns one Answer each. ``at``: microseconds since 1970, UTC.

        Raises KeyMissing (K1), EventTooLong (B1), KeysLost.
        """
        mapper = cast(LedgerMapper, self.mapper)
        named = [one for d in decisions for e in d.events for one in mapper.subjects(e).items()]
        lacking = self.vault.prepare({one for one, _ in named}, {one for one, begins in named if begins})
        if lacking:
            self._prepare_callers(lacking, {d.envelope.actor for d in decisions})
            lacking = self.vault.prepare(lacking)
        stored = [mapper.stored(event, d.envelope, at) for d in decisions for event in d.events]
        check_sizes(one.state for one in stored)
        commands = [CommandRecord(d.envelope.command_id, d.asker, len(d.events), d.result) for d in decisions]
        changed = [(n, one) for n, e in enumerate(domain_events) for one in changes(get_topic(type(e)), vars(e))]
        log, basis = cast(CommandLog, self.recorder), _basis(decisions)
        keys = self.vault.unflushed({one for one, _ in named} - lacking)
        try:
            positions = iter(log.insert_events(stored, commands=commands, basis=basis, changes=changed, keys=keys))
        except KeysLost:
            self.vault.forget(keys)
            raise
        return [Answer(tuple(next(positions) for _ in d.events), d.result, d.asker) for d in decisions]

    def _prepare_callers(self, lacking: set[str], actors: set[str]) -> None:
        """Whoever asks for the first time gets a key; whose key the vault lost gets none, and is not kept out (K1)."""
        log = cast(CommandLog, self.recorder)
        for actor in actors:
            if (subject := str(key_of(actor))) not in lacking:
                continue
            if log.has_asked(actor):
                self.vault.destroy(subject)
            else:
                self.vault.prepare((), (subject,))


def _basis(decisions: Sequence[Decision]) -> Basis | None:
    """What all of them rest on."""
    if not (found := [d.basis for d in decisions if d.basis]):
        return None
    return Basis({a: version for one in found for a, version in one.read.items()}, min(one.upto for one in found))
