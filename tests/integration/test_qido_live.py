"""Searches over HTTP find what the gate shows, to each caller in each case, with one record; clients read them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from dicomweb_client import DICOMwebClient
from dicomweb_client.session_utils import create_session
from starlette.testclient import TestClient

from krypton.devstack.stack import Stack
from krypton.faces.http.accounts import Accounts
from krypton.faces.http.app import Face, face
from tests.fakes.dicom import new_uid
from tests.fakes.http_server import serving
from tests.fakes.web import DOCTOR, account, accounts_file, asking, digest
from tests.integration.audit_world import AuditWorld, audit_world
from tests.integration.test_web_access import CASES, REFUSED, STRANGER, Case, arranged, token

pytestmark = pytest.mark.live
PACS = "service:pacs"
STUDY, PATIENT = "0020000D", "00100020"


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[AuditWorld]:
    with audit_world(stack) as made:
        for number, case in enumerate(CASES):
            arranged(made, number, case)
        made.settle()
        yield made


@pytest.fixture(scope="module")
def web(world: AuditWorld) -> Iterator[Face]:
    home = world.krypton.settings.roles.parent
    actors = [DOCTOR, *REFUSED, *(f"patient:{case.person}" for case in CASES)]
    accounts = [account(f"a{n}", actor, token=digest(token(actor))) for n, actor in enumerate(actors)]
    accounts.append(account("pacs", PACS, token=digest(token(PACS)), site="CHB"))
    made = face(world.krypton, [Accounts(accounts_file(home, *accounts), home)], lambda: True, lambda: b"")
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(web: Face) -> Iterator[TestClient]:
    with asking(web) as client:
        yield client


@pytest.fixture(scope="module")
def uids(world: AuditWorld) -> dict[str, str]:
    """The UID of each study of the ledger."""
    with world.cursor() as cursor:
        cursor.execute("SELECT study_id::text, study_uid FROM patient_record.study")
        return dict(cursor.fetchall())


def get(client: TestClient, actor: str, path: str = "/dicom-web/studies", **query: Any) -> Any:
    """What is answered to somebody."""
    headers = {"Authorization": f"Bearer {token(actor)}", "Krypton-Reason": "follow-up"}
    return client.get(path, headers=headers, params=query)


def found(answer: Any) -> set[str]:
    """The studies of an answer, by UID; none is there twice."""
    assert answer.status_code in (200, 204), answer.text
    if answer.status_code == 204:
        return set()
    said = [one[STUDY]["Value"][0] for one in answer.json()]
    assert len(said) == len({*said})
    return {*said}


def shown(case: Case) -> set[str]:
    """The studies that the doctor finds of somebody, as the rules say; who is erased under one number may live under
    another.
    """
    return replace(case, erased=False).told_to_the_doctor()[1] - ({case.study} if case.erased else set())


def listed(world: AuditWorld, after: int) -> Any:
    """The one decision on record since, as data."""
    stored = world.krypton.ledger.recorder.select_notifications(after, 10, inclusive_of_start=False)
    ((kind, data),) = [(one.topic, world.krypton.codec.decode(one.state, one.originator_version)[1]) for one in stored]
    assert kind == "access.listed"
    return data


def pages(client: TestClient, actor: str, **query: Any) -> list[set[str]]:
    """All pages of a search."""
    told: list[set[str]] = []
    while True:
        answer = get(client, actor, offset=sum(map(len, told)), **query)
        told.append(found(answer))
        if "warning" not in answer.headers:
            return told


def test_the_doctor_finds_of_everybody_what_the_rules_say_page_by_page_and_each_is_on_record(
    world: AuditWorld, client: TestClient, uids: dict[str, str]
) -> None:
    expected = {uids[study] for case in CASES for study in shown(case)}
    before = world.head
    assert found(get(client, DOCTOR, limit=1_000)) == expected
    of_whom = {one for case in CASES if shown(case) for one in listed(world, before)["identities"]}
    told = pages(client, DOCTOR, limit=7)
    assert [len(page) for page in told[:-1]] == [7] * (len(told) - 1)
    assert (sum(map(len, told)), set().union(*told)) == (len(expected), expected)
    assert len(of_whom) == len(expected)  # an identity has a study each


def test_each_case_by_its_patient_is_answered_as_the_record_is_with_one_record(
    world: AuditWorld, client: TestClient, uids: dict[str, str]
) -> None:
    for number, case in enumerate(CASES):
        rule, studies = case.told_to_the_doctor()
        before = world.head
        answer = get(client, DOCTOR, PatientID=f"M{number}", IssuerOfPatientID="CHB")
        if rule:
            assert (answer.status_code, answer.json()["rule"]) == (403, rule), case
            assert world.types(before) == ["access.view_refused"]
        else:
            assert found(answer) == {uids[one] for one in studies}, case
            assert world.types(before) == ["access.viewed"]
        if case.merged:
            other = get(client, DOCTOR, PatientID=f"N{number}", IssuerOfPatientID="CHB")
            told = set() if other.status_code == 403 else found(other)
            assert told == {uids[one] for one in shown(case)}, case
        before = world.head
        by_number = found(get(client, DOCTOR, PatientID=f"M{number}"))
        assert by_number == (set() if case.erased else {uids[one] for one in studies}), case
        assert bool(listed(world, before)["identities"]) is bool(by_number)


def test_a_study_is_found_by_its_uid_by_whom_it_is_shown_to_and_by_nobody_else(
    world: AuditWorld, client: TestClient, uids: dict[str, str]
) -> None:
    for case, actor in product(CASES, (DOCTOR, STRANGER, f"patient:{CASES[0].person}")):
        mine = actor.startswith("patient:") and case is CASES[0] and not case.withdrawn
        told = {uids[case.study]} if mine or (actor == DOCTOR and case.study in shown(case)) else set()
        before = world.head
        assert found(get(client, actor, StudyInstanceUID=uids[case.study])) == told, (case, actor)
        assert len(world.types(before)) == 1


def test_a_patient_finds_their_own(world: AuditWorld, client: TestClient, uids: dict[str, str]) -> None:
    for case in [case for case in CASES if not case.erased]:
        own = {case.study, case.other_study} - {"", case.study if case.withdrawn else ""}
        before = world.head
        assert found(get(client, f"patient:{case.person}")) == {uids[one] for one in own}, case
        assert world.types(before) == ["access.viewed"]


def test_the_establishments_pacs_finds_its_own_patients_unless_they_oppose(
    world: AuditWorld, client: TestClient, uids: dict[str, str]
) -> None:
    for number, case in enumerate(CASES):
        told = set() if case.withdrawn or case.erased else {case.study}
        told |= {case.other_study} - {""}
        before = world.head
        answer = get(client, PACS, PatientID=f"M{number}")
        if case.erased or case.opposed:
            rule = "X14" if case.erased else "X5"
            assert (answer.status_code, answer.json()["rule"]) == (403, rule), case
        else:
            assert found(answer) == {uids[one] for one in told}, case
        assert len(world.types(before)) == 1


@pytest.mark.parametrize("actor", ["clerk:desk", "operator:one", "auditor:dpo"])
def test_whose_task_it_is_not_is_refused(world: AuditWorld, client: TestClient, actor: str) -> None:
    before = world.head
    answer = get(client, actor)
    assert (answer.status_code, answer.json()["rule"]) == (403, "W2")
    assert world.types(before) == ["access.view_refused"]


def test_a_list_of_nobody_is_no_refusal(world: AuditWorld, client: TestClient) -> None:
    before = world.head
    assert get(client, STRANGER, PatientID="M1").status_code == 204
    assert listed(world, before)["identities"] == []


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"PatientWeight": "70"}, "not searched by PatientWeight"),
        ({"StudyDate": "yesterday"}, "StudyDate: a date is"),
        ({"Fictive Alex": "1"}, "no parameter"),
        ({"StudyInstanceUID": "1.2.x"}, "StudyInstanceUID"),
        ({"limit": "many"}, "limit"),
        ({"PatientID": "\0"}, "PatientID"),
    ],
)
def test_what_cannot_be_asked_is_told_and_nothing_is_decided(
    world: AuditWorld, client: TestClient, query: dict[str, str], says: str
) -> None:
    before = world.head
    answer = get(client, DOCTOR, **query)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]
    assert "Fictive" not in answer.text
    assert world.types(before) == []


HOSTILE = [
    *("%", "_", "%%%", "\\", "'; DROP SCHEMA ledger; --", "*" * 900, "?" * 900, "^^^", "\u0000", "\ud7ff", "\n"),
    *("é" * 500, "1" * 64, "-", "--", "20260101-20250101", "99999999", "00000000-", "٣", "{}", "%(site)s", "%s"),
]
KEYS = [
    *("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID", "StudyDate"),
    *("StudyTime", "AccessionNumber", "StudyDescription", "ModalitiesInStudy", "00100010", "0020000D"),
]


@pytest.mark.parametrize("actor", [DOCTOR, PACS])
def test_hostile_keys_find_nothing_that_is_not_shown_and_break_nothing(
    client: TestClient, uids: dict[str, str], actor: str
) -> None:
    allowed = {uids[study] for case in CASES for study in shown(case)}
    for key, value in product(KEYS, HOSTILE):
        answer = get(client, actor, **{key: value})
        assert answer.status_code in (200, 204, 400, 403), (key, value, answer.text)
        if actor == DOCTOR and answer.status_code == 200:
            assert found(answer) <= allowed


@pytest.fixture
def person(world: AuditWorld) -> str:
    return world.register("CHB", "GARCÍA-ÉVRARD")


def test_names_are_found_whatever_their_accents_case_and_hyphens(
    world: AuditWorld, client: TestClient, person: str
) -> None:
    study = world.receive(person)
    world.open(person)
    world.settle()
    with world.cursor() as cursor:
        cursor.execute("SELECT study_uid FROM patient_record.study WHERE study_id = %s", [study])
        (uid,) = cursor.fetchone()
    for name in ("garcia evrard*", "GARCIAEVRARD^*", "*évrard^ALEX", "García?Évrard*"):
        assert (name, found(get(client, DOCTOR, PatientName=name))) == (name, {uid}) or "?" in name
    (said,) = get(client, DOCTOR, PatientName="GARCIA*").json()
    assert said["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "GARCÍA-ÉVRARD^Alex"}]}
    assert said["00080005"]["Value"] == ["ISO_IR 192"]
    assert (said["00100021"]["Value"], said[PATIENT]["Value"][0][:1]) == (["CHB"], "T")


def test_series_and_instances_are_found_without_opening_a_file(
    world: AuditWorld, client: TestClient, person: str
) -> None:
    uid, series, sops = new_uid(), new_uid(), [new_uid() for _ in range(3)]
    for number, sop in enumerate(sops, 1):
        world.images(
            person, StudyInstanceUID=uid, SeriesInstanceUID=series, SOPInstanceUID=sop, InstanceNumber=number,
            SeriesNumber=4, SeriesDescription="Coupes fines",
        )  # fmt: skip
    world.open(person)
    world.settle()
    root, before = f"/dicom-web/studies/{uid}", world.head
    (told,) = get(client, DOCTOR, f"{root}/series", SeriesDescription="coupes*", SeriesNumber="4").json()
    assert (told["0020000E"]["Value"], told["00201209"]["Value"]) == ([series], [3])
    assert told["00081190"]["Value"] == [f"https://krypton.example{root}/series/{series}"]
    assert not [tag for tag in told if tag.startswith("0010")]
    assert get(client, DOCTOR, "/dicom-web/series", StudyInstanceUID=uid).json() == [told]
    assert get(client, DOCTOR, f"{root}/series", Modality="MR").status_code == 204
    for path in (f"{root}/instances", f"{root}/series/{series}/instances"):
        assert [one["00080018"]["Value"][0] for one in get(client, DOCTOR, path).json()] == sops
    page = get(client, DOCTOR, f"{root}/instances", limit=2)
    assert "additional results" in page.headers["warning"]
    assert [one["00080018"]["Value"][0] for one in page.json()] == sops[:2]
    (last,) = get(client, DOCTOR, f"{root}/instances", limit=2, offset=2).json()
    assert last["00080018"]["Value"] == [sops[2]]
    assert world.types(before) == ["access.viewed"]  # a decision stands for all of them
    assert get(client, DOCTOR, "/dicom-web/series").status_code == 400
    assert get(client, DOCTOR, f"{root}/series", StudyInstanceUID=uid).status_code == 400
    assert get(client, STRANGER, f"{root}/series").status_code == 403
    assert get(client, DOCTOR, f"{root}/series/1.2.3/instances").status_code == 404
    assert found(get(client, DOCTOR, f"/people/{person}/dicom-web/studies")) == {uid}
    assert get(client, STRANGER, f"/people/{person}/dicom-web/studies").status_code == 403
    assert get(client, DOCTOR, f"/people/{uuid4()}/dicom-web/studies").status_code == 204


def test_accept_and_fuzzy_matching_are_answered_as_the_standard_says(client: TestClient) -> None:
    headers = {"Authorization": f"Bearer {token(DOCTOR)}", "Krypton-Reason": "follow-up"}

    def accepting(accept: str) -> Any:
        return client.get("/dicom-web/studies?limit=1", headers=headers | {"Accept": accept})

    assert accepting("application/dicom+json").headers["content-type"] == "application/dicom+json"
    assert accepting("application/json").headers["content-type"].startswith("application/json")
    assert accepting("multipart/related; type=application/dicom+xml, */*;q=0.1").status_code == 200
    assert accepting("text/html").status_code == 406
    fuzzy = get(client, DOCTOR, fuzzymatching="true", limit=1_000)
    assert "Only literal matching has been performed" in fuzzy.headers["warning"]


def test_a_client_that_is_not_ours_finds_studies_series_and_instances(
    world: AuditWorld, web: Face, person: str
) -> None:
    uid, series, sop = new_uid(), new_uid(), new_uid()
    world.images(person, StudyInstanceUID=uid, SeriesInstanceUID=series, SOPInstanceUID=sop)
    world.open(person)
    world.settle()
    with serving(web.app) as port, create_session() as session:
        session.headers.update({"Authorization": f"Bearer {token(DOCTOR)}", "Krypton-Reason": "follow-up"})
        client = DICOMwebClient(f"http://127.0.0.1:{port}/dicom-web", session=session)
        (study,) = client.search_for_studies(search_filters={"StudyInstanceUID": uid}, fields=["StudyDescription"])
        assert study[STUDY]["Value"] == [uid]
        (one,) = client.search_for_series(uid, search_filters={"Modality": "CT"})
        assert one["0020000E"]["Value"] == [series]
        (instance,) = client.search_for_instances(uid, series)
        assert instance["00080018"]["Value"] == [sop]
        assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []
        some = client.search_for_studies(limit=2, offset=0, get_remaining=True)
        assert len(some) == len(found_in(some)) == len(found_in(client.search_for_studies(limit=1_000)))


def found_in(studies: list[Any]) -> set[str]:
    """Their UIDs."""
    return {one[STUDY]["Value"][0] for one in json.loads(json.dumps(studies))}
