"""The matching policy: matches identities under the rules in force when they are registered or corrected.

An INS that takes the place of another is such a correction, and so is that a clerk settles which is right.

A pair of which a human says anything is matched again. A bar that is lifted, or a merge undone, frees others who
were held together with one side through the other. A third who agrees with both of two that a human set apart is merged
with neither; that merge is due once the human merges the two or sets the third apart from one of them, or once one of
the two is erased.

The lookup ``match`` asks the identity index after it has read the event. Under its matching rules the identity is
merged with those it agrees with, or proposed to a human; a rule's merge that a correction no longer supports is undone.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from domain.errors import Erased, EvidenceGone, OnePersonAlready, RuleBroken
from domain.held import HUMAN
from domain.worklist import INS_REPLACED
from policies.policy import Due, Kind, Policy
from schemas.event import LedgerEvent

CHANGES_KEYS = frozenset(
    f"identity.{what}" for what in ("registered", "traits_corrected", "ins_attached", "ins_detached", "erased")
)
"""Events that change what rules compare. An erased person is matched with nobody, but others may be who agreed
with that person too.
"""
FLAGS = frozenset({"identity.flagged", "identity.flag_cleared"})
"""Events that change it where the flag says that the INS took the place of another; rules compare no other, and no
status.
"""
OF_ITSELF = (CHANGES_KEYS | FLAGS) - {"identity.erased"}
"""Of these one command may tell several, as a registration with a number does: the last one stands for all."""
LOOSENS = frozenset(f"link.{what}" for what in ("unbarred", "unmerged", "barred", "dismissed"))
"""Events after which two sides, or who agrees with both, may have something due that was not due before."""
MERGED = "link.merged"
LOOKUP = "match"
AFRESH = "afresh"
"""In the body of a lookup: what others found before is no answer, for the index lacked events that it had passed over.
"""
SAID = LOOSENS | {MERGED}
CHANGES = CHANGES_KEYS | FLAGS | SAID
"""Events of ``changed``."""


def changed(event: LedgerEvent) -> tuple[str, ...]:
    """The identities of which something may be due after the event, whoever said it, under whichever rules."""
    if event.type in CHANGES_KEYS or (event.type in FLAGS and event.data["flag"] == INS_REPLACED):
        return (event.aggregate_id,)
    return (event.data["low"], event.data["high"]) if event.type in SAID else ()


class Matching(Policy):
    """See the module."""

    name = "matching"
    version = 5
    topics: tuple[str, ...] = ("krypton.identities", "krypton.links")

    def react(self, event: LedgerEvent) -> Iterable[Due]:
        """See ``Policy``. What rules merge leads to nothing: they have seen the two (but see ``done_late``)."""
        by_rule = event.type == MERGED and event.data["rule"] != HUMAN
        return () if by_rule else _looked_at(*changed(event), last_alone=event.type in OF_ITSELF)

    def refused(self, does: str, body: Mapping[str, Any], refusal: RuleBroken) -> Iterable[Due]:
        """Both sides of a merge that is no longer due: others may have been due that they were to be merged through.
        And both sides of a proposal of two who are one person by now: the view showed them as two beside somebody who
        makes their merge doubtful, and it may have to be taken back.
        """
        gone = does == "merge" and isinstance(refusal, EvidenceGone | Erased)
        late = does == "propose" and isinstance(refusal, OnePersonAlready)
        return _looked_at(body["one"], body["other"]) if gone or late else ()

    def done_late(self, does: str, body: Mapping[str, Any]) -> Iterable[Due]:
        """Both sides of a merge: somebody may have come meanwhile who makes it doubtful, and it is taken back."""
        return _looked_at(body["one"], body["other"]) if does == "merge" else ()


def _looked_at(*identities: str, last_alone: bool = False) -> tuple[Due, ...]:
    return tuple(Due(Kind.LOOKUP, LOOKUP, {"identity": one}, last_alone=last_alone) for one in identities)
