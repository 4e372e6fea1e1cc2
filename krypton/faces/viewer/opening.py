"""Opens the viewer: a link is asked for, opened once, and ends with a page that says why.

A link's token stands in an address for one request, is good once and for two minutes, and is then worth nothing. What
its opening leads to holds no secret: that is in a cookie, which no script reads.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from domain.errors import NotFound, ReasonMissing
from krypton.faces.http.asked import Asked, as_json
from krypton.faces.http.problem import Problem
from krypton.faces.signin import cookies
from krypton.faces.viewer.links import COOKIE, PATH, caller_of, cookie, session_of
from krypton.faces.viewer.page import page
from krypton.faces.viewer.ports import Viewing, Viewings
from krypton.queries.gate import ViewRefused
from krypton.queries.studies import study_of

OPEN: Final = "/viewer/open"
GOOD_FOR_S: Final = 120
USED: Final = "The link was opened before, or more than two minutes ago, or is of somebody else. Open the study again."
UNKNOWN: Final = (
    "You are not signed in any more, or this browser did not open the link. Sign in, and open the study again."
)
ENDED: Final = "The link has ended: four hours after it was opened, or half an hour without use. Open the study again."
GONE: Final = "The study is not shown any more: it was withdrawn, or is another patient's, or part of it is withheld."
BODY: Final = 'the body says nothing, or {"others": true} for the patient\'s other studies, too'
NOT_ANY_MORE: Final = "You may not see this study any more"
AGAIN: Final = "The study can be shown: go back to it."


@dataclass(frozen=True)
class Opening:
    """Answers. ``still``: whether who asked for a link by another way than a session may sign in still."""

    viewings: Viewings
    still: Callable[[str], bool]

    def ask(self, asked: Asked) -> Response:
        """A link to the viewer for a study; a browser is led on to it."""
        others, signed = _others(asked), asked.signed
        told = study_of(asked.ours, asked.by, asked.path["study"])
        assert signed is not None, "a route with a task has a caller"
        token = self.viewings.ask(
            session=session_of(signed.key),
            key=signed.key,
            actor=signed.actor,
            site=signed.site,
            person=UUID(told["person"]),
            study_uid=told["study"]["study_uid"],
            others=others,
            situation=signed.situation,
            reason=_reason(asked, [member["identity"] for member in told["members"]]),
        )
        address = f"{OPEN}/{token}"
        if asked.headers.get("accept", "").startswith("text/html"):
            return RedirectResponse(address, HTTPStatus.SEE_OTHER)
        made = as_json({"open": address, "seconds": GOOD_FOR_S})
        made.status_code = HTTPStatus.CREATED
        return made

    def open(self, asked: Asked) -> Response:
        """Open a link, once."""
        session = cookies.read(asked.headers.get("cookie", ""), cookies.SESSION)
        opened = self.viewings.open(asked.path["token"], session)
        if opened is None:
            return page("The link cannot be opened", USED, status=HTTPStatus.GONE)
        query = urlencode({"StudyInstanceUIDs": opened.study_uid})
        return RedirectResponse(
            f"{PATH}/{opened.id}/basic?{query}", HTTPStatus.SEE_OTHER, headers={"set-cookie": cookie(opened)}
        )

    def ended(self, asked: Asked) -> Response:
        """Why nothing is shown any more."""
        told = asked.headers.get("cookie", "")
        secret, session = cookies.read(told, COOKIE), cookies.read(told, cookies.SESSION)
        found = self.viewings.of(secret, session, using=False) if secret else None
        if found is None or found.id != asked.path["link"]:
            return page("Nothing is shown any more", UNKNOWN)
        if not found.live or not self.still(found.asked.key):
            return page("Nothing is shown any more", ENDED)
        why, rule = _refused(asked, found)
        if not why:
            query = urlencode({"StudyInstanceUIDs": found.asked.study_uid})
            return page("The viewer was left", AGAIN, back=f"{PATH}/{found.id}/basic?{query}")
        return page("Nothing is shown any more", why, rule=rule)


def _refused(asked: Asked, found: Viewing) -> tuple[str, str]:
    """Why the gate refuses the study now, and by which rule; nothing where it does not."""
    try:
        asked.standing.seen(caller_of(found), found.asked.study_uid, found.asked.person)
    except ViewRefused as refused:
        return f"{NOT_ANY_MORE}: {refused}", refused.rule
    except NotFound:
        return GONE, ""
    return "", ""


def _reason(asked: Asked, members: list[str]) -> str:
    """Why it is asked: as the gate was told. Raises ReasonMissing (X3)."""
    signed = asked.signed
    kept = signed.reason_given(members) if signed and signed.reason_given else None
    if not (found := asked.by.reason or kept):
        raise ReasonMissing("it is recorded why somebody is asked about: say why")
    return found


def _others(asked: Asked) -> bool:
    """Whether the patient's other studies are asked for, too. Raises Problem 400."""
    try:
        if asked.headers.get("content-type", "").startswith("application/json"):
            told = json.loads(asked.body or b"{}").get("others", False)
        else:
            told = {"1": True, "": False}[parse_qs(asked.body.decode(), max_num_fields=5).get("others", [""])[0]]
    except (ValueError, AttributeError, LookupError, RecursionError):
        told = None
    if not isinstance(told, bool):
        raise Problem(HTTPStatus.BAD_REQUEST, BODY)
    return told
