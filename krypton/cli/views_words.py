"""In which words versions of views, and what follows from a promotion, are told."""

from collections.abc import Mapping
from typing import Any, Final

from domain.matching.tier import Tier
from domain.rules.document import MATCHING, RuleId

MEANT: Final = {
    "joined": "persons joined: several persons of today are one",
    "split": "persons split: one person of today is several",
    "unchanged": "persons unchanged: as they are today",
    "proposed": "pairs put on the worklist: a human decides whether they are one person",
    "newly_over": "doses newly over a level",
    "no_longer_over": "doses no longer over a level",
}
"""What a difference means, in so many persons, pairs or doses."""
CHANGE: Final = {name: words.partition(":")[0].partition(" ")[2] for name, words in MEANT.items()}
"""The same of one of them."""
DECIDED: Final = {
    "unmerged": "merges taken back: no rule supports them any more",
    "merged": "pairs merged by a rule",
    "proposed": "pairs put on the worklist: a human decides",
    "alerts": "studies with new dose alerts",
    "judged": "persons whose studies are judged together: an alert where one is due",
}
"""What a promotion decides."""
AFTERWARDS: Final = {
    "stand": "left as they were decided meanwhile",
    "again": "identities that changed meanwhile, to be matched again",
}
"""What else became of decisions, once they were raised."""
TIER: Final = {
    Tier.SURE: "one INS, each side's own, and one given name",
    Tier.STRICT: "the strict traits agree, nothing contradicts",
    Tier.REVIEW: "probably one person, too little for a merge",
}
"""What a matching rule goes by."""


def meant(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Rows of what differences mean."""
    return [{"count": count, "what": MEANT[name]} for name, count in counts.items()]


def worded(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a listing."""
    told = {**row, "change": CHANGE.get(row["change"], row["change"])}
    if "rules" in row:
        told["rules"] = [by_rule(one) for one in row["rules"]]
    return told


def by_rule(row: Mapping[str, Any]) -> str:
    """The rule of a decision, with its version."""
    rule, version = row["rule"], row["rule_version"]
    if rule in TIER:
        return f"{TIER[rule]} ({rule}, {RuleId(MATCHING, version)})"
    return f"{rule}@{version}"
