"""Who asks: the port that every way of signing in fits, so that a route never knows how its caller signed in."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Protocol

from domain.actors import Caller
from krypton.faces.http.problem import Problem

CHALLENGE: Final[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer realm="krypton"'}


@dataclass(frozen=True)
class Shown:
    """What a request shows of who makes it. ``names``, ``thumbprint``: of its certificate, which was verified
    (RFC 8705 §3.1); ``site``: the establishment that it says it acts from; ``secure``: nobody on
    the way reads it; ``again``: it is asked while an answer is sent, which is no use of a session; the values of
    headers, empty where there is none.
    """

    names: frozenset[str] = frozenset()
    thumbprint: str = ""
    secure: bool = True
    again: bool = False
    site: str = ""
    authorization: str = field(default="", repr=False)
    cookie: str = field(default="", repr=False)


@dataclass(frozen=True)
class SignedIn:
    """Who it is: ``actor`` as the ledger writes it, ``site`` the establishment acted from, where that is settled.

    ``key``: names the account or session, for limits; ``reason_given``: the reason that was given before, in the same
    session, for the person who has one of these identities; None: there is no session. ``situation``: see ``Caller``.
    """

    actor: str
    site: str | None
    key: str
    reason_given: Callable[[Collection[str]], str | None] | None = field(default=None, repr=False, compare=False)
    situation: str | None = None

    def caller(self, reason: str | None) -> Caller:
        """As whom the gate is asked."""
        return Caller(self.actor, reason, self.site, self.situation)


class Authenticator(Protocol):
    """One way of signing in."""

    async def who(self, shown: Shown) -> SignedIn | None:
        """None where the request shows nothing of this kind. Raises Problem 401: it is not good (any more)."""


def refused(why: str) -> Problem:
    """A request of nobody who is known. ``why`` does not tell a guesser how near they are."""
    return Problem(HTTPStatus.UNAUTHORIZED, why, headers=CHALLENGE)


async def signed_in(ways: Sequence[Authenticator], shown: Shown) -> SignedIn:
    """Who asks, by the first way that the request shows something of. Raises Problem 401."""
    for way in ways:
        if found := await way.who(shown):
            return found
    raise refused("sign in: show a certificate or a token of an account")
