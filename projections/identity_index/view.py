"""The identity index view: what does each assigner state, which identities are one person, and since when?

Identity events and link events write tables of their own, so either may come before the other. The rows are made in
``identity_rows``, ``name_rows`` and ``link_rows``; persons are worked out in ``membership_rows``; ``match_rows`` are
made by matching rules, and ``due`` says what those would decide; ``queries`` reads.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from domain.rules.document import MATCHING
from domain.rules.matching import MatchingRules
from projections.engine.projection import RowKey, Rows, Seed, Tables, UnknownEvent
from projections.identity_index import identity_rows, link_rows
from projections.identity_index.match_rows import CHANGES_KEYS, seeds, write_matched
from schemas.event import LedgerEvent

if TYPE_CHECKING:
    from sqlalchemy import MetaData

NONE = MatchingRules()
WRITERS: dict[str, Callable[[LedgerEvent, Rows], None]] = identity_rows.WRITERS | link_rows.WRITERS


def _tables() -> "MetaData":
    from projections.identity_index.tables import TABLES

    return TABLES


class IdentityIndex:
    """Folds identity and link events into rows. A new rule or column needs a new version.

    ``matching``: the rules for keys of candidates; by default none.
    """

    name = "identity_index"
    version = 1
    topics: tuple[str, ...] = ("krypton.identities", "krypton.links")
    tables = Tables(_tables)
    reads: Mapping[str, Collection[str]] = identity_rows.READS | link_rows.READS

    def __init__(self, matching: MatchingRules = NONE) -> None:
        self.rules: Mapping[str, int] = {MATCHING: matching.version}
        self._matching = matching

    def seeds(self) -> Iterable[Seed]:
        """The model of the matching rules."""
        return seeds(self._matching.version, self._matching.model) if self._matching.model else ()

    def keys(self, event: LedgerEvent) -> Iterable[RowKey]:
        """The rows that ``apply`` reads or changes in part; rows it only inserts need no prefetch."""
        if event.type in ("identity.registered", "identity.seen"):
            return ()
        if event.type.startswith("identity."):
            return (RowKey("identity", (event.aggregate_id,)),)
        return link_rows.keys(event)

    def named(self, event: LedgerEvent, rows: Rows) -> Iterable[RowKey]:
        """The clusters of a statement's two sides."""
        return link_rows.clusters(event, rows) if event.type in link_rows.WRITERS else ()

    def apply(self, event: LedgerEvent, rows: Rows) -> None:
        """Raises UnknownEvent: the processor parks the event and never skips it."""
        if (write := WRITERS.get(event.type)) is None:
            raise UnknownEvent(f"identity_index knows no event {event.type}: upgrade it, then replay the event")
        if self._matching.model and event.type in CHANGES_KEYS:
            write_matched(event, rows, write)
        else:
            write(event, rows)
