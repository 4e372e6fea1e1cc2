"""The rows of the patient record, from real commands on a ledger in memory."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.commands.orders import CancelOrder, PerformOrder, PlaceOrder, PresentOrder, ResultOrder, ScheduleOrder
from domain.commands.readings import RequestReading
from domain.commands.splits import Split
from domain.commands.studies import ReassignStudy, ReceivedReport, WithdrawStudy
from projections.engine.projection import RowKey, UnknownEvent
from projections.patient_record.view import WRITERS, PatientRecord
from schemas.event import ERASED, LedgerEvent
from schemas.registry import registry
from tests.fakes.region import CLINICIAN, Region
from tests.fakes.rows import MemoryRows


def folded(region: Region) -> MemoryRows:
    """The view after all that the ledger holds of its topics."""
    view, rows = PatientRecord(), MemoryRows(PatientRecord.tables)
    for event in region.history():
        if event.type.partition(".")[0] in ("study", "order", "reading"):
            view.apply(event, rows)
    return rows


def only(region: Region, table: str) -> dict[str, Any]:
    """The one row that the table holds."""
    (row,) = folded(region).table(table).values()
    return row


@pytest.fixture
def region() -> Region:
    return Region()


@pytest.fixture
def order(region: Region) -> UUID:
    asked = PlaceOrder(
        identity=region.register(),
        site="CHB",
        ordered_by=CLINICIAN,
        modality="CT",
        question="embolism?",
        accession="A1",
    )
    return UUID(region.ask(asked).result["order"])


def test_a_study_that_arrives_is_a_row(region: Region) -> None:
    """As the site sent it, under the identity that it came in with."""
    answer = region.receive(site="CHB", study_uid="2.25.1", instances=2)
    row = only(region, "study")
    assert (row["identity_id"], row["site"], row["study_uid"]) == (answer.result["identity"], "CHB", "2.25.1")
    assert row["description"] == "an exam"


def test_a_batch_more_adds_to_its_series(region: Region) -> None:
    """Events hold counts of their batch alone; the row holds the sum."""
    for instances in (2, 3):
        region.receive(study_uid="2.25.1", instances=instances)
    row = only(region, "study")
    assert (row["instances"], row["series"]) == (5, {"2.25.1.1": {"modality": "CT", "instances": 5}})


def test_modalities_of_all_batches_are_kept(region: Region) -> None:
    """Sorted, each once."""
    for modality in ("PT", "CT", "PT"):
        region.receive(study_uid="2.25.1", modality=modality)
    assert only(region, "study")["modalities"] == ["CT", "PT"]


def test_an_extension_read_before_the_arrival_is_not_lost(region: Region) -> None:
    """It cannot happen inside a partition; if it did, the counts would be right all the same."""
    for instances in (2, 3):
        region.receive(study_uid="2.25.1", instances=instances)
    arrived, extended = (e for e in region.history() if e.type.startswith("study."))
    view, rows = PatientRecord(), MemoryRows(PatientRecord.tables)
    view.apply(extended, rows)
    view.apply(arrived, rows)
    (row,) = rows.table("study").values()
    assert (row["instances"], row["site"]) == (5, "CHB")


def test_a_report_is_a_row_of_its_study(region: Region) -> None:
    """Twice the same report is one row."""
    report = ReceivedReport(report_uid="2.25.9", kind="SR", title="Compte rendu")
    region.receive(study_uid="2.25.1", reports=(report,))
    assert (only(region, "report")["kind"], only(region, "report")["title"]) == ("SR", "Compte rendu")


def test_a_reassigned_study_remembers_whose_key_seals_it(region: Region) -> None:
    """Erasing the new owner does not make the old texts unreadable, and the other way round."""
    answer, other = region.receive(), region.register(local_id="2")
    region.ask(ReassignStudy(study=UUID(answer.result["study"]), to_identity=other, reason="wrong patient"))
    row = only(region, "study")
    assert (row["identity_id"], row["subject_id"]) == (str(other), answer.result["identity"])


def test_a_withdrawn_study_stays_a_row(region: Region) -> None:
    """Who asks for it by id is told that it was withdrawn."""
    answer = region.receive()
    region.ask(WithdrawStudy(study=UUID(answer.result["study"]), reason="not of this person"))
    assert only(region, "study")["withdrawn"] is True


def test_a_text_whose_key_was_destroyed_reads_erased(region: Region) -> None:
    """Everything else of the study stays."""
    answer = region.receive()
    region.memory_vault.destroy(answer.result["identity"])
    row = only(region, "study")
    assert (row["description"], row["study_uid"]) == (ERASED, "2.25.1")


def test_a_placed_order_is_a_row(region: Region, order: UUID) -> None:
    """With what the clinician wants to know."""
    row = only(region, "exam_order")
    assert (row["state"], row["question"], row["ordered_by"]) == ("placed", "embolism?", CLINICIAN)


def test_each_step_of_an_order_adds_to_its_row(region: Region, order: UUID) -> None:
    """Its state is the last step; what earlier steps said stays."""
    at = datetime(2026, 2, 1, 9, tzinfo=UTC)
    region.ask(PresentOrder(order=order, site="CHP"))
    region.ask(ScheduleOrder(order=order, site="CHP", at=at, accession="A2", ae_title="CT1"))
    region.ask(PerformOrder(order=order, study_uid="2.25.1"))
    region.ask(ResultOrder(order=order, report_uid="2.25.9"))
    row = only(region, "exam_order")
    assert (row["state"], row["scheduled_at"], row["accession"]) == ("resulted", "CHP", "A2")
    assert (row["study_uid"], row["report_uid"], row["placer_number"]) == ("2.25.1", "2.25.9", row["placer_number"])
    assert row["scheduled_for"] == int(at.timestamp() * 1_000_000)


def test_a_cancelled_order_says_why(region: Region, order: UUID) -> None:
    """It stays in the record."""
    region.ask(CancelOrder(order=order, reason="made elsewhere"))
    row = only(region, "exam_order")
    assert (row["state"], row["cancel_reason"]) == ("cancelled", "made elsewhere")


def test_an_order_that_was_moved_is_another_ones_with_its_words_and_stands_where_it_did(region: Region) -> None:
    """Whoever it was of may be erased: its words are sealed again."""
    first = UUID(region.receive().result["identity"])
    asked = PlaceOrder(
        identity=first, site="CHB", ordered_by=CLINICIAN, modality="CT", question="nodule?", pregnancy="possible"
    )
    order = UUID(region.ask(asked).result["order"])
    at = datetime(2026, 2, 1, 9, tzinfo=UTC)
    region.ask(ScheduleOrder(order=order, site="CHB", at=at, accession="A2", ae_title="CT1"))
    before = {"cancel_reason": None, **only(region, "exam_order")}
    other = region.ask(Split(identity=first, orders=(order,), reason="two people")).result["other"]
    assert only(region, "exam_order") == {**before, "identity_id": other}
    region.memory_vault.destroy(str(first))
    assert only(region, "exam_order") == {**before, "identity_id": other}
    region.memory_vault.destroy(other)
    row = only(region, "exam_order")
    assert [row[name] for name in ("placer_number", "question", "accession", "ae_title", "pregnancy")] == [ERASED] * 5


def test_a_requested_reading_is_a_row(region: Region) -> None:
    """Joined with its study only when read: it touches no row of another topic."""
    study = UUID(region.receive().result["study"])
    region.ask(RequestReading(study=study, from_site="CHB", to_site="CHP", question="bleeding?"))
    row = only(region, "reading")
    assert (row["study_id"], row["state"], row["to_site"]) == (str(study), "requested", "CHP")


def test_every_event_of_its_topics_is_known() -> None:
    """A schema added to them needs a rule here, before its events are parked."""
    assert set(WRITERS) == {t for topic in PatientRecord.topics for t in registry().topics()[topic]}


def test_an_unknown_event_is_refused() -> None:
    """It is parked, never skipped."""
    event = LedgerEvent(1, "study.sold", "x", 1, {})
    with pytest.raises(UnknownEvent, match=r"study\.sold"):
        PatientRecord().apply(event, MemoryRows())


def test_the_rows_it_changes_are_those_it_names(region: Region, order: UUID) -> None:
    """So that a batch reads them at once; only rows that are put completely need not be named."""
    region.receive(reports=(ReceivedReport(report_uid="2.25.9", kind="SR", title=None),))
    region.receive(instances=1)
    asked: set[RowKey] = set()

    class Watched(MemoryRows):
        def get(self, key: RowKey) -> Any:
            asked.add(key)
            return super().get(key)

        def change(self, key: RowKey, **values: Any) -> None:
            asked.add(key)
            super().change(key, **values)

    view, rows = PatientRecord(), Watched(PatientRecord.tables)
    for event in region.history():
        if event.type.partition(".")[0] in ("study", "order"):
            asked.clear()
            view.apply(event, rows)
            assert asked <= set(view.keys(event)), event.type
