"""Matching rules as rule documents: when two local identities are merged or proposed for review.

A document either holds a model that weighs how far two identities agree (``domain.rules.weighed``), or rules of equal
fields. A rule names fields; two identities for which all are known and equal share the rule's key. Keys are digests,
the same on every machine, so that a view finds pairs by equality alone, in any order and at any size. Source: RNIV 1
v2.0, strict traits; Guide INS v3.0 (an INS counts with the traits that were retrieved with it).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any, Final

from domain.errors import DuplicateRule, RuleTooWeak
from domain.matching.folding import words
from domain.matching.model import Model
from domain.matching.tier import Tier
from domain.rules import weighed
from domain.rules.place import Checks, Place
from domain.traits import NAMES, TRAITS

INS: Final = "ins"
FIELDS: Final = (INS, *TRAITS)
STRICT: Final = frozenset({"family", "given", "birth_date", "sex", "birth_place"})
WITH_INS: Final = frozenset({INS, "family", "birth_date"})
MERGE, PROPOSE = "merge", "propose"
ACTIONS: Final = {Tier.SURE: MERGE, Tier.STRICT: MERGE, Tier.REVIEW: PROPOSE}
"""What each tier of a model does."""
SEPARATOR: Final = "\x1f"  # in no name, for a trait holds no control character


@dataclass(frozen=True)
class MatchRule:
    """One rule. ``fields``: all must be known and equal; ``action``: merge or propose; ``score`` in (0, 1]."""

    name: str
    fields: tuple[str, ...]
    action: str
    score: float


@dataclass(frozen=True)
class MatchingRules:
    """The rules of one version, or its model; version 0, with neither, where none are in force."""

    version: int = 0
    rules: tuple[MatchRule, ...] = ()
    model: Model | None = None

    @property
    def decides(self) -> bool:
        """Whether it decides anything."""
        return bool(self.rules) or self.model is not None

    @property
    def names(self) -> frozenset[str]:
        """What decides in it, by name: its rules, or the tiers of its model."""
        return frozenset(rule.name for rule in self.rules) if self.model is None else frozenset(ACTIONS)


@dataclass(frozen=True)
class Match:
    """The result of one rule for two identities, as evidence for a merge or a proposal."""

    rule: str
    rule_version: int
    action: str
    score: float
    compared: tuple[str, ...]


def match_keys(rules: MatchingRules, traits: Mapping[str, Any], ins: str | None) -> dict[str, str]:
    """Rule name to key (32 hex digits, BLAKE2b-128), for each rule whose fields are all known.

    ``traits``: as in ``domain.traits``; ``ins``: with its authority (``domain.ins.qualified``). Names count as their
    words, without accents, case or order, each as often as it stands there; the rest as it is.
    """
    known = {**traits, INS: ins}
    keys: dict[str, str] = {}
    for rule in rules.rules:
        if all(map(known.get, rule.fields)):
            values = [_normal(field, known[field]) for field in rule.fields]
            if all(values):  # a name of punctuation alone has no words
                text = SEPARATOR.join((rule.name, *values))
                keys[rule.name] = blake2b(text.encode(), digest_size=16).hexdigest()
    return keys


def evaluate(rules: MatchingRules, one: Mapping[str, str], other: Mapping[str, str]) -> list[Match]:
    """What the rules say of two identities, given the ``match_keys`` of each: merges first, then by score.

    Each match names the fields that were compared.
    """
    found = [
        Match(rule.name, rules.version, rule.action, rule.score, rule.fields)
        for rule in rules.rules
        if rule.name in one and one[rule.name] == other.get(rule.name)
    ]
    return sorted(found, key=lambda m: (m.action != MERGE, -m.score))


def _normal(name: str, value: str) -> str:
    return " ".join(sorted(words(value))) if name in NAMES else value


def check(body: Place) -> None:
    """Raises G7 to G16, with the path of each error."""
    if isinstance(body.value, dict) and "model" in body.value:
        with Checks() as checks:
            weighed.check(checks.fields(body, ("model",))["model"])
        return
    with Checks() as checks:
        rules = checks.fields(body, ("rules",))["rules"].items()
        sound = [rule for rule in rules if checks.holds(partial(_check_rule, rule))]
        seen: set[str] = set()
        for rule in sound:
            if (name := rule.value["name"]) in seen:
                said = f"an earlier rule has the name {name} too: give each its own name"
                checks.add(DuplicateRule(f"{rule.path}.name: {said}"))
            seen.add(name)


def _check_rule(rule: Place) -> None:
    with Checks() as checks:
        parts = checks.fields(rule, ("name", "fields", "action", "score"))
        checks(parts["name"].name)
        compared = checks(partial(parts["fields"].distinct, FIELDS))
        action = checks(partial(parts["action"].one_of, (MERGE, PROPOSE)))
        checks(partial(parts["score"].number, upto=1))
        if compared is not None:
            checks(partial(_check_strength, compared, action, parts["fields"].path))


def _check_strength(compared: set[str], action: str | None, at: str) -> None:
    if action == MERGE and not (compared >= STRICT or compared >= WITH_INS):
        raise RuleTooWeak(
            f"{at}: too weak to merge without a human: compare ins, family and birth_date, or all of "
            f"{', '.join(sorted(STRICT))}; or let the rule propose"
        )
    if INS not in compared and len(compared) < 2:
        raise RuleTooWeak(f"{at}: one trait alone would propose all who share it: compare another trait too")


def build(version: int, body: Mapping[str, Any]) -> MatchingRules:
    """The rules of a published body, which was checked then."""
    if "model" in body:
        return MatchingRules(version, model=weighed.build(body["model"]))
    return MatchingRules(
        version,
        tuple(MatchRule(r["name"], tuple(r["fields"]), r["action"], float(r["score"])) for r in body["rules"]),
    )
