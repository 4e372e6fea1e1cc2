"""Answers for what cannot be done: problem details as JSON, of RFC 9457.

``title`` is the status in words, ``detail`` says what is wrong and what to do, ``rule`` is the number of the rule that
refused, ``request`` the request's id, which the log has too. A detail never holds a name, or what the caller sent.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import ClientDisconnect

from domain.errors import NotForRole, NotFound, ReasonMissing, RuleBroken
from krypton.failures import UNREACHABLE, told
from krypton.queries.gate import ViewRefused

MEDIA_TYPE: Final = "application/problem+json"
AGAIN_S: Final = 5
"""After how long to try again where a part of the ledger does not answer."""
REASON: Final = "Krypton-Reason"
"""The header that says why somebody's data are asked for."""
NO_REASON: Final = (
    f"it is recorded why somebody's data are read: say it in the header {REASON}, as percent-encoded UTF-8"
)


@dataclass(eq=False)
class Problem(Exception):
    """A request that is answered with an error. ``headers``: beside those of every answer."""

    status: int
    detail: str = ""
    rule: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self, request_id: str) -> dict[str, Any]:
        """The problem, as JSON has it."""
        said = {"detail": self.detail, "rule": self.rule}
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            **{name: value for name, value in said.items() if value},
            "request": request_id,
        }

    def body(self, request_id: str) -> bytes:
        """What is sent."""
        return json.dumps(self.document(request_id), ensure_ascii=False).encode()


def of(error: Exception) -> Problem | None:
    """The problem that an error is to who asked; None for a defect of Krypton."""
    match error:
        case Problem():
            return error
        case ClientDisconnect():
            return Problem(HTTPStatus.BAD_REQUEST, "the body broke off")
        case ReasonMissing():
            return Problem(HTTPStatus.BAD_REQUEST, NO_REASON, error.rule)
        case ViewRefused() | NotForRole():
            return Problem(HTTPStatus.FORBIDDEN, str(error), error.rule)
        case RuleBroken():
            return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), error.rule)
        case NotFound():
            return Problem(HTTPStatus.NOT_FOUND, str(error))
    if (known := told(error)) and known[1] == UNREACHABLE:
        return away()
    return None


def away() -> Problem:
    """A part of the ledger does not answer; the log says which."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "a part of the ledger does not answer, or is busy: ask again",
        headers={"Retry-After": str(AGAIN_S)},
    )
