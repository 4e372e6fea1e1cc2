"""Requests to the schema registry, byte for byte: each is answered below 500, or its connection ended, and soon."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any, Final
from urllib.parse import quote, urlsplit

from schemas.registry import registry
from tests.fakes.registry_server import serving
from tests.fuzz.frame import Wrong
from tests.fuzz.mutate import havoc, odd_text
from tests.fuzz.wire import HEADERS, heard, status_of, with_header

SUBJECT: Final = "krypton.studies-krypton.study.StudyArrived"
PATHS: Final = (
    "/",
    "/health",
    "/subjects",
    "/subjects?subjectPrefix=krypton.studies-",
    "/subjects/{s}/versions",
    "/contexts",
    "/mode",
    "/subjects/{s}/versions/latest",
    "/subjects/{s}/versions/1/schema",
    "/subjects/{s}/versions/-1/referencedby",
    "/schemas",
    "/schemas?latestOnly=true",
    "/schemas/types",
    "/schemas/ids/1",
    "/schemas/ids/1/schema",
    "/config",
    "/schemas/ids/2/versions",
    "/schemas/ids/3/subjects",
    "/config/{s}",
    "/mode/{s}",
    "/docs",
    "/openapi.json",
)
POSTS: Final = (
    "/subjects/{s}",
    "/subjects/{s}?normalize=true",
    "/compatibility/subjects/{s}/versions?verbose=true",
    "/compatibility/subjects/{s}/versions/latest?verbose=true",
    "/subjects/{s}/versions",
)
FULL: Final = registry().of_type("study.arrived").document
WORDS: Final[tuple[Any, ...]] = (
    "record",
    "string",
    "bytes",
    "array",
    "map",
    "enum",
    "fixed",
    "null",
    "union",
    "StudyArrived",
    "timestamp-micros",
    "error",
    "decimal",
    None,
    True,
    False,
    0,
    -1,
    2**31,
    10**30,
    1.5,
    1e308,
    [],
    {},
    [[]],
    [None],
    {"type": "string"},
    "",
    "krypton",
)


class RegistryRequests:
    """See the module."""

    name = "registry"

    def __init__(self) -> None:
        self._serving = serving(registry())
        url = urlsplit(self._serving.__enter__())
        self._address = (url.hostname or "", url.port or 0)

    def seeds(self) -> Sequence[bytes]:
        """Every route."""
        schemas = (FULL, {**FULL, "fields": FULL["fields"][:5]}, "string", {"type": "array", "items": "string"})
        return [
            *(request("GET", path.format(s=SUBJECT)) for path in PATHS),
            *(
                request("POST", path.format(s=SUBJECT), {"schema": json.dumps(one)})
                for path in POSTS
                for one in schemas
            ),
            *(request(method, f"/config/{SUBJECT}", {}) for method in ("PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")),
        ]

    def changed(self, given: bytes, other: bytes, random: Random) -> bytes:
        """The path, the schema, the body, a header, or the bytes."""
        head, _, body = given.partition(b"\r\n\r\n")
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].decode("latin-1")
        match random.randrange(6):
            case 0:
                parts = path.split("/")
                parts[random.randrange(len(parts))] = quote(odd_text(random)[:9_000], safe="=&?%", errors="replace")
                return request(method.decode("latin-1"), "/".join(parts), raw=body)
            case 1 | 2 | 3:
                return self._schema_changed(path, body, random)
            case 4:
                return with_header(given, random.choice(HEADERS), random.randrange(100))
            case _:
                return havoc(given, other, random)

    def _schema_changed(self, path: str, body: bytes, random: Random) -> bytes:
        try:
            asked = json.loads(body)
            document = json.loads(asked["schema"])
        except (ValueError, TypeError, LookupError, RecursionError):
            asked, document = {}, FULL
            path = random.choice(POSTS).format(s=SUBJECT)
        for _ in range(random.choice((1, 1, 2, 5))):
            document = odd_json(document, random)
        try:
            return request("POST", path, {**asked, "schema": json.dumps(document)})
        except RecursionError:
            return request("POST", path, raw=body)

    def close(self) -> None:
        """Stop the server."""
        self._serving.__exit__(None, None, None)

    def answer(self, given: bytes) -> str:
        """Send it, hear the first answer, and ask for health."""
        said = self._exchange(given)
        healthy = self._exchange(HEALTH)
        if not healthy.startswith("200"):
            raise Wrong(f"health: the registry answers nobody after this ({healthy[:60]})")
        return said

    def _exchange(self, given: bytes) -> str:
        return _understood(heard(self._address, given, patient=given == HEALTH))


def _understood(answer: bytes) -> str:
    if not answer:
        return "ended"
    status = status_of(answer)
    head, _, body = answer.partition(b"\r\n\r\n")
    code = ""
    if b"schemaregistry" in head and b"HTTP/1" not in body and body and b"ontent-length: 0" not in head:
        try:
            answered = json.loads(body)
        except ValueError:
            raise Wrong("answer: its body is no JSON") from None
        if isinstance(answered, dict):
            code = f"{answered.get('error_code', '')} {str(answered.get('message', ''))[:50]}"
    return f"{status} {code}"


def request(method: str, path: str, body: Any = None, *, raw: bytes | None = None) -> bytes:
    """A request that asks the server to close."""
    content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
    lines = (f"{method} {path} HTTP/1.1", "Host: registry", "Connection: close", f"Content-Length: {len(content)}")
    return "\r\n".join((*lines, "", "")).encode("latin-1", "replace") + content


HEALTH: Final = request("GET", "/health")


def odd_json(value: Any, random: Random, depth: int = 0) -> Any:
    """A value with one place changed."""
    if depth > 60 or random.random() < 0.15 or not isinstance(value, dict | list) or not value:
        return _odd_value(value, random)
    if isinstance(value, list):
        at = random.randrange(len(value))
        return [*value[:at], odd_json(value[at], random, depth + 1), *value[at + 1 :]]
    key = random.choice(list(value))
    if random.random() < 0.1:
        return {name: inner for name, inner in value.items() if name != key}
    if random.random() < 0.1:
        return {**value, random.choice(NAMES): random.choice(WORDS)}
    return {**value, key: odd_json(value[key], random, depth + 1)}


NAMES: Final = (
    "type",
    "name",
    "namespace",
    "fields",
    "items",
    "values",
    "symbols",
    "size",
    "default",
    "doc",
    "logicalType",
    "aliases",
    "precision",
    "scale",
    "krypton.sealed",
    "krypton.topic",
    "krypton.key",
    "order",
)


def _odd_value(value: Any, random: Random) -> Any:
    match random.randrange(6):
        case 0:
            return random.choice(WORDS)
        case 1:
            return odd_text(random)[:3_000]
        case 2:
            return [value, value]
        case 3:
            return {
                "type": random.choice(("array", "map", "record", "fixed", "enum")),
                "items": value,
                "values": value,
                "name": random.choice(("a", "StudyArrived", 5, None)),
                "fields": [{"name": "a", "type": value}],
                "size": random.choice((1, -1, 10**12)),
                "symbols": random.choice((["A"], ["A", "A"], value)),
            }
        case 4:
            for _ in range(random.choice((5, 60, 250))):
                value = [value] if random.random() < 0.1 else {"type": "array", "items": value}
            return value
        case _:
            return random.choice(WORDS)
