"""Fills an empty ledger with a region's identities and links by SQL alone, in minutes for millions.

Events are copies of one that the ledger stored, with other ids: they have the right size and can be read. Of thirteen
identities ten are linked to the one before: persons of four, four and five. What decisions look up is written beside
the events.
"""

from collections.abc import Sequence
from contextlib import closing
from hashlib import md5
from itertools import combinations
from uuid import UUID

import psycopg2

from adapters.eventstore import decision_tables_again
from adapters.eventstore.tables import EVENTS
from domain.aggregates.identity import Identity
from domain.commands.identities import Register
from domain.commands.links import Merge
from domain.work import Envelope
from krypton.bootstrap import Krypton

ALONE = (1, 5, 9)
"""Of thirteen in a row, those who are not linked to the one before."""
BARRED = 100
ID = "md5('identity ' || {0})::uuid"
TEXT = "convert_to({0}::text, 'UTF8')"
EVENT = f"INSERT INTO {EVENTS} (id, originator_id, originator_version, topic, state)"
REGISTERED = f"""{EVENT} SELECT %(after)s + n, {ID.format("n")}, 1, 'identity.registered', state
FROM generate_series(%(first)s::bigint, %(last)s) AS n, (SELECT state FROM {EVENTS} WHERE id = %(of)s) AS of"""
SIDES = f"""CREATE TEMPORARY TABLE sides AS
SELECT row_number() OVER () AS place, least(one, other) AS low, greatest(one, other) AS high FROM (
    SELECT {ID.format("n - 1")} AS one, {ID.format("n")} AS other
    FROM generate_series(1::bigint, %(last)s) AS n WHERE n %% 13 NOT IN %(alone)s
) AS pair"""
LINKED = f"""{EVENT} SELECT %(after)s + place, md5(low::text || high)::uuid, 2, 'link.merged', overlay(overlay(
    state PLACING {TEXT.format("low")} FROM position({TEXT.format("%(low)s")} IN state))
    PLACING {TEXT.format("high")} FROM position({TEXT.format("%(high)s")} IN state))
FROM sides, (SELECT state FROM {EVENTS} WHERE id = %(of)s) AS of"""
LOOKED_UP = "INSERT INTO ledger.pair SELECT low, high, 'merged', %(after)s + place, 'human' FROM sides"
GO_ON = f"""SELECT setval('{EVENTS}_id_seq', (SELECT max(id) FROM {EVENTS})); {decision_tables_again.REACHED}"""


def fill(ours: Krypton, site: str, identities: int) -> int:
    """So many identities, and ten links for each thirteen; returns how many links."""
    low, high = sorted(_registered(ours, site, f"template {n}") for n in range(2))
    merged = ours.execute(Merge(one=low, other=high, reason="same traits"), Envelope()).positions[-1]
    named = {"after": merged, "first": 1, "last": identities, "alone": ALONE}
    with closing(psycopg2.connect(ours.addresses.database)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute(REGISTERED, named | {"of": _position(ours, low)})
            cursor.execute(SIDES, named)
            links = cursor.rowcount
            of = {"after": merged + identities, "of": merged, "low": str(low), "high": str(high)}
            cursor.execute(LINKED, of)
            cursor.execute(LOOKED_UP, of)
            cursor.execute(GO_ON)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM (ANALYZE) {EVENTS}, ledger.pair")
    return links


def identity(number: int) -> UUID:
    """The id of one of those that were filled in, counted from 1."""
    return UUID(md5(f"identity {number}".encode(), usedforsecurity=False).hexdigest())


def connected(ours: Krypton, site: str, shape: str, members: int) -> list[UUID]:
    """So many identities. ``shape``: one person as a ``chain`` or a ``star``; or ``bars``: the first is barred from all
    others, and a hundred of them from one another.
    """
    names = [f"{shape} {number}" for number in range(members)]
    ours.ledger.execute_many([(_register(site, name), Envelope()) for name in names])
    first, *others = ids = [Identity.create_id(ours.ledger.ids, site, name) for name in names]
    star = [(first, one) for one in others]
    bars = [*star, *combinations(others[:BARRED], 2)]
    pairs = {"chain": zip(ids, others, strict=False), "star": star, "bars": bars}
    held = "barred" if shape == "bars" else "merged"
    _state(ours, [(min(pair), max(pair), held) for pair in pairs[shape]])
    return ids


def _state(ours: Krypton, rows: Sequence[tuple[UUID, UUID, str]]) -> None:
    """Pairs that are looked up, without events: they are not verified here."""
    columns = [[str(row[0]) for row in rows], [str(row[1]) for row in rows], [row[2] for row in rows]]
    with closing(psycopg2.connect(ours.addresses.database)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger.pair SELECT low, high, held, row_number() OVER (), 'human' "
            "FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS said (low, high, held)",
            columns,
        )
        cursor.execute("ANALYZE ledger.pair")


def _registered(ours: Krypton, site: str, local_id: str) -> UUID:
    return UUID(ours.execute(_register(site, local_id), Envelope()).result["identity"])


def _register(site: str, local_id: str) -> Register:
    return Register(assigner=site, local_id=local_id, stated={"family": "FICTIVE", "sex": "F"})


def _position(ours: Krypton, identity_id: UUID) -> int:
    return ours.ledger.log.positions_of([identity_id])[identity_id]
