"""The registry against requests that nobody should send: each has an answer below 500, and none keeps a connection."""

import json
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.registry.app import build
from krypton.services.http import LimitedProtocol
from schemas.registry import registry
from tests.fakes.registry_server import serving
from tests.waiting import WITHIN_S

SUBJECT = "krypton.studies-krypton.study.StudyArrived"
FULL = registry().of_type("study.arrived").document
PATHS = (
    "/subjects/{s}",
    "/subjects/{s}/versions",
    "/subjects/{s}/versions/{v}",
    "/subjects/{s}/versions/{v}/schema",
    "/subjects/{s}/versions/{v}/referencedby",
    "/schemas/ids/{v}",
    "/schemas/ids/{v}/schema",
    "/schemas/ids/{v}/versions",
    "/schemas/ids/{v}/subjects",
    "/compatibility/subjects/{s}/versions",
    "/compatibility/subjects/{s}/versions/{v}",
    "/config/{s}",
    "/mode/{s}",
    "/subjects",
    "/schemas",
)


@pytest.fixture(scope="module")
def api() -> Iterator[TestClient]:
    """The application; an error that it does not answer is a 500, as over HTTP."""
    with TestClient(build(registry()), raise_server_exceptions=False) as client:
        yield client


def nested(depth: int, inner: Any = "string", *, of: str = "array") -> Any:
    """A type inside types."""
    for _ in range(depth):
        inner = [inner, "null"] if of == "union" else {"type": of, "items" if of == "array" else "values": inner}
    return inner


def record(**more: Any) -> dict[str, Any]:
    """The schema of an event, with other parts."""
    return {**FULL, **more}


def with_type(avro_type: Any) -> dict[str, Any]:
    """The schema of an event whose last field is of another type."""
    fields = [dict(field) for field in FULL["fields"]]
    fields[-1]["type"] = avro_type
    return record(fields=fields)


SEEN: dict[str, Any] = {
    "a name that is a list": record(name=["StudyArrived"]),
    "a name that is an object": record(name={"a": 1}),
    "a namespace that is a number": record(namespace=7),
    "a union within unions": with_type(nested(400, of="union")),
    "an empty union": with_type([]),
    "a default in an empty union": record(fields=[{"name": "a", "type": [], "default": None}]),
    "arrays within arrays": with_type(nested(300)),
    "maps within maps": with_type(nested(300, of="map")),
    "types within types": with_type({"type": {"type": {"type": "string"}}}),
    "a record without fields": record(fields=None),
    "fields that are no list": record(fields={"a": 1}),
    "a field without a type": record(fields=[{"name": "a"}]),
    "a field whose name is a list": record(fields=[{"name": ["a"], "type": "string"}]),
    "a seal that is a number": record(fields=[{"name": "a", "type": "bytes", "krypton.sealed": 5}]),
    "a seal that holds lists": record(fields=[{"name": "a", "type": "bytes", "krypton.sealed": [["a"], {}]}]),
    "half a surrogate pair": record(name="\ud800"),
    "half a surrogate pair as a type": with_type("\udfff"),
    "an enum of lists": with_type({"type": "enum", "name": "E", "symbols": [["a"]]}),
    "a fixed of no size": with_type({"type": "fixed", "name": "F", "size": "x" * 2_000}),
}


@pytest.mark.parametrize("path", ["/subjects/{s}?normalize=true", "/compatibility/subjects/{s}/versions?verbose=true"])
@pytest.mark.parametrize("schema", SEEN.values(), ids=SEEN.keys())
def test_a_schema_that_is_none_is_answered(path: str, schema: Any, api: TestClient) -> None:
    answer = api.post(path.format(s=SUBJECT), json={"schema": json.dumps(schema)})
    assert answer.status_code < 500, answer.text
    answer.json()


INSIDE = re.compile(
    r"\b(\w+(Error|Exception|Type):|dict|NoneType|unhashable|pydantic|fastavro|Input should|Expecting|char \d|"
    r"must match)"
)
"""Words of the libraries and of the language, which mean nothing to who asks."""


@pytest.mark.parametrize("path", ["/subjects/{s}?normalize=true", "/compatibility/subjects/{s}/versions?verbose=true"])
@pytest.mark.parametrize(
    "schema", [*map(json.dumps, SEEN.values()), "{", "[" * 5_000, '{"type": "recrd"}', '"' + "x" * 9_000 + '"']
)
def test_a_refusal_is_in_plain_words(path: str, schema: str, api: TestClient) -> None:
    """What is wrong with the schema, not what a library calls it; and never the schema itself."""
    answer = api.post(path.format(s=SUBJECT), json={"schema": schema})
    message = answer.json().get("message", "")
    assert not INSIDE.search(message), message
    assert len(message) < 300


