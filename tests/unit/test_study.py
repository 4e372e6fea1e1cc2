"""Studies: what came in, from whom, and for whom it counts."""

from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.aggregates.identity import Identity
from domain.aggregates.study import Study
from domain.commands.identities import SetStatus
from domain.commands.received_patient import ReceivedPatient
from domain.commands.splits import Split
from domain.commands.studies import (
    ReassignStudy,
    ReceivedReport,
    WithdrawStudy,
)
from domain.errors import AlreadyThere, BadTraits, NotFound, NothingNew, StudyWithdrawn, UnknownSite
from domain.identity_status import Status
from domain.traits import TRAITS
from domain.work import Command
from tests.fakes.erasing import Erase
from tests.fakes.ids import IDS
from tests.fakes.region import Region, dose, exposure, received


@pytest.fixture
def region() -> Region:
    return Region()


def withdraw(study: UUID) -> WithdrawStudy:
    return WithdrawStudy(study=study, reason="test exposure")


def test_a_first_batch_registers_the_person_and_records_the_study(region: Region) -> None:
    """One identity, one arrival."""
    answer = region.receive()
    assert region.types() == ["identity.registered", "study.arrived"]
    assert answer.result == {
        "identity": str(Identity.create_id(IDS, "CHB", "1")),
        "study": str(Study.create_id(IDS, Identity.create_id(IDS, "CHB", "1"), "2.25.1")),
        "outcome": "arrived",
        "dose_reports": 0,
    }


def test_an_arrival_says_what_was_received(region: Region) -> None:
    """The manifest of the batch; the description opens for who holds the key."""
    region.receive(root="ab" * 32, modality="MR", instances=5)
    arrived = region.history()[-1].data
    assert (arrived["site"], arrived["study_uid"], arrived["root"]) == ("CHB", "2.25.1", "ab" * 32)
    assert (arrived["modalities"], arrived["instances"], arrived["description"]) == (["MR"], 5, "an exam")
    assert arrived["series"] == [{"series_uid": "2.25.1.1", "modality": "MR", "instances": 5}]


def test_a_later_batch_extends_the_study_by_what_is_new(region: Region) -> None:
    """Counts are of the batch, not of the study."""
    region.receive(instances=2)
    answer = region.receive(instances=3)
    assert answer.result["outcome"] == "extended"
    assert region.types()[-1] == "study.extended"
    assert region.history()[-1].data["instances"] == 3


def test_a_batch_without_a_new_instance_is_refused(region: Region) -> None:
    """S2: what came before stands."""
    region.receive()
    assert type(region.refusal(received(instances=0))) is NothingNew


def test_a_report_is_added_once(region: Region) -> None:
    """Sent again with a later batch, it changes nothing."""
    report = ReceivedReport(report_uid="2.25.7", kind="SR", title="findings")
    region.receive(reports=(report,))
    region.receive(reports=(report,))
    assert region.types().count("study.report_added") == 1


def test_a_study_comes_from_an_enrolled_establishment_only(region: Region) -> None:
    """S1: with the command that enrolls it."""
    refusal = region.refusal(received(site="NOWHERE"))
    assert type(refusal) is UnknownSite
    assert "krypton site enroll NOWHERE" in str(refusal)


@pytest.mark.parametrize("accession", ["A" * 65, "\0", Random(6).randbytes(3_000).hex()], ids=["65", "NUL", "endless"])
def test_an_accession_number_that_cannot_be_one_is_not_known_and_the_study_is_kept(
    region: Region, accession: str
) -> None:
    """Never cut: that would be another exam's."""
    region.ask(replace(received(), accession=accession))
    assert (region.types()[-1], region.history()[-1].data["accession"]) == ("study.arrived", None)


def test_a_control_character_in_an_accession_number_is_a_space(region: Region) -> None:
    """The number is still to be read by a human."""
    region.ask(replace(received(), accession="AB\0\0junk "))
    assert region.history()[-1].data["accession"] == "AB  junk"


# Whose it is


def test_a_received_number_with_a_control_character_is_refused(region: Region) -> None:
    """I1; and it could not pass for another person's second one either."""
    assert Identity.create_id(IDS, "CHB", "79\x1f2") != Identity.create_id(IDS, "CHB", "79", 2)
    assert type(region.refusal(received(local_id="79\x1f2"))) is BadTraits


