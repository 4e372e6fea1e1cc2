"""The web service on a real ledger: it shows what the command line shows, decided once and on record before."""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zipfile import ZipFile

import httpx
import pytest
from pydicom import dcmread
from starlette.testclient import TestClient

from adapters.eventstore.recorder import LedgerRecorder
from domain.commands.consents import Grant
from domain.commands.studies import WithdrawStudy
from domain.errors import StoreAway
from krypton.devstack.stack import Stack
from krypton.faces.http.accounts import Accounts
from krypton.faces.http.app import face
from krypton.services.budget import BUDGETS
from krypton.services.web import answers
from tests.fakes.dicom import new_uid
from tests.fakes.ports import free_port
from tests.fakes.roles import roles_file
from tests.fakes.web import DOCTOR, OPERATORS, TOKEN, account, accounts_file, asking, digest
from tests.forked import Running
from tests.integration.audit_world import CLINICIAN, RADIOLOGIST, AuditWorld, audit_world
from tests.integration.live_ledger import LiveLedger, kill, live_ledger
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live
REASON = "follow-up"
OTHERS = "fictitious-token-of-a-radiologist-0123456789-abcdef"
CLERKS = "fictitious-token-of-a-clerk-0123456789-abcdefghijkl"
PATIENTS = "fictitious-token-of-a-patient-0123456789-abcdefghij"


@dataclass
class Web:
    """A ledger, and the web service over it with an account of each kind."""

    world: AuditWorld
    person: str
    study: str
    client: TestClient

    def get(self, path: str, token: str = TOKEN, reason: str = REASON) -> Any:
        return self.client.get(path, headers={"Authorization": f"Bearer {token}", "Krypton-Reason": reason})

    def record(self, token: str = TOKEN, person: str = "") -> Any:
        return self.get(f"/api/people/{person or self.person}/record", token)


@pytest.fixture(scope="module")
def web(stack: Stack) -> Iterator[Web]:
    with audit_world(stack) as world:
        person = world.register()
        study = world.receive(person, dlp=60.0)
        world.receive(person)
        world.open(person)
        world.settle()
        ours, home = world.krypton, world.krypton.settings.roles.parent
        assert CLINICIAN in DOCTOR
        roles_file(home, f"patient:{person}")
        file = accounts_file(
            home,
            account("doctor", DOCTOR, token=digest(TOKEN)),
            account("radiologist", f"rpps:{RADIOLOGIST}", token=digest(OTHERS)),
            account("clerk", "clerk:desk", token=digest(CLERKS)),
            account("patient", f"patient:{person}", token=digest(PATIENTS)),
        )
        made = face(ours, [Accounts(file, home)], lambda: answers(ours), lambda: b"")
        with asking(made) as client:
            yield Web(world, person, study, client)
        made.close()


@pytest.mark.parametrize("what", ["record", "identity", "dose", "consent"])
def test_what_is_shown_is_what_the_command_line_shows(web: Web, what: str) -> None:
    shown = web.world.cli.run(what, "show", web.person, "--json", "--as", f"patient:{web.person}")
    assert shown.code == 0, shown.err
    path = {"consent": "consents"}.get(what, what)
    assert web.get(f"/api/people/{web.person}/{path}", PATIENTS).json() == json.loads(shown.out)


def test_the_record_of_a_professional_has_both_studies(web: Web) -> None:
    assert len(web.record().json()["studies"]) == 2


def test_a_study_is_shown_as_the_record_lists_it_with_whose_it_is(web: Web) -> None:
    record, study = web.record().json(), web.get(f"/api/studies/{web.study}").json()
    assert study["study"] in record["studies"]
    assert study["study"]["study"] == web.study
    assert [study[name] for name in ("person", "members", "patient")] == [
        record[name] for name in ("person", "members", "patient")
    ]


