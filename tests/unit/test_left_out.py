"""What a reader is not told of rows that they see: later steps that are withheld, and other people."""

from typing import Any
from uuid import UUID

from domain.commands.consents import LiftOpposition, Oppose
from domain.commands.orders import PerformOrder, PlaceOrder
from domain.commands.readings import AcceptReading, ReportReading, RequestReading
from domain.consent_statements import Scope
from domain.sight import ALL, Opposition, Sight
from krypton.auditing.accesses import own as own_access
from krypton.auditing.withheld import Withheld
from projections.cumulative_dose import queries as doses
from projections.identity_index import queries as identities
from projections.patient_record import orders, readings
from tests.fakes.region import CLINICIAN, RADIOLOGIST, Region

SIGHT = Sight(oppositions=(Opposition(10, "everyone"),), site="CHA")
ORDER: dict[str, Any] = {
    "site": "CHB",
    "ordered_by": "1",
    "presented_at": "CHP",
    "scheduled_at": "CHP",
    "state": "resulted",
    "study_uid": "2.25.1",
    "report_uid": "2.25.2",
    "accession": "A1",
    "modality": "CT",
    "first_position": 5,
    "last_position": 12,
}
READING: dict[str, Any] = {
    "from_site": "CHB",
    "to_site": "CHP",
    "state": "reported",
    "read_by": "1",
    "conclusion": "a nodule",
    "report_uid": "2.25.2",
    "question": "nodule?",
    "first_position": 5,
    "last_position": 12,
}


def test_an_order_placed_before_an_opposition_to_feeding_shows_no_step_after_it() -> None:
    seen = orders.fed(ORDER, SIGHT)
    assert (seen["state"], seen["modality"], seen["study_uid"], seen["report_uid"]) == ("placed", "CT", None, None)
    assert seen["accession"] is seen["scheduled_at"] is None


def test_a_reading_asked_for_before_an_opposition_to_feeding_shows_no_conclusion_after_it() -> None:
    seen = readings.fed(READING, SIGHT)
    assert (seen["state"], seen["question"]) == ("requested", "nodule?")
    assert seen["conclusion"] is seen["read_by"] is seen["report_uid"] is None


def test_who_took_part_sees_all_steps_and_so_does_everybody_without_an_opposition() -> None:
    for sight in (
        ALL,
        Sight(oppositions=SIGHT.oppositions, site="CHP"),
        Sight(oppositions=(Opposition(12, "everyone"),)),
    ):
        assert orders.fed(ORDER, sight) == ORDER
        assert readings.fed(READING, sight) == READING


def test_a_patient_is_told_of_a_pair_without_the_other_person_and_the_reason() -> None:
    entry = {"identities": ["me", "other"], "reason": "same name as Jeanne", "link": "x", "type": "link.merged"}
    alone = {"identities": ["me"], "reason": "a typing error", "type": "identity.traits_corrected"}
    pair, same = identities.own([entry, alone], ["me"])
    assert pair == {"identities": ["me"], "reason": None, "link": None, "type": "link.merged"}
    assert same == alone
    assert identities.own([entry], ["me", "other"]) == [entry]


def test_a_patient_is_not_told_what_an_access_showed_of_another_person() -> None:
    studies = [{"id": "1", "identity": "me"}, {"id": "2", "identity": "other"}]
    access = {"identity": "me", "members": ["me", "other"], "reason": "x", "shown": {"studies": studies, "orders": []}}
    told = own_access(access, ["me"])
    assert (told["members"], told["shown"]) == (["me"], {"studies": studies[:1], "orders": []})
    assert own_access(access | {"shown": None}, ["me"])["shown"] is None


def test_a_patient_is_not_told_who_else_consented_and_what_a_review_found_of_others() -> None:
    access = {"identity": "me", "members": ["me", "other"], "reason": "x", "stated_by": "other", "statement": "s"}
    told = own_access(access, ["me"])
    assert (told["stated_by"], told["statement"], told["reason"]) == (None, None, "x")
    assert own_access(access | {"stated_by": "me"}, ["me"])["statement"] == "s"
    theirs = own_access(access | {"identity": "other", "review_note": "of Jeanne"}, ["me"])
    assert theirs["review_note"] is theirs["reason"] is None


def test_a_dose_report_does_not_name_a_later_one_that_is_not_shown() -> None:
    report = {"report_uid": "1", "superseded_by": "2"}
    assert doses._report_told(report, {"2"})["superseded_by"] is None
    assert doses._report_told(report, {"3"}) == report


def test_an_export_ends_an_item_where_something_came_in_against_an_opposition_to_feeding() -> None:
    region = Region()
    came = region.receive("CHB").result
    marie, study = UUID(came["identity"]), UUID(came["study"])
    placed = PlaceOrder(identity=marie, site="CHB", ordered_by=CLINICIAN, modality="CT", question="nodule?")
    order = UUID(region.ask(placed).result["order"])
    request = RequestReading(study=study, from_site="CHB", to_site="CHP", question="nodule?")
    reading = UUID(region.ask(request).result["reading"])
    region.ask(AcceptReading(reading=reading, by=RADIOLOGIST))
    region.ask(Oppose(identity=marie, scope=Scope.FEED, reason="a relative"))
    region.receive("CHB", instances=3)
    region.ask(ReportReading(reading=reading, by=RADIOLOGIST, report_uid="2.25.9", conclusion="a nodule"))
    region.ask(PerformOrder(order=order, study_uid="2.25.1"))

    def cut() -> set[str]:
        events = region.history()
        cuts = Withheld.of({str(marie)}, events).cuts()
        return {event.type for event in events if event.position >= cuts.get(event.aggregate_id, event.position + 1)}

    assert cut() == {"study.extended", "reading.reported", "order.performed"}
    withheld = Withheld.of({str(marie)}, region.history())
    assert (withheld.number, withheld.kept_back) == (3, [])
    assert {event.type for event in region.history() if withheld.keeps(event)} == {
        "study.extended",
        "reading.reported",
        "order.performed",
    }
    region.ask(LiftOpposition(identity=marie, scope=Scope.FEED))
    assert cut() == set()
