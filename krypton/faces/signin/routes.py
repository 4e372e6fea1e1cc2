"""The routes of sign-in: to a provider and back, the choice of from where one acts, the way out, and why one asks.

None shows anything of a patient. Who asks is told by the session's cookie; ``guard`` holds what a browser may send, and
a form brings a token that its page was given.
"""

import hmac
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.responses import RedirectResponse, Response

from domain.actors import Role, role_of
from krypton.faces.http import proxies
from krypton.faces.http.asked import LONGEST_REASON, Answer, Asked, as_json
from krypton.faces.http.declared import FAILED, Declared, Doors
from krypton.faces.http.problem import Problem, away
from krypton.faces.http.signing_in import refused
from krypton.faces.http.workers import Workers
from krypton.faces.signin import cookies
from krypton.faces.signin.addresses import HOME, local, with_next
from krypton.faces.signin.by_session import OVER
from krypton.faces.signin.pages import STYLE, Pages
from krypton.faces.signin.ports import Session
from krypton.faces.signin.steps import BEGUN_S, SIGNED_OUT, NobodyHere, NotSignedIn, Opened, SignIn

log = logging.getLogger(__name__)
USUAL: Final = (
    "Care of the patient",
    "Reading of an exam",
    "Comparison with earlier exams",
    "Meeting about the patient",
)
USUAL_OF_PATIENTS: Final = ("To look at my own record", "To show it to somebody who treats me")
FEW: Final = re.compile("[0-9]{1,3}")
OLD_FORM: Final = "the form is not of this session: open the page again"
SAY_WHY: Final = "Say why in words."
WHO_ANSWERS: Final = "whoever signs in, before it is known who they are"
OWN: Final = "the session's own pages: they ask for its cookie, and show nothing of anybody else"


