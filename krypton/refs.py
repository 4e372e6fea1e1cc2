"""Which identity a REF names: ``ASSIGNER|LOCAL_ID``, a uuid, or ``INS|matricule``.

A REF may hold a local id or a name typed by mistake: no message repeats it, for messages end up in logs.
"""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final
from uuid import UUID

from domain.aggregates.identity import Identity
from domain.errors import NotFound
from domain.ledger import Ledger

ORDINAL: Final = re.compile(r"(.+)#([2-9]|[1-9][0-9])", re.DOTALL)
"""Of a collision, as ``identity show`` writes it."""
INS: Final = "INS"
Snapshot = Callable[[], AbstractContextManager[Any]]


def resolve(ledger: Ledger, snapshot: Snapshot, ref: str) -> UUID:
    """The identity. ``snapshot``: of the views, which know matricules. Raises NotFound: nobody or several are named."""
    assigner, bar, local_id = ref.partition("|")
    if not bar:
        return _known(ledger, identity := _uuid(ref), f" {identity}")
    if assigner == INS:
        from projections.identity_index import naming

        with snapshot() as connection:
            return UUID(naming.by_matricule(connection, local_id))
    return _known(ledger, _numbered(ledger, assigner, local_id), "")


def _numbered(ledger: Ledger, assigner: str, local_id: str) -> UUID:
    """``123``, or ``123#2`` for the second person that the assigner gave that number. Raises NotFound.

    An assigner may give out ``123#2`` itself; where both are there, to take either would be a guess.
    """
    spelt = Identity.create_id(ledger.ids, assigner, local_id)
    if not (match := ORDINAL.fullmatch(local_id)):
        return spelt
    counted = Identity.create_id(ledger.ids, assigner, match[1], int(match[2]))
    there = [*ledger.log.positions_of((spelt, counted))]
    if len(there) > 1:
        raise NotFound(
            f"two identities are written so, {spelt} and {counted}: write the uuid of the one that is meant; "
            "krypton identity show tells them apart"
        )
    return there[0] if there else spelt


def _known(ledger: Ledger, identity: UUID, at: str) -> UUID:
    if ledger.find(Identity, identity) is None:
        raise NotFound(
            f"no such identity{at}: check it, or look with krypton identity search; "
            "write ASSIGNER|LOCAL_ID, a uuid, or INS|matricule"
        )
    return identity


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("no identity by that name: write ASSIGNER|LOCAL_ID, a uuid, or INS|matricule") from None
