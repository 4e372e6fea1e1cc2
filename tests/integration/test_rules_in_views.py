"""Views under rules: keys of candidates, levels, what new rules would decide; and that a rebuild decides nothing."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg2
import pytest

from domain.aggregates.dose import Dose
from domain.commands.doses import ReceivedDose
from domain.commands.identities import AttachIns, Correct, DetachIns
from domain.commands.links import Bar, Dismiss, Merge, Unmerge
from domain.dose_alerts import AlertRules
from domain.dose_judging import due_in_study
from domain.errors import NotFound
from domain.rules.document import RuleId
from domain.sight import ALL
from krypton.queries.comparing import comparison
from krypton.queries.doses import asked_of, factors_of
from krypton.views import compare, rebuild
from krypton.views.rebuild import OtherRules, Wish
from projections.cumulative_dose import queries as doses
from projections.versions import diff
from projections.versions.diff import Pair
from tests.fakes.erasing import Erase
from tests.fakes.region import dose, exposure, rules_in_force
from tests.fakes.views import pair
from tests.fakes.weighing import NOBODY, TEST_OID, matricule
from tests.integration.ruled_world import RuledWorld

pytestmark = pytest.mark.live
IDENTITIES, DOSES = "identity_index", "cumulative_dose"
LOOSE: dict[str, Any] = {"strict_bits": 4, "placeless": "always"}
"""Limits under which a birth place that is not known keeps nobody from being merged."""
HUMAN_KNOWS = (("CHA", "Zoe"), ("CHB", "Zoé-Lou"))
LEVEL = {
    "act": "Chest PA",
    "modality": "DX",
    "population": "adult",
    "quantity": "dap_mgycm2",
    "unit": "mGy.cm2",
}
ACTS = {
    "entries": [
        {"act": "Chest PA", "modalities": ["DX"], "protocols": ["thorax pa"]},
        {"act": "Chest-abdomen-pelvis", "modalities": ["CT"], "protocols": ["tap"], "acquisitions": ["Spiral"]},
    ]
}
"""Acts are known by the mapping in force, and by nothing that a level says."""


@pytest.fixture
def world(installed_url: str, tmp_path: Path) -> Iterator[RuledWorld]:
    made = RuledWorld(installed_url, tmp_path)
    yield made
    made.close()


def grown(told: ReceivedDose, age_days: int | None = 20_000) -> ReceivedDose:
    """The report, of an adult."""
    told.said["patient"] = {"age_days": age_days, "weight_kg": 20.0, "size_cm": None, "pregnant": None}
    return told


def chest(uid: str, dap: float, protocol: str = "THORAX PA ") -> dict[str, object]:
    return exposure(uid, kind="DX", modality="DX", protocol=protocol, dap_mgycm2=dap)


def keys(world: RuledWorld, version: int) -> dict[str, int]:
    """How many candidate keys each identity has."""
    found = world.query(f"SELECT identity_id::text FROM identity_index_v{version}.candidate_key")
    return Counter(identity for (identity,) in found)


def test_a_version_tells_the_rules_that_it_was_made_with(world: RuledWorld) -> None:
    world.matching(3)
    world.build(IDENTITIES, matching=3)
    assert (world.rules(IDENTITIES, 1), world.rules(IDENTITIES, 2)) == ({"matching": 0}, {"matching": 3})
    assert world.rules(DOSES, 1) == {"dose-alerts": 1, "reference-levels": 0, "plausible-doses": 1}


def test_without_matching_rules_no_key_is_kept(world: RuledWorld) -> None:
    world.register()
    world.work(IDENTITIES)
    assert keys(world, 1) == {}


def test_keys_follow_traits_and_ins_and_go_with_an_erasure_live_and_rebuilt(world: RuledWorld) -> None:
    """A version kept up by a worker, and one rebuilt from the same events under the same rules, hold the same keys."""
    world.matching(1)
    world.build(IDENTITIES, matching=1)
    kept, corrected, detached, erased = (world.register(local_id=str(n)) for n in range(4))
    for identity in (kept, detached, erased):
        world.ask(AttachIns(identity=UUID(identity), matricule=matricule(), oid=TEST_OID, mode="manual"))
    world.work(IDENTITIES)
    world.ask(Correct(identity=UUID(corrected), stated={"birth_place": ""}, reason="not known"))
    world.ask(DetachIns(identity=UUID(detached), reason="of somebody else"))
    world.ask(Erase(identity=UUID(erased), reason="asked for"))
    world.work(IDENTITIES)
    world.ours.vault.destroy(erased)
    world.build(IDENTITIES, matching=1)
    found = keys(world, 2)
    assert found.keys() == {kept, corrected, detached}
    assert found[kept] == found[detached] + 1 == found[corrected] + 3  # the number, and two with the birth place
    assert world.seeds(IDENTITIES, 3, "candidate_key") == world.seeds(IDENTITIES, 2, "candidate_key")
    assert world.seeds(IDENTITIES, 3, "match_model") == world.seeds(IDENTITIES, 2, "match_model")


def test_a_worker_makes_a_version_with_the_rules_it_was_built_with(world: RuledWorld) -> None:
    """A dead letter's replay and a check ask the same way."""
    world.matching(1)
    world.matching(2, **NOBODY)
    world.build(IDENTITIES, matching=1)
    world.build(IDENTITIES, matching=2)
    assert [dict(world.ours.projection(IDENTITIES, n).rules) for n in (1, 2, 3)] == [{"matching": n} for n in range(3)]


