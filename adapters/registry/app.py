"""The HTTP application of the schema registry: the read-only part of Confluent's REST API.

Any client of that API can read every topic with it; write requests are answered with 42205. It needs neither Kafka nor
a database, and serves only what is in the repository, so it needs no authentication. Source: Confluent Schema Registry
API reference, content type ``application/vnd.schemaregistry.v1+json``.
"""

import json
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from adapters.registry import unreadable
from adapters.registry.refusals import Refusal, invalid_schema, read_only, too_large
from adapters.registry.subjects import Subjects, subject_of, text_of
from schemas.registry import Registry, Schema

MAX_BODY_BYTES: Final = 1 << 20
LEVEL: Final = "FULL_TRANSITIVE"  # what schemas.compatibility checks for every version, in CI
AVRO: Final = "AVRO"


class Answer(JSONResponse):
    """JSON with the content type registry clients expect."""

    media_type = "application/vnd.schemaregistry.v1+json"

    def render(self, content: Any) -> bytes:
        """JSON in UTF-8; half a surrogate pair, which UTF-8 cannot hold, goes back as the JSON escape it came as."""
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")


def build(registry: Registry) -> FastAPI:
    """The application that serves these schemas."""
    app = FastAPI(title="Krypton schema registry", docs_url=None, redoc_url=None, default_response_class=Answer)
    subjects = Subjects(registry)
    for router in (_subjects(subjects), _ids(subjects), _compatibility(subjects), _state(subjects), _writes()):
        app.include_router(router)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _not_understood)
    return app


def _subjects(subjects: Subjects) -> APIRouter:
    api = APIRouter()

    @api.get("/subjects")
    def names(subjectPrefix: str = "") -> list[str]:
        """Every subject, or those of one topic: ``subjectPrefix=krypton.studies-``."""
        return [name for name in subjects if name.startswith(subjectPrefix)]

    @api.get("/subjects/{subject}/versions")
    def versions(subject: str) -> list[int]:
        return list(subjects.versions(subject))

    @api.get("/subjects/{subject}/versions/{version}")
    def version(subject: str, version: str) -> dict[str, Any]:
        return _whole(subjects.version(subject, version))

    @api.get("/subjects/{subject}/versions/{version}/schema")
    def document(subject: str, version: str) -> dict[str, Any]:
        return subjects.version(subject, version).document

    @api.get("/subjects/{subject}/versions/{version}/referencedby")
    def referenced_by(subject: str, version: str) -> list[int]:
        subjects.version(subject, version)
        return []  # schemas never reference each other

    @api.post("/subjects/{subject}")
    async def lookup(subject: str, request: Request, normalize: bool = False) -> dict[str, Any]:
        """Which version of the subject is this schema?"""
        text = await _schema_text(request)
        return _whole(await run_in_threadpool(subjects.lookup, subject, text, normalize))

    return api


def _ids(subjects: Subjects) -> APIRouter:
    api = APIRouter()

    @api.get("/schemas")
    def every(subjectPrefix: str = "", latestOnly: bool = False) -> list[dict[str, Any]]:
        wanted = [subjects.versions(name) for name in subjects if name.startswith(subjectPrefix)]
        return [_whole(v[n]) for v in wanted for n in v if not latestOnly or n == max(v)]

    @api.get("/schemas/types")
    def types() -> list[str]:
        return [AVRO]

    @api.get("/schemas/ids/{ident}")
    def text(ident: int) -> dict[str, str]:
        return {"schema": text_of(subjects.of_id(ident))}

    @api.get("/schemas/ids/{ident}/schema")
    def document(ident: int) -> dict[str, Any]:
        return subjects.of_id(ident).document

    @api.get("/schemas/ids/{ident}/versions")
    def versions(ident: int) -> list[dict[str, Any]]:
        schema = subjects.of_id(ident)
        return [{"subject": subject_of(schema), "version": schema.version}]

    @api.get("/schemas/ids/{ident}/subjects")
    def named(ident: int) -> list[str]:
        return [subject_of(subjects.of_id(ident))]

    return api


