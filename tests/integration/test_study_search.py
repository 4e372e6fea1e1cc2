"""Who searches finds studies of those of whom they may read, and of nobody else; each of these is on record first."""

from collections.abc import Iterator
from hashlib import md5
from typing import Any
from uuid import UUID

import pytest

from domain.actors import Caller
from domain.commands.consents import Grant, Oppose
from domain.commands.links import Merge
from domain.commands.orders import CancelOrder, PlaceOrder, PresentOrder
from domain.commands.splits import Split, UndoSplit
from domain.commands.studies import WithdrawStudy
from domain.consent_statements import Scope
from domain.errors import ReasonMissing
from domain.query_keys import BadKey
from krypton.devstack.stack import Stack
from krypton.queries.gate import RECORDED, Recorded, ViewRefused, stands
from krypton.queries.study_search import studies_found
from tests.fakes.dicom import new_uid
from tests.fakes.erasing import erase
from tests.integration.audit_world import CLINICIAN, RADIOLOGIST, AuditWorld, audit_world

pytestmark = pytest.mark.live
DOCTOR, OTHER = f"rpps:{CLINICIAN}", f"rpps:{RADIOLOGIST}"


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[AuditWorld]:
    with audit_world(stack) as made:
        yield made


class Ward:
    """People with a study each, whom only this test knows by their family name."""

    def __init__(self, world: AuditWorld, family: str) -> None:
        self.world, self.family = world, family
        self.events: list[str] = []

    def person(self, site: str = "CHB", **changes: Any) -> tuple[str, str]:
        """An identity and its study."""
        identity = self.world.register(site, self.family)
        return identity, self.world.receive(identity, **changes)

    def find(self, actor: str = DOCTOR, site: str | None = None, **keys: str) -> list[str]:
        """The studies that are found; what was recorded is in ``events``."""
        self.world.settle()
        before = self.world.head
        asked = {"PatientName": f"{self.family}*"} | keys
        found = studies_found(self.world.krypton, Caller(actor, "planning", site), asked)
        self.events = self.world.types(before)
        assert not found.more
        return [study["study"] for study in found.studies]


@pytest.fixture
def ward(world: AuditWorld, request: pytest.FixtureRequest) -> Ward:
    name = md5(request.node.name.encode(), usedforsecurity=False).hexdigest()[:12]
    return Ward(world, name.translate(str.maketrans("0123456789", "GHIJKLMNOP")).upper())


def numbered(ward: Ward, identity: str) -> dict[str, str]:
    """Keys that name one patient."""
    shown = ward.world.identity(identity)
    return {"PatientID": shown["local_id"], "IssuerOfPatientID": shown["assigner"]}


def test_a_professional_finds_whom_an_access_is_open_to_and_one_record_says_so(ward: Ward) -> None:
    (marie, one), (_, _) = ward.person(), ward.person()
    anne, two = ward.person()
    ward.world.open(marie)
    ward.world.open(anne)
    assert set(ward.find()) == {one, two}
    assert ward.events == ["access.listed"]
    assert ward.find(OTHER) == []
    assert ward.events == ["access.listed"]


def test_an_access_that_the_view_does_not_hold_yet_counts(ward: Ward) -> None:
    marie, one = ward.person()
    ward.world.settle()
    ward.world.open(marie)
    found = studies_found(ward.world.krypton, Caller(DOCTOR, "planning"), {"PatientName": f"{ward.family}*"})
    assert [study["study"] for study in found.studies] == [one]


def test_a_patient_who_is_named_is_asked_about_as_their_record_is(ward: Ward) -> None:
    marie, one = ward.person()
    with pytest.raises(ViewRefused) as refused:
        ward.find(**numbered(ward, marie))
    assert refused.value.rule == "X12"
    ward.world.open(marie)
    assert ward.find(**numbered(ward, marie)) == [one]
    assert ward.events == ["access.viewed"]
    assert ward.find(PatientID="T-nobody", IssuerOfPatientID="CHB") == []
    assert ward.events == ["access.listed"]