def test_the_number_is_the_sending_sites_own(region: Region) -> None:
    """The same number from two sites is two identities."""
    one, other = region.receive("CHB"), region.receive("CHP")
    assert one.result["identity"] != other.result["identity"]


def test_an_issuer_that_is_enrolled_is_the_assigner(region: Region) -> None:
    """A study of CHP's patient, sent by CHB."""
    answer = region.receive("CHB", issuer="CHP")
    assert answer.result["identity"] == str(Identity.create_id(IDS, "CHP", "1"))


def test_an_issuer_that_nobody_enrolled_is_the_sender_after_all(region: Region) -> None:
    """Vendors write all sorts of things there."""
    answer = region.receive("CHB", issuer="Imaging Dept.")
    assert answer.result["identity"] == str(Identity.create_id(IDS, "CHB", "1"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"family": "Maessen", "given": "Aytac", "birth_date": "1958-04-21"}, {"family": "Križ", "given": "Gilead"}),
        ({"family": "OpenREM", "given": "Billy"}, {"family": "OpenREM", "given": "Denilson"}),
    ],
)
def test_a_number_used_for_another_person_makes_another_identity_that_is_flagged(
    region: Region, first: dict[str, str | None], second: dict[str, str | None]
) -> None:
    """I2: nothing ever mixes, and somebody is told."""
    one = region.receive(stated=first).result["identity"]
    before = region.head()
    other = region.receive(study_uid="2.25.2", stated=second).result["identity"]
    assert other == str(Identity.create_id(IDS, "CHB", "1", 2)) != one
    assert region.types(before) == ["identity.registered", "identity.flagged", "study.arrived"]
    assert region.history()[-2].data["flag"] == "collision"


def test_the_second_person_under_a_number_is_found_again(region: Region) -> None:
    """And a third is a third."""
    names = ["Maessen^Aytac", "Križ^Gilead", "Pulse^Data", "Kriz^GILEAD", "MAESSEN^A"]
    found = [
        region.receive(study_uid=f"2.25.{n}", stated=dict(zip(("family", "given"), name.split("^"), strict=True)))
        for n, name in enumerate(names)
    ]
    assert [Identity.create_id(IDS, "CHB", "1", n) for n in (1, 2, 3, 2, 1)] == [
        UUID(answer.result["identity"]) for answer in found
    ]


def test_one_study_uid_under_two_persons_is_two_studies(region: Region) -> None:
    """Even where the sender mixed them up."""
    one = region.receive(stated={"family": "OpenREM", "given": "Billy"})
    other = region.receive(stated={"family": "OpenREM", "given": "Denilson"})
    assert one.result["study"] != other.result["study"]
    assert other.result["outcome"] == "arrived"


@pytest.mark.parametrize(("known", "sent"), [("1950-00-00", "1950-01-01"), ("1950-33-00", "1950-03-05")])
def test_a_device_replaces_no_birth_date_of_who_was_validated(region: Region, known: str, sent: str) -> None:
    """DICOM has no date that is known in part: a device writes some day instead."""
    identity = region.register(birth_date=known)
    region.ask(SetStatus(identity=identity, status=Status.VALI, reason="passport"))
    before = region.head()
    region.receive(stated={"family": "FICTIVE", "birth_date": sent})
    assert region.types(before) == ["study.arrived"]


def test_a_device_adds_what_was_not_known_of_who_was_validated(region: Region) -> None:
    identity = region.register(birth_date="1950-00-00")
    region.ask(SetStatus(identity=identity, status=Status.VALI, reason="passport"))
    region.receive(stated={"family": "FICTIVE", "given": "Anne", "birth_date": "1950-01-01"})
    held = region.find(Identity, identity)
    assert held is not None
    assert (held.traits["given"], held.traits["birth_date"]) == ("Anne", "1950-00-00")


@pytest.mark.parametrize("trait", ["birth_date", "sex"])
def test_a_person_received_with_another_birth_date_or_sex_is_flagged_once(region: Region, trait: str) -> None:
    """Same name: most likely a typing error, for somebody to look at."""
    known = {"birth_date": "1980-01-02", "sex": "F"}
    region.receive(stated={"family": "FICTIVE", **known})
    changed = {"birth_date": "1980-01-03", "sex": "M"}[trait]
    for uid in ("2.25.2", "2.25.3"):
        region.receive(study_uid=uid, stated={"family": "FICTIVE", **known, trait: changed})
    flags = [e.data["flag"] for e in region.history() if e.type == "identity.flagged"]
    assert flags == ["traits_differ"]


