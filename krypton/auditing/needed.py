"""Finds the aggregates that an answer about a person needs, without reading the whole ledger.

The live views are trusted for ids only: which identities were ever merged, and whose studies, orders, readings and
accesses are. The events behind those ids are read from the event store. Three measures cover what a view does not know:
studies and orders that were reassigned away are found among the reassignments, which have their own index; the
ledger's last ``TAIL`` events, which a view may not have applied yet, are searched for the person's ids; and ``whole``
searches every event instead and depends on no view; it takes seconds per million events.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from psycopg2.extensions import connection as Connection

from adapters.eventstore.histories import StoredEvent, head, moves_speaking_of, speaking_of
from domain.aggregates.consent import Consent
from domain.aggregates.dose import Dose
from domain.ids import Ids
from projections.engine.query import fetch
from schemas.codec import Codec

TAIL: Final = 20_000
"""Events at the ledger's end that are always searched: minutes of a busy region."""

PAIRS: Final = """
SELECT DISTINCT link_id::text AS link, low::text, high::text, bool_or(type = 'link.merged') AS merged
FROM identity_index.statement WHERE low = ANY(%(ids)s::uuid[]) OR high = ANY(%(ids)s::uuid[]) GROUP BY 1, 2, 3
"""
STUDIES: Final = "SELECT study_id::text AS id FROM patient_record.study WHERE identity_id = ANY(%(ids)s::uuid[])"
ORDERS: Final = "SELECT order_id::text AS id FROM patient_record.exam_order WHERE identity_id = ANY(%(ids)s::uuid[])"
READINGS: Final = "SELECT reading_id::text AS id FROM patient_record.reading WHERE study_id = ANY(%(ids)s::uuid[])"
ACCESSES: Final = """
SELECT access_id::text AS id FROM access_history.access WHERE members ?| %(ids)s::text[]
UNION SELECT viewing_id::text FROM access_history.viewing WHERE members ?| %(ids)s::text[]
"""


@dataclass
class Needed:
    """``identities``: all ever merged with those asked about, directly or not; ``aggregates``: ids."""

    identities: set[str] = field(default_factory=set)
    aggregates: set[str] = field(default_factory=set)
    studies: set[str] = field(default_factory=set)


class Finder:
    """Finds needed aggregates up to a position, on one connection to the live views and the event store."""

    def __init__(self, connection: Connection, codec: Codec, ids: Ids, upto: int, *, whole: bool) -> None:
        self._db = connection
        self._codec = codec
        self._names = ids
        self._upto = upto
        self._whole = whole
        self._after = 0 if whole else max(0, head(connection) - TAIL)

    def needed_for(self, identities: Iterable[str], *, accesses: bool) -> Needed:
        """``accesses``: include accesses and consents."""
        found = Needed()
        new = set(identities)
        while new:
            found.identities |= new
            spoken = self._tail(new)
            self._take(spoken, found)
            new = (self._merged_by_views(new, found) | self._merged_by(spoken)) - found.identities
        found.aggregates |= found.identities
        found.aggregates |= {str(Consent.create_id(self._names, UUID(one))) for one in found.identities}
        self._clinical(found)
        if accesses:
            found.aggregates |= self._ids(ACCESSES, found.identities)
        return found

    def _merged_by_views(self, identities: Collection[str], found: Needed) -> set[str]:
        """Identities ever merged with them; every statement about them is needed, merged or not."""
        if self._whole:
            return set()
        pairs = fetch(self._db, PAIRS, ids=list(identities))
        found.aggregates |= {pair["link"] for pair in pairs}
        return {side for pair in pairs if pair["merged"] for side in (pair["low"], pair["high"])}

    def _merged_by(self, spoken: Iterable[StoredEvent]) -> set[str]:
        merges = (e for e in spoken if e.type == "link.merged")
        said = (self._codec.decode(e.state, e.version, unseal=False)[1] for e in merges)
        return {side for data in said for side in (data["low"], data["high"])}

    def _clinical(self, found: Needed) -> None:
        """Studies that are or were theirs, with readings and doses, and orders."""
        found.studies |= self._ids(STUDIES, found.identities)
        self._take(moves_speaking_of(self._db, found.identities, self._upto), found)
        found.aggregates |= found.studies | {str(Dose.create_id(self._names, UUID(study))) for study in found.studies}
        found.aggregates |= self._ids(ORDERS, found.identities) | self._ids(READINGS, found.studies)
        self._take(self._tail(found.studies, "reading.%"), found)

    def _take(self, spoken: Iterable[StoredEvent], found: Needed) -> None:
        for event in spoken:
            found.aggregates.add(event.aggregate_id)
            if event.type.startswith("study."):
                found.studies.add(event.aggregate_id)

    def _tail(self, ids: Collection[str], types: str = "%") -> list[StoredEvent]:
        searched = bool(ids) and self._after < self._upto
        return speaking_of(self._db, ids, self._after, self._upto, types) if searched else []

    def _ids(self, query: str, ids: Collection[str]) -> set[str]:
        if self._whole:
            return set()
        return {row["id"] for row in fetch(self._db, query, ids=list(ids))}
