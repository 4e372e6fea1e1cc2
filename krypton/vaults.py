"""Makes sure that the vault may be read: tries the master key, destroys again what must stay so; changes master keys.

``identity.erased`` in the event store decides who is erased, and no vault can take that back: a vault that was brought
back from a backup may hold keys that were destroyed since. ``krypton init``, the start of ``krypton run`` and of each
process that opens sealed fields, a rebuild, a replay of dead letters, a query that opens events and ``krypton restore``
destroy them again; ``krypton audit verify`` names them.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Final

from adapters.eventstore.tables import ERASED, EVENTS
from krypton.bootstrap import Krypton
from postgres.session import connect
from schemas.codec import Codec, NotAnEvent
from schemas.registry import Schema, UnknownSchema

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

    from adapters.vault.rewrap import Rewrapped

WHO: Final = f"SELECT originator_id FROM {EVENTS} WHERE topic IN ({ERASED})"
AMONG: Final = f"{WHO} AND originator_id = ANY(%s::uuid[])"
NEXT: Final = f"{WHO} AND originator_id > %s::uuid ORDER BY originator_id LIMIT %s"
PAGE: Final = 10_000
FIRST: Final = "00000000-0000-0000-0000-000000000000"


def open_vault(ours: Krypton) -> int:
    """Make sure that the vault may be read; returns how many keys had come back. Raises WrongMasterKey, psycopg2.Error.

    Its cost grows with the number of erased people, and with nothing else.
    """
    ours.vault.check()
    return destroy_again(ours)


def destroy_again(ours: Krypton) -> int:
    """Destroy the keys of all who were erased, as the event store has it; returns how many were not yet."""
    if ours.settings.vault_database is None:
        return len(ours.vault.destroy_selected(WHO, ()))
    return sum(len(ours.vault.destroy_all(page)) for page in erased_pages(ours.addresses.database))


def destroy_again_of(ours: Krypton, connection: "Connection", subjects: Collection[str]) -> frozenset[str]:
    """The same for these alone, before a query opens what was sealed for them; returns who of them was erased.

    ``connection``: to the event store.
    """
    with connection.cursor() as cursor:
        cursor.execute(AMONG, (list(subjects),))
        erased = frozenset(identity for (identity,) in cursor.fetchall())
    if erased:
        ours.vault.destroy_all(list(erased))
    return erased


def sealed_still(codec: Codec, states: Iterable[bytes]) -> Iterator[tuple[Schema, dict[str, Any]]]:
    """Those of these events that can be read, with what is sealed in them left so; ``Codec.whose_keys`` takes each."""
    for state in states:
        with suppress(NotAnEvent, UnknownSchema):
            yield codec.decode(state, 0, unseal=False)


def erased_pages(database: str) -> Iterator[list[str]]:
    """All who were erased, as the event store has it, some at a time."""
    last = FIRST
    with closing(connect(database, "erased", autocommit=True)) as connection, connection.cursor() as cursor:
        while True:
            cursor.execute(NEXT, (last, PAGE))
            if not (page := [identity for (identity,) in cursor.fetchall()]):
                return
            yield page
            last = page[-1]


def states(ours: Krypton) -> list[dict[str, Any]]:
    """The master keys of the vault, as a document: how many keys each wraps, and whether it is still needed."""
    from adapters.vault import rewrap

    return [
        {
            "master_key": one.name,
            "wraps": one.retired_at is None,
            "keys": one.keys,
            "needed": one.is_needed,
            "since": one.made_at,
            "until": one.retired_at,
        }
        for one in rewrap.states(ours.vault_database)
    ]


def change_master(ours: Krypton, reach: Callable[[int, int], None]) -> "Rewrapped":
    """Wrap every key by the newest master key. Raises WrongMasterKey, Contended, psycopg2.Error."""
    from adapters.vault import rewrap

    return rewrap.rewrap(ours.vault_database, ours.ring, reach)
