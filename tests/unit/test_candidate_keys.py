"""The keys of candidates, which an index under rules that weigh keeps: folded in memory."""

from pathlib import Path
from uuid import UUID

import pytest

from domain.commands.identities import AttachIns, Correct, DetachIns
from domain.matching.model import of_body
from domain.rules.document import build, read_document
from domain.rules.matching import MatchingRules
from projections.identity_index.view import IdentityIndex
from tests.fakes.erasing import Erase
from tests.fakes.rows import MemoryRows
from tests.fakes.views import Hospitals, folded, of_topics

TEST_OID, MATRICULE = "1.2.250.1.213.1.4.10", "279035121518989"


@pytest.fixture(scope="module")
def rules() -> MatchingRules:
    """Those that ship."""
    text = (Path(__file__).parents[2] / "rules" / "matching-2.json").read_text()
    found = build("matching", 2, read_document(text, as_json=True).body)
    assert isinstance(found, MatchingRules)
    return found


def rows_of(region: Hospitals, rules: MatchingRules) -> MemoryRows:
    view = IdentityIndex(rules)
    return folded(view, of_topics(view, region.history()))


def shared(region: Hospitals, rules: MatchingRules, one: str, other: str) -> int:
    """How many keys the two have in common."""
    keys: dict[str, set[int]] = {one: set(), other: set()}
    for key, identity in rows_of(region, rules).table("candidate_key"):
        keys[identity].add(key)
    return len(keys[one] & keys[other])


def test_two_who_may_be_one_person_share_a_key_and_two_who_may_not_share_none(rules: MatchingRules) -> None:
    region = Hospitals()
    one, other = region.register("CHA", "1", family="Fictif"), region.register("CHB", "1", family="FICTIVE")
    assert shared(region, rules, one, other)
    stated = {"family": "Autre", "given": "Zoé", "birth_date": "1981-05-06", "birth_place": "33063"}
    region.ask(Correct(identity=UUID(other), stated=stated, reason="another person"))
    assert not shared(region, rules, one, other)


def test_a_number_is_a_key_as_long_as_it_is_attached(rules: MatchingRules) -> None:
    region = Hospitals()
    one, other = (region.register(site, "1") for site in ("CHA", "CHB"))
    before = shared(region, rules, one, other)
    for identity in (one, other):
        region.ask(AttachIns(identity=UUID(identity), matricule=MATRICULE, oid=TEST_OID))
    assert shared(region, rules, one, other) == before + 1
    region.ask(DetachIns(identity=UUID(one), reason="of somebody else"))
    assert shared(region, rules, one, other) == before


def test_an_erased_person_has_no_key_whether_or_not_the_traits_can_still_be_read(rules: MatchingRules) -> None:
    region = Hospitals()
    identity = region.register("CHA", "1")
    region.ask(Erase(identity=UUID(identity), reason="asked for"))
    assert rows_of(region, rules).table("candidate_key") == {}
    region.memory_vault.destroy(identity)
    assert rows_of(region, rules).table("candidate_key") == {}


def test_the_index_holds_the_rules_that_it_was_made_with(rules: MatchingRules) -> None:
    """So that what is due can be worked out from its tables alone."""
    found = dict(IdentityIndex(rules).seeds())
    models = [row for key, row in found.items() if key.table == "match_model"]
    assert [of_body(row["body"]) for row in models] == [rules.model]
    actions = {key.key[0]: row["action"] for key, row in found.items() if key.table == "match_rule"}
    assert actions == {"sure": "merge", "strict": "merge", "review": "propose"}
