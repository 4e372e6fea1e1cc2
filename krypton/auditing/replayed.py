"""Rebuilds the views of one person at a past position, by replaying only the events needed.

Decoding, folding and queries are those of the live views (``projections.engine.fold``, each view's ``queries``); only
the rows are separate and belong to nobody else. Events that a live view could not read or apply are left out here too,
and listed in ``unread``. Text sealed under a destroyed key reads ``[erased]`` at every past position: there is nothing
left to show. A key of somebody erased that a vault from a backup brought back is destroyed again before it opens any.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from sys import maxsize
from typing import Any, Final

from psycopg2.extensions import connection as Connection

from adapters.eventstore.histories import StoredEvent, events_of, head, last_at, recorded_at
from domain.errors import NotFound
from domain.times import micros
from krypton.auditing.needed import Finder
from krypton.auditing.temporary_views import temporary_views
from krypton.bootstrap import Krypton
from krypton.vaults import destroy_again_of, sealed_still
from projections.declared import VIEWS
from projections.engine.fold import Read, fold, read
from projections.engine.projection import Projection, RowKey
from projections.identity_index import queries as identities
from projections.versions import catalog
from projections.versions.memory_rows import Held, MemoryRows
from schemas.codec import Codec, NotAnEvent
from schemas.event import LedgerEvent, Record
from schemas.registry import UnknownSchema

Document = dict[str, Any]
Moment = int | datetime
"""A ledger position, or a time with its zone."""
UNKNOWN: Final = "?"
SHARING: Final = "access_history"


@dataclass(frozen=True)
class Past:
    """The ledger up to ``position`` (recorded at ``at``, µs since 1970, UTC), as far as it concerns one person.

    ``asked``: the identities that were asked about. ``identities``: all that were ever one person with them, through
    others too. ``views``: a connection that the views' queries take; ``live``: the same, to the live views, in the
    picture in which the events were found. ``events``: opened, in ledger order. ``unnamed``: who was erased by then, so
    that nothing of ``events`` names them.
    """

    krypton: Krypton
    position: int
    at: int | None
    asked: tuple[str, ...]
    identities: frozenset[str]
    stored: Sequence[StoredEvent]
    events: Sequence[LedgerEvent]
    unread: Sequence[str]
    views: Connection
    live: Connection
    unnamed: frozenset[str]

    def members(self, identity: str) -> list[Document]:
        """All identities of the person, as ``identity show`` lists them."""
        return identities.members(self.views, identity, erased=self.erased(self.identities))

    def erased(self, subjects: Iterable[str]) -> set[str]:
        """Those whose key is destroyed by now."""
        return self.krypton.vault.destroyed(subjects)


class _NoSpill:
    """One person's rows fit in memory."""

    def store(self, rows: Held) -> None:
        """Never called: there is no limit."""

    def load(self, keys: Iterable[RowKey]) -> Held:
        """Nothing was spilled."""
        return {}


@contextmanager
def replayed(
    ours: Krypton, asked: Collection[str], upto: Moment | None = None, *, accesses: bool = False, whole: bool = False
) -> Iterator[Past]:
    """Replay the events about these identities, up to a moment or to the end.

    ``accesses``: with accesses and consents, and their view. ``whole``: find them by reading the whole ledger, without
    trusting a view. Raises NotFound (a position past the end).
    """
    with ours.snapshot() as live:
        position, at = place(live, upto)
        needed = Finder(live, ours.codec, ours.ledger.ids, position, whole=whole).needed_for(asked, accesses=accesses)
        stored = events_of(live, needed.aggregates, position)
        unnamed = destroy_again_of(ours, live, _subjects(ours.codec, stored))
        reads = read(ours.codec, [_record(ours.codec, one) for one in stored])
        views_asked = [name for name in VIEWS if accesses or name != SHARING]
        folded = {name: _folded(_projection(ours, live, name), reads) for name in views_asked}
        unread = sorted({reason for _, reasons in folded.values() for reason in reasons})
        events = [one.event for one in reads if isinstance(one.event, LedgerEvent)]
        with temporary_views(ours.addresses.database, {name: rows for name, (rows, _) in folded.items()}) as views:
            whose = frozenset(needed.identities)
            yield Past(ours, position, at, tuple(asked), whose, stored, events, unread, views, live, unnamed)


def _subjects(codec: Codec, stored: Sequence[StoredEvent]) -> set[str]:
    """Whose keys open these events."""
    told = sealed_still(codec, (one.state for one in stored))
    return {subject for one in told for subject in codec.whose_keys(*one)}


def place(connection: Connection, moment: Moment | None) -> tuple[int, int | None]:
    """The position that a moment stands for (None: the end), and when its event was recorded. Raises NotFound."""
    last = head(connection)
    if isinstance(moment, datetime):
        position = last_at(connection, micros(moment))
    elif moment is None or moment <= last:
        position = last if moment is None else moment
    else:
        raise NotFound(f"the ledger ends at position {last}: ask about that one, or an earlier one")
    return position, recorded_at(connection, position)


def _projection(ours: Krypton, connection: Connection, name: str) -> Projection:
    """The projection of the view's live version."""
    version = catalog.live_version(connection, name)
    rules = None if version is None else catalog.rules_of(connection, name, version)
    return ours.projection_with(name, rules or {}, version)


def _record(codec: Codec, event: StoredEvent) -> Record:
    """The event as a Kafka record for the view; only its topic matters."""
    headers = (("position", b"%d" % event.position), ("version", b"%d" % event.version))
    return Record(_topic(codec, event), 0, event.position, event.aggregate_id.encode(), event.state, headers)


def _topic(codec: Codec, event: StoredEvent) -> str:
    try:
        return codec.schema_of(event.state).topic
    except (NotAnEvent, UnknownSchema):
        return UNKNOWN


def _folded(projection: Projection, reads: Sequence[Read]) -> tuple[Held, list[str]]:
    rows = MemoryRows(VIEWS[projection.name].shapes(), maxsize, _NoSpill())
    for key, values in projection.seeds():
        rows.put(key, values)
    topics = {*projection.topics, UNKNOWN}
    letters = fold(projection, [one for one in reads if one.record.topic in topics], rows, ())
    return rows.rows(), [letter.reason for letter in letters]
