"""The keys of candidates, and the rows that rules alone make: folded in memory."""

from uuid import UUID

from domain.commands.identities import AttachIns, Correct, DetachIns, Flag
from domain.dose_alerts import AlertRules
from domain.dose_levels import Level, ReferenceLevels
from domain.matching.model import of_body
from domain.rules.matching import MatchingRules
from domain.rules.plausible import PlausibleDoses
from projections.cumulative_dose.view import CumulativeDose
from projections.identity_index.view import IdentityIndex
from tests.fakes.erasing import Erase
from tests.fakes.rows import MemoryRows
from tests.fakes.views import Hospitals, folded, of_topics
from tests.fakes.weighing import TEST_OID, rules

MATRICULE = "279035121518989"
RULES = rules(4)


def rows_of(region: Hospitals, rules: MatchingRules = RULES) -> MemoryRows:
    view = IdentityIndex(rules)
    return folded(view, of_topics(view, region.history()))


def shared(region: Hospitals, one: str, other: str) -> int:
    """How many keys the two have in common."""
    keys: dict[str, set[int]] = {one: set(), other: set()}
    for key, _, identity in rows_of(region).table("candidate_key"):
        keys[identity].add(key)
    return len(keys[one] & keys[other])


def test_two_who_may_be_one_person_share_a_key_and_two_who_may_not_share_none() -> None:
    region = Hospitals()
    one, other = region.register("CHA", "1", family="Fictif"), region.register("CHB", "1", family="FICTIVE")
    assert shared(region, one, other)
    stated = {"family": "Autre", "given": "Zoé", "birth_date": "1981-05-06", "birth_place": "33063"}
    region.ask(Correct(identity=UUID(other), stated=stated, reason="another person"))
    assert not shared(region, one, other)


def test_a_number_is_a_key_as_long_as_it_is_attached() -> None:
    region = Hospitals()
    one, other = (region.register(site, "1") for site in ("CHA", "CHB"))
    before = shared(region, one, other)
    for identity in (one, other):
        region.ask(AttachIns(identity=UUID(identity), matricule=MATRICULE, oid=TEST_OID))
    assert shared(region, one, other) == before + 1
    region.ask(DetachIns(identity=UUID(one), reason="of somebody else"))
    assert shared(region, one, other) == before


def test_an_erased_person_has_no_key_whether_or_not_the_traits_can_still_be_read() -> None:
    region = Hospitals()
    identity = region.register("CHA", "1")
    region.ask(Erase(identity=UUID(identity), reason="asked for"))
    assert rows_of(region).table("candidate_key") == {}
    region.memory_vault.destroy(identity)
    assert rows_of(region).table("candidate_key") == {}


def test_what_changes_neither_traits_nor_ins_changes_no_key() -> None:
    region = Hospitals()
    identity = region.register("CHA", "1")
    before = rows_of(region).table("candidate_key")
    assert before
    region.ask(Flag(identity=UUID(identity), flag="HOMA", reason="to be checked"))
    assert rows_of(region).table("candidate_key") == before


def test_without_rules_there_are_no_keys() -> None:
    region = Hospitals()
    region.register("CHA", "1")
    assert "candidate_key" not in rows_of(region, MatchingRules()).tables()


def test_the_model_of_a_version_is_a_row_of_it() -> None:
    """So that what is due can be worked out from its tables alone."""
    ((key, row),) = [(key, row) for key, row in IdentityIndex(RULES).seeds() if key.table == "match_model"]
    assert (key.key, of_body(row["body"])) == ((4,), RULES.model)


def test_a_view_tells_which_rules_it_was_made_with() -> None:
    """Zero where there are none of a kind."""
    levels = ReferenceLevels(2019)
    assert [dict(view.rules) for view in (IdentityIndex(), IdentityIndex(RULES))] == [{"matching": 0}, {"matching": 4}]
    assert dict(CumulativeDose().rules) == {"dose-alerts": 1, "reference-levels": 0, "plausible-doses": 1}
    stricter = {"dose-alerts": 2, "reference-levels": 2019, "plausible-doses": 3}
    assert dict(CumulativeDose(AlertRules(2), levels, PlausibleDoses(3)).rules) == stricter


def test_the_levels_of_a_version_are_rows_of_it() -> None:
    level = Level("Chest PA", "DX", "adult", "dap_mgycm2", 200.0, "mGy.cm2")
    view = CumulativeDose(AlertRules(2, 1_500.0), ReferenceLevels(2019, (level,)))
    found = {key.key: (row["value"], row["rule_version"]) for key, row in view.seeds()}
    assert found == {
        ("dose-alerts", "", "", "", "dose_rp_mgy", 0): (1_500.0, 2),
        ("dose-alerts", "", "", "", "dap_mgycm2", 0): (200_000.0, 2),
        ("reference-levels", "Chest PA", "DX", "adult", "dap_mgycm2", 0): (200.0, 2019),
    }
