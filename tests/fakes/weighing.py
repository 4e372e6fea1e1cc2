"""Matching rules for tests: a small model with round weights, and fictitious people of whom its answer is plain.

Two who are alike in all strict traits (``ALIKE``) are *strict*: a rule merges them. Where a birth place is not known
they are *review*: a human is asked. With one ``matricule`` and one given name they are *sure*, unless their sexes
differ, or their birth dates in all. Another family name, given name or birth date is another person, of whom nobody is
asked.
"""

from typing import Any, Final

from domain.ins import key_of
from domain.rules.document import MATCHING, RuleDocument, build, canonical_json
from domain.rules.document import document as checked
from domain.rules.matching import MatchingRules

ALIKE: Final = {"family": "FICTIVE", "given": "Alex", "birth_date": "1970-01-02", "sex": "F", "birth_place": "33063"}
TEST_OID: Final = "1.2.250.1.213.1.4.10"
PRIOR: Final = -20
BITS: Final = {
    "family": {"exact": 8, "spelling": 6, "cross": 4, "part": 0, "similar": 0, "swapped": 8, "different": -8},
    "given": {"exact": 7, "listed": 1, "spelling": 3, "short_form": 2, "part": 0, "different": -7},
    "birth": {
        "exact": 9,
        "weak": 8,
        "in_part": 6,
        "swapped": -4,
        "one_digit": -4,
        "two_parts": -4,
        "year": -4,
        "different": -9,
    },
    "sex": {"equal": 1, "indeterminate": 0, "different": -6},
    "place": {"equal": 5, "department": -3, "different": -9},
    "number": {"own": 15, "borrowed": 6, "doubtful": 0, "different": -8},
    "others": {"equal": 5, "common": -5, "different": -8},
    "used": {"equal": 8, "different": -10},
}
"""All strict traits are worth +10 with the prior, and +5 without the birth place."""
NAMES: Final = {"chance": 0.001, "rarest": 0.001, "common": {}}
"""No name is rarer than another."""
LIMITS: Final = {"strict_bits": 6, "review_bits": 0, "placeless": "never"}
EVERYBODY: Final = {"review_bits": -60}
"""Limits under which any two are put to a human."""
NOBODY: Final = {"strict_bits": 60, "review_bits": 60}
"""Limits under which only a number says anything."""


def body(**limits: Any) -> dict[str, Any]:
    """The body of a rule file. ``limits``: those that are to be others."""
    model = {"prior": PRIOR, "bits": BITS, "family_names": NAMES, "given_names": NAMES, "limits": LIMITS | limits}
    return {"model": model}


def document(version: int = 1, **limits: Any) -> RuleDocument:
    """As published."""
    return checked({"kind": MATCHING, "version": version, "in_force_from": "2020-01-01", "body": body(**limits)})


def rules(version: int = 1, **limits: Any) -> MatchingRules:
    """As decisions use them."""
    made = build(MATCHING, version, document(version, **limits).body)
    assert isinstance(made, MatchingRules)
    return made


def of_equal_fields(version: int = 1) -> RuleDocument:
    """As an older program published rules: fields that are equal merge. No program lets them be published any more."""
    rule = {"name": "strict-traits", "fields": [*ALIKE], "action": "merge", "score": 1}
    return RuleDocument(MATCHING, version, "2020-01-01", "Equal fields", canonical_json({"rules": [rule]}))


def matricule(order: str = "001") -> str:
    """An INS for tests that fits whoever is ``ALIKE``: born in January 1970 in 33063. ``order``: three digits."""
    number = f"2700133063{order}"
    return f"{number}{key_of(number):02}"