def test_each_question_is_one_decision_under_the_callers_name_with_its_reason(web: Web) -> None:
    paths = {f"/api/people/{web.person}/record": "record.show", f"/api/studies/{web.study}": "study.show"}
    for path, task in paths.items():
        before = web.world.head
        assert web.get(path, reason="contr%C3%B4le").status_code == 200
        (decided,) = recorded(web.world, before)
        told = {name: decided[name] for name in ("type", "actor", "kind", "reason", "rule")}
        assert told == {"type": "access.viewed", "actor": DOCTOR, "kind": task, "reason": "contrôle", "rule": "X12"}


def recorded(world: AuditWorld, after: int) -> list[dict[str, Any]]:
    """What was recorded since."""
    found = []
    for stored in world.krypton.ledger.recorder.select_notifications(after, 100, inclusive_of_start=False):
        schema, data = world.krypton.codec.decode(stored.state, stored.originator_version)
        found.append({"type": schema.type, **data})
    return found


@pytest.mark.parametrize(("token", "rule"), [(OTHERS, "X12"), (CLERKS, "W2")])
def test_who_may_not_is_refused_and_on_record(web: Web, token: str, rule: str) -> None:
    for path in (f"/api/people/{web.person}/record", f"/api/studies/{web.study}"):
        before = web.world.head
        answer = web.get(path, token)
        assert (answer.status_code, answer.json()["rule"]) == (403, rule)
        (refused,) = recorded(web.world, before)
        assert (refused["type"], refused["rule"]) == ("access.view_refused", rule)


def test_a_patient_sees_their_own_and_nobody_elses(web: Web) -> None:
    assert web.record(PATIENTS).status_code == 200
    other = web.world.register()
    web.world.settle()
    assert web.record(PATIENTS, other).json()["rule"] == "X13"


def test_without_a_reason_nothing_is_answered_and_nothing_recorded(web: Web) -> None:
    before = web.world.head
    answer = web.get(f"/api/people/{web.person}/record", reason="%20")
    assert (answer.status_code, answer.json()["rule"]) == (400, "X3")
    assert recorded(web.world, before) == []


