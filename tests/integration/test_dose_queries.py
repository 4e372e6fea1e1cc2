"""What the cumulative dose answers, on PostgreSQL: each irradiation event once, whoever and whatever repeats it."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from uuid import UUID

import pytest

from domain.commands.doses import AcknowledgeAlert, JudgePerson, ReceivedDose
from domain.commands.links import Merge, Unmerge
from domain.commands.rules import PublishRules
from domain.commands.studies import ReassignStudy
from domain.commands.views import Promoted
from domain.rules.document import document
from domain.sight import Exclusions, Opposition, Sight
from projections.cumulative_dose import alerts, queries
from projections.cumulative_dose.asked import Asked
from projections.cumulative_dose.sums import Period
from projections.cumulative_dose.view import CumulativeDose
from tests.fakes.region import dose, exposure
from tests.fakes.views import Hospitals, pair
from tests.integration.view_reader import ViewReader

pytestmark = pytest.mark.live

EVENTS = [exposure(f"1.8.{n}", dlp_mgycm=dlp) for n, dlp in enumerate((7.46, 69.81, 158.82), start=1)]
MULTI = [  # RDSR case 1: cumulative reports of one study
    dose("1.9.1", *EVENTS[:1], dlp_mgycm=7.46),
    dose("1.9.2", *EVENTS[:2], dlp_mgycm=77.27),
    dose("1.9.3", *EVENTS, dlp_mgycm=236.09),
]
CONTINUED = [  # RDSR case 2: disjoint reports of one study
    dose("1.9.4", exposure("1.8.4", dlp_mgycm=30.1), exposure("1.8.5", dlp_mgycm=30.07), dlp_mgycm=60.17),
    dose("1.9.5", exposure("1.8.6", dlp_mgycm=0.14), exposure("1.8.7", dlp_mgycm=56.3), dlp_mgycm=56.44),
]
HOT = dose("1.9.9", exposure("1.8.9", dose_rp_mgy=2_500.0), dose_rp_mgy=2_500.0)
YEAR = {"name": "year", "kind": "window", "quantity": "dlp_mgycm", "threshold": 1_000, "days": 365}
YEARS: dict[str, Any] = {
    "kind": "dose-alerts",
    "version": 2,
    "in_force_from": "2026-01-01",
    "title": "over studies",
    "body": {"alerts": [YEAR]},
}
Read = Callable[[Hospitals], Any]


def zee(report_uid: str, branch: str) -> ReceivedDose:
    """RDSR case 3: 8 events, 160 mGy·cm²; at the reference point 2.49 mGy summed, 2.52 mGy stated."""
    shots = [
        exposure(f"{branch}.{n}", dap_mgycm2=20.0, dose_rp_mgy=rp) | {"kind": "PROJECTION", "modality": "RF"}
        for n, rp in enumerate([0.31] * 7 + [0.32])
    ]
    return dose(report_uid, *shots, dap_mgycm2=160.0, dose_rp_mgy=2.52)


@pytest.fixture
def read(database_url: str) -> Iterator[Read]:
    """A connection to the view as it is after all that a region's ledger holds so far."""
    with closing(ViewReader(database_url, CumulativeDose())) as reader:
        yield reader.read


def member(identity: str, assigner: str = "CHA", local_id: str = "1") -> dict[str, str]:
    """As the identity index names it."""
    return {"identity": identity, "assigner": assigner, "local_id": local_id}


def received(*doses: ReceivedDose, study_uid: str = "1.2.1") -> tuple[Hospitals, str]:
    """A region in which one study of one person brought these reports, one batch each; and the identity."""
    region = Hospitals()
    answers = [region.receive("CHA", "1", study_uid, dose) for dose in doses]
    return region, answers[0].result["identity"]


def shown(read: Read, region: Hospitals, *identities: str, **asked: Any) -> dict[str, Any]:
    return queries.dose(read(region), [member(identity) for identity in identities], **asked)


