"""Legal holds on the erasure of one identity: what one stops, and who may place or release it.

``holds``: by reference, who placed it; ``whose``: the identity, for messages. The rules (F) are those of
``domain.aggregates.erasure``, which records what is decided.
Source: CSP R.1112-7 (legal action suspends the time).
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from domain.erasure_requests import code_of
from domain.errors import ErasureUnchanged, HoldOfAnother, LegalHold

Holds = Mapping[str, str]


def refuse_if_held(holds: Holds, whose: UUID) -> None:
    """Raises LegalHold (F5)."""
    if holds:
        raise LegalHold(
            f"{whose} is under a legal hold ({', '.join(holds)}): release it first, with krypton erase release"
        )


def refuse_placing(reference: str, holds: Holds, whose: UUID) -> None:
    """Raises ErasureUnchanged (F6)."""
    if reference in holds:
        raise ErasureUnchanged(f"{whose} is held under that reference already: nothing to do")


def refuse_releasing(reference: str, by: str, holds: Holds, requested_by: Collection[str], whose: UUID) -> None:
    """Raises ErasureUnchanged (F6), HoldOfAnother (F9). ``requested_by``: codes of all who requested an erasure."""
    if reference not in holds:
        raise ErasureUnchanged(f"{whose} is not held under that reference: krypton erase status shows what holds it")
    if code_of(by) in requested_by and code_of(by) != code_of(holds[reference]):
        raise HoldOfAnother(
            f"another person placed that hold on {whose}, whose erasure you requested: let somebody else release it"
        )
