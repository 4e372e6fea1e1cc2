"""What a route shows, declared with it: no other route is served, and personal data leaves through here alone.

A route names its task of ``domain.tasks``. If the gate decides on that task (``GATED``), a decision must be on record
before the first byte of an answer; if not, the caller's role must be one whose task it is. A route without a task shows
nothing of anybody and asks nobody to sign in; it says why that is so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from domain.tasks import GATED, TASKS, check
from krypton.bootstrap import Krypton
from krypton.faces.http import exchange, proxies
from krypton.faces.http.asked import Answer, Asked, query_of, reason_in
from krypton.faces.http.buckets import Buckets
from krypton.faces.http.exchange import Exchange
from krypton.faces.http.limits import Takes, rated
from krypton.faces.http.problem import REASON, Problem
from krypton.faces.http.reading import read
from krypton.faces.http.signing_in import Authenticator, Shown, SignedIn, signed_in
from krypton.faces.http.watch import shown_while
from krypton.faces.http.workers import Workers
from krypton.queries.gate import KEPT_REASON, RECORDED, stands
from krypton.queries.pictures import Pictures
from krypton.queries.standing import Standing

FAILED: Final = 20
"""Requests that a failed sign-in counts as: whoever guesses is slowed down first."""
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OF_ANOTHER: Final = ("cross-site", "same-site")
"""What a browser says of a request that another site's page makes."""
ELSEWHERE: Final = "another site asks for this: open the page itself"
SITE: Final = "Krypton-Site"
"""The header by which somebody who works for several establishments says from which one they act."""


class Undecided(Exception):
    """A route would have shown personal data without a decision on record: a defect. Nothing was shown."""


@dataclass(frozen=True)
class Doors:
    """What all routes share: the ledger, the ways of signing in, the threads, the buckets of callers and addresses, and
    the decisions that stand.

    ``asking``: threads for what the gate decides; ``looking``: for whether that stands still; ``aside``: for what else
    there is; ``taking``: for what comes in;
    ``reading``: for files that are read while they are sent; ``waiting``: that wait for what ``pictures`` makes; so
    that none waits for another.
    """

    ours: Krypton
    ways: Sequence[Authenticator]
    asking: Workers
    looking: Workers
    aside: Workers
    taking: Workers
    reading: Workers
    waiting: Workers
    pictures: Pictures
    callers: Buckets
    addresses: Buckets
    standing: Standing


@dataclass(frozen=True)
class Declared:
    """One route: an ASGI application of its own. ``why_open``: why nobody need sign in, where there is no ``task``.

    ``at_once``: the answer is in memory, and asks the ledger nothing: no thread is needed for it. ``takes``: how much
    comes in, where that is more than every route takes (``Limits``): then ``answer`` is asked without a body, and what
    it returns is given the body as it comes. ``threads``: those that answer, where these are none of the doors'.
    """

    path: str
    answer: Answer = field(repr=False)
    doors: Doors = field(repr=False)
    task: str | None = None
    why_open: str = ""
    method: str = "GET"
    at_once: bool = False
    takes: Takes | None = None
    threads: Workers | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if (self.task in TASKS) is bool(self.why_open):
            raise ValueError(f"{self.path} declares no task, or not why it needs none")
        if self.task and self.at_once:
            raise ValueError(f"{self.path} has a task, and asks the ledger: not at once")

    @property
    def personal(self) -> bool:
        """Whether it shows data of people, and the gate decides."""
        return self.task in GATED

    def route(self) -> "DeclaredRoute":
        """As the router has it."""
        return DeclaredRoute(self.path, self, methods=[self.method], name=self.path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI. Raises Problem, Undecided, NotForRole (W2), and what the query raises."""
        asked, headers = exchange.of(scope), Headers(scope=scope)
        shown = _shown(asked, headers)
        signed = await self._signed_in(asked, shown) if self.task else None
        caller = signed.caller(reason_in(headers.get(REASON, ""))) if signed else None
        if caller and self.task and not self.personal:
            check(caller.role, self.task)
        query = query_of(scope["query_string"])
        question = Asked(
            self.doors.ours,
            caller,
            scope["path_params"],
            query,
            b"",
            headers,
            signed,
            asked,
            self.doors.standing,
        )
        RECORDED.set(asked.decided)  # of this request's task alone, and of the thread that works for it
        KEPT_REASON.set(signed.reason_given if signed else None)  # never that of the request before on a connection
        response = await self.answered(question, Request(scope, receive))
        if not self.personal:
            await response(scope, receive, send)
            return
        if not asked.decided:
            raise Undecided(self.path)
        await shown_while(partial(self._holds, asked, shown, signed), response(scope, receive, send), asked.end)

    async def answered(self, question: Asked, request: Request) -> Response:
        """The answer, made in a thread."""
        if self.method != "GET" and self.takes is None:
            question = replace(question, body=await request.body())
        threads = self.threads or (self.doors.asking if self.personal else self.doors.aside)
        found = self.answer(question) if self.at_once else await threads.run(partial(self.answer, question))
        return found if isinstance(found, Response) else await read(found, request.stream(), self.doors.taking)

    async def _signed_in(self, asked: Exchange, shown: Shown) -> SignedIn:
        """Who asks. Raises Problem 401, 429."""
        try:
            signed = await signed_in(self.doors.ways, shown)
        except Problem:
            self.doors.addresses.charge(proxies.key_of(asked.client), FAILED)
            raise
        rated(self.doors.callers, signed.key)
        return signed

    async def _holds(self, asked: Exchange, shown: Shown, signed: SignedIn | None) -> bool:
        """Whether they are signed in still, and all that was decided stands."""
        try:
            if await signed_in(self.doors.ways, replace(shown, again=True)) != signed:
                return False
        except Problem as refused:
            if refused.status != HTTPStatus.UNAUTHORIZED:
                raise
            return False
        known = [one.standing.known() if one.standing else None for one in asked.decided]
        looks = [one for one, stood in zip(asked.decided, known, strict=True) if stood is None]
        if False in known or not looks:
            return False not in known
        return await self.doors.looking.run(lambda: all(stands(self.doors.ours, one) for one in looks))


def _shown(asked: Exchange, headers: Headers) -> Shown:
    told = {name: headers.get(name, "") for name in (SITE, "authorization", "cookie")}
    return Shown(
        asked.names,
        asked.thumbprint,
        asked.secure,
        site=told[SITE],
        authorization=told["authorization"],
        cookie=told["cookie"],
    )


class DeclaredRoute(Route):
    """As Starlette's; what it does not answer is a problem."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ``Route``. Raises Problem 403, 405."""
        methods = sorted(self.methods or ())
        if scope["method"] not in methods:
            raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(methods)})
        if scope["method"] not in SAFE and Headers(scope=scope).get("sec-fetch-site") in OF_ANOTHER:
            raise Problem(HTTPStatus.FORBIDDEN, ELSEWHERE)  # a browser may have a program's certificate
        await self.app(scope, receive, send)
