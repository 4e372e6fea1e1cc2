"""Every route of the web service, each with what it shows."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from domain.actors import Caller
from krypton.bootstrap import Krypton
from krypton.faces.dicomweb import files
from krypton.faces.dicomweb import routes as dicomweb
from krypton.faces.dicomweb.accept import Accepted, unacceptable
from krypton.faces.dose.standards.given import dose_bundle_of, dose_report_of
from krypton.faces.http.asked import Answer, Asked, as_json
from krypton.faces.http.declared import Declared, Doors
from krypton.faces.http.metrics import Metrics
from krypton.faces.http.problem import Problem
from krypton.faces.look import routes as look
from krypton.queries.person import consents_of, dose_of, identity_of, order_of, record_of
from krypton.queries.studies import study_of

MEMBER = "person"
LONGEST_REF = 300
BODY = f'the body is JSON: {{"{MEMBER}": "ASSIGNER|LOCAL_ID"}}, or a uuid, or INS|matricule'
PERSON = "/api/people/{person:uuid}"
FHIR, JSON, DICOM = "application/fhir+json", "application/json", "application/dicom"
OfPerson = Callable[[Krypton, Caller, str], Any]


def routes(doors: Doors, metrics: Metrics, well: Callable[[], bool], works: Callable[[], bytes]) -> list[Declared]:
    """``well``: whether this process can answer; ``works``: metrics of the whole ledger, as Prometheus reads them."""

    def health(_: Asked) -> Response:
        ok = well()
        found = as_json({"ok": ok})
        found.status_code = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
        return found

    def measured(_: Asked) -> Response:
        return Response(metrics.text() + works(), media_type=CONTENT_TYPE_LATEST)

    return [
        Declared("/health", health, doors, why_open="whether this process can answer, for load balancers: yes or no"),
        Declared("/metrics", measured, doors, "health"),
        Declared(f"{PERSON}/identity", _of_person(identity_of), doors, "identity.show"),
        Declared(f"{PERSON}/record", _of_person(record_of), doors, "record.show"),
        Declared(f"{PERSON}/dose", _of_person(dose_of), doors, "dose.show"),
        Declared(f"{PERSON}/dose/{{study_uid}}", _exported_dose, doors, "dose.export"),
        Declared(f"{PERSON}/consents", _of_person(consents_of), doors, "consent.show"),
        Declared("/api/people/record", _of_named(record_of), doors, "record.show", method="POST"),
        Declared("/api/studies/{study:uuid}", _study, doors, "study.show"),
        Declared("/api/orders/{order:uuid}", _order, doors, "order.show"),
        *dicomweb.routes(doors),
        *files.routes(doors),
        *look.routes(doors),
    ]


def _of_person(query: OfPerson) -> Answer:
    """What the command line shows of a person, who is named by the uuid of an identity."""
    return lambda asked: as_json(query(asked.ours, asked.by, str(asked.path["person"])))


def _of_named(query: OfPerson) -> Answer:
    """The same; the person is named in the body, so that no address holds somebody's number."""
    return lambda asked: as_json(query(asked.ours, asked.by, _ref(asked.body)))


def _exported_dose(asked: Asked) -> Response:
    """In the form that is liked best. Raises Problem 406, before anything is decided."""
    accepted = Accepted(asked.headers.get("accept", ""), asked.query.get("accept", ()))
    of = (asked.ours, asked.by, str(asked.path["person"]), asked.path["study_uid"])
    match accepted.best((FHIR, JSON, DICOM)):
        case None:
            raise unacceptable(f"{FHIR} or {DICOM}")
        case "application/dicom":
            return Response(dose_report_of(*of), media_type=DICOM)
        case _:
            found = as_json(dose_bundle_of(*of))
            found.headers["content-type"] = FHIR
            return found


def _study(asked: Asked) -> Response:
    return as_json(study_of(asked.ours, asked.by, asked.path["study"]))


def _order(asked: Asked) -> Response:
    return as_json(order_of(asked.ours, asked.by, asked.path["order"]))


def _ref(body: bytes) -> str:
    """Raises Problem 400."""
    try:
        told: Any = json.loads(body)
        ref = told[MEMBER]
    except (ValueError, LookupError, TypeError, RecursionError):
        ref = None
    if not isinstance(ref, str) or not ref.isprintable() or not 0 < len(ref) <= LONGEST_REF:
        raise Problem(HTTPStatus.BAD_REQUEST, BODY)
    return ref