def test_what_was_not_known_of_a_person_becomes_known(region: Region) -> None:
    """Stated with a later study, in the words of the first that has them; an initial is no name yet."""
    for n, stated in enumerate(
        (
            {"family": "FICTIVE", "given": "A"},
            {"family": "Fictive", "given": "Anne", "birth_date": "1980-01-02"},
            {"family": "FICTIVE", "given": "ANNE", "sex": "F"},
        )
    ):
        region.receive(study_uid=f"2.25.{n}", stated=stated)
    learnt = [e.data for e in region.history() if e.type == "identity.traits_corrected"]
    assert [e["changed"] for e in learnt] == [["birth_date", "given"], ["sex"]]
    assert learnt[-1]["traits"] == {
        **dict.fromkeys(TRAITS),
        "family": "FICTIVE",
        "given": "Anne",
        "birth_date": "1980-01-02",
        "sex": "F",
    }


def test_a_person_received_as_known_changes_nothing(region: Region) -> None:
    """The common case: no event but the study's."""
    stated = {"family": "FICTIVE", "given": "Anne", "birth_date": "1980-01-02"}
    region.receive(stated=stated)
    before = region.head()
    for n, said in enumerate((stated, {**stated, "given": "A"}, {"birth_date": "1980-01-02"})):
        region.receive(study_uid=f"2.26.{n}", stated=said)
    assert set(region.types(before)) == {"study.arrived"}


def test_a_trait_that_a_study_adds_was_never_checked(region: Region) -> None:
    """I3: a status that somebody gave without it falls."""
    identity = region.register()
    region.ask(SetStatus(identity=identity, status=Status.VALI, reason="passport"))
    before = region.head()
    region.receive(stated={"family": "FICTIVE", "birth_date": "1980-01-02"})
    assert region.types(before) == ["identity.traits_corrected", "identity.status_changed", "study.arrived"]


def test_a_married_name_is_flagged_once_and_teaches_nothing(region: Region) -> None:
    """Two half names would make a third."""
    region.receive(stated={"family": "FICTIVE", "given": "Paule", "birth_date": "1980-01-02"})
    before = region.head()
    for n in (2, 3):
        stated = {"family": "MARTIN", "given": "Paule", "birth_date": "1980-01-02", "birth_place": "13055"}
        region.receive(study_uid=f"2.25.{n}", stated=stated)
    assert region.types(before) == ["identity.flagged", "study.arrived", "study.arrived"]
    assert next(e.data["flag"] for e in region.history(before)) == "names_differ"


@pytest.mark.parametrize("given", ["Marie", "Paul"])
def test_who_comes_in_under_an_erased_persons_number_is_another_identity_and_no_collision(
    region: Region, given: str
) -> None:
    """Whether they are the same person nobody can know any more; no number was used twice."""
    region.ask(Erase(identity=UUID(region.receive(stated={"given": "Marie"}).result["identity"]), reason="asked for"))
    before = region.head()
    answers = [region.receive(study_uid=f"2.25.{n}", stated={"given": given}) for n in (2, 3)]
    assert {answer.result["identity"] for answer in answers} == {str(Identity.create_id(IDS, "CHB", "1", 2))}
    assert region.types(before) == ["identity.registered", "study.arrived", "study.arrived"]
    assert region.history(before)[0].data["source"] == "received_anew"


def test_a_third_person_collides_with_the_second_whatever_became_of_the_first(region: Region) -> None:
    """The number is in use."""
    region.ask(Erase(identity=UUID(region.receive().result["identity"]), reason="asked for"))
    region.receive(study_uid="2.25.2", stated={"given": "Marie"})
    before = region.head()
    region.receive(study_uid="2.25.3", stated={"given": "Paul"})
    assert region.types(before) == ["identity.registered", "identity.flagged", "study.arrived"]
    assert region.history(before)[0].data["source"] == "received"