def test_rules_that_were_not_published_or_say_nothing_of_the_view_are_refused(world: RuledWorld) -> None:
    with pytest.raises(NotFound, match="matching@7 were not published: see krypton rules list"):
        rebuild.begin(world.ours, Wish(IDENTITIES, rules=(RuleId("matching", 7),)))
    with pytest.raises(OtherRules, match="dose-alerts@1 does not apply to identity_index: it uses matching"):
        rebuild.begin(world.ours, Wish(IDENTITIES, rules=(RuleId("dose-alerts", 1),)))
    with pytest.raises(OtherRules, match="does not apply to patient_record: no rules make it"):
        rebuild.begin(world.ours, Wish("patient_record", rules=(RuleId("dose-alerts", 1),)))


def test_a_diff_names_who_would_be_joined_and_by_which_rule(world: RuledWorld) -> None:
    """Identity case 22: joined, split and unchanged are counted, and so are the pairs for review."""
    world.matching(1)
    one, two, three = (world.register(site) for site in ("CHA", "CHB", "CHC"))
    alike = world.register(local_id="2", birth_place="")
    world.register(local_id="3", family="AUTRE")
    world.work(IDENTITIES)
    summary, told = world.differs(IDENTITIES, world.build(IDENTITIES, matching=1))
    assert (summary["equal"], summary["persons"]) == (False, {"joined": 1, "split": 0, "unchanged": 2, "proposed": 1})
    joined, proposed = told
    assert (joined["person"], joined["persons"]) == (one, sorted((one, two, three)))
    assert joined["rules"] == [{"rule": "strict", "rule_version": 1}]
    assert proposed["persons"] == sorted((one, alike))
    assert proposed["rules"] == [{"rule": "review", "rule_version": 1}]


def test_a_diff_leaves_alone_what_people_decided(world: RuledWorld) -> None:
    """Merged, barred, dismissed, unmerged: whatever the rules say of the pair."""
    world.matching(1)
    pairs = []
    for number in range(4):
        both = [world.register(site, str(number), birth_date=f"197{number}-01-02") for site in ("CHA", "CHB")]
        pairs.append(pair(*both))
    world.ask(Merge(**pairs[0], reason="same person"))
    world.ask(Bar(**pairs[1], reason="twin sisters"))
    world.ask(Dismiss(**pairs[2], reason="not the same"))
    world.ask(Merge(**pairs[3], reason="same person"))
    world.ask(Unmerge(**pairs[3], reason="not the same"))
    world.work(IDENTITIES)
    summary, _ = world.differs(IDENTITIES, world.build(IDENTITIES, matching=1))
    assert summary["persons"] == {"joined": 0, "split": 0, "unchanged": 7, "proposed": 0}