def test_cumulative_reports_count_each_event_once_in_all_orders(read: Read) -> None:
    """RDSR case 1: 3 exposures, 236.09 mGy·cm, never 320.82."""
    for order in itertools.permutations(MULTI):
        document = shown(read, *received(*order))
        assert (len(document["exposures"]), document["totals"]["dlp_mgycm"]) == (3, 236.09)
        assert document["report_totals"]["dlp_mgycm"] == 236.09


def test_a_repeated_report_changes_nothing(read: Read) -> None:
    """RDSR case 4: one report, one set of exposures."""
    document = shown(read, *received(MULTI[2], MULTI[2], MULTI[0], MULTI[2]))
    kept = len(document["exposures"]), len(document["reports"]), document["totals"]["dlp_mgycm"]
    assert kept == (3, 2, 236.09)


def test_continued_reports_add_up_in_either_order(read: Read) -> None:
    """RDSR case 2: 4 exposures, 116.61 mGy·cm."""
    for order in itertools.permutations(CONTINUED):
        document = shown(read, *received(*order))
        assert (len(document["exposures"]), document["totals"]["dlp_mgycm"]) == (4, 116.61)


def test_the_same_report_under_another_study_counts_once_and_is_a_conflict(read: Read) -> None:
    """RDSR case 3, as shipped: 160 mGy·cm²; RP 2.49 mGy by event sum, 2.52 by report total."""
    region = Hospitals()
    for study_uid in ("1.2.1", "1.2.2"):
        identity = region.receive("CHA", "1", study_uid, zee("1.9.7", "1.7")).result["identity"]
    document = shown(read, region, identity)
    assert (document["totals"]["dap_mgycm2"], document["totals"]["dose_rp_mgy"]) == (160.0, 2.49)
    assert document["report_totals"]["dose_rp_mgy"] == 2.52
    assert {tuple(c["study_uids"]) for c in document["conflicts"]} == {("1.2.1", "1.2.2")}


def test_reports_with_events_of_their_own_both_count(read: Read) -> None:
    """RDSR case 3, fresh UIDs: 320 mGy·cm²; RP 4.98 by event sums, 5.04 by report totals."""
    region = Hospitals()
    for study_uid, branch in (("1.2.1", "1.7"), ("1.2.2", "1.6")):
        identity = region.receive("CHA", "1", study_uid, zee(f"{branch}.0", branch)).result["identity"]
    document = shown(read, region, identity)
    assert (document["totals"]["dap_mgycm2"], document["totals"]["dose_rp_mgy"]) == (320.0, 4.98)
    assert (document["report_totals"]["dose_rp_mgy"], document["conflicts"]) == (5.04, [])


def test_one_event_from_two_hospitals_counts_once_for_the_merged_person(read: Read) -> None:
    """Identity cases 1 and 2: merged, the two share it; unmerged, each has its own, by its own origin."""
    region = Hospitals()
    a = region.receive("CHA", "1", "1.2.1", CONTINUED[0]).result["identity"]
    b = region.receive("CHB", "2", "1.2.1", CONTINUED[0], CONTINUED[1]).result["identity"]
    connection = read(region)
    totals = [
        queries.dose(connection, [member(i) for i in person])["totals"]["dlp_mgycm"] for person in ([a, b], [a], [b])
    ]
    assert totals == [116.61, 60.17, 116.61]


def test_what_nobody_stated_is_null(read: Read) -> None:
    """Never zero: neither in an exposure nor in a total."""
    document = shown(read, *received(MULTI[0]))
    assert document["totals"] == {
        "dlp_mgycm": 7.46,
        "dap_mgycm2": None,
        "dose_rp_mgy": None,
        "agd_mgy": None,
        "activity_mbq": None,
        "agd_left_mgy": None,
        "agd_right_mgy": None,
    }
    assert document["exposures"][0]["ctdivol_mgy"] is None