def test_traits_that_cannot_be_do_not_keep_a_study_out(region: Region) -> None:
    """They are not known, then."""
    region.receive(stated={"family": "FICTIVE", "birth_date": "0", "sex": "O"})
    registered = next(e for e in region.history() if e.type == "identity.registered")
    assert (registered.data["traits"]["birth_date"], registered.data["traits"]["sex"]) == (None, None)


def test_a_number_with_a_hundred_persons_is_the_sites_to_mend(region: Region) -> None:
    """A device that writes one number for everybody does not make the ledger walk for ever."""
    letters = [f"{a}{b}" for a in "BCDFGHJKLM" for b in "NPQRSTVWXZ"]

    def arrives(n: int) -> Any:
        name = letters[n] * 4
        return replace(
            received(study_uid=f"2.25.{n}"),
            patient=ReceivedPatient(local_id="1", issuer=None, stated={"family": name, "given": name}),
        )

    for n in range(99):
        region.ask(arrives(n))
    refusal = region.refusal(arrives(99))
    assert type(refusal) is NothingNew
    assert "correct its numbering" in str(refusal)


# Reassigning and withdrawing


def test_a_reassigned_study_takes_its_dose_along(region: Region) -> None:
    """It was made under the wrong name; what was irradiated was the other person."""
    other = region.register(local_id="2")
    study = UUID(region.receive(doses=(dose("2.25.5", exposure("2.25.51")),)).result["study"])
    before = region.head()
    region.ask(ReassignStudy(study=study, to_identity=other, reason="wrong person on the list"))
    moved = region.history(before)
    assert [e.type for e in moved] == ["study.reassigned", "dose.reassigned"]
    assert {e.data["to_identity_id"] for e in moved} == {str(other)}


def test_what_comes_in_after_a_reassignment_stays_with_the_study(region: Region) -> None:
    """The device still sends the wrong number: its study is known by then."""
    other = region.register(local_id="2")
    study = UUID(region.receive().result["study"])
    region.ask(ReassignStudy(study=study, to_identity=other, reason="wrong person on the list"))
    region.receive()
    assert region.history()[-1].data["identity_id"] == str(other)


def test_a_study_goes_to_a_registered_identity_only(region: Region) -> None:
    """Not to a number that nobody gave out."""
    study = UUID(region.receive().result["study"])
    assert type(region.refusal(ReassignStudy(study=study, to_identity=uuid4(), reason="?"))) is NotFound


def test_a_study_is_not_moved_to_where_it_is(region: Region) -> None:
    """S4."""
    answer = region.receive()
    command = ReassignStudy(study=UUID(answer.result["study"]), to_identity=UUID(answer.result["identity"]), reason="?")
    assert type(region.refusal(command)) is AlreadyThere


def test_nothing_is_added_to_a_withdrawn_study(region: Region) -> None:
    """S3: no batch, no second withdrawal."""
    study = UUID(region.receive().result["study"])
    region.ask(withdraw(study))
    late: list[Command] = [received(), withdraw(study)]
    assert [type(region.refusal(command)) for command in late] == [StudyWithdrawn] * 2


@pytest.mark.parametrize("by", ["reassign", "split"])
def test_a_withdrawn_study_goes_with_its_dose_to_whom_it_is_of_and_stays_hidden(region: Region, by: str) -> None:
    """Whoever withdrew a misfiled exam first would leave its dose with the wrong patient for good."""
    answer = region.receive(doses=(dose("2.25.9", exposure("2.25.8", dlp_mgycm=1.0)),)).result
    study, mixed = UUID(answer["study"]), UUID(answer["identity"])
    region.ask(withdraw(study))
    if by == "split":
        other = region.ask(Split(identity=mixed, studies=(study,), reason="wrong patient")).result["other"]
    else:
        other = str(region.register(local_id="2"))
        region.ask(ReassignStudy(study=study, to_identity=UUID(other), reason="wrong patient"))
    moved = [e.data["to_identity_id"] for e in region.history() if e.type in ("study.reassigned", "dose.reassigned")]
    held = region.find(Study, study)
    assert held is not None
    assert (moved, held.withdrawn) == ([other, other], True)


def test_a_study_that_never_came_in_is_not_found(region: Region) -> None:
    """Nor withdrawn."""
    assert type(region.refusal(withdraw(uuid4()))) is NotFound