def test_a_number_without_its_issuer_names_nobody(ward: Ward) -> None:
    marie, one = ward.person()
    number = numbered(ward, marie)["PatientID"]
    assert ward.find(PatientID=number) == []
    ward.world.open(marie)
    assert ward.find(PatientID=number) == [one]
    assert ward.find(PatientID=f"{number[:-1]}?") == [one]
    assert ward.find(PatientID=f"%{number[1:]}") == []
    assert ward.find(PatientID=f"_{number[1:]}") == []


def test_all_identities_of_a_person_are_found_by_any_of_them(ward: Ward) -> None:
    marie, one = ward.person()
    other = ward.world.register("CHP", f"{ward.family} NEE")
    two = ward.world.receive(other)
    ward.world.ask(Merge(one=UUID(marie), other=UUID(other), reason="same traits"), "rpps:10101207776")
    ward.world.open(marie)
    assert set(ward.find(**numbered(ward, other))) == {one, two}
    assert set(ward.find(PatientName=f"{ward.family} NEE*")) == {one, two}


@pytest.mark.parametrize("emergency", [False, True])
def test_what_is_opposed_or_left_out_is_not_found(ward: Ward, emergency: bool) -> None:
    uid = new_uid()
    marie = ward.world.register("CHB", ward.family)
    shown = ward.world.images(marie, StudyInstanceUID=uid)
    left = ward.world.receive(marie)
    ward.world.ask(Grant(identity=UUID(marie), party=DOCTOR, exclusions=[f"study:{uid}"]), f"patient:{marie}")
    ward.world.open(marie, emergency=emergency)
    assert set(ward.find()) == ({shown, left} if emergency else {left})
    ward.world.ask(Oppose(identity=UUID(marie)), f"patient:{marie}")
    assert set(ward.find()) == ({shown, left} if emergency else set())
    assert set(ward.find(f"patient:{marie}")) == {shown, left}


def test_withdrawn_studies_and_the_erased_are_found_by_nobody(ward: Ward) -> None:
    (marie, one), (anne, two) = ward.person(), ward.person()
    for identity in (marie, anne):
        ward.world.open(identity)
    assert set(ward.find()) == {one, two}
    ward.world.ask(WithdrawStudy(study=UUID(one), reason="another person's"))
    erase(ward.world.krypton, UUID(anne))
    assert ward.find() == []
    assert ward.find("service:pacs", "CHB") == []


def test_what_came_in_against_an_opposition_to_feeding_is_withheld_and_not_counted(ward: Ward) -> None:
    marie, one = ward.person()
    ward.world.ask(Grant(identity=UUID(marie), party=OTHER), f"patient:{marie}")
    ward.world.open(marie, RADIOLOGIST)
    ward.world.open(marie)
    uid = new_uid()
    grown = ward.world.images(marie, StudyInstanceUID=uid)
    ward.world.ask(Oppose(identity=UUID(marie), scope=Scope.FEED, reason="a relative works there"), f"patient:{marie}")
    ward.world.images(marie, StudyInstanceUID=uid, Modality="MR", SeriesInstanceUID=new_uid())
    later = ward.world.receive(marie)
    assert set(ward.find()) == {one, grown, later}
    assert set(ward.find(OTHER)) == {one, grown}
    assert ward.find(ModalitiesInStudy="MR") == [grown]
    assert ward.find(OTHER, ModalitiesInStudy="MR") == []
    (study,) = studies_found(ward.world.krypton, Caller(OTHER, "planning"), {"StudyInstanceUID": uid}).studies
    assert (study["modalities"], study["series"], study["instances"]) == (["CT"], 1, 1)