def test_a_refusal_names_what_is_wrong(api: TestClient) -> None:
    def said(schema: str) -> str:
        answer = api.post(f"/subjects/{SUBJECT}", json={"schema": schema})
        assert (answer.status_code, answer.json()["error_code"]) == (422, 42201)
        return str(answer.json()["message"])

    assert said('{"type": "recrd"}').startswith("Invalid schema: no type is called 'recrd': there are null, boolean")
    assert said('{\n "type": }') == "Invalid schema: it is no JSON from line 2, column 10 on"
    twice = {"type": "enum", "name": "E", "symbols": ["A", "A"]}
    assert said(json.dumps(twice)) == "Invalid schema: an enum has the same symbol twice"
    assert said(json.dumps(record(fields=[{"name": "a"}]))) == "Invalid schema: a field of a record has no type"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/schemas/ids/abc", "ident is not a whole number"),
        ("/schemas?latestOnly=perhaps", "latestOnly is neither true nor false"),
    ],
)
def test_a_value_of_another_type_is_named_in_plain_words(path: str, said: str, api: TestClient) -> None:
    assert api.get(path).json() == {"error_code": 404, "message": f"HTTP 404 Not Found: {said}"}


@pytest.mark.parametrize("version", ["9" * 5_000, "-" + "9" * 5_000, "1e999", "٣", "²", "%00", "0x1", "1,0"])
@pytest.mark.parametrize("path", [path for path in PATHS if "{v}" in path])
def test_a_version_or_id_that_is_none_is_answered(path: str, version: str, api: TestClient) -> None:
    url = path.format(s=SUBJECT, v=quote(version, safe="%"))
    answers = [api.get(url), api.post(url, json={"schema": json.dumps(FULL)})]
    assert [answer.status_code // 100 for answer in answers] == [4, 4]
    assert max(len(answer.content) for answer in answers) < 1_000


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(
    ["record", "string", "bytes", "array", "map", "enum", "fixed", "null", "StudyArrived", "timestamp-micros"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["type", "name", "namespace", "fields", "items", "values", "symbols", "size", "default", "doc", "logicalType",
     "aliases", "krypton.sealed", "krypton.topic", "krypton.key", "schema", "schemaType"]
) | st.text(max_size=5)  # fmt: skip
ODD = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=25
)
SCHEMAS = ODD | st.dictionaries(st.sampled_from(sorted(FULL)), ODD).map(lambda odd: record(**odd)) | ODD.map(with_type)


@settings(max_examples=150, deadline=None)
@given(
    path=st.sampled_from(PATHS),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
    subject=st.just(SUBJECT) | st.text(min_size=1, max_size=30),
    version=st.sampled_from(["1", "latest", "-1"]) | st.text(min_size=1, max_size=30) | st.integers().map(str),
    query=st.dictionaries(
        st.sampled_from(["normalize", "verbose", "latestOnly", "subjectPrefix"]), st.text(max_size=8)
    ),
    body=SCHEMAS.map(lambda schema: {"schema": json.dumps(schema)}) | ODD | st.just({"schema": json.dumps(FULL)}),
)
def test_no_request_is_an_error_of_the_server(
    api: TestClient, path: str, method: str, subject: str, version: str, query: dict[str, str], body: Any
) -> None:
    url = path.format(s=quote(subject, safe="", errors="replace"), v=quote(version, safe="", errors="replace"))
    safe = {name: value.encode(errors="replace").decode() for name, value in query.items()}
    answer = api.request(method, url, params=safe, content=json.dumps(body).encode())
    assert answer.status_code < 500, answer.text
    answer.json()


class Hasty(LimitedProtocol):
    """Short limits, for the tests."""

    exchange_s = 0.3
    most = 3


@pytest.fixture(scope="module")
def hasty() -> Iterator[str]:
    with serving(registry(), Hasty) as url:
        yield url


@pytest.mark.parametrize(
    "said",
    [b"", b"GET /subjects HT", b"GET /subjects HTTP/1.1\r\nHost: a\r\nX: ",
     b"POST /subjects/a HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n{"],
    ids=["nothing", "half a line", "half a header", "half a body"],
)  # fmt: skip
def test_a_request_that_stops_half_way_is_ended(said: bytes, hasty: str) -> None:
    with socket.create_connection((urlsplit(hasty).hostname, urlsplit(hasty).port), WITHIN_S) as wire:
        wire.sendall(said)
        try:
            while wire.recv(4_096):  # an answer may come; the end must
                pass
        except ConnectionResetError:
            pass


def test_mute_connections_lock_nobody_out(hasty: str) -> None:
    """Where too many are open, the one that has waited longest is ended."""
    mute = [socket.create_connection((urlsplit(hasty).hostname, urlsplit(hasty).port), WITHIN_S) for _ in range(30)]
    try:
        assert httpx.get(f"{hasty}/subjects", timeout=WITHIN_S).status_code == 200
    finally:
        for one in mute:
            one.close()


def test_a_body_past_the_limit_is_refused_wherever_it_is_sent(hasty: str) -> None:
    answer = httpx.post(
        f"{hasty}/compatibility/subjects/{SUBJECT}/versions", content=b" " * (2 << 20), timeout=WITHIN_S
    )
    assert answer.status_code == 413
