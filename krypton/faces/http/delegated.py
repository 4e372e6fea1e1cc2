"""Signs in a professional for whom a portal asks: the portal by its certificate, the professional by their token.

The token is one of Pro Santé Connect: it is asked about at each request (RFC 7662), was given to this very portal, was
made with the second factor that Pro Santé Connect asks for (``acr`` eidas1), and says whose it is (``SubjectNameID``:
8 and the RPPS number). A token that is bound to a certificate is good with that certificate alone (RFC 8705).
Source: ANS, securisation-transport 1.2.0, "API Pro Santé Connectée".
"""

import logging
import re
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final, Protocol

from krypton.faces.http.accounts import Accounts, Portal
from krypton.faces.http.problem import Problem, away
from krypton.faces.http.signing_in import Shown, SignedIn, refused
from krypton.faces.http.workers import Workers

log = logging.getLogger(__name__)
ACR: Final = "eidas1"
FORM: Final = re.compile(r"Bearer ([A-Za-z0-9._~+/=-]{20,8000})", re.IGNORECASE)
SUBJECT: Final = re.compile(r"8([0-9]{11})")
"""A national identifier that is an RPPS number (IdNat_PS: 8 and eleven digits)."""
SITE: Final = re.compile("[A-Z0-9-]{2,16}")
NOT_GOOD: Final = "the token is not active, or was not given to this portal with a second factor: sign in again"
NO_RPPS: Final = "the token is of somebody without an RPPS number"


class Tokens(Protocol):
    """What tokens are worth now."""

    def told(self, token: str) -> Mapping[str, Any] | None:
        """What an active token says; None: it is not active. Raises an exception where that cannot be said."""


class Delegated:
    """See the module. ``portals``: the accounts file; ``workers``: threads in which the provider is asked."""

    def __init__(self, portals: Accounts, tokens: Tokens, workers: Workers, now: Callable[[], float]) -> None:
        self._portals, self._tokens, self._workers, self._now = portals, tokens, workers, now

    async def who(self, shown: Shown) -> SignedIn | None:
        """See ``Authenticator``; None: no portal. Raises Problem 400, 401, 403, 503."""
        if (portal := self._portals.portal(shown.names)) is None:
            return None
        found = FORM.fullmatch(shown.authorization)
        if found is None:
            raise refused(NOT_GOOD)
        told = await self._workers.run(partial(self._told, found[1]))
        if told is None or not self._fits(told, portal, shown):
            raise refused(NOT_GOOD)
        subject = SUBJECT.fullmatch(str(told.get("SubjectNameID")))
        if subject is None:
            raise Problem(HTTPStatus.FORBIDDEN, NO_RPPS)
        return SignedIn(f"rpps:{subject[1]}", _site(shown.site), f"portal {portal.name} {subject[1]}")

    def _told(self, token: str) -> Mapping[str, Any] | None:
        try:
            return self._tokens.told(token)
        except Exception as error:
            log.error("who asks is not known: %s", error)
            raise away() from None

    def _fits(self, told: Mapping[str, Any], portal: Portal, shown: Shown) -> bool:
        """Whether an active token is this portal's, was made with a second factor, and is good still."""
        bound, until = told.get("cnf"), told.get("exp")
        if bound is not None and (not isinstance(bound, dict) or bound.get("x5t#S256") != shown.thumbprint):
            return False
        lasts = isinstance(until, int | float) and until > self._now()
        clients = [one for one in (told.get("client_id"), told.get("azp")) if one is not None]
        its_own = bool(clients) and all(one == portal.client for one in clients)
        return lasts and its_own and told.get("acr") == ACR


def _site(stated: str) -> str | None:
    """The establishment that they say they act from; the gate checks that they work there (X2). Raises Problem 400."""
    if stated and not SITE.fullmatch(stated):
        raise Problem(HTTPStatus.BAD_REQUEST, "Krypton-Site is the code of an establishment")
    return stated or None
