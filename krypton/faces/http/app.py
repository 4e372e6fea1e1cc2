"""The application of the web service: its routes, and the layers around all of them.

From the outside in: each request is named, watched and answered (``watched``); who asks behind proxies is found out
(``proxies``); limits hold (``limits``); what browsers send is guarded, where they may sign in (``Browsers``); and the
route, if there is one, signs the caller in and asks the gate (``declared``). Every layer is plain ASGI: none keeps an
answer back.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final, Protocol

from starlette.routing import Match, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from krypton.bootstrap import Krypton
from krypton.faces.dicomweb import stow
from krypton.faces.dicomweb.storing import Storing
from krypton.faces.http.declared import Declared, DeclaredRoute, Doors
from krypton.faces.http.issued import Issued
from krypton.faces.http.limits import OF_AN_ADDRESS, Limited, Limits, Takes
from krypton.faces.http.metrics import Metrics
from krypton.faces.http.problem import Problem
from krypton.faces.http.proxies import Forwarded, Network
from krypton.faces.http.routes import routes
from krypton.faces.http.signing_in import Authenticator
from krypton.faces.http.watched import Watched
from krypton.faces.http.workers import Workers
from krypton.faces.viewer import routes as viewer
from krypton.faces.viewer.routes import Links
from krypton.queries.pictures import Pictures
from krypton.queries.standing import Standing

TAKEN_AT_ONCE: Final = 4
"""Pieces of bodies that are read and written to the disk at once."""
LOOKERS: Final = 2
"""Threads that look whether answers that are being sent may go on: whoever asks much must not keep them waiting."""
READERS: Final = 4
"""Threads that read files while they are sent."""
MADE_AT_ONCE: Final = 32
"""Threads that wait for pictures, of which few are made at once."""
READ: Final = 4_096
"""Reads that wait: one for each connection at most, and there are fewer of these."""


class Closing(Protocol):
    """What is closed after use."""

    def close(self) -> None:
        """Wait for what it does, and close it."""


@dataclass(frozen=True)
class Face:
    """The application, and what must be closed after it. ``router``: every path that it answers."""

    app: ASGIApp
    router: Router
    workers: Sequence[Workers]
    metrics: Metrics
    others: Sequence[Closing]
    pictures: Pictures

    def start(self) -> None:
        """Make ready what takes a moment to start."""
        self.pictures.start()

    def close(self) -> None:
        """Wait for what is being asked of the ledger."""
        closing: Sequence[Closing] = (self.pictures, *self.workers, *self.others)
        for each in closing:
            each.close()


class Browsers(Protocol):
    """What there is for browsers: a way to sign in, its routes, and what guards every route."""

    def declared(self, doors: Doors) -> list[Declared]:
        """The routes."""

    def guarding(self, app: ASGIApp) -> ASGIApp:
        """The same application, guarded."""


def face(
    ours: Krypton,
    ways: Sequence[Authenticator],
    well: Callable[[], bool],
    works: Callable[[], bytes],
    *,
    limits: Limits | None = None,
    trusted: Collection[Network] = (),
    others: Sequence[Closing] = (),
    storing: Storing | None = None,
    issued: Issued | None = None,
    browsers: Browsers | None = None,
    links: Links | None = None,
) -> Face:
    """The web service of a ledger; ``ours.pool`` requests at once ask it. ``trusted``: the proxies before it.
    ``others``: threads and connections that the ways of signing in use; ``storing``: keeps images that are sent, where
    they are kept; ``issued``: gives tokens to programs; ``browsers``: None where these cannot sign in; ``links``: to
    the viewer.
    """
    limits, metrics = limits or Limits(), Metrics()
    addresses = limits.buckets(OF_AN_ADDRESS)
    asking, aside, taking = (Workers(most, limits.waiting) for most in (ours.pool, 1, TAKEN_AT_ONCE))
    reading, waiting, pictures = Workers(READERS, READ), Workers(MADE_AT_ONCE, limits.waiting), Pictures()
    looking = Workers(LOOKERS, READ)
    standing = Standing(ours, later=looking.later)
    threads = (asking, looking, aside, taking, reading, waiting)
    doors = Doors(ours, ways, *threads, pictures, limits.buckets(), addresses, standing)
    declared = [*routes(doors, metrics, well, works), *stow.routes(doors, storing), *viewer.routes(doors, links)]
    declared += [issued.route(doors)] if issued else []
    declared += browsers.declared(doors) if browsers else []
    router = Router([one.route() for one in declared], redirect_slashes=False, default=_nowhere)
    guarded = browsers.guarding(router) if browsers else router
    app: ASGIApp = Limited(guarded, limits, addresses, partial(_takes, router))
    app = Watched(Forwarded(app, trusted), metrics)
    return Face(app, router, threads, metrics, others, pictures)


def _takes(router: Router, scope: Scope) -> Takes | None:
    """What the route that will answer takes."""
    for route in router.routes:
        if isinstance(route, DeclaredRoute) and route.matches(scope)[0] is Match.FULL:
            return route.endpoint.takes if isinstance(route.endpoint, Declared) else None
    return None


async def _nowhere(_: Scope, __: Receive, ___: Send) -> None:
    """A path that no route has."""
    raise Problem(HTTPStatus.NOT_FOUND, "nothing is at that address")
