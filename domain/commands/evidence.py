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
from domain.matching.weights import probability
from domain.rules.document import MATCHING, RuleId
from domain.rules.matching import ACTIONS, MERGE, Match, MatchingRules, evaluate, match_keys
from domain.work import Work


def agreeing(work: Work, one: UUID, other: UUID, rule: str, version: int) -> Match:
    """What that rule says of the two now. Raises RuleNotInForce (L8), Erased (I7), EvidenceGone (L7)."""
    rules = _in_force(work, version)
    if rule not in rules.names:
        raise RuleNotInForce(f"{RuleId(MATCHING, version)} has no such rule: see krypton rules show")
    refuse_erased(work, one, other)
    found = next((match for match in _compared(work, rules, one, other) if match.rule == rule), None)
    if found is None:
        raise EvidenceGone(f"the two do not agree by {rule} of {RuleId(MATCHING, version)}: nothing to do")
    return found


def refuse_held(work: Work, one: UUID, other: UUID, version: int) -> None:
    """Refuse to take a merge back that a rule in force still calls for. Raises L8, Erased (I7), EvidenceGone (L7).

    Where a model weighs, others may forbid what strict traits alone allow (a twin, a homonym): whoever asks has seen
    them. Two with one number of their own stay together whoever is near.
    """
    rules = _in_force(work, version)
    refuse_erased(work, one, other)
    holds = {Tier.SURE.value} if rules.model else rules.names
    if any(match.action == MERGE and match.rule in holds for match in _compared(work, rules, one, other)):
        raise EvidenceGone(f"the two agree by a rule of {RuleId(MATCHING, version)}: their merge stands")


def refuse_erased(work: Work, *sides: UUID) -> None:
    """Refuse to join anybody with, or take apart by a rule, somebody who was erased. Raises Erased (I7)."""
    for side in sides:
        work.get(Identity, side).refuse_if_erased()


def _in_force(work: Work, version: int) -> MatchingRules:
    held, asked = work.rules.matching, RuleId(MATCHING, version)
    if version == held.version and held.decides:
        return held
    why = "was replaced, or is not promoted yet" if work.rules.knows(asked) else "was never published"
    raise RuleNotInForce(f"{asked} {why}: it decides nothing; see krypton rules list")


def _compared(work: Work, rules: MatchingRules, one: UUID, other: UUID) -> list[Match]:
    sides = [work.get(Identity, side) for side in (one, other)]
    work.rests_on(one, other)
    if rules.model:
        return weighed(rules.version, rules.model, *sides)
    mine, theirs = (match_keys(rules, side.traits, side.ins) for side in sides)
    return evaluate(rules, mine, theirs)


def weighed(version: int, model: Model, one: Identity, other: Identity) -> list[Match]:
    """What a model says of two identities by themselves, the strongest first."""
    from domain.matching import pair  # a read never compares: it is spared what does

    mine, theirs = (record(side.traits, side.ins) for side in (one, other))
    found = pair.weighed(mine, theirs, model)
    score, evidence = probability(found.bits), pair.evidence(found)
    return [
        Match(tier.value, version, ACTIONS[tier], score, evidence) for tier in pair.tiers(mine, theirs, found, model)
    ]
