"""What the patient record answers, on PostgreSQL, for the identities of one person."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg2
import pytest

from domain.commands.orders import PlaceOrder
from domain.commands.readings import RequestReading
from domain.commands.studies import ReassignStudy, ReceivedReport, WithdrawStudy
from projections.patient_record import queries
from schemas.event import ERASED
from tests.fakes.region import CLINICIAN
from tests.fakes.topic import records
from tests.integration.view_world import World

pytestmark = pytest.mark.live


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.close()


def shown(world: World, *members: str | UUID, erased: tuple[str, ...] = ()) -> dict[str, Any]:
    """The record, after all that the ledger holds."""
    world.store().apply(records(world.region, world.projection.topics))
    with closing(psycopg2.connect(world.url)) as connection:
        return queries.record(connection, [str(m) for m in members], set(erased))


def test_a_study_is_shown_as_it_came(world: World) -> None:
    """Under the names that other programs rely on."""
    report = ReceivedReport(report_uid="2.25.9", kind="SR", title="Compte rendu")
    answer = world.region.receive(study_uid="2.25.1", instances=2, reports=(report,)).result
    assert shown(world, answer["identity"])["studies"] == [
        {
            "study": answer["study"],
            "study_uid": "2.25.1",
            "identity": answer["identity"],
            "site": "CHB",
            "date": "2026-01-02T08:00:00",
            "modalities": ["CT"],
            "description": "an exam",
            "accession": None,
            "series": 1,
            "instances": 2,
            "reports": [{"report_uid": "2.25.9", "kind": "SR", "title": "Compte rendu", "unread": None}],
            "readings": [],
        }
    ]


def test_studies_of_all_members_are_shown_newest_first(world: World) -> None:
    """On the same date, the one that came in last is first."""
    one = world.region.receive("CHB", "2.25.1").result["identity"]
    other = world.region.receive("CHP", "2.25.2").result["identity"]
    assert [s["study_uid"] for s in shown(world, one, other)["studies"]] == ["2.25.2", "2.25.1"]


def test_studies_of_others_are_not_shown(world: World) -> None:
    """The person's members alone count, and one without studies has an empty record."""
    world.region.receive("CHB", "2.25.1")
    lonely = world.region.register(local_id="2")
    assert shown(world, lonely) == {"studies": [], "withdrawn": 0, "orders": []}


def test_withdrawn_studies_are_left_out_and_counted(world: World) -> None:
    """So that nobody takes the record for whole."""
    answer = world.region.receive(study_uid="2.25.1").result
    world.region.ask(WithdrawStudy(study=UUID(answer["study"]), reason="not of this person"))
    record = shown(world, answer["identity"])
    assert (record["studies"], record["withdrawn"]) == ([], 1)


def test_a_reassigned_study_is_shown_under_its_new_identity(world: World) -> None:
    """And no more under the one it came in with."""
    answer = world.region.receive(study_uid="2.25.1").result
    other = world.region.register(local_id="2")
    world.region.ask(ReassignStudy(study=UUID(answer["study"]), to_identity=other, reason="wrong patient"))
    assert [s["identity"] for s in shown(world, answer["identity"], other)["studies"]] == [str(other)]


def test_texts_of_an_erased_identity_are_masked_at_once(world: World) -> None:
    """Before any rebuild, and also where its study was reassigned to another."""
    report = ReceivedReport(report_uid="2.25.9", kind="SR", title="Compte rendu")
    answer = world.region.receive(study_uid="2.25.1", reports=(report,)).result
    other = world.region.register(local_id="2")
    world.region.ask(ReassignStudy(study=UUID(answer["study"]), to_identity=other, reason="wrong patient"))
    (study,) = shown(world, other, erased=(answer["identity"],))["studies"]
    assert (study["description"], study["reports"][0]["title"]) == (ERASED, ERASED)


def test_subjects_are_all_whose_erasure_the_record_must_honour(world: World) -> None:
    """Members, and the identities that their studies came in under."""
    answer = world.region.receive(study_uid="2.25.1").result
    other = world.region.register(local_id="2")
    world.region.ask(ReassignStudy(study=UUID(answer["study"]), to_identity=other, reason="wrong patient"))
    shown(world)
    with closing(psycopg2.connect(world.url)) as connection:
        assert queries.subjects(connection, [str(other)]) == {str(other), answer["identity"]}


def test_orders_are_shown_with_their_times(world: World) -> None:
    """ISO 8601, UTC."""
    person = world.region.register()
    asked = PlaceOrder(
        identity=person,
        site="CHB",
        ordered_by=CLINICIAN,
        modality="CT",
        question="embolism?",
        wanted_by=datetime(2026, 2, 1, 9, tzinfo=UTC),
    )
    world.region.ask(asked)
    (order,) = shown(world, person)["orders"]
    assert (order["state"], order["wanted_by"]) == ("placed", "2026-02-01T09:00:00Z")
    assert (order["question"], order["cancel_reason"]) == ("embolism?", None)


def test_questions_of_an_erased_identity_are_masked(world: World) -> None:
    """In its orders and in readings of its studies; what was never said stays null."""
    answer = world.region.receive(study_uid="2.25.1").result
    person, study = UUID(answer["identity"]), UUID(answer["study"])
    world.region.ask(PlaceOrder(identity=person, site="CHB", ordered_by=CLINICIAN, modality="CT", question="embolism?"))
    world.region.ask(RequestReading(study=study, from_site="CHB", to_site="CHP", question="bleeding?"))
    record = shown(world, person, erased=(str(person),))
    reading = record["studies"][0]["readings"][0]
    assert (record["orders"][0]["question"], reading["question"], reading["conclusion"]) == (ERASED, ERASED, None)