def test_a_merge_that_a_bar_with_a_third_record_forbids_is_proposed(world: RuledWorld) -> None:
    world.matching(1)
    one, two = world.register("CHA"), world.register("CHB")
    third = world.register("CHC", family="AUTRE")
    world.ask(Merge(**pair(one, third), reason="same person"))
    world.ask(Bar(**pair(two, third), reason="twin sisters"))
    world.work(IDENTITIES)
    summary, _ = world.differs(IDENTITIES, world.build(IDENTITIES, matching=1))
    assert summary["persons"] == {"joined": 0, "split": 0, "unchanged": 2, "proposed": 1}


def test_a_diff_names_automatic_merges_that_no_rule_holds_any_more(world: RuledWorld) -> None:
    """What a human merged stays; so does what a rule merged and still would."""
    both = [world.register(site, "1") for site in ("CHA", "CHB")]
    loose = [world.register(site, "2", birth_date="1980-01-02", birth_place="") for site in ("CHA", "CHB")]
    human = [world.register(site, "3", birth_date="1990-01-02", given=given) for site, given in HUMAN_KNOWS]
    rules_in_force(world.ours.ledger, **LOOSE)
    for sides in (both, loose):
        world.ask(Merge(**pair(*sides), reason="alike", rule="strict", rule_version=1, score=0.7, compared=["family"]))
    world.ask(Merge(**pair(*human), reason="same person"))
    world.work(IDENTITIES)
    world.matching(2, review_bits=6)
    summary, told = world.differs(IDENTITIES, world.build(IDENTITIES, matching=2))
    assert summary["persons"] == {"joined": 0, "split": 1, "unchanged": 2, "proposed": 0}
    assert (told[0]["person"], told[0]["persons"]) == (loose[0], sorted(loose))
    assert told[0]["rules"] == [{"rule": "strict", "rule_version": 1}]


def test_who_loses_a_merge_is_still_joined_with_whom_a_rule_says(world: RuledWorld) -> None:
    """One was merged to two by rules that are gone; two and three agree under the new ones."""
    one, two = world.register("CHA", birth_place=""), world.register("CHB")
    three = world.register("CHC")
    rules_in_force(world.ours.ledger, **LOOSE)
    world.ask(Merge(**pair(one, two), reason="alike", rule="strict", rule_version=1, compared=["family"]))
    world.work(IDENTITIES)
    world.matching(2, review_bits=6)
    summary, told = world.differs(IDENTITIES, world.build(IDENTITIES, matching=2))
    assert summary["persons"] == {"joined": 1, "split": 1, "unchanged": 0, "proposed": 0}
    found = {(d["change"], d["person"], tuple(d["persons"])) for d in told}
    assert found == {("joined", two, tuple(sorted((one, three)))), ("split", one, tuple(sorted((one, two))))}


def test_versions_under_the_same_rules_differ_in_no_decision(world: RuledWorld) -> None:
    """What is due under both is no difference between them."""
    world.matching(1)
    for site in ("CHA", "CHB"):
        world.register(site)
    world.work(IDENTITIES)
    first, second = world.build(IDENTITIES, matching=1), world.build(IDENTITIES, matching=1)
    summary, told = world.differs(IDENTITIES, second, first)
    unchanged = {"joined": 0, "split": 0, "unchanged": 2, "proposed": 0}
    assert (summary["equal"], summary["persons"], told) == (True, unchanged, [])


def test_a_diff_names_doses_newly_over_and_no_longer_over_a_level(world: RuledWorld) -> None:
    """DRL rules, real rule changes: chest PA was 250 in 2011 and is 200; equal is not over."""
    report = dose("1.9.1", chest("1.8.1", 220), chest("1.8.2", 200), chest("1.8.3", 260))
    study = world.receive(1, grown(report))
    world.publish("dose-acts", 1, ACTS)
    world.publish("reference-levels", 2011, {"levels": [{**LEVEL, "value": 250}]})
    world.publish("reference-levels", 2019, {"levels": [{**LEVEL, "value": 200}]})
    world.work(DOSES)
    old, new = (world.build(DOSES, reference_levels=year) for year in (2011, 2019))
    summary, told = world.differs(DOSES, new, old)
    assert summary["doses"] == {"newly_over": 1, "no_longer_over": 0}
    assert told == [
        {
            "change": "newly_over",
            "kind": "reference-levels",
            "study_id": study,
            "act": "Chest PA",
            "quantity": "dap_mgycm2",
            "irradiation_event_uid": "1.8.1",
            "value": 220.0,
            "threshold": 200.0,
            "rule_version": 2019,
        }
    ]
    assert world.differs(DOSES, old, new)[0]["doses"] == {"newly_over": 0, "no_longer_over": 1}


