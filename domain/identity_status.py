"""How reliable an identity is: which status it may have, and what takes one back.

The rules (I) are those of ``domain.aggregates.identity``.
Source: RNIV 1 v2.0 (EXI SI 07, 08).
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from domain.errors import StatusNotAllowed
from domain.identity_flags import forcing_prov
from domain.ins_doubt import doubts
from domain.matching.record import record


class Status(StrEnum):
    """RNIV, EXI SI 07: provisional, retrieved, validated, qualified."""

    PROV = "PROV"
    RECUP = "RECUP"
    VALI = "VALI"
    QUAL = "QUAL"


STRICT: Final = ("family", "given", "first_names", "birth_date", "sex", "birth_place")
"""The strict traits; a changed one takes the status back to PROV (I3)."""
NEEDS_INS: Final = (Status.RECUP, Status.QUAL)
WITHOUT_INS: Final[Mapping[Status, Status]] = {Status.RECUP: Status.PROV, Status.QUAL: Status.VALI}
"""What is left of a status that rested on a matricule which is another one now, gone, or in doubt (I11, I12)."""


def refuse_status(
    status: Status, who: str, *, flags: Collection[str], has_ins: bool, traits: Mapping[str, str | None]
) -> None:
    """Raises StatusNotAllowed (I4). ``who``: the identity, for messages; the others: what is known of it."""
    if status is not Status.PROV and (bad := forcing_prov(flags)):
        raise StatusNotAllowed(f"{who} is flagged {', '.join(bad)}: clear the flag, then raise the status")
    if status in NEEDS_INS and not has_ins:
        raise StatusNotAllowed(f"{who} has no INS: attach it, then set {status}")
    if status is Status.QUAL and (unknown := _unknown(traits)):
        raise StatusNotAllowed(f"{who} has no {', '.join(unknown)}: QUAL needs all strict traits, correct it first")
    if status is Status.QUAL and (doubted := doubts(flags)):
        raise StatusNotAllowed(
            f"{who} is flagged {', '.join(doubted)}: check the matricule with INSi and clear the flag, detach the "
            "matricule, or correct the traits, then set QUAL"
        )


def undoubted(status: Status, flags: Collection[str]) -> Status:
    """What holds of a status that an establishment states: while the matricule is in doubt, QUAL is VALI, for the
    papers were seen all the same.
    """
    return WITHOUT_INS[status] if status is Status.QUAL and doubts(flags) else status


def left_under(status: Status, flags: Collection[str]) -> Status:
    """What is left of a status once these flags are set."""
    return Status.PROV if forcing_prov(flags) else undoubted(status, flags)


def _unknown(traits: Mapping[str, str | None]) -> list[str]:
    """The strict traits that are not known, or say nothing."""
    known = record(traits)
    told = {
        "family name": known.family,
        "given name": known.given,
        "birth date": known.born,
        "sex": known.sex,
        "birth place": known.place,
    }
    return [trait for trait, value in told.items() if value is None]
