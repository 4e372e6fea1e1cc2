"""Tells what keeps rows of views of erased people from being overwritten, and what to do about it.

A version that is being built may hold in memory what it decrypted before; one that was built up to a position never
reads that somebody is erased; the tables of another release are not known here. A record that names the person or
something of theirs, and waits behind a dead letter, may be the one that says that they are erased, and a replay writes
what it holds.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from psycopg2.extensions import connection as Connection

from krypton.bootstrap import Krypton
from krypton.views import lag
from projections.engine import dead_letters
from projections.engine.dead_letters import Waiting
from projections.versions import catalog

Document = dict[str, Any]
UNREAD: Final[Document] = {
    "for": "views that have not read yet that the person is erased",
    "do": "nothing, while krypton views status shows that they read on; krypton health says what keeps them",
}
"""What is waited for where nothing else is."""


def letters(ours: Krypton, connection: Connection, erased: Collection[str]) -> Mapping[str, list[Waiting]]:
    """Of whom a record waits in a version, or of what was ever theirs: the dead letters of each."""
    of = {identity: {identity, *map(str, ours.ledger.log.begun_for(UUID(identity)))} for identity in erased}
    named = dead_letters.named(connection, set().union(*of.values()))
    found = {identity: sorted({one for id in ids for one in named.get(id, ())}) for identity, ids in of.items()}
    return {identity: waiting for identity, waiting in found.items() if waiting}


def unfit(one: catalog.Version, codes: Mapping[str, str]) -> Document | None:
    """Why the rows of a version may not be changed, whatever it has read, and what to do; None: they may.

    ``codes``: as ``lag.own_codes``.
    """
    name, drop = f"{one['view']} v{one['version']}", f"krypton views drop {one['view']} --version {one['version']}"
    if one["state"] in (catalog.BUILDING, catalog.ASIDE):
        return {"for": f"{name}, which is being built", "do": f"let the build end; where nobody builds it: {drop}"}
    if one["code"] != codes.get(one["view"]):
        do = f"build this one's with krypton views rebuild {one['view']}, promote it, then {drop}"
        return {"for": f"{name}, which another release made", "do": do}
    if one["until"] is not None:
        return {"for": f"{name}, which was built up to a position", "do": drop}
    return None


def why(ours: Krypton, erased: Collection[str]) -> Mapping[str, list[Document]]:
    """What the rows of each of these people wait for, and what to do. Raises ServiceUnavailable."""
    with ours.snapshot() as connection:
        found = letters(ours, connection, erased)
        versions = catalog.versions(connection)
    codes = lag.own_codes()
    of_all = [told for one in versions if (told := unfit(one, codes))]
    return {one: [*map(_parked, found.get(one, ())), *of_all] or [UNREAD] for one in erased}


def _parked(letter: Waiting) -> Document:
    look, replay = f"krypton dead-letters show {letter.id}", f"krypton dead-letters replay {letter.id}"
    return {
        "for": f"dead letter {letter.id} in {letter.view} v{letter.version}",
        "do": f"{look} says why it could not be applied: repair that, then {replay}",
    }