@pytest.mark.parametrize(
    ("protocol", "modality", "population", "over"),
    [
        ("thorax pa", "DX", "adult", 1),
        ("THORAX AP", "DX", "adult", 0),
        ("thorax pa", "CR", "adult", 1),  # is compared as DX
        ("thorax pa", "CT", "adult", 0),
        ("thorax pa", "DX", "child", 0),
    ],
)
def test_a_level_is_for_its_acts_modality_and_population(
    world: RuledWorld, protocol: str, modality: str, population: str, over: int
) -> None:
    """No child's level is compared here."""
    world.receive(1, grown(dose("1.9.1", {**chest("1.8.1", 300, protocol), "modality": modality})))
    world.publish("dose-acts", 1, ACTS)
    world.publish("reference-levels", 2011, {"levels": [{**LEVEL, "value": 250, "population": population}]})
    world.work(DOSES)
    summary, _ = world.differs(DOSES, world.build(DOSES, reference_levels=2011))
    assert summary["doses"]["newly_over"] == over


@pytest.mark.parametrize(("age_days", "over"), [(6574, 0), (6575, 1), (0, 0), (None, 0)])
def test_a_level_of_adults_is_never_a_childs(world: RuledWorld, age_days: int | None, over: int) -> None:
    """18 years are 6,574.5 days; whose age is not stated is taken for no adult."""
    world.receive(1, grown(dose("1.9.1", chest("1.8.1", 300)), age_days))
    world.publish("dose-acts", 1, ACTS)
    world.publish("reference-levels", 2011, {"levels": [{**LEVEL, "value": 250}]})
    world.work(DOSES)
    summary, _ = world.differs(DOSES, world.build(DOSES, reference_levels=2011))
    assert summary["doses"]["newly_over"] == over


def told_over(world: RuledWorld, identity: str) -> int:
    """How many values of the person a reader is shown as over today's text."""
    with world.ours.snapshot() as connection:
        asked = asked_of(connection, [identity], (), ALL, factors_of(world.ours))
        asked = replace(asked, compare=comparison(world.ours).exposure)
        shown = doses.dose(connection, [{"identity": identity}], asked=asked)
    return sum(value["now"]["over"] for one in shown["exposures"] for value in one["levels"] if value["now"])


def two_texts(world: RuledWorld) -> tuple[int, int]:
    """Versions of the view under the chest levels of 2011 and of 2019, which are 250 and 200; all views read all."""
    world.publish("dose-acts", 1, ACTS)
    for year, value in ((2011, 250), (2019, 200)):
        world.publish("reference-levels", year, {"levels": [{**LEVEL, "value": value}]})
    for view in (IDENTITIES, DOSES):
        world.work(view)
    old, new = (world.build(DOSES, reference_levels=year) for year in (2011, 2019))
    return old, new


@pytest.mark.parametrize(
    ("birth_date", "age_days", "over"),
    [
        ("2019-05-05", 20_000, 0),
        ("1960-05-05", 2_000, 1),
        ("1960-05-05", None, 1),
        ("2019-05-05", None, 0),
        ("2008-00-00", 20_000, 1),  # seventeen or eighteen years old on the day: then the report says it
        ("2008-00-00", None, 0),
        ("", 20_000, 1),
    ],
)
def test_a_diff_goes_by_the_birth_date_first_as_what_readers_are_shown(
    world: RuledWorld, birth_date: str, age_days: int | None, over: int
) -> None:
    person = world.register(local_id="D1", birth_date=birth_date)
    report = replace(grown(dose("1.9.1", chest("1.8.1", 220)), age_days), reported_at="2026-01-02T09:00:00")
    study = world.receive(1, report)
    old, new = two_texts(world)
    summary, told = world.differs(DOSES, new, old)
    assert told_over(world, person) == over
    assert summary["doses"] == {"newly_over": over, "no_longer_over": 0}
    assert [(one["study_id"], one["irradiation_event_uid"]) for one in told] == [(study, "1.8.1")] * over


