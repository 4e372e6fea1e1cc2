"""The registry's HTTP face: what Confluent's clients ask, and what is refused with which code."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from adapters.registry.app import MAX_BODY_BYTES
from adapters.registry.subjects import subject_of
from schemas.registry import Registry, Schema, _schema, registry
from tests.fakes.registry_server import serving

ARRIVED = registry().of_type("study.arrived")
SUBJECT = "krypton.studies-krypton.study.StudyArrived"


def second_version() -> Schema:
    """``study.arrived`` as a later version could be: one more field, with a default."""
    document = copy.deepcopy(ARRIVED.document)
    document["fields"].append({"name": "priority", "type": ["null", "string"], "default": None, "doc": "Urgency."})
    return _schema(9_000, "study.arrived.v2", document)


LATER = second_version()


@pytest.fixture(scope="module")
def api() -> Iterator[httpx.Client]:
    """The registry of today's schemas and of one later version."""
    with serving(Registry([*registry(), LATER])) as url, httpx.Client(base_url=url) as client:
        yield client


def ask(document: Any) -> dict[str, str]:
    return {"schema": json.dumps(document)}


def test_each_event_type_is_a_subject_of_its_topic(api: httpx.Client) -> None:
    assert api.get("/subjects").json() == sorted({subject_of(schema) for schema in registry()})
    assert subject_of(ARRIVED) == SUBJECT


def test_the_subjects_of_one_topic_are_those_with_its_name_in_front(api: httpx.Client) -> None:
    found = api.get("/subjects", params={"subjectPrefix": "krypton.studies-"}).json()
    assert len(found) == len(registry().topics()["krypton.studies"])


def test_versions_are_listed_and_latest_is_the_last(api: httpx.Client) -> None:
    assert api.get(f"/subjects/{SUBJECT}/versions").json() == [1, 2]
    assert api.get(f"/subjects/{SUBJECT}/versions/latest").json()["id"] == LATER.id
    assert api.get(f"/subjects/{SUBJECT}/versions/-1").json()["version"] == 2


def test_a_version_carries_id_and_the_whole_schema(api: httpx.Client) -> None:
    found = api.get(f"/subjects/{SUBJECT}/versions/1").json()
    assert (found["subject"], found["version"], found["id"]) == (SUBJECT, 1, ARRIVED.id)
    assert json.loads(found["schema"]) == ARRIVED.document
    assert api.get(f"/subjects/{SUBJECT}/versions/1/schema").json() == ARRIVED.document


@pytest.mark.parametrize("schema", list(registry()), ids=lambda s: s.name)
def test_each_pinned_id_gives_its_schema_and_its_subject(api: httpx.Client, schema: Schema) -> None:
    assert json.loads(api.get(f"/schemas/ids/{schema.id}").json()["schema"]) == schema.document
    assert api.get(f"/schemas/ids/{schema.id}/versions").json() == [
        {"subject": subject_of(schema), "version": schema.version}
    ]
    assert api.get(f"/schemas/ids/{schema.id}/subjects").json() == [subject_of(schema)]


def test_answers_are_of_the_registrys_content_type(api: httpx.Client) -> None:
    for path in ("/subjects", "/subjects/nobody/versions", "/no/such/path"):
        assert api.get(path).headers["content-type"] == "application/vnd.schemaregistry.v1+json"


def test_a_schema_is_looked_up_by_its_text(api: httpx.Client) -> None:
    found = api.post(f"/subjects/{SUBJECT}", json=ask(ARRIVED.document)).json()
    assert (found["id"], found["version"]) == (ARRIVED.id, 1)


def test_a_schema_without_its_documentation_is_found_when_normalized(api: httpx.Client) -> None:
    bare = {k: v for k, v in ARRIVED.document.items() if k != "doc"}
    assert api.post(f"/subjects/{SUBJECT}", json=ask(bare)).json()["error_code"] == 40403
    assert api.post(f"/subjects/{SUBJECT}?normalize=true", json=ask(bare)).json()["id"] == ARRIVED.id


def test_a_field_with_a_default_is_compatible(api: httpx.Client) -> None:
    for version in ("latest", "1"):
        answer = api.post(f"/compatibility/subjects/{SUBJECT}/versions/{version}", json=ask(LATER.document))
        assert answer.json() == {"is_compatible": True}


