"""A request, as the function of a route has it, and what that answers."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from starlette.datastructures import Headers
from starlette.responses import Response

from domain.actors import Caller
from krypton.bootstrap import Krypton
from krypton.faces.http.exchange import Exchange
from krypton.faces.http.problem import REASON, Problem
from krypton.faces.http.reading import Reading
from krypton.faces.http.signing_in import SignedIn
from krypton.queries.standing import Standing

LONGEST_REASON: Final = 1_000
MOST_PARAMETERS: Final = 100


@dataclass(frozen=True)
class Asked:
    """A request, for the function that answers it. ``caller`` and ``signed`` are None where nobody need sign in.

    ``exchange``: what is known of the request beside what it says. ``standing``: the decisions on studies, of
    which one lets many images be shown.
    """

    ours: Krypton
    caller: Caller | None
    path: Mapping[str, Any]
    query: Mapping[str, Sequence[str]]
    body: bytes
    headers: Headers
    signed: SignedIn | None
    exchange: Exchange
    standing: Standing

    @property
    def by(self) -> Caller:
        """Who asks."""
        assert self.caller is not None, "a route with a task has a caller"
        return self.caller


Answer = Callable[[Asked], Response | Reading]
"""Answers a request, in a thread of its own; what it decides is recorded when it returns."""


def query_of(stated: bytes) -> dict[str, list[str]]:
    """The parameters of a query. Raises Problem 400."""
    try:
        return parse_qs(stated.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise Problem(HTTPStatus.BAD_REQUEST, f"a query has {MOST_PARAMETERS} parameters at most") from None


def reason_in(value: str) -> str | None:
    """What a header says, percent-encoded UTF-8; None where it says nothing. Raises Problem 400."""
    try:
        said = unquote(value, errors="strict").strip()
    except UnicodeDecodeError:
        said = "\0"
    if not said.isprintable() or len(said) > LONGEST_REASON:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"{REASON} is percent-encoded UTF-8 without control characters, {LONGEST_REASON} at most",
        )
    return said or None


def as_json(document: Any) -> Response:
    """A document, as ``--json`` prints it."""
    return Response(json.dumps(document, ensure_ascii=False, default=str).encode(), media_type="application/json")