def test_a_page_of_differences_counts_no_child(world: RuledWorld) -> None:
    """Between the doses of adults lie those of children, whom reports state to be grown."""
    born = {number: "2019-05-05" if number % 2 else "1960-05-05" for number in range(6)}
    for number, birth_date in born.items():
        world.register(local_id=f"D{number}", birth_date=birth_date)
        report = grown(dose(f"1.9.{number}", chest(f"1.8.{number}", 220)))
        world.receive(number, replace(report, reported_at="2026-01-02T09:00:00"))
    old, new = two_texts(world)
    everything = world.differs(DOSES, new, old)[1]
    with closing(psycopg2.connect(world.url)) as connection:
        compared = Pair(DOSES, old, new, meaning=compare.meaning_of(world.ours, DOSES))
        pages = [diff.meaning(connection, compared, offset, 2) for offset in (0, 2, 4)]
    assert sorted(one["irradiation_event_uid"] for one in everything) == ["1.8.0", "1.8.2", "1.8.4"]
    assert [len(page) for page in pages] == [2, 1, 0]
    assert [one for page in pages for one in page] == everything


@pytest.mark.parametrize(("phantom", "over"), [(16, 0), (32, 1)])
def test_ct_is_compared_for_the_phantom_that_the_level_names(world: RuledWorld, phantom: int, over: int) -> None:
    scan = {**exposure("1.8.1", dlp_mgycm=1_001), "protocol": "TAP", "acquisition": "Spiral", "phantom_cm": phantom}
    world.receive(1, grown(dose("1.9.1", scan)))
    level = {
        "act": "Chest-abdomen-pelvis",
        "modality": "CT",
        "population": "adult",
        "quantity": "dlp_mgycm",
        "value": 1_000,
        "unit": "mGy.cm",
        "phantom_cm": 32,
    }
    world.publish("dose-acts", 1, ACTS)
    world.publish("reference-levels", 2011, {"levels": [level]})
    world.work(DOSES)
    summary, _ = world.differs(DOSES, world.build(DOSES, reference_levels=2011))
    assert summary["doses"]["newly_over"] == over


def test_another_mapping_is_what_a_diff_knows_acts_by(world: RuledWorld) -> None:
    """Without one nothing is of an act; and what it says holds for a diff at once, as it does for readers."""
    world.receive(1, grown(dose("1.9.1", chest("1.8.1", 300), chest("1.8.2", 300, "Poumons"))))
    world.publish("reference-levels", 2011, {"levels": [{**LEVEL, "value": 250}]})
    world.work(DOSES)
    version = world.build(DOSES, reference_levels=2011)
    assert world.differs(DOSES, version)[0]["doses"]["newly_over"] == 0
    world.publish("dose-acts", 1, ACTS)
    assert [one["irradiation_event_uid"] for one in world.differs(DOSES, version)[1]] == ["1.8.1"]
    more = {"act": "Chest PA", "modalities": ["DX"], "protocols": ["poumons"]}
    world.publish("dose-acts", 2, {"entries": [*ACTS["entries"], more]})
    assert [one["irradiation_event_uid"] for one in world.differs(DOSES, version)[1]] == ["1.8.1", "1.8.2"]


def of(serial: str | None, told: ReceivedDose, model: str = "One") -> ReceivedDose:
    return replace(told, device=told.device | {"serial": serial, "model": model})