def test_a_program_finds_those_of_its_establishments_care_team(ward: Ward) -> None:
    (marie, one), (anne, _) = ward.person(), ward.person("CHP")
    other = ward.world.register("CHB", ward.family)
    ward.world.ask(Merge(one=UUID(anne), other=UUID(other), reason="same traits"), "rpps:10101207776")
    assert len(ward.find("aet:PACS", "CHB")) == 2
    assert ward.events == ["access.listed"]
    assert len(ward.find("aet:PACS", "CHP")) == 1
    ward.world.ask(Oppose(identity=UUID(marie), party="site:CHB"), f"patient:{marie}")
    assert one not in ward.find("aet:PACS", "CHB")
    with pytest.raises(ViewRefused) as refused:
        ward.find("aet:PACS", "CHB", **numbered(ward, marie))
    assert refused.value.rule == "X5"
    with pytest.raises(ViewRefused) as refused:
        ward.find("aet:PACS")
    assert refused.value.rule == "X20"


def test_an_order_of_the_care_team_lets_its_establishment_in_until_it_is_over(ward: Ward) -> None:
    marie, one = ward.person()
    pacs = "aet:PACS"
    place = PlaceOrder(identity=UUID(marie), site="CHB", ordered_by=CLINICIAN, modality="CT", question="nodule?")
    order = UUID(ward.world.ask(place).result["order"])
    assert ward.find(pacs, "CHP") == []
    ward.world.ask(PresentOrder(order=order, site="CHP"))
    assert ward.find(pacs, "CHP") == [one]
    assert ward.find(pacs, "CHP", **numbered(ward, marie)) == [one]
    assert ward.events == ["access.viewed"]
    ward.world.ask(CancelOrder(order=order, reason="not wanted"))
    assert ward.find(pacs, "CHP") == []


def test_what_an_establishment_orders_itself_for_a_number_lets_it_nowhere(ward: Ward) -> None:
    marie, _ = ward.person()
    place = PlaceOrder(identity=UUID(marie), site="CHP", ordered_by=RADIOLOGIST, modality="CT", question="nodule?")
    order = UUID(ward.world.ask(place).result["order"])
    ward.world.ask(PresentOrder(order=order, site="CHB"))
    assert ward.find("aet:PACS", "CHP") == []


def test_a_program_that_says_neither_whom_nor_when_is_told_what_to_say(ward: Ward) -> None:
    caller = Caller("aet:PACS", "planning", "CHB")
    before = ward.world.head
    for keys in ({}, {"ModalitiesInStudy": "CT"}, {"PatientName": "*A"}, {"StudyDate": "20200101-20261231"}):
        with pytest.raises(BadKey, match="say of whom"):
            studies_found(ward.world.krypton, caller, keys)
    assert ward.world.types(before) == []


def test_a_programs_number_without_issuer_is_its_establishments(ward: Ward) -> None:
    marie, one = ward.person()
    assert ward.find("aet:PACS", "CHB", PatientID=numbered(ward, marie)["PatientID"]) == [one]
    assert ward.events == ["access.viewed"]


@pytest.mark.parametrize("actor", ["clerk:desk", "operator:one", "auditor:dpo"])
def test_whose_task_it_is_not_is_refused_on_record(ward: Ward, actor: str) -> None:
    ward.world.settle()
    before = ward.world.head
    with pytest.raises(ViewRefused) as refused:
        studies_found(ward.world.krypton, Caller(actor, "planning"), {})
    assert (refused.value.rule, ward.world.types(before)) == ("W2", ["access.view_refused"])


def test_without_a_reason_nothing_is_sought(ward: Ward) -> None:
    with pytest.raises(ReasonMissing):
        studies_found(ward.world.krypton, Caller(DOCTOR), {})


