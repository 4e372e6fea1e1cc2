"""Every combination of who asks and what stands against it, over HTTP: the gate's answer, and one record of it each."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from domain.commands.accesses import OpenAccess
from domain.commands.consents import Grant, Oppose
from domain.commands.identities import Register
from domain.commands.links import Merge
from domain.commands.studies import WithdrawStudy
from krypton.devstack.stack import Stack
from krypton.faces.http.accounts import Accounts
from krypton.faces.http.app import face
from krypton.queries.images import ELSEWHERE
from krypton.queries.study_uids import NOBODYS
from tests.fakes.dicom import new_uid
from tests.fakes.erasing import erase
from tests.fakes.region import received
from tests.fakes.web import DOCTOR, account, accounts_file, asking, digest
from tests.integration.audit_world import CLINICIAN, RADIOLOGIST, AuditWorld, audit_world

pytestmark = pytest.mark.live
STRANGER = f"rpps:{RADIOLOGIST}"
REFUSED = {"clerk:desk": "W2", "operator:one": "W2", "auditor:dpo": "W2", "service:one": "W2", STRANGER: "X12"}
TRAITS: dict[str, str | None] = {"family": "FICTIVE", "given": "Alex", "birth_date": "1970-01-01"}


@dataclass
class Case:
    """A person, and what stands against the doctor who reads of them. ``access``: none, open, emergency."""

    merged: bool
    opposed: bool
    excluded: bool
    access: str
    withdrawn: bool
    erased: bool
    person: str = ""
    study: str = ""
    uid: str = ""
    other_study: str = ""
    emergency: bool = False

    def told_to_the_doctor(self) -> tuple[str | None, set[str]]:
        """The rule that refuses, or the studies that are shown: by X12, X5, X14 and X19, as they are written."""
        if self.erased:
            return "X14", set()
        if self.access == "none":
            return "X12", set()
        if self.opposed and not self.emergency:
            return "X5", set()
        hidden = self.withdrawn or (self.excluded and not self.emergency)
        return None, ({self.study} - ({self.study} if hidden else set())) | ({self.other_study} - {""})


YES_OR_NO = (False, True)
CASES = [
    Case(merged, opposed, excluded, access, withdrawn, erased)
    for merged, opposed, excluded in product(YES_OR_NO, repeat=3)
    for access in ("none", "open", "emergency")
    for withdrawn, erased in product(YES_OR_NO, repeat=2)
]


def arranged(world: AuditWorld, number: int, case: Case) -> None:
    """Have it so."""
    case.person, case.study, case.uid = new(world, f"M{number}")
    if case.merged:
        other, case.other_study, _ = new(world, f"N{number}")
        world.ask(Merge(one=UUID(case.person), other=UUID(other), reason="same traits"), "rpps:10101207776")
    person, patient = UUID(case.person), f"patient:{case.person}"
    if case.excluded:
        world.ask(Grant(identity=person, party=DOCTOR, exclusions=[f"study:{case.uid}"]), patient)
    if case.opposed and case.access == "emergency":
        world.ask(Oppose(identity=person), patient)
    if case.access != "none":
        asked = OpenAccess(identity=person, rpps=CLINICIAN, reason="follow-up", emergency=case.access == "emergency")
        case.emergency = world.ask(asked, DOCTOR).result["decision"] == "emergency"
    if case.opposed and case.access != "emergency":
        world.ask(Oppose(identity=person), patient)
    if case.withdrawn:
        world.ask(WithdrawStudy(study=UUID(case.study), reason="another person's"))
    if case.erased:
        erase(world.krypton, person)


def new(world: AuditWorld, number: str) -> tuple[str, str, str]:
    """A person of CHB with a study: their ids, and its UID."""
    person = world.ask(Register(assigner="CHB", local_id=number, stated=TRAITS | {"sex": "F"})).result["identity"]
    study = world.ask(received("CHB", uid := new_uid(), local_id=number, stated=TRAITS)).result["study"]
    return str(person), str(study), uid


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[AuditWorld]:
    with audit_world(stack) as made:
        for number, case in enumerate(CASES):
            arranged(made, number, case)
        made.settle()
        yield made


@pytest.fixture(scope="module")
def client(world: AuditWorld) -> Iterator[TestClient]:
    home = world.krypton.settings.roles.parent
    actors = [DOCTOR, *REFUSED, *(f"patient:{case.person}" for case in CASES)]
    accounts = [account(f"a{n}", actor, token=digest(token(actor))) for n, actor in enumerate(actors)]
    made = face(world.krypton, [Accounts(accounts_file(home, *accounts), home)], lambda: True, lambda: b"")
    with asking(made) as client:
        yield client
    made.close()


def token(actor: str) -> str:
    return f"fictitious-token-of-{actor.replace(':', '-')}-0123456789-abcdefghijkl"


def asked(world: AuditWorld, client: TestClient, actor: str, person: str) -> tuple[str | None, set[str]]:
    """The rule that refuses, or the studies that are shown; one decision is on record, and no other."""
    before = world.head
    headers = {"Authorization": f"Bearer {token(actor)}", "Krypton-Reason": "follow-up"}
    answer = client.get(f"/api/people/{person}/record", headers=headers)
    told: Any = answer.json()
    if answer.status_code != 200:
        assert (answer.status_code, world.types(before)) == (403, ["access.view_refused"]), told
        return told["rule"], set()
    assert world.types(before) == ["access.viewed"]
    return None, {study["study"] for study in told["studies"]}


def test_the_doctor_is_answered_as_the_rules_say(world: AuditWorld, client: TestClient) -> None:
    assert len(CASES) == 96
    for case in CASES:
        assert asked(world, client, DOCTOR, case.person) == case.told_to_the_doctor(), case


def test_who_has_no_access_or_no_such_task_is_refused_whatever_stands_beside(
    world: AuditWorld, client: TestClient
) -> None:
    for case, (actor, rule) in product(CASES, REFUSED.items()):
        expected = "X14" if case.erased and actor == STRANGER else rule
        assert asked(world, client, actor, case.person) == (expected, set()), (actor, case)


def test_a_patient_sees_what_was_left_out_for_others_and_nobody_elses_record(
    world: AuditWorld, client: TestClient
) -> None:
    living = [case for case in CASES if not case.erased]
    for case, other in zip(living, [*living[1:], living[0]], strict=True):
        shown = {case.study, case.other_study} - {"", case.study if case.withdrawn else ""}
        assert asked(world, client, f"patient:{case.person}", case.person) == (None, shown), case
        assert asked(world, client, f"patient:{other.person}", case.person) == ("X13", set()), case


def test_a_study_by_itself_is_shown_to_whom_the_record_shows_it(world: AuditWorld, client: TestClient) -> None:
    headers = {"Authorization": f"Bearer {token(DOCTOR)}", "Krypton-Reason": "follow-up"}
    for case in CASES:
        rule, shown = case.told_to_the_doctor()
        answer = client.get(f"/api/studies/{case.study}", headers=headers)
        assert answer.status_code == (403 if rule else 200 if case.study in shown else 404), case
        assert answer.json().get("rule") == rule, case


def images_asked(world: AuditWorld, client: TestClient, actor: str, case: Case) -> tuple[str | None, bool]:
    """The rule that refuses, or whether the study is shown (it has no image here, which is told to who may see it);
    one decision is on record, and no other.
    """
    before = world.head
    headers = {"Authorization": f"Bearer {token(actor)}", "Krypton-Reason": "follow-up"}
    answer = client.get(f"/dicom-web/studies/{case.uid}/metadata", headers=headers)
    told: Any = answer.json()
    if answer.status_code == 403:
        assert world.types(before) == ["access.view_refused"]
        return told["rule"], False
    assert (answer.status_code, world.types(before)) == (404, ["access.viewed"])
    assert told["detail"] in (NOBODYS, ELSEWHERE)
    return None, told["detail"] == ELSEWHERE


def test_images_are_shown_as_the_rules_say(world: AuditWorld, client: TestClient) -> None:
    for case in CASES:
        rule, studies = case.told_to_the_doctor()
        assert images_asked(world, client, DOCTOR, case) == (rule, case.study in studies), case


def test_images_are_refused_to_who_has_no_access_or_no_such_task(world: AuditWorld, client: TestClient) -> None:
    for case, (actor, rule) in product(CASES, {**REFUSED, "service:one": "X20"}.items()):
        expected = "X14" if case.erased and actor in (STRANGER, "service:one") else rule
        assert images_asked(world, client, actor, case) == (expected, False), (actor, case)


def test_a_patient_sees_the_images_that_were_left_out_for_others(world: AuditWorld, client: TestClient) -> None:
    for case in CASES:
        expected = (None, not case.withdrawn and not case.erased)
        assert images_asked(world, client, f"patient:{case.person}", case) == expected, case