REPORTS: dict[str, list[ReceivedDose]] = {
    "two parts": [
        dose("1.9.1", exposure("1.8.1", dose_rp_mgy=600.0)),
        dose("1.9.2", exposure("1.8.2", dose_rp_mgy=600.0)),
    ],
    "one event twice": [
        dose("1.9.1", exposure("1.8.1", dose_rp_mgy=600.0)),
        dose("1.9.2", exposure("1.8.1", dose_rp_mgy=600.0), exposure("1.8.2", dose_rp_mgy=1.0)),
    ],
    "two devices, totals alone": [dose("1.9.1", dose_rp_mgy=600.0), of("2", dose("1.9.2", dose_rp_mgy=600.0))],
    "one device, totals alone": [dose("1.9.1", dose_rp_mgy=600.0), dose("1.9.2", dose_rp_mgy=700.0)],
    "exposures of one device, a total of another": [
        dose("1.9.1", exposure("1.8.1", dose_rp_mgy=600.0)),
        of("2.25.2", replace(dose("1.9.2", dose_rp_mgy=600.0), modality="XA"), model="Two"),
    ],
    "exposures, and a total that may be the same": [
        dose("1.9.1", exposure("1.8.1", dose_rp_mgy=600.0)),
        of(None, dose("1.9.2", dose_rp_mgy=600.0)),
    ],
    "implausible": [dose("1.9.1", exposure("1.8.1", dose_rp_mgy=2e7))],
    "equal": [dose("1.9.1", exposure("1.8.1", dose_rp_mgy=1_000.0))],
    "stated total": [dose("1.9.1", exposure("1.8.1", dose_rp_mgy=1.0), dose_rp_mgy=1_200.0)],
    "test of the device": [dose("1.9.1", exposure("1.8.1", dose_rp_mgy=1_200.0), qa=True)],
    "area": [dose("1.9.1", exposure("1.8.1", dap_mgycm2=100_001.0))],
    "not known": [dose("1.9.1", exposure("1.8.1"))],
    "disagree, the greater first": [
        dose("1.9.1", exposure("1.8.1", dose_rp_mgy=1_200.0)),
        dose("1.9.2", exposure("1.8.1", dose_rp_mgy=300.0)),
    ],
    "disagree, the greater second": [
        dose("1.9.1", exposure("1.8.1", dose_rp_mgy=300.0)),
        dose("1.9.2", exposure("1.8.1", dose_rp_mgy=1_200.0)),
    ],
    "disagree, one has a time": [
        dose("1.9.1", exposure("1.8.1", dose_rp_mgy=1_200.0)),
        replace(dose("1.9.2", exposure("1.8.1", dose_rp_mgy=300.0)), reported_at="2026-01-05T10:20:00"),
    ],
    "corrected": [
        replace(dose("1.9.1", exposure("1.8.1", dose_rp_mgy=1_200.0)), reported_at="2026-01-05T10:20:00"),
        replace(dose("1.9.2", exposure("1.8.1", dose_rp_mgy=300.0)), reported_at="2026-01-05T12:00:00"),
    ],
}


def test_a_study_is_over_exactly_where_the_domain_raises_an_alert(world: RuledWorld) -> None:
    rules = AlertRules(2, 1_000.0, 100_000.0)
    expected = set()
    for number, reports in enumerate(REPORTS.values()):
        study = world.receive(number, *reports)
        held = world.ours.ledger.find(Dose, Dose.create_id(world.ours.ledger.ids, UUID(study)))
        assert held is not None
        due = (one for rule in rules.rules.values() for one in due_in_study(held, rule))
        expected |= {(study, alert["quantity"]) for alert in due}
    world.publish("dose-alerts", 2, {"dose_rp_mgy": 1_000, "dap_mgycm2": 100_000})
    world.work(DOSES)
    _, listed = world.differs(DOSES, world.build(DOSES, dose_alerts=2))
    assert {(d["study_id"], d["quantity"]) for d in listed} == expected
    assert len(expected) == 9


def test_building_and_comparing_writes_no_event(world: RuledWorld) -> None:
    """A rebuild never decides."""
    world.matching(1)
    world.publish("dose-alerts", 2, {"dose_rp_mgy": 1_000, "dap_mgycm2": 100_000})
    for site in ("CHA", "CHB"):
        world.register(site)
    world.receive(1, REPORTS["stated total"][0])
    for view in (IDENTITIES, DOSES):
        world.work(view)
    before = world.head()
    assert world.differs(IDENTITIES, world.build(IDENTITIES, matching=1))[0]["persons"]["joined"] == 1
    assert world.differs(DOSES, world.build(DOSES, dose_alerts=2))[0]["doses"]["newly_over"] == 1
    assert world.types(before) == {}


def test_where_a_version_lacks_the_tables_that_tell_what_it_means_rows_are_compared_all_the_same(
    world: RuledWorld,
) -> None:
    version = world.build(DOSES)
    world.query(f"ALTER TABLE {DOSES}_v{version}.level RENAME TO bound")
    summary, meant = world.differs(DOSES, version)
    assert ("doses" in summary, summary["equal"], meant) == (False, False, [])
