"""What the identity index does not tell a lookup: merges that are under way, and what identities stated before.

Lookups are made a batch ahead of the commands of the last ones, and the index reads a merge some time after it was
stored. Until then it shows two where there is one person: a twin who is known for the same person would raise a
suspicion, and what was decided by that would stand, for whoever is merged by a rule is not looked up again. So merges
that wait in the outbox count, and those that the ledger holds. They are asked for in this order: what is stored
meanwhile is in one of them.

A correction may end a suspicion: who was a twin of two others leaves their birth block, and the index does not tell any
more where it was. The ledger does, as long as what was stated can be read: of an erased identity nothing can.
"""

from collections.abc import Collection
from typing import Final, cast
from uuid import UUID

from psycopg2.extensions import connection as Connection

from domain.aggregates.identity import Identity
from domain.ledger import Ledger
from domain.matching.record import Record, record
from domain.storing import LedgerMapper
from policies.matching import Matching
from projections.engine.query import fetch_planned
from projections.identity_index.neighbourhood import Beside, Untold

UNDER_WAY: Final = """
SELECT body->>'one' AS one, body->>'other' AS other FROM policies.outbox
WHERE policy = %(policy)s AND state = 'waiting' AND kind = 'command' AND kind <> 'lookup' AND does = 'merge'
"""
CORRECTED: Final = """
SELECT DISTINCT identity_id::text AS identity FROM "{s}".identity_event
WHERE identity_id = ANY(%(ids)s::uuid[]) AND type = 'identity.traits_corrected'
"""
STATES: Final = frozenset({Identity.Registered.TOPIC, Identity.TraitsCorrected.TOPIC})


def untold(connection: Connection, schema: str, ledger: Ledger, identities: Collection[str]) -> Untold:
    """Of these identities, in the snapshot of the connection."""
    beside = _beside(connection, ledger)
    corrected = fetch_planned(connection, CORRECTED.format(s=schema), ids=list(identities))
    return Untold(former(ledger, [row["identity"] for row in corrected]), beside)


def _beside(connection: Connection, ledger: Ledger) -> Beside:
    waiting: dict[str, set[str]] = {}
    for row in fetch_planned(connection, UNDER_WAY, policy=Matching.name):
        for one, other in ((row["one"], row["other"]), (row["other"], row["one"])):
            waiting.setdefault(one, set()).add(other)

    def beside(identities: Collection[str]) -> Collection[str]:
        asked_for = {other for one in identities for other in waiting.get(one, ())}
        return asked_for | ledger.membership().around(identities).keys()

    return beside


def former(ledger: Ledger, identities: Collection[str]) -> list[Record]:
    """All that these identities ever stated, what they state now included."""
    if not identities:
        return []
    stored = [one for one in ledger.log.events_of([*map(UUID, identities)]) if one.topic in STATES]
    events = cast(LedgerMapper, ledger.mapper).to_domain_events(stored)
    told = [event.traits for event in events if isinstance(event, Identity.Registered | Identity.TraitsCorrected)]
    return [record(traits) for traits in told if isinstance(traits, dict)]