def test_a_field_without_a_default_is_not_and_the_answer_says_why(api: httpx.Client) -> None:
    document = copy.deepcopy(LATER.document)
    document["fields"].append({"name": "room", "type": "string"})
    answer = api.post(f"/compatibility/subjects/{SUBJECT}/versions/latest?verbose=true", json=ask(document)).json()
    assert answer["is_compatible"] is False
    assert "StudyArrived.room: a field was added without a default" in answer["messages"][0]


def test_compatibility_with_all_versions_counts_those_before_the_last(api: httpx.Client) -> None:
    """Without ``priority`` it is version 1 again, and every reader still reads it."""
    path = f"/compatibility/subjects/{SUBJECT}/versions"
    assert api.post(path, json=ask(ARRIVED.document)).json() == {"is_compatible": True}
    other = ARRIVED.document | {"krypton.key": "identity_id"}
    assert api.post(path, json=ask(other)).json() == {"is_compatible": False}


@pytest.mark.parametrize("schema", ['"string"', '{"type": "enum", "name": "E", "symbols": ["A"]}'])
def test_what_is_no_record_is_incompatible_and_no_error(api: httpx.Client, schema: str) -> None:
    answer = api.post(f"/compatibility/subjects/{SUBJECT}/versions/latest", json={"schema": schema})
    assert answer.json() == {"is_compatible": False}


def test_compatibility_is_full_and_transitive_for_all(api: httpx.Client) -> None:
    assert (
        api.get("/config").json() == api.get(f"/config/{SUBJECT}").json() == {"compatibilityLevel": "FULL_TRANSITIVE"}
    )


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/subjects/nobody/versions", 40401),
        ("/subjects/nobody/versions/1", 40401),
        ("/config/nobody", 40401),
        (f"/subjects/{SUBJECT}/versions/3", 40402),
        (f"/subjects/{SUBJECT}/versions/newest", 42202),
        (f"/subjects/{SUBJECT}/versions/0", 42202),
        (f"/subjects/{SUBJECT}/versions/99999999999999", 42202),
        ("/schemas/ids/8999", 40403),
        ("/associations/of/nobody", 404),
        ("/schemas/ids/abc", 404),
        ("/schemas/ids/1.5/schema", 404),
        ("/schemas?latestOnly=perhaps", 404),
    ],
)
def test_what_is_not_there_has_its_code(path: str, code: int, api: httpx.Client) -> None:
    answer = api.get(path)
    assert answer.json()["error_code"] == code
    assert answer.json().keys() == {"error_code", "message"}
    assert answer.status_code == int(str(code)[:3])
    assert answer.headers["content-type"] == "application/vnd.schemaregistry.v1+json"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"schema": 1}',
        b'{"schema": "{}"}',
        b'{"schema": "{\\"type\\": \\"recrd\\"}"}',
        b'{"schema": "\\"string\\"", "schemaType": "PROTOBUF"}',
        b'{"schema": "' + b"[" * 5_000 + b'"}',
    ],
)
def test_a_body_that_is_no_schema_is_refused(body: bytes, api: httpx.Client) -> None:
    answer = api.post(f"/compatibility/subjects/{SUBJECT}/versions/latest", content=body)
    assert (answer.status_code, answer.json()["error_code"]) == (422, 42201)


def test_a_body_past_the_limit_is_not_read_to_its_end(api: httpx.Client) -> None:
    answer = api.post(f"/subjects/{SUBJECT}", content=b" " * (MAX_BODY_BYTES + 1))
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/subjects/{SUBJECT}/versions"),
        ("DELETE", f"/subjects/{SUBJECT}"),
        ("DELETE", f"/subjects/{SUBJECT}/versions/1"),
        ("PUT", "/config"),
        ("PUT", f"/config/{SUBJECT}"),
        ("PUT", "/mode"),
    ],
)
def test_nothing_is_written_over_http(method: str, path: str, api: httpx.Client) -> None:
    answer = api.request(method, path, json=ask(ARRIVED.document))
    assert (answer.status_code, answer.json()["error_code"]) == (422, 42205)


def test_its_health_can_be_asked(api: httpx.Client) -> None:
    assert api.get("/health").json() == {"status": "ok", "subjects": len(registry().latest)}
