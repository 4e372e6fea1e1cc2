"""Accepting what came second: the last decision is what the study says; one that would change nothing is refused."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.commands.conflicts import AcceptConflict
from domain.commands.doses import ReceivedDose, RereadDose
from domain.commands.received_patient import ReceivedPatient
from domain.commands.studies import ReassignStudy, ReceivedConflict
from domain.errors import OtherReportStands
from tests.fakes.region import Region, dose, exposure
from tests.features.worlds.memory import MemoryViews

FIRST, EARLY, LATE = "2026-01-05T10:00:00", "2026-01-05T11:00:00", "2026-01-05T12:00:00"
PATIENT = ReceivedPatient(local_id="1", issuer=None, stated={"family": "FICTIVE"})
EVENT = exposure("2.25.91", dlp_mgycm=100.0)


@pytest.fixture
def region() -> Region:
    return Region()


def content(dlp: float, at: str, *more: dict[str, Any], uid: str = "2.25.5") -> ReceivedDose:
    return replace(dose(uid, exposure("2.25.91", dlp_mgycm=dlp), *more), reported_at=at)


def found(region: Region, digest: str) -> UUID:
    """A dose report came once more under its UID, with other content: the conflict."""
    second = ReceivedConflict(
        patient=PATIENT,
        study_uid="2.25.1",
        differing=["ContentSequence"],
        instances=1,
        uid="2.25.5",
        digest=digest,
        reports=True,
    )
    region.receive(instances=0, conflicts=(second,))
    return UUID([e.data["conflict_id"] for e in region.history() if e.type == "study.conflict_found"][-1])


def first(region: Region, *more: ReceivedDose) -> tuple[UUID, UUID]:
    """The study and the identity, once the first content has come in."""
    answer = region.receive(doses=(content(100.0, FIRST), *more)).result
    return UUID(answer["study"]), UUID(answer["identity"])


def dlp(region: Region, identity: UUID) -> Any:
    return MemoryViews(region).dose(identity)["totals"]["dlp_mgycm"]


def standing(region: Region, identity: UUID) -> int:
    return sum(one["superseded_by"] is None for one in MemoryViews(region).dose(identity)["reports"])


@pytest.mark.parametrize("second", [EARLY, LATE, FIRST])
@pytest.mark.parametrize("third", [EARLY, LATE, FIRST])
def test_of_two_contents_that_are_accepted_the_last_decision_stands(region: Region, second: str, third: str) -> None:
    """Whatever their content times say: a person looked at both."""
    study, identity = first(region)
    one, other = found(region, "aa" * 32), found(region, "bb" * 32)
    region.ask(AcceptConflict(study=study, conflict=one, reason="seen", dose=content(200.0, second)))
    assert (dlp(region, identity), standing(region, identity)) == (200.0, 1)
    region.ask(AcceptConflict(study=study, conflict=other, reason="seen", dose=content(300.0, third)))
    assert (dlp(region, identity), standing(region, identity)) == (300.0, 1)


@pytest.mark.parametrize(
    "corrected",
    [content(150.0, LATE, uid="2.25.6"), content(150.0, LATE, exposure("2.25.92", dlp_mgycm=1.0), uid="2.25.6")],
    ids=["corrected later", "a fuller report, later"],
)
def test_a_content_for_which_another_report_stands_is_refused(region: Region, corrected: ReceivedDose) -> None:
    """D5: it would change nothing, so nobody is told that it was accepted; the conflict stays open."""
    study, identity = first(region, corrected)
    conflict = found(region, "aa" * 32)
    command = AcceptConflict(study=study, conflict=conflict, reason="seen", dose=content(200.0, EARLY))
    before = dlp(region, identity)
    refused = region.refusal(command)
    assert type(refused) is OtherReportStands
    assert "dose report 2.25.6 of study" in str(refused)
    assert dlp(region, identity) == before


@pytest.mark.parametrize("at", [EARLY, LATE, FIRST])
def test_an_accepted_content_takes_the_place_of_the_report_as_it_was_read_again(region: Region, at: str) -> None:
    study, identity = first(region)
    region.ask(RereadDose(study=study, site="CHB", received=content(900.0, EARLY), compared="2.25.5"))
    one = found(region, "aa" * 32)
    region.ask(AcceptConflict(study=study, conflict=one, reason="seen", dose=content(200.0, at)))
    assert (dlp(region, identity), standing(region, identity)) == (200.0, 1)


def test_a_study_whose_conflict_is_accepted_is_the_twins_whom_it_named(region: Region) -> None:
    """Her brother's images came in her study, without a given name."""
    born = {"family": "MARTIN", "birth_date": "2020-01-02"}
    mia = region.receive(local_id="7", stated={**born, "given": "MIA", "sex": "F"}).result
    hugo = region.receive(local_id="7", study_uid="2.25.2", stated={**born, "given": "HUGO", "sex": "M"}).result
    second = ReceivedConflict(
        patient=ReceivedPatient(local_id="7", issuer=None, stated={**born, "sex": "M"}),
        study_uid="2.25.1",
        differing=["PatientSex", "PatientName"],
        instances=1,
        uid="2.25.1.1",
        digest="ab" * 32,
    )
    region.receive(
        local_id="7", stated={**born, "given": "MIA", "sex": "F"}, instances=1, root="11" * 32, conflicts=(second,)
    )
    (event,) = [e for e in region.history() if e.type == "study.conflict_found"]
    accepted = AcceptConflict(study=UUID(mia["study"]), conflict=UUID(event.data["conflict_id"]), reason="seen")
    assert region.ask(accepted).result["identity"] == hugo["identity"] != mia["identity"]


def test_traits_are_corrected_of_whom_the_instances_came_as(region: Region) -> None:
    """Also where the study was reassigned meanwhile: nobody else gets their name."""
    study = UUID(region.receive().result["study"])
    other = region.register(local_id="2", family="AUTRE")
    stated: dict[str, str | None] = {"family": "FICTIVE", "given": "Renommée"}
    second = ReceivedConflict(
        patient=ReceivedPatient(local_id="1", issuer=None, stated=stated),
        study_uid="2.25.1",
        differing=["PatientName"],
        instances=1,
        uid="2.25.1.1",
        digest="ab" * 32,
    )
    region.receive(instances=0, conflicts=(second,))
    (event,) = [e for e in region.history() if e.type == "study.conflict_found"]
    region.ask(ReassignStudy(study=study, to_identity=other, reason="wrong person"))
    region.ask(AcceptConflict(study=study, conflict=UUID(event.data["conflict_id"]), reason="seen"))
    (corrected,) = [e for e in region.history() if e.type == "identity.traits_corrected"]
    assert corrected.aggregate_id == event.data["other_identity_id"] != str(other)