def test_a_person_without_dose_reports_has_unknown_totals(read: Read) -> None:
    """The document has its full shape."""
    region = Hospitals()
    identity = region.register("CHA", "1")
    document = shown(read, region, identity)
    assert (document["person"], document["exposures"], document["alerts"]) == (identity, [], [])
    assert set(document["totals"].values()) == {None}


def test_a_test_of_the_device_is_told_and_is_in_the_totals(read: Read) -> None:
    """Words say so, and words may be a patient's: no dose is lost by them."""
    phantom = dose("1.9.8", exposure("1.8.8", dlp_mgycm=1590.0), qa=True, dlp_mgycm=1590.0)
    document = shown(read, *received(MULTI[0], phantom))
    assert (document["totals"]["dlp_mgycm"], document["qa_exposures"]) == (1597.46, 1)
    assert [e["qa"] for e in document["exposures"]] == [False, True]
    assert document["report_totals"]["dlp_mgycm"] == 1597.46


def test_accumulated_dose_alone_is_the_study_s_total_until_an_exposure_is_known(read: Read) -> None:
    """Which report states it is told; then the exposures count, and nothing twice."""
    region, identity = received(dose("1.9.6", dlp_mgycm=7.46))
    document = shown(read, region, identity)
    assert (document["exposures"], document["totals"]["dlp_mgycm"]) == ([], 7.46)
    assert [(a["study_uid"], a["value"], a["report_uid"]) for a in document["stated_alone"]] == [
        ("1.2.1", 7.46, "1.9.6")
    ]
    assert [(r["exposures"], r["report_totals"]["dlp_mgycm"]) for r in document["reports"]] == [(0, 7.46)]
    region.receive("CHA", "1", "1.2.1", MULTI[1])
    document = shown(read, region, identity)
    assert (document["totals"]["dlp_mgycm"], document["stated_alone"], len(document["reports"])) == (77.27, [], 2)


def test_a_period_tells_what_has_no_time_and_the_skin_is_of_all_that_counts(read: Read) -> None:
    """A total at the reference point that a report states alone is in no year, and in no day's window of the skin."""
    region, identity = received(dose("1.9.8", dose_rp_mgy=800.0, dap_mgycm2=9.0))
    asked = Asked(period=Period(since="2026-01-01"))
    document = shown(read, region, identity, asked=asked)
    assert (document["totals"]["dose_rp_mgy"], document["undated"]) == (None, 1)
    (skin,) = document["skin"]
    assert (skin["region"], skin["dose_rp_mgy"], skin["undated"]) == (None, None, 1)


def test_report_totals_stand_beside_event_sums_unrepaired(read: Read) -> None:
    """Each report shows both, by name."""
    (told,) = shown(read, *received(zee("1.9.7", "1.7")))["reports"]
    assert (told["report_totals"]["dose_rp_mgy"], told["event_sums"]["dose_rp_mgy"]) == (2.52, 2.49)


def test_the_dose_follows_a_study_that_is_reassigned(read: Read) -> None:
    """From then on; before that position it was the first one's."""
    region = Hospitals()
    other = region.register("CHB", "2")
    first = region.receive("CHA", "1", "1.2.1", MULTI[0]).result
    before = region.history()[-1].position
    region.ask(ReassignStudy(study=UUID(first["study"]), to_identity=UUID(other), reason="wrong patient"))
    connection = read(region)

    def total_of(identity: str, at: int | None = None) -> float | None:
        document = queries.dose(connection, [member(identity)], at_position=at)
        return document["totals"]["dlp_mgycm"]  # type: ignore[no-any-return]

    assert [total_of(first["identity"]), total_of(other)] == [None, 7.46]
    assert [total_of(first["identity"], before), total_of(other, before)] == [7.46, None]