@dataclass(frozen=True)
class Routes:
    """See the module. ``threads``: in which providers and sessions are asked."""

    sign_in: SignIn
    pages: Pages
    threads: Workers

    def declared(self, doors: Doors) -> list[Declared]:
        """Every route."""
        provider = "/sign-in/{provider}"

        def each(path: str, answer: Answer, why: str, method: str = "GET") -> Declared:
            return Declared(path, answer, doors, why_open=why, method=method, threads=self.threads)

        def guessed(answer: Callable[[Asked], Response]) -> Answer:
            """Whoever shows what is not good is slowed down, as by any other failed sign-in."""

            def answered(asked: Asked) -> Response:
                found = answer(asked)
                if found.status_code in (HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST):
                    doors.addresses.charge(proxies.key_of(asked.exchange.client), FAILED)
                return found

            return answered

        return [
            each("/sign-in", self._which, WHO_ANSWERS),
            each("/sign-in/choose", self._choices, OWN),
            each("/sign-in/choose", self._choose, OWN, "POST"),
            each("/sign-in/back/{provider}", guessed(self._back), WHO_ANSWERS),
            each(provider, self._begin, WHO_ANSWERS),
            each(f"{provider}/ended", guessed(self._ended_there), "a provider, which signs what it says", "POST"),
            each("/sign-out", self._leave, OWN),
            each("/sign-out", self._out, OWN, "POST"),
            each(SIGNED_OUT, lambda _: self.pages.page("signed-out"), "a page that says nothing of anybody"),
            each("/why/{person:uuid}", self._why, OWN),
            each("/why/{person:uuid}", self._say_why, OWN, "POST"),
            each(HOME, self._home, OWN),
            each(STYLE, lambda _: self.pages.style(), "how pages look"),
        ]

    def _which(self, asked: Asked) -> Response:
        next = _one(asked, "next")
        offered = [
            {"title": one.stated.title, "href": with_next(f"/sign-in/{name}", next)}
            for name, one in self.sign_in.providers.items()
        ]
        return self.pages.page("sign-in", providers=offered)

    def _begin(self, asked: Asked) -> Response:
        try:
            address, begun = self.sign_in.begin(self._named(asked), _one(asked, "next"))
        except self.sign_in.unproven as error:
            log.error("nobody can sign in by %s: %s", asked.path["provider"], error)
            raise away() from None
        return _to(address, cookies.put(cookies.BEGUN, begun, BEGUN_S))

    def _back(self, asked: Asked) -> Response:
        begun = cookies.read(asked.headers.get("cookie", ""), cookies.BEGUN)
        told = {name: values[0] for name, values in asked.query.items() if len(values) == 1}
        try:
            opened = self.sign_in.back(self._named(asked), begun, told)
        except (NotSignedIn, NobodyHere) as not_in:
            answer = self.pages.page(
                "problem", HTTPStatus.FORBIDDEN, title="You are not signed in", detail=str(not_in), rule=""
            )
            answer.headers.append("set-cookie", cookies.drop(cookies.BEGUN))
            return answer
        return self._go_on(asked, opened, cookies.drop(cookies.BEGUN))

    def _choices(self, asked: Asked) -> Response:
        id, session = self._session(asked)
        if session.actor is not None:
            return _to(HOME)
        return self.pages.page("choose", choices=session.kept["choices"], form=self.sign_in.sealing.form_token(id))

    def _choose(self, asked: Asked) -> Response:
        id, session = self._session(asked)
        which = self._form(asked, id)("which")
        try:
            opened = self.sign_in.chosen(id, session, int(which) if FEW.fullmatch(which) else -1)
        except NotSignedIn as wrong:
            raise Problem(HTTPStatus.CONFLICT, str(wrong)) from None
        return self._go_on(asked, opened)

    def _leave(self, asked: Asked) -> Response:
        id, session = self._session(asked)
        title = self.sign_in.providers[session.provider].stated.title
        parts = urlsplit(self.sign_in.leaving(session) or "")
        where = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
        return self.pages.page("sign-out", goes_to=where, form=self.sign_in.sealing.form_token(id), provider=title)

    def _out(self, asked: Asked) -> Response:
        id, _ = self._session(asked)
        self._form(asked, id)
        return _to(self.sign_in.out(id), cookies.drop(cookies.SESSION))

    def _ended_there(self, asked: Asked) -> Response:
        told = _fields(asked).get("logout_token", [])
        if len(told) != 1 or not self.sign_in.ended_there(self._named(asked), told[0]):
            answer = as_json({"error": "invalid_request"})  # Back-Channel Logout 1.0 §2.8
            answer.status_code = HTTPStatus.BAD_REQUEST
            return answer
        return Response(status_code=HTTPStatus.OK)

    def _why(self, asked: Asked, wrong: str = "") -> Response:
        id, session = self._session(asked, chosen=True)
        given = {"form": self.sign_in.sealing.form_token(id), "next": local(_one(asked, "next")), "wrong": wrong}
        own = session.actor is not None and role_of(session.actor) is Role.PATIENT
        status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
        return self.pages.page("why", status, own=own, usual=USUAL_OF_PATIENTS if own else USUAL, **given)

    def _say_why(self, asked: Asked) -> Response:
        id, session = self._session(asked, chosen=True)
        field = self._form(asked, id)
        reason = field("reason").strip()
        if not any(map(str.isalnum, reason)) or not reason.isprintable() or len(reason) > LONGEST_REASON:
            return self._why(asked, SAY_WHY)
        self.sign_in.sessions.give_reason(session, str(asked.path["person"]), reason)
        return _to(local(field("next")))

    def _home(self, asked: Asked) -> Response:
        _, session = self._session(asked, chosen=True)
        label = session.kept["choices"][session.kept["chosen"]]["label"]
        return self.pages.page("home", actor=session.actor, site=session.site, label=label)

    def _go_on(self, asked: Asked, opened: Opened, *cookies_too: str) -> Response:
        """On with a new id. What this browser was signed in as before ends: it does not come back."""
        if before := cookies.read(asked.headers.get("cookie", ""), cookies.SESSION):
            self.sign_in.sessions.end(before)
        to = opened.next if opened.chosen else "/sign-in/choose"
        return _to(to, cookies.put(cookies.SESSION, opened.id), *cookies_too)

    def _named(self, asked: Asked) -> str:
        """Raises Problem 404."""
        name = str(asked.path["provider"])
        if name not in self.sign_in.providers:
            raise Problem(HTTPStatus.NOT_FOUND, "no such provider of sign-in: see /sign-in")
        return name

    def _session(self, asked: Asked, *, chosen: bool = False) -> tuple[str, Session]:
        """Raises Problem 401."""
        id = cookies.read(asked.headers.get("cookie", ""), cookies.SESSION)
        session = self.sign_in.session(id) if id else None
        if id is None or session is None or (chosen and session.actor is None):
            raise refused(OVER)
        return id, session

    def _form(self, asked: Asked, id: str) -> Callable[[str], str]:
        """Its fields. Raises Problem 403: another page wrote it."""
        told = _fields(asked)
        given = told.get("form", [""])[0]
        if not hmac.compare_digest(given.encode(), self.sign_in.sealing.form_token(id).encode()):
            raise Problem(HTTPStatus.FORBIDDEN, OLD_FORM)
        return lambda name: told.get(name, [""])[0]


def _fields(asked: Asked) -> dict[str, list[str]]:
    """What a form says. Raises Problem 400."""
    try:
        return parse_qs(asked.body.decode(), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise Problem(HTTPStatus.BAD_REQUEST, "the body is no form") from None


def _one(asked: Asked, name: str) -> str:
    found = asked.query.get(name, [])
    return found[0] if len(found) == 1 else ""


def _to(address: str, *set_cookies: str) -> Response:
    """On to another address, by GET."""
    answer = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    for one in set_cookies:
        answer.headers.append("set-cookie", one)
    return answer
