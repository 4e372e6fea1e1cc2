"""Lets nobody's protection end as a study moves by hand to an identity that is known already (S6).

The identity that it leaves may refuse, or be held, for the very person whose study it is: whoever was registered under
the wrong number said it there. Or it was said by the person whom the number is of, and a stranger's record must not be
closed by it. That is for a human to say. Where nobody knows, both are protected, as after a split (I18). Consents stay:
each opens one person's record, and the study falls under those of the one to whom it goes. So do the flags DOUT, FICT
and HOMA: they warn of a number and what is stated of it, and the other identity has its own.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from domain.aggregates.consent import Consent
from domain.aggregates.erasure import Erasure
from domain.aggregates.identity import Identity
from domain.commands.consents import consent_of
from domain.commands.erasures import erasure_of
from domain.commands.split_statements import covered, refusals, said_for
from domain.consent_statements import EVERYONE, Origin, Scope
from domain.errors import ProtectionInDoubt
from domain.work import Work
from domain.worklist import STATEMENTS_OF_TWO

SAID = "carried over as a study was reassigned: lift it where it is not this person's"


class Whose(StrEnum):
    """Whom protects what was said for the identity that a study leaves."""

    BOTH = "both"
    FORMER = "former"


class _Lost(NamedTuple):
    """What the identity to which a study goes does not refuse, or is not held by."""

    refused: Sequence[tuple[tuple[str, str], Origin]]
    held: Sequence[tuple[str, str]]  # reference, and who placed it

    def __bool__(self) -> bool:
        return bool(self.refused or self.held)


def protect(work: Work, former: Identity, new: Identity, whose: Whose | None, reason: str) -> list[str]:
    """Let what protected a study that has just moved protect it still; returns what stands for both from now on.

    ``whose``: what a human says; None: nothing yet. Raises ProtectionInDoubt (S6).
    """
    lost = _lost(work, former, new)
    if not lost or whose is Whose.FORMER:
        return []
    if whose is None:
        raise ProtectionInDoubt(
            f"identity {former.id} opposes sharing or is held, and {new.id} is not protected so: ask whose that is, "
            "then say --protects former, or --protects both where it is the study's person's, too, or nobody knows"
        )
    told = _carry(work, former, new, lost)
    for one in (former, new):
        if STATEMENTS_OF_TWO not in one.flags and not one.erased:
            one.flag(flag=STATEMENTS_OF_TWO, reason=reason)
    return told


def _lost(work: Work, former: Identity, new: Identity) -> _Lost:
    ids = [Erasure.create_id(work.ids, one.id) for one in (former, new)]
    work.fetch(ids)
    ours, theirs = (work.find(Erasure, one) for one in ids)
    there, here = said_for(work, former), said_for(work, new)
    work.rests_on(*(consent.id for consent in (*there, *here)), *ids)
    placed = {**(ours.holds if ours else {})}
    return _Lost(
        [(key, origin) for key, origin in refusals(work, there) if not _refuses(here, key, origin)],
        [(reference, by) for reference, by in placed.items() if theirs is None or reference not in theirs.holds],
    )


def _refuses(consents: Sequence[Consent], key: tuple[str, str], origin: Origin) -> bool:
    everybody = any((Scope.CONSULT, EVERYONE) in consent.oppositions for consent in consents)
    return (key[0] == Scope.CONSULT and everybody) or covered(consents, key, origin)


def _carry(work: Work, former: Identity, new: Identity, lost: _Lost) -> list[str]:
    """Raises ProtectionInDoubt (S6) where both oppose feeding, each from another time on."""
    told = []
    for (scope, party), origin in dict(reversed(lost.refused)).items():  # of several, what was said for itself
        theirs = consent_of(work, new.id)
        if (scope, party) in theirs.oppositions:
            raise ProtectionInDoubt(
                f"identity {new.id} opposes feeding too, from another time on, and one statement of the two can stand: "
                "lift the one of these two that is not the study's person's, then reassign"
            )
        theirs.oppose(scope=Scope(scope), party=party, reason=SAID, carried=origin)
        told.append(f"opposition:{scope}:{party}")
    for reference, by in lost.held:
        erasure_of(work, new.id).hold(reference=reference, by=by, carried_from=former.id)
        told.append(f"hold:{reference}")
    return told