def test_pages_have_no_gap_and_nothing_twice_whoever_is_left_out_between(ward: Ward) -> None:
    people = [ward.person() for _ in range(12)]
    for identity, _ in people:
        ward.world.open(identity)
    for identity, _ in people[::3]:
        ward.world.ask(Oppose(identity=UUID(identity)), f"patient:{identity}")
    ward.world.settle()
    expected = {study for number, (_, study) in enumerate(people) if number % 3}
    caller, keys = Caller(DOCTOR, "planning"), {"PatientName": f"{ward.family}*"}
    pages, offset = [], 0
    while True:
        found = studies_found(ward.world.krypton, caller, keys, limit=3, offset=offset)
        pages.append([study["study"] for study in found.studies])
        offset += 3
        if not found.more:
            break
    assert [len(page) for page in pages] == [3, 3, 2]
    assert {study for page in pages for study in page} == expected


def test_a_search_for_one_study_puts_nobody_else_on_record(ward: Ward) -> None:
    people = [ward.person() for _ in range(3)]
    for identity, _ in people:
        ward.world.open(identity)
    ward.world.settle()
    shown = studies_found(ward.world.krypton, Caller(DOCTOR, "planning"), {"PatientName": f"{ward.family}*"}).studies
    before = ward.world.head
    ward.find(StudyInstanceUID=shown[0]["study_uid"])
    stored = ward.world.krypton.ledger.recorder.select_notifications(before, 10, inclusive_of_start=False)
    (listed,) = [ward.world.krypton.codec.decode(one.state, one.originator_version)[1] for one in stored]
    assert listed["identities"] == [shown[0]["identity"]]
    assert listed["asked"] == ["key=PatientName", "key=StudyInstanceUID"]


def test_a_program_is_led_by_a_study_where_its_patient_leads_to_nobody(ward: Ward) -> None:
    (_, one), _ = ward.person(), ward.person()
    ward.world.settle()
    caller = Caller("aet:PACS", "planning", "CHB")
    (known,) = [
        study
        for study in studies_found(ward.world.krypton, caller, {"PatientName": f"{ward.family}*"}).studies
        if study["study"] == one
    ]
    keys = {"StudyInstanceUID": known["study_uid"], "PatientName": f"*{ward.family[3:]}*"}
    assert ward.find("aet:PACS", "CHB", **keys) == [one]
    assert ward.find("aet:PACS", "CHB", **keys | {"PatientName": "*NOBODY*"}) == []


def test_what_a_list_shows_is_of_the_study_and_of_the_identity_that_it_came_in_under(ward: Ward) -> None:
    marie, _ = ward.person()
    ward.world.open(marie)
    ward.world.settle()
    number = numbered(ward, marie)
    (study,) = studies_found(ward.world.krypton, Caller(DOCTOR, "planning"), number).studies
    assert (study["local_id"], study["assigner"]) == (number["PatientID"], "CHB")
    assert (study["traits"]["family"], study["series"], study["instances"] > 0) == (ward.family, 1, True)


def test_a_list_that_is_being_sent_ends_with_what_it_rests_on(ward: Ward) -> None:
    (marie, one), (anne, two) = ward.person(), ward.person()
    for identity in (marie, anne):
        ward.world.open(identity)
    RECORDED.set(noted := list[Recorded]())
    assert set(ward.find()) == {one, two}
    assert stands(ward.world.krypton, noted[-1])
    ward.world.ask(Oppose(identity=UUID(anne)), f"patient:{anne}")
    assert not stands(ward.world.krypton, noted[-1])


def test_an_establishment_knows_nobody_by_an_identity_that_a_split_emptied(ward: Ward) -> None:
    """A desk of CHP split somebody off by mistake: whoever is merged with nobody was never there."""
    first, study = ward.person("CHP")
    alex, _ = ward.person("CHB")
    split = Split(identity=UUID(first), studies=(UUID(study),), reason="two people")
    nobody = str(ward.world.ask(split).result["other"])
    ward.world.ask(UndoSplit(identity=UUID(nobody), reason="the desk was wrong"))
    ward.world.merge(nobody, alex)
    assert ward.find("aet:CHP_PACS", "CHP") == [study]
