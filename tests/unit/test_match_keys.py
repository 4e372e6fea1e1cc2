"""Match keys of identities, and the rows that rules alone make: folded in memory."""

from uuid import UUID

from domain.commands.identities import AttachIns, Correct, DetachIns, Flag
from domain.dose_alerts import AlertRules
from domain.rules.levels import Level, ReferenceLevels
from domain.rules.matching import MatchingRules, MatchRule
from domain.rules.plausible import PlausibleDoses
from projections.cumulative_dose.view import CumulativeDose
from projections.identity_index.view import IdentityIndex
from tests.fakes.erasing import Erase
from tests.fakes.rows import MemoryRows
from tests.fakes.views import Hospitals, folded, of_topics

TEST_OID = "1.2.250.1.213.1.4.10"
NUMBER = "2550699999001"
MATRICULE = f"{NUMBER}{97 - int(NUMBER) % 97:02d}"
RULES = MatchingRules(
    4,
    (
        MatchRule("with-ins", ("ins", "family", "birth_date"), "merge", 0.99),
        MatchRule("names", ("family", "given"), "propose", 0.5),
    ),
)


def rows_of(region: Hospitals, rules: MatchingRules = RULES) -> MemoryRows:
    view = IdentityIndex(rules)
    return folded(view, of_topics(view, region.history()))


def keyed(region: Hospitals) -> dict[str, set[str]]:
    """Identities by rule, and only where they share a key under it."""
    shared: dict[tuple[str, str], set[str]] = {}
    for rule, key, identity in rows_of(region).table("match_key"):
        shared.setdefault((rule, key), set()).add(identity)
    return {rule: identities for (rule, _), identities in shared.items() if len(identities) > 1}


def attach(region: Hospitals, identity: str) -> None:
    region.ask(AttachIns(identity=UUID(identity), matricule=MATRICULE, oid=TEST_OID, mode="manual"))


def test_two_records_share_the_key_of_each_rule_whose_fields_agree() -> None:
    """Case and accents aside; a rule of which a field is not known gives no key."""
    region = Hospitals()
    one, other = region.register("CHA", "1", family="Fictif"), region.register("CHB", "1", family="FICTÏF")
    assert keyed(region) == {"names": {one, other}}


def test_an_attached_ins_gives_a_key_and_a_detached_one_takes_it_away() -> None:
    region = Hospitals()
    pair = {region.register(site, "1") for site in ("CHA", "CHB")}
    for identity in pair:
        attach(region, identity)
    assert keyed(region) == {"names": pair, "with-ins": pair}
    region.ask(DetachIns(identity=UUID(min(pair)), reason="of somebody else"))
    assert keyed(region) == {"names": pair}


def test_a_correction_moves_the_keys_that_compare_what_it_changed() -> None:
    region = Hospitals()
    one, other = region.register("CHA", "1", family="Fictif"), region.register("CHB", "1", family="Autre")
    stated = {"family": "Fictif", "given": "Camille", "birth_date": "1970-01-01", "sex": "F"}
    region.ask(Correct(identity=UUID(other), stated=stated, reason="misspelt"))
    assert keyed(region) == {"names": {one, other}}
    assert len(rows_of(region).table("match_key")) == 2


def test_an_erased_person_has_no_key_whether_or_not_its_traits_can_still_be_read() -> None:
    region = Hospitals()
    identity = region.register("CHA", "1")
    attach(region, identity)
    region.ask(Erase(identity=UUID(identity), reason="asked for"))
    assert rows_of(region).table("match_key") == {}
    region.memory_vault.destroy(identity)
    assert rows_of(region).table("match_key") == {}


def test_what_changes_neither_traits_nor_ins_changes_no_key() -> None:
    region = Hospitals()
    identity = region.register("CHA", "1")
    before = rows_of(region).table("match_key")
    region.ask(Flag(identity=UUID(identity), flag="HOMA", reason="to be checked"))
    assert rows_of(region).table("match_key") == before


def test_without_rules_there_are_no_keys() -> None:
    region = Hospitals()
    region.register("CHA", "1")
    assert "match_key" not in rows_of(region, MatchingRules()).tables()


def test_a_view_tells_which_rules_it_was_made_with() -> None:
    """Zero where there are none of a kind."""
    levels = ReferenceLevels(2019)
    assert [dict(view.rules) for view in (IdentityIndex(), IdentityIndex(RULES))] == [{"matching": 0}, {"matching": 4}]
    assert dict(CumulativeDose().rules) == {"dose-alerts": 1, "reference-levels": 0, "plausible-doses": 1}
    stricter = {"dose-alerts": 2, "reference-levels": 2019, "plausible-doses": 3}
    assert dict(CumulativeDose(AlertRules(2), levels, PlausibleDoses(3)).rules) == stricter


def test_the_rules_of_a_version_are_rows_of_it() -> None:
    """In the order of the rule set, each with its version."""
    found = [(key.key, row["place"], row["action"], row["rule_version"]) for key, row in IdentityIndex(RULES).seeds()]
    assert found == [(("with-ins",), 0, "merge", 4), (("names",), 1, "propose", 4)]


def test_the_levels_of_a_version_are_rows_of_it() -> None:
    level = Level("Chest PA", "DX", "adult", "dap_mgycm2", 200.0, "mGy.cm2", None, ("thorax pa",))
    view = CumulativeDose(AlertRules(2, 1_500.0), ReferenceLevels(2019, (level,)))
    found = {key.key: (row["value"], row["protocols"], row["rule_version"]) for key, row in view.seeds()}
    assert found == {
        ("dose-alerts", "", "", "", "dose_rp_mgy", 0): (1_500.0, [], 2),
        ("dose-alerts", "", "", "", "dap_mgycm2", 0): (200_000.0, [], 2),
        ("reference-levels", "Chest PA", "DX", "adult", "dap_mgycm2", 0): (200.0, ["thorax pa"], 2019),
    }