def test_a_report_is_superseded_only_since_it_was(read: Read) -> None:
    """As of the position between the two reports, the first stands alone."""
    region = Hospitals()
    identity = region.receive("CHA", "1", "1.2.1", MULTI[0]).result["identity"]
    between = region.history()[-1].position
    region.receive("CHA", "1", "1.2.1", MULTI[2])
    connection = read(region)
    then = queries.dose(connection, [member(identity)], at_position=between)["reports"]
    now = queries.dose(connection, [member(identity)])["reports"]
    assert [[r["superseded_by"] for r in told] for told in (then, now)] == [[None], ["1.9.3", None]]


def test_exposures_carry_what_the_interface_promises(read: Read) -> None:
    """Interface: dose show."""
    region, identity = received(MULTI[0])
    (told,) = shown(read, region, identity)["exposures"]
    promised = {"irradiation_event_uid": "1.8.1", "study_uid": "1.2.1", "identity": identity, "dlp_mgycm": 7.46}
    assert promised.items() <= told.items()
    assert {"started_at", "modality", "protocol", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq"} <= told.keys()


@pytest.mark.parametrize(("since", "alerts"), [("2026-01-05", 1), ("2026-01-06", 0)])
def test_alerts_are_of_the_period_that_is_asked_for(read: Read, since: str, alerts: int) -> None:
    made = exposure("1.8.9", dose_rp_mgy=2_500.0) | {"started_at": "2026-01-05T10:00:00"}
    region, identity = received(dose("1.9.9", made, dose_rp_mgy=2_500.0))
    document = shown(read, region, identity, asked=Asked(period=Period(since=since)))
    assert (len(document["exposures"]), len(document["alerts"])) == (alerts, alerts)


def test_an_alert_is_open_until_it_is_acknowledged(read: Read) -> None:
    """The list for the site that sent the report; an acknowledged one is told with who and what was done."""
    region = Hospitals()
    study = region.receive("CHA", "1", "1.2.1", HOT).result["study"]
    connection = read(region)
    (alert,) = alerts.alerts(connection, site="CHA")
    assert (alert["kind"], alert["value"], alert["threshold"]) == ("dose_rp_mgy_over", 2_500.0, 2_000.0)
    assert alerts.alerts(connection, site="CHB") == []
    region.ask(AcknowledgeAlert(study=UUID(study), alert=UUID(alert["alert"]), note="skin checked"))
    connection = read(region)
    (seen,) = alerts.alerts(connection, open_only=False)
    assert (alerts.alerts(connection), seen["note"], seen["acknowledged_by"]) == ([], "skin checked", "system:test")


def over_two_studies(*more: ReceivedDose) -> tuple[Hospitals, str, str, list[str]]:
    """Two identities that are one person, a study of each, and an alert over both: region, identities and studies.

    ``more``: further reports of the first study, which came before the alert.
    """
    region = Hospitals()
    region.ask(PublishRules(document=document(YEARS)))
    region.ask(Promoted(view="cumulative_dose", version=2, former=1, rules={"dose-alerts": 2}))
    told = []
    for number, site in enumerate(("CHA", "CHB"), 1):
        shot = exposure(f"1.8.{number}", dlp_mgycm=700.0) | {"started_at": f"2026-01-0{number}T10:00:00"}
        told.append(region.receive(site, "1", f"1.2.{number}", dose(f"1.9.{number}", shot)).result)
    for report in more:
        region.receive("CHA", "1", "1.2.1", report)
    one, other = (answer["identity"] for answer in told)
    region.ask(Merge(**pair(one, other), reason="seen at the desk"))
    region.ask(JudgePerson(identity=UUID(one), why="corrected"))
    return region, one, other, [answer["study"] for answer in told]


@pytest.mark.parametrize(
    "sight",
    [Sight(Exclusions(studies=frozenset({"1.2.1"}))), Sight(oppositions=(Opposition(0, "site:CHA"),), site="CHB")],
    ids=["left out by a consent", "withheld by an opposition"],
)
def test_an_alert_over_studies_tells_nothing_of_one_that_its_reader_does_not_see(read: Read, sight: Sight) -> None:
    """Neither which study it is, nor its dose within the sum."""
    region, one, other, studies = over_two_studies()
    (alert,) = shown(read, region, one, other)["alerts"]
    assert (alert["studies"], alert["value"]) == (sorted(studies), 1_400.0)
    (alert,) = shown(read, region, one, other, sight=sight)["alerts"]
    assert (alert["study"], alert["studies"], alert["value"], alert["threshold"]) == (
        *studies[1:],
        studies[1:],
        None,
        1e3,
    )


LATE = dose("1.9.3", exposure("1.8.3", dlp_mgycm=50.0) | {"started_at": "2026-01-01T11:00:00"})


def of_an_opposed(read: Read, region: Hospitals, *identities: str) -> Any:
    """The alert, for who is not to see what CHA sent after its first report."""
    first = min(report["position"] for report in shown(read, region, *identities)["reports"])
    sight = Sight(oppositions=(Opposition(first + 1, "site:CHA"),), site="CHB")
    (alert,) = shown(read, region, *identities, sight=sight)["alerts"]
    return alert


def test_a_sum_is_not_told_where_a_withheld_report_is_within_it(read: Read) -> None:
    """The study is seen all the same, by a report that came before the opposition."""
    region, one, other, studies = over_two_studies(LATE)
    (whole,) = shown(read, region, one, other)["alerts"]
    told = of_an_opposed(read, region, one, other)
    assert (whole["value"], told["value"], told["studies"]) == (1_450.0, None, sorted(studies))


def test_a_withheld_report_that_came_after_an_alert_takes_nothing_from_it(read: Read) -> None:
    """Its dose is not in the sum."""
    region, one, other, studies = over_two_studies()
    region.receive("CHA", "1", "1.2.1", LATE)
    told = of_an_opposed(read, region, one, other)
    assert (told["value"], told["studies"]) == (1_400.0, sorted(studies))


def test_an_alert_over_studies_tells_nothing_of_who_is_somebody_else_now(read: Read) -> None:
    """It was withdrawn, and is on record at the study of the one."""
    region, one, other, studies = over_two_studies()
    region.ask(Unmerge(**pair(one, other), reason="two"))
    region.ask(JudgePerson(identity=UUID(other), why="other_person"))
    (alert,) = shown(read, region, other)["alerts"]
    assert (alert["state"], alert["studies"], alert["value"]) == ("withdrawn", studies[1:], None)


def test_a_note_about_an_erased_person_is_masked_at_once(read: Read) -> None:
    """Though the row still holds it; and so is the member's local id."""
    region = Hospitals()
    answer = region.receive("CHA", "1", "1.2.1", HOT).result
    (raised,) = [e for e in region.history() if e.type == "dose.alert_raised"]
    region.ask(
        AcknowledgeAlert(study=UUID(answer["study"]), alert=UUID(raised.data["alert_id"]), note="Marked was told")
    )
    document = shown(read, region, answer["identity"], erased={answer["identity"]})
    assert document["alerts"][0]["note"] == document["members"][0]["local_id"] == "[erased]"


@pytest.mark.parametrize("batch", [1, 3, 1_000])
def test_live_rows_equal_rows_folded_in_memory(database_url: str, batch: int) -> None:
    """However the events are cut into batches: reports, supersessions, a reassignment and an acknowledged alert."""
    region = Hospitals()
    other = region.register("CHB", "2")
    study = ""
    for number, told in enumerate([*MULTI, HOT, *CONTINUED]):
        study = region.receive("CHA", "1", f"1.2.{number % 2}", told).result["study"]
    region.ask(ReassignStudy(study=UUID(study), to_identity=UUID(other), reason="wrong patient"))
    (raised,) = [e.data for e in region.history() if e.type == "dose.alert_raised"]
    region.ask(AcknowledgeAlert(study=UUID(raised["study_id"]), alert=UUID(raised["alert_id"]), note="skin checked"))
    with closing(ViewReader(database_url, CumulativeDose())) as reader:
        reader.read(region, batch)
        assert reader.tables() == reader.expected(region)
