"""Holds what a rule says of a pair to what the ledger knows: the rules in force, and what the two identities state.

A rule's command may be asked late: after a failure, by a second sender, from a view that lagged. So the ledger compares
the two itself, by the rule named, and decides again if something of that changes before it is stored.
"""

from uuid import UUID

from domain.aggregates.identity import Identity
from domain.errors import EvidenceGone, RuleNotInForce
from domain.matching.model import Model
from domain.matching.record import record
from domain.matching.tier import Tier
from domain.rules.document import MATCHING, RuleId
from domain.rules.matching import ACTIONS
from domain.work import Work
from domain.worklist import INS_REPLACED


def agreeing(work: Work, one: UUID, other: UUID, rule: str, version: int) -> str:
    """What that rule does with the two now, merge or propose. Raises L8, Erased (I7), EvidenceGone (L7)."""
    model = _in_force(work, version)
    if rule not in ACTIONS:
        raise RuleNotInForce(f"{RuleId(MATCHING, version)} has no such rule: see krypton rules show")
    refuse_erased(work, one, other)
    if rule not in _tiers(work, model, one, other):
        raise EvidenceGone(f"the two do not agree by {rule} of {RuleId(MATCHING, version)}: nothing to do")
    return ACTIONS[Tier(rule)]


def refuse_held(work: Work, one: UUID, other: UUID, version: int) -> None:
    """Refuse to take a merge back that a rule in force still calls for. Raises L8, Erased (I7), EvidenceGone (L7).

    Others may forbid what strict traits alone allow (a twin, a homonym): whoever asks has seen them. Two with one
    number of their own stay together whoever is near.
    """
    model = _in_force(work, version)
    refuse_erased(work, one, other)
    if Tier.SURE in _tiers(work, model, one, other):
        raise EvidenceGone(f"the two agree by a rule of {RuleId(MATCHING, version)}: their merge stands")


def refuse_erased(work: Work, *sides: UUID) -> None:
    """Refuse to join anybody with, or take apart by a rule, somebody who was erased. Raises Erased (I7)."""
    for side in sides:
        work.get(Identity, side).refuse_if_erased()


def _in_force(work: Work, version: int) -> Model:
    held, asked = work.rules.matching, RuleId(MATCHING, version)
    if version == held.version and held.model:
        return held.model
    why = "was replaced, is not promoted yet, or holds no model" if work.rules.knows(asked) else "was never published"
    raise RuleNotInForce(f"{asked} {why}: it decides nothing; see krypton rules list")


def _tiers(work: Work, model: Model, one: UUID, other: UUID) -> tuple[Tier, ...]:
    """Those that hold of the two by themselves; none of one that a split emptied: it was nobody (I16)."""
    from domain.matching import pair  # a read never compares: it is spared what does

    sides = [work.get(Identity, side) for side in (one, other)]
    work.rests_on(one, other)
    if any(side.is_closed for side in sides):
        return ()
    mine, theirs = (record(side.traits, side.ins, replaced=INS_REPLACED in side.flags) for side in sides)
    return pair.tiers(mine, theirs, pair.weighed(mine, theirs, model), model)