def _compatibility(subjects: Subjects) -> APIRouter:
    api = APIRouter(prefix="/compatibility/subjects/{subject}/versions")

    async def tested(subject: str, request: Request, version: str | None, verbose: bool) -> dict[str, Any]:
        text = await _schema_text(request)
        found = await run_in_threadpool(subjects.incompatibilities, subject, text, version)
        return {"is_compatible": not found} | ({"messages": found} if verbose else {})

    @api.post("")
    async def with_all(subject: str, request: Request, verbose: bool = False) -> dict[str, Any]:
        """Would this schema break a reader of any version?"""
        return await tested(subject, request, None, verbose)

    @api.post("/{version}")
    async def with_one(subject: str, version: str, request: Request, verbose: bool = False) -> dict[str, Any]:
        """Would this schema break a reader of that version?"""
        return await tested(subject, request, version, verbose)

    return api


def _state(subjects: Subjects) -> APIRouter:
    api = APIRouter()

    @api.get("/")
    def root() -> dict[str, Any]:
        return {}

    @api.get("/health")
    def health() -> dict[str, Any]:
        """Whether it serves: it does when it answers."""
        return {"status": "ok", "subjects": len(list(subjects))}

    @api.get("/contexts")
    def contexts() -> list[str]:
        return ["."]

    @api.get("/config")
    def config() -> dict[str, str]:
        return {"compatibilityLevel": LEVEL}

    @api.get("/config/{subject}")
    def config_of(subject: str) -> dict[str, str]:
        subjects.versions(subject)
        return {"compatibilityLevel": LEVEL}

    @api.get("/mode")
    def mode() -> dict[str, str]:
        return {"mode": "READONLY"}

    @api.get("/mode/{subject}")
    def mode_of(subject: str) -> dict[str, str]:
        subjects.versions(subject)
        return {"mode": "READONLY"}

    return api


def _writes() -> APIRouter:
    """Answers the API's write requests with 42205, unlike unknown paths."""
    api = APIRouter()

    def refuse() -> None:
        raise read_only()

    for path, methods in (
        ("/subjects/{subject}/versions", ["POST"]),
        ("/subjects/{subject}", ["DELETE"]),
        ("/subjects/{subject}/versions/{version}", ["DELETE"]),
        ("/config", ["PUT", "DELETE"]),
        ("/config/{subject}", ["PUT", "DELETE"]),
        ("/mode", ["PUT"]),
        ("/mode/{subject}", ["PUT", "DELETE"]),
    ):
        api.add_api_route(path, refuse, methods=methods, include_in_schema=False)
    return api


def _whole(schema: Schema) -> dict[str, Any]:
    return {
        "subject": subject_of(schema),
        "id": schema.id,
        "version": schema.version,
        "schemaType": AVRO,
        "schema": text_of(schema),
    }


async def _schema_text(request: Request) -> str:
    """The ``schema`` of a request's body. Raises Refusal 413, 42201."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY_BYTES:
                raise too_large(MAX_BODY_BYTES)
    except ClientDisconnect:
        raise invalid_schema("the body broke off") from None
    try:
        asked = json.loads(body)
        text, kind = asked["schema"], asked.get("schemaType") or AVRO
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise invalid_schema('the body must be {"schema": "…"}') from None
    if kind != AVRO or not isinstance(text, str):
        raise invalid_schema("events are Avro: give its schema as text, of schemaType AVRO")
    return text


def _refused(_: Request, refusal: Exception) -> Answer:
    assert isinstance(refusal, Refusal)
    return Answer({"error_code": refusal.code, "message": str(refusal)}, refusal.status)


def _http_error(_: Request, error: Exception) -> Answer:
    """An unknown path or method, in the API's error format."""
    assert isinstance(error, HTTPException)
    return Answer(
        {"error_code": error.status_code, "message": f"HTTP {error.status_code} {error.detail}"}, error.status_code
    )


def _not_understood(_: Request, error: Exception) -> Answer:
    """A path or query value of the wrong type: 404, as in JAX-RS and Confluent."""
    assert isinstance(error, RequestValidationError)
    message = f"HTTP 404 Not Found: {unreadable.value(error.errors()[0])}"
    return Answer({"error_code": 404, "message": message}, 404)
