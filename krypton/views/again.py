"""Has identities matched again that changed after a promotion looked at the region.

A promotion raises what was due when it looked, and that takes minutes in a large region. Meanwhile the matching policy
goes on, and may not have seen what the promotion raised later; and what it decided before the switch went by the former
rules. So each identity that changed meanwhile is looked up by the policy once more, once the index has read all that
was raised: a newcomer is merged, and a twin who came takes a merge back.

The same holds for identities whose events were dead letters of the index: they were looked up while it lacked them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Final
from uuid import UUID, uuid5

from psycopg2.extensions import connection as Connection

from adapters.outbox.adding import add
from adapters.outbox.outbox import Entry
from domain.times import micros
from krypton.bootstrap import Krypton
from policies.matching import AFRESH, CHANGES, LOOKUP, Matching, changed
from policies.policy import Kind
from postgres.session import connect
from projections.engine.fold import read
from schemas.codec import Codec
from schemas.event import LedgerEvent, Record
from schemas.registry import registry
from streams.relay.outgoing import NoKeys

ENTRIES: Final = UUID("7c1a5d52-0b57-5f0e-8a3c-64de2b9f7a10")  # namespace of outbox ids: stored state, never change it
PAGE: Final = 5_000


def look_again(ours: Krypton, after: int, cause: UUID, others: Iterable[str]) -> int:
    """Put a lookup of each identity that changed after that position into the policy's outbox; returns how many.

    ``cause``: correlation id of what the promotion raised, which is no change; ``others``: identities to look at as
    well. Asked again after a crash, it may look again at more.
    """
    if ours.ledger.rules().matching.model is None:
        return 0
    head = ours.ledger.recorder.max_notification_id() or 0
    found = dict.fromkeys(others)
    for event in _events(ours, after, head, str(cause).encode()):
        found.update(dict.fromkeys(changed(event)))
    entries = (_entry(identity, head, cause) for identity in found)
    with closing(connect(ours.addresses.database, "promotion")) as connection, connection:
        add(connection, Matching.name, Matching.version, entries, micros(ours.ledger.clock()))
    return len(found)


def look_afresh(ours: Krypton, connection: Connection, version: int, records: Sequence[Record]) -> None:
    """Put a lookup of each identity that changed by these records into the policy's outbox, in the caller's
    transaction, which applies them to that version of the index. It is made whatever earlier ones found there.
    """
    events = [one.event for one in read(Codec(registry(), NoKeys()), records)]
    entries = [
        _afresh(version, event, identity)
        for event in events
        if isinstance(event, LedgerEvent)
        for identity in changed(event)
    ]
    add(connection, Matching.name, Matching.version, entries, micros(ours.ledger.clock()))


def _afresh(version: int, event: LedgerEvent, identity: str) -> Entry:
    ident, body = uuid5(ENTRIES, f"{version}|{event.position}|{identity}"), {"identity": identity, AFRESH: True}
    return Entry(ident, Kind.LOOKUP.value, LOOKUP, body, event.position, UUID(event.data["correlation_id"]), 0)


def _events(ours: Krypton, after: int, upto: int, own: bytes) -> Iterator[LedgerEvent]:
    """Those of others. An event holds its correlation id as it is written."""
    types = sorted(CHANGES)
    while after < upto:
        page = ours.ledger.recorder.select_notifications(after, PAGE, upto, types, inclusive_of_start=False)
        for stored in page:
            if own not in stored.state:
                schema, data = ours.codec.decode(stored.state, stored.originator_version, unseal=False)
                identity = str(stored.originator_id)
                yield LedgerEvent(stored.id, schema.type, identity, stored.originator_version, data)
        after = page[-1].id if len(page) == PAGE else upto


def _entry(identity: str, head: int, cause: UUID) -> Entry:
    ident = uuid5(ENTRIES, f"{cause}|{head}|{identity}")
    return Entry(ident, Kind.LOOKUP.value, LOOKUP, {"identity": identity}, head, cause, 0)
