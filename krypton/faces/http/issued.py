"""Gives programs tokens that are good for minutes, for what their accounts sign in by: client credentials of OAuth 2.0.

A program that speaks OAuth shows its account's token, certificate or both (``client_id`` is the account's name), and
asks with what it is given. That is good as long as its account is, and no longer than ``LASTS_S``; for an account with
a certificate it is good with that certificate alone. Nothing of it is stored: it is sealed, and tells its own account.
Standards: RFC 6749 §4.4, 5.1 and 5.2; RFC 8705 §2 and 3.
"""

import time
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, unquote_plus

from starlette.responses import Response

from krypton.faces.http import proxies
from krypton.faces.http.accounts import NOT_GOOD, Account, Accounts
from krypton.faces.http.asked import Asked, as_json
from krypton.faces.http.declared import FAILED, Declared, Doors
from krypton.faces.http.signing_in import Shown, SignedIn, refused

PATH: Final = "/oauth/token"
LASTS_S: Final = 300
BEGINS: Final = "Bearer kt."
PLACE: Final = b"token of an account"
WHY_OPEN: Final = "programs get their token here: they sign in by it"
CREDENTIALS: Final = "client_credentials"


class Sealing(Protocol):
    """Seals, and opens what it sealed."""

    def seal(self, told: Mapping[str, Any], place: bytes) -> bytes:
        """It opens in that place alone."""

    def open(self, sealed: bytes, place: bytes) -> dict[str, Any]:
        """Raises an exception where it was not sealed so."""


@dataclass(frozen=True)
class Issued:
    """See the module; an ``Authenticator`` of the tokens that it gives. ``now``: seconds since 1970."""

    accounts: Accounts
    sealing: Sealing
    now: Callable[[], float] = field(default=time.time)

    async def who(self, shown: Shown) -> SignedIn | None:
        """None: it is no token of these. Raises Problem 401."""
        if not shown.authorization.startswith(BEGINS):
            return None
        text = shown.authorization.removeprefix(BEGINS)
        try:
            told = self.sealing.open(urlsafe_b64decode(text + "=" * (-len(text) % 4)), PLACE)
        except Exception:  # what nobody sealed here
            raise refused(NOT_GOOD) from None
        account = self.accounts.named(told["account"])
        if account is None or told["until"] < self.now() or told["by"] != _by(account, shown.thumbprint):
            raise refused(NOT_GOOD)
        if not account.fits(shown.names):
            raise refused(NOT_GOOD)
        return SignedIn(account.actor, account.site, f"account {account.name}")

    def route(self, doors: Doors) -> Declared:
        """Where programs get their tokens."""

        def answer(asked: Asked) -> Response:
            found = self._given(asked)
            if found.status_code == HTTPStatus.UNAUTHORIZED:
                doors.addresses.charge(proxies.key_of(asked.exchange.client), FAILED)
            return found

        return Declared(PATH, answer, doors, why_open=WHY_OPEN, method="POST")

    def _given(self, asked: Asked) -> Response:
        fields = _fields(asked.body)
        if fields is None or fields.get("grant_type") is None:
            return _error("invalid_request")
        if fields["grant_type"] != CREDENTIALS:
            return _error("unsupported_grant_type")
        name, secret = _client(asked.headers.get("authorization", ""), fields)
        account = self.accounts.named(name)
        if account is None or not account.shows(secret, asked.exchange.names):
            return _error("invalid_client", HTTPStatus.UNAUTHORIZED)
        by = _by(account, asked.exchange.thumbprint)
        sealed = self.sealing.seal({"account": name, "by": by, "until": self.now() + LASTS_S}, PLACE)
        token = f"{BEGINS.partition(' ')[2]}{urlsafe_b64encode(sealed).rstrip(b'=').decode()}"
        answer = as_json({"access_token": token, "token_type": "Bearer", "expires_in": LASTS_S})
        answer.headers["Pragma"] = "no-cache"
        return answer


def _by(account: Account, thumbprint: str) -> str:
    """What an account signs in by: another token, or another certificate, and what was given before is good no more."""
    return f"{account.digest or ''} {thumbprint if account.certificate else ''}"


def _client(authorization: str, fields: Mapping[str, str]) -> tuple[str, str]:
    """The account's name and token, as HTTP Basic or in the body; empty where they are not said."""
    scheme, _, told = authorization.partition(" ")
    if scheme.lower() != "basic":
        return fields.get("client_id", ""), fields.get("client_secret", "")
    try:
        name, _, secret = b64decode(told, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return unquote_plus(name), unquote_plus(secret)


def _fields(body: bytes) -> dict[str, str] | None:
    """What a form says; None: it is none, or says something twice."""
    try:
        told = parse_qs(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=20)
    except ValueError:
        return None
    return {name: values[0] for name, values in told.items()} if all(len(v) == 1 for v in told.values()) else None


def _error(code: str, status: int = HTTPStatus.BAD_REQUEST) -> Response:
    """In the words of OAuth 2.0."""
    answer = as_json({"error": code})
    answer.status_code = status
    if status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = 'Basic realm="krypton"'
    return answer