def test_where_the_decision_cannot_be_recorded_nothing_is_shown(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise StoreAway("the event store does not answer")

    monkeypatch.setattr(LedgerRecorder, "insert_events", away)
    for path in (f"/api/people/{web.person}/record", f"/api/studies/{web.study}"):
        answer = web.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "FICTIVE" not in answer.text


def test_nobody_and_nothing_known_are_404(web: Web) -> None:
    for path in (f"/api/people/{uuid4()}/record", f"/api/studies/{uuid4()}"):
        assert web.get(path).status_code == 404


def test_a_person_may_be_named_by_number_in_the_body(web: Web) -> None:
    member = web.record().json()["members"][0]
    body = {"person": f"{member['assigner']}|{member['local_id']}"}
    headers = {"Authorization": f"Bearer {TOKEN}", "Krypton-Reason": REASON}
    assert web.client.post("/api/people/record", json=body, headers=headers).json()["person"] == web.person


def test_a_study_that_its_reader_does_not_see_is_not_there(web: Web) -> None:
    """Withdrawn, or left out by the person's consent: as for one that never was."""
    world = web.world
    person = world.register()
    withdrawn, excluded, left = world.receive(person), world.receive(person), world.receive(person)
    world.settle()
    uid = {one["study"]: one["study_uid"] for one in world.seen(person)["record"]["studies"]}
    world.ask(WithdrawStudy(study=UUID(withdrawn), reason="another person's"))
    limits = Grant(identity=UUID(person), party=DOCTOR, exclusions=[f"study:{uid[excluded]}"])
    world.ask(limits, f"patient:{person}")
    world.open(person)
    world.settle()
    assert [web.get(f"/api/studies/{one}").status_code for one in (withdrawn, excluded, left)] == [404, 404, 200]
    assert [one["study"] for one in web.record(person=person).json()["studies"]] == [left]


def test_forty_at_once_are_all_answered_and_keep_within_the_budget(web: Web) -> None:
    with ThreadPoolExecutor(40) as threads:
        statuses = list(threads.map(lambda _: web.record().status_code, range(40)))
    assert statuses == [200] * 40


@pytest.fixture(scope="module")
def ledger(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveLedger]:
    with live_ledger(stack, tmp_path_factory.mktemp("web")) as ours:
        ours.register(3)
        yield ours


@pytest.fixture
def port(ledger: LiveLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Where ``krypton serve web`` is going to listen, with an account of an operator and of a professional."""
    file = accounts_file(
        tmp_path,
        account("doctor", DOCTOR, token=digest(TOKEN)),
        account("prometheus", "operator:prometheus", token=digest(OPERATORS)),
    )
    found = free_port()
    monkeypatch.setenv("KRYPTON_WEB_PORT", str(found))
    monkeypatch.setenv("KRYPTON_WEB_ACCOUNTS", str(file))
    return found


def started(ledger: LiveLedger, port: int) -> Running:
    """The service, once it answers."""
    process = ledger.start("serve", "web")

    def well() -> bool:
        assert process.poll() is None, ledger.said("serve", "web")
        try:
            return httpx.get(f"http://127.0.0.1:{port}/health", timeout=WITHIN_S).status_code == 200
        except httpx.TransportError:
            return False

    until(well, "the web service answers")
    return process


def test_the_process_answers_ends_cleanly_and_comes_back_after_a_kill(ledger: LiveLedger, port: int) -> None:
    url, reason = f"http://127.0.0.1:{port}", {"Krypton-Reason": REASON}
    kill(started(ledger, port))
    process = started(ledger, port)
    assert httpx.get(f"{url}/api/people/{uuid4()}/record", headers=reason, timeout=WITHIN_S).status_code == 401
    signed = {"Authorization": f"Bearer {TOKEN}"} | reason
    ((person,),) = ledger.query(
        "SELECT originator_id::text FROM ledger.ledger_events WHERE topic = 'identity.registered' LIMIT 1"
    )
    answer = httpx.get(f"{url}/api/people/{person}/record", headers=signed, timeout=WITHIN_S)
    assert (answer.status_code, answer.json()["rule"]) == (403, "X1")
    metrics = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {OPERATORS}"}, timeout=WITHIN_S).text
    for name in ("krypton_http_requests_total", "krypton_relay_backlog", "krypton_view_lag_records", "krypton_spool"):
        assert name in metrics
    assert 'krypton_decisions_total{by="gate",decision="refused",role="professional",rule="X1"} 1.0' in metrics
    mine = "datname = current_database() AND application_name LIKE 'krypton web%'"
    held = ledger.query(f"SELECT count(*) FROM pg_stat_activity WHERE {mine}")[0][0]
    assert 0 < held <= BUDGETS["web"].most
    process.send_signal(signal.SIGTERM)
    assert process.wait(WITHIN_S) == 0
    assert "Traceback" not in ledger.said("serve", "web")
    assert TOKEN not in ledger.said("serve", "web")


def test_a_study_is_taken_away_as_one_file_decided_once_and_not_once_it_is_withdrawn(web: Web) -> None:
    sop_uid = new_uid()
    study = web.world.images(web.person, SOPInstanceUID=sop_uid)
    before = web.world.head
    answer = web.get(f"/api/studies/{study}/files")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert int(answer.headers["content-length"]) == len(answer.content)
    with ZipFile(BytesIO(answer.content)) as opened:
        assert opened.testzip() is None
        assert {"DICOMDIR", "checksums.sha256"} < {*opened.namelist()}
        (image,) = (name for name in opened.namelist() if name.startswith("DICOM/"))
        assert dcmread(BytesIO(opened.read(image))).SOPInstanceUID == sop_uid
    (decided,) = recorded(web.world, before)
    assert (decided["type"], decided["kind"], decided["actor"]) == ("access.viewed", "study.export", DOCTOR)
    for token, status in ((OTHERS, 403), (CLERKS, 403)):
        assert web.get(f"/api/studies/{study}/files", token).status_code == status
    web.world.ask(WithdrawStudy(study=UUID(study), reason="wrong patient"))
    assert web.get(f"/api/studies/{study}/files").status_code == 404
