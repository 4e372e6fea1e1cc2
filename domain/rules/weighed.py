"""Matching rules that weigh: a model learned from a region's own identities (``domain.matching``), as a rule document.

The tiers, what contradicts, and the guards are the engine's own: no document can merge two people whose INS differ, or
leave a contradiction out. A document says what agreement is worth, how common names are, and from where on a pair is
merged or shown to a human.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from domain.errors import OutOfRange, RuleTooWeak
from domain.matching.levels import CONTRADICTIONS, ENUMS, FIELDS
from domain.matching.limits import Placeless
from domain.matching.model import Model, of_body
from domain.matching.weights import LIMIT
from domain.rules.place import Checks, Place

PARTS: Final = ("prior", "bits", "family_names", "given_names", "limits")
WORST: Final = {FIELDS[ENUMS.index(type(level))]: level.name.lower() for level in CONTRADICTIONS}
"""Levels of which no document may say that they speak for one person."""
MOST_NAMES: Final = 20_000


def check(model: Place) -> None:
    """Raises G7 to G11, G13, G16, with the path of each error."""
    with Checks() as checks:
        parts = checks.fields(model, PARTS)
        checks(partial(parts["prior"].between, -LIMIT, 0))
        checks(partial(_check_bits, parts["bits"]))
        checks(partial(_check_shares, parts["family_names"]))
        checks(partial(_check_shares, parts["given_names"]))
        checks(partial(_check_limits, parts["limits"]))


def build(told: Mapping[str, Any]) -> Model:
    """The model of a body that was checked."""
    return of_body(told)


def _check_bits(bits: Place) -> None:
    with Checks() as checks:
        fields = checks.fields(bits, FIELDS)
        for field, enum in zip(FIELDS, ENUMS, strict=True):
            checks(partial(_check_levels, fields[field], [level.name.lower() for level in enum if level]))


def _check_levels(field: Place, names: list[str]) -> None:
    with Checks() as checks:
        levels = checks.fields(field, names)
        for level in levels.values():
            checks(partial(level.between, -LIMIT, LIMIT))
        name = field.path.rpartition(".")[2]
        worst = levels.get(WORST.get(name, ""))
        if worst and checks.holds(worst.given) and isinstance(worst.value, int | float) and worst.value >= 0:
            checks.add(RuleTooWeak(f"{worst.path}: speaks for one person, and is a contradiction: write less than 0"))


def _check_shares(shares: Place) -> None:
    with Checks() as checks:
        parts = checks.fields(shares, ("chance", "rarest", "common"))
        for name in ("chance", "rarest"):
            checks(partial(parts[name].number, upto=1))
        common = checks(partial(parts["common"].table, ("a share for each name",))) or {}
        if len(common) > MOST_NAMES:
            checks.add(OutOfRange(f"{parts['common'].path}: has over {MOST_NAMES} names: keep the commonest"))
            return
        for number, (name, share) in enumerate(common.items(), 1):
            if checks.holds(Place(f"{parts['common'].path}, name {number}", name).text):
                checks(partial(Place(f"{parts['common'].path}.{name}", share).number, upto=1))


def _check_limits(limits: Place) -> None:
    with Checks() as checks:
        parts = checks.fields(limits, ("strict_bits", "review_bits", "placeless"))
        strict = checks(partial(parts["strict_bits"].between, 0, LIMIT))
        review = checks(partial(parts["review_bits"].between, -LIMIT, LIMIT))
        if strict is not None and review is not None and review > strict:
            checks.add(
                OutOfRange(f"{parts['review_bits'].path}: is over strict_bits: humans would see less than rules")
            )
        checks(partial(parts["placeless"].one_of, [each.value for each in Placeless]))
