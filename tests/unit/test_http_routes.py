"""The web service: every route declares what it shows, whoever asks is known, and no byte leaves undecided."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from domain.errors import ClockDiffers, NotFound, ReasonMissing, StoreAway
from domain.tasks import GATED, TASKS
from krypton.errors import ServiceUnavailable
from krypton.faces.http import routes
from krypton.faces.http.app import Face
from krypton.faces.http.asked import as_json
from krypton.faces.http.declared import Declared, DeclaredRoute, Doors
from krypton.ohif.lock import BASE
from tests.fakes.web import (
    AN_OPERATOR,
    DOCTOR,
    PERSON,
    QUERIES,
    RECORD,
    SIGNED,
    TOKEN,
    WHY,
    Queries,
    asking,
    named_in,
    wired,
)

OF_THE_VIEWER = {
    f"{BASE}{{file:path}}",
    "/viewer/open/{token}",
    "/viewer/s/{link:uuid}/basic",
    "/viewer/s/{link:uuid}/ended",
}
DOCS = Path(__file__).parents[2] / "docs"


def served(web: Face) -> list[Any]:
    """The endpoint of every route."""
    return [route.endpoint if isinstance(route, DeclaredRoute) else route for route in web.router.routes]


def test_every_route_declares_what_it_shows(web: Face) -> None:
    """A mount, a plain route or a static folder is none of the declared ones, and fails here."""
    endpoints = served(web)
    assert len(endpoints) >= 5
    assert [one for one in endpoints if not isinstance(one, Declared)] == []
    for one in endpoints:
        assert one.task in TASKS or one.why_open
    open_to_all = {one.path for one in endpoints if not one.task}
    assert open_to_all == {"/health", "/look/{file}", *OF_THE_VIEWER}


def test_a_route_that_declares_nothing_cannot_be_made(web: Face) -> None:
    doors: Doors = served(web)[0].doors
    wrong: list[dict[str, Any]] = [{}, {"task": "no.such"}, {"task": "record.show", "why_open": "no reason"}]
    for declared in wrong:
        with pytest.raises(ValueError, match="declares no task"):
            Declared("/api/other", lambda _: as_json({}), doors, **declared)
    with pytest.raises(ValueError, match="not at once"):
        Declared("/api/other", lambda _: as_json({}), doors, "record.show", at_once=True)


def of_images(one: Declared) -> bool:
    """These rest on decisions that stand, or are pages: see ``test_dicomweb_routes``, ``test_viewer_links`` and
    ``test_look_page``.
    """
    return "/dicom-web/" in one.path or one.path.startswith("/studies/")


def asked(client: TestClient, one: Declared, **given: Any) -> Any:
    """A request of a route."""
    path = re.sub(r"\{\w+:uuid\}", PERSON, one.path)
    return client.request(one.method, path, json={"person": PERSON} if one.method == "POST" else None, **given)


def test_no_route_with_a_task_answers_somebody_unknown(web: Face, client: TestClient, queries: Queries) -> None:
    for one in served(web):
        if one.task:
            answer = asked(client, one, headers=WHY)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="krypton"')
    assert queries.asked == []


def test_every_route_of_personal_data_asks_the_gate_once_in_its_task_and_under_the_callers_name(
    web: Face, client: TestClient, queries: Queries
) -> None:
    personal = [one for one in served(web) if one.task in GATED and not of_images(one)]
    assert {one.task for one in personal} == {*QUERIES.values(), "study.export"}
    for one in personal:
        queries.asked.clear()
        answer = asked(client, one, headers=SIGNED)
        assert (answer.status_code, answer.json()) == (200, queries.document)
        ((task, caller, ref),) = queries.asked
        assert (task, ref) == (one.task, PERSON)
        assert (caller.actor, caller.site, caller.reason) == (DOCTOR, "CHB", WHY["Krypton-Reason"])


def test_doses_in_fhir_say_so(client: TestClient, queries: Queries) -> None:
    answer = client.get(f"/api/people/{PERSON}/dose/1.2.3", headers=SIGNED)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+json")
    assert [(task, about) for task, _, about in queries.asked] == [("dose.export", PERSON)]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/dicom", "application/dicom"),
        ("application/dicom;q=0.5, application/fhir+json", "application/fhir+json"),
        ("application/json", "application/fhir+json"),
    ],
)
def test_doses_are_given_in_the_form_that_is_liked_best(
    client: TestClient, queries: Queries, accept: str, media_type: str
) -> None:
    queries.document = b"DICM" if media_type == "application/dicom" else {"resourceType": "Bundle"}
    answer = client.get(f"/api/people/{PERSON}/dose/1.2.3", headers=SIGNED | {"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert [(task, about) for task, _, about in queries.asked] == [("dose.export", PERSON)]


def test_a_form_that_doses_have_not_is_refused_before_anything_is_decided(client: TestClient, queries: Queries) -> None:
    answer = client.get(f"/api/people/{PERSON}/dose/1.2.3", headers=SIGNED | {"Accept": "text/html"})
    assert (answer.status_code, queries.asked) == (406, [])
    assert "application/dicom" in answer.json()["detail"]


def test_what_was_not_decided_on_is_not_shown_whatever_the_route_answers(
    web: Face, client: TestClient, queries: Queries, caplog: pytest.LogCaptureFixture
) -> None:
    queries.records = False
    queries.document = {"family": "FICTIVE"}
    for one in served(web):
        if one.task in GATED and not of_images(one):
            answer = asked(client, one, headers=SIGNED)
            assert answer.status_code == 500
            assert "FICTIVE" not in answer.text
    assert "Undecided" in caplog.text
    assert "FICTIVE" not in caplog.text


def test_a_refusal_of_the_gate_is_told_with_its_rule(client: TestClient, queries: Queries) -> None:
    queries.refuses = "X12"
    answer = client.get(RECORD, headers=SIGNED)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    told = answer.json()
    assert (told["title"], told["status"], told["rule"]) == ("Forbidden", 403, "X12")
    assert told["request"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (NotFound("no such identity"), 404, "no such identity"),
        (ReasonMissing("say why"), 400, "Krypton-Reason"),
        (ServiceUnavailable("the database of FICTIVE at host db1 is away"), 503, "ask again"),
        (StoreAway("db1"), 503, "ask again"),
        (ClockDiffers("db1"), 503, "ask again"),
        (RuntimeError("FICTIVE Marie"), 500, "defect"),
    ],
)
def test_what_goes_wrong_is_a_problem_that_tells_no_inside(
    client: TestClient, queries: Queries, caplog: pytest.LogCaptureFixture, error: Exception, status: int, says: str
) -> None:
    def fails() -> None:
        raise error

    queries.before = fails
    answer = client.get(RECORD, headers=SIGNED)
    assert answer.status_code == answer.json()["status"] == status
    assert says in answer.json()["detail"]
    assert not {"FICTIVE", "db1"} & set(f"{answer.text} {caplog.text}".split())
    assert status < 500 or f"{answer.json()['request']} failed: {type(error).__name__}" in caplog.text


def test_a_reason_is_percent_encoded_and_kept_whole(client: TestClient, queries: Queries) -> None:
    client.get(RECORD, headers={**SIGNED, "Krypton-Reason": "contr%C3%B4le%20%C3%A0%20J%2B30"})
    assert queries.asked[0][1].reason == "contrôle à J+30"


@pytest.mark.parametrize("reason", ["%FF%FE", "a%00b", "a%0Ab", "x" * 1_001], ids=["bytes", "nul", "line", "long"])
def test_a_reason_that_is_no_text_is_refused(client: TestClient, queries: Queries, reason: str) -> None:
    answer = client.get(RECORD, headers={**SIGNED, "Krypton-Reason": reason})
    assert (answer.status_code, queries.asked) == (400, [])


def test_no_reason_is_made_up(client: TestClient, queries: Queries) -> None:
    client.get(RECORD, headers={"Authorization": f"Bearer {TOKEN}"})
    assert queries.asked[0][1].reason is None


def test_a_person_may_be_named_in_the_body_so_that_no_address_holds_a_number(
    client: TestClient, queries: Queries
) -> None:
    assert client.post("/api/people/record", headers=SIGNED, json={"person": "CHB|123/4"}).status_code == 200
    assert queries.asked[0][2] == "CHB|123/4"
    assert client.get("/api/people/CHB%7C123/record", headers=SIGNED).status_code == 404


BODIES = [b"", b"{", b"[]", b'{"person": 1}', b'{"person": ""}', b'{"person": "a\\u0000"}', b"\xff", b"[" * 60_000]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_body_that_names_nobody_is_refused_in_plain_words(client: TestClient, queries: Queries, body: bytes) -> None:
    answer = client.post("/api/people/record", headers=SIGNED, content=body)
    assert (answer.status_code, queries.asked) == (400, [])
    assert answer.json()["detail"].startswith("the body is JSON")


def test_a_path_or_method_that_is_none_is_a_problem_too(client: TestClient) -> None:
    nowhere = client.get("/api/nowhere", headers=SIGNED)
    assert (nowhere.status_code, nowhere.json()["status"]) == (404, 404)
    other = client.delete(RECORD, headers=SIGNED)
    assert (other.status_code, other.headers["allow"]) == (405, "GET, HEAD")
    assert client.get("/health/", follow_redirects=False).status_code == 404


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_no_page_of_another_site_changes_or_asks_anything_by_a_browsers_certificate(
    client: TestClient, queries: Queries, site: str
) -> None:
    answer = client.post("/api/people/record", headers=SIGNED | {"Sec-Fetch-Site": site}, json={"person": "CHB|123"})
    assert (answer.status_code, queries.asked) == (403, [])


@pytest.mark.parametrize("path", ["/health", "/metrics", RECORD, "/nowhere"])
def test_every_answer_guards_a_browser_and_is_kept_by_nobody(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert (headers["cache-control"], headers["x-frame-options"]) == ("no-store", "DENY")
    assert headers["strict-transport-security"].startswith("max-age=")
    assert "access-control-allow-origin" not in headers


def test_a_request_keeps_the_callers_id_and_gets_one_where_there_is_none(client: TestClient) -> None:
    assert client.get("/health", headers={"X-Request-Id": "portal-000042"}).headers["x-request-id"] == "portal-000042"
    for odd in ("short", "a b c d e f g h", "x" * 65):
        assert UUID(client.get("/health", headers={"X-Request-Id": odd}).headers["x-request-id"])


@pytest.mark.parametrize(("ok", "status"), [(True, 200), (False, 503)])
def test_health_says_no_more_than_whether_it_answers(tmp_path: Path, ok: bool, status: int) -> None:
    with wired(tmp_path, well=lambda: ok) as web, asking(web) as client:
        answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (status, {"ok": ok})


def test_metrics_are_for_operators_and_tell_of_requests_and_of_the_ledger(client: TestClient) -> None:
    client.get(RECORD, headers=SIGNED)
    client.get("/api/CHB%7C123")
    assert client.get("/metrics", headers=SIGNED).json()["rule"] == "W2"
    answer = client.get("/metrics", headers=AN_OPERATOR)
    assert "krypton_healthy 1.0" in answer.text
    assert "CHB" not in answer.text
    samples = [one for family in text_string_to_metric_families(answer.text) for one in family.samples]
    requests = [one for one in samples if one.name == "krypton_http_requests_total"]
    counted = {tuple(one.labels[name] for name in ("route", "method", "status")): one.value for one in requests}
    assert counted["/api/people/{person:uuid}/record", "GET", "200"] == 1
    assert counted["none", "GET", "404"] == 1
    page = (DOCS / "operations.md").read_text()
    named = {one.name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum") for one in samples}
    assert [name for name in sorted(named) if name.startswith("krypton_http") and f"`{name}`" not in page] == []


def test_the_log_tells_route_status_and_id_and_nothing_of_the_person(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "krypton")
    answer = client.post("/api/people/record", headers=SIGNED, json={"person": "CHB|123"})
    (line,) = [one for one in caplog.messages if "/api/" in one]
    assert line.startswith(f"{answer.headers['x-request-id']} /api/people/record 200 ")
    assert "CHB" not in caplog.text
    assert TOKEN not in caplog.text


def test_the_documents_are_those_that_the_command_line_prints(client: TestClient, queries: Queries) -> None:
    queries.document = {"person": PERSON, "at": UUID(int=7), "name": "Éloïse"}
    assert client.get(RECORD, headers=SIGNED).text == json.dumps(
        {"person": PERSON, "at": str(UUID(int=7)), "name": "Éloïse"}, ensure_ascii=False
    )


def test_routes_are_named_in_the_page_for_callers(web: Face) -> None:
    page = (DOCS / "http.md").read_text()
    assert [one.path for one in served(web) if not named_in(page, one)] == []
    assert routes.MEMBER in page
