"""Identity index: who does each assigner say a person is, who is held to be whom, and since when?

Identity events and link events write tables of their own, so either may come before the other. The rows are made in
``identity_rows`` and ``link_rows``; persons are worked out in ``membership_rows``; ``queries`` reads.
"""

from collections.abc import Callable, Iterable, Mapping

from projections.identity_index import identity_rows, link_rows
from projections.identity_index.tables import TABLES
from projections.projection import NO_RULES, RowKey, Rows, Seed, UnknownEvent
from schemas.event import LedgerEvent

WRITERS: dict[str, Callable[[LedgerEvent, Rows], None]] = identity_rows.WRITERS | link_rows.WRITERS


class IdentityIndex:
    """Folds identity and link events into rows. A new rule or column is a new version, built beside this one."""

    name = "identity_index"
    version = 1
    topics: tuple[str, ...] = ("krypton.identities", "krypton.links")
    tables = TABLES
    rules: Mapping[str, int] = NO_RULES

    def seeds(self) -> Iterable[Seed]:
        """No rules make any rows."""
        return ()

    def keys(self, event: LedgerEvent) -> Iterable[RowKey]:
        """The rows that ``apply`` reads or changes in part; those it only adds need no look."""
        if event.type == "identity.registered":
            return ()
        if event.type.startswith("identity."):
            return (RowKey("identity", (event.aggregate_id,)),)
        return link_rows.keys(event)

    def apply(self, event: LedgerEvent, rows: Rows) -> None:
        """Raises UnknownEvent: the processor parks what we cannot read, and never skips it."""
        if (write := WRITERS.get(event.type)) is None:
            raise UnknownEvent(f"identity_index knows no event {event.type}: upgrade it, then replay the event")
        write(event, rows)
