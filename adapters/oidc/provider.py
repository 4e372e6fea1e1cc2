"""A provider of sign-in, asked as a program that it knows: the code flow of OpenID Connect, and what follows from it.

Where its endpoints are, the provider says itself, once an hour; its keys are read again when it
signs with another.
Standards: OpenID Connect Core 1.0, Discovery 1.0 §4, RP-Initiated Logout 1.0; RFC 6749 §4.1 and 6, RFC 7636, RFC 7662.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from adapters.oidc import tokens
from adapters.oidc.asking import TIMEOUT_S, json_of
from adapters.oidc.introspection import Introspection, ProviderAway
from adapters.oidc.tokens import EndedThere, Expected, NotGood, OtherKey

log = logging.getLogger(__name__)
T = TypeVar("T")
TOLD_AGAIN_S: Final = 3_600.0
KEYS_AGAIN_S: Final = 10.0
"""Between two looks at the keys: tokens of strangers must not make this program ask all the time."""
NEEDED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri", "introspection_endpoint", "userinfo_endpoint")
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Tokens:
    """What the provider gave. ``until``: the access token is good, in seconds since 1970."""

    access: str
    refresh: str | None
    id_token: str | None
    until: float


@dataclass(frozen=True)
class Identified:
    """Who signed in. ``claims``: of the ID token; ``told``, ``shown``: by introspection, and by userinfo."""

    claims: Mapping[str, Any]
    told: Mapping[str, Any]
    shown: Mapping[str, Any]
    tokens: Tokens


@dataclass
class Provider:
    """As which ``client`` it is asked, and what is asked of it. ``authorities``: whose certificate it has; None: the
    system's. Safe to share between threads.
    """

    issuer: str
    client: str
    secret: str = field(repr=False)
    scope: str
    acr: tuple[str, ...]
    back: str  # where it sends the browser
    authorities: Path | None = None
    now: Callable[[], float] = time.time
    _told: tuple[float, Mapping[str, str]] | None = None
    _keys: tuple[float, KeySet] | None = None
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where to send a browser that signs in. Raises ProviderAway."""
        asked = {
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
            **({"acr_values": " ".join(self.acr)} if self.acr else {}),
        }
        address: str = prepare_grant_uri(
            self._endpoint("authorization_endpoint"), self.client, "code", self.back, self.scope, state, **asked
        )
        return address

    def identified(self, code: str, *, nonce: str, verifier: str) -> Identified:
        """Who signed in, verified in full. Raises Refused, NotGood, ProviderAway."""
        given = self._tokens(
            {"grant_type": "authorization_code", "code": code, "redirect_uri": self.back, "code_verifier": verifier}
        )
        if given.id_token is None:
            raise NotGood("the provider gave no ID token")
        token = given.id_token
        claims = self._with_keys(
            lambda keys: tokens.identified(
                token, keys, self._expected, nonce=nonce, access=given.access, now=self.now()
            )
        )
        introspected = self.told(given.access)
        if introspected is None:
            raise NotGood("the access token is not active, or not this program's")
        shown = self._userinfo(given.access)
        if shown.get("sub") != claims["sub"]:
            raise NotGood("the provider tells of somebody else")
        return Identified(claims, introspected, shown, given)

    def told(self, access: str) -> Mapping[str, Any] | None:
        """What an access token of this program says now (RFC 7662); None: it is not active. Raises ProviderAway."""
        asked = Introspection(
            self._endpoint("introspection_endpoint"), self.client, self.secret, self.authorities, TIMEOUT_S
        )
        found = asked.told(access)
        if found is None or any(found.get(name, self.client) != self.client for name in ("client_id", "azp")):
            return None
        return found if not self.acr or found.get("acr", self.acr[0]) in self.acr else None

    def renewed(self, refresh: str) -> Tokens:
        """Tokens in the place of those before. Raises Refused: the session ended at the provider; ProviderAway."""
        found = self._tokens({"grant_type": "refresh_token", "refresh_token": refresh})
        return found if found.refresh else Tokens(found.access, refresh, found.id_token, found.until)

    def ended(self, logout_token: str) -> EndedThere:
        """Which session ended at the provider, as it says itself. Raises NotGood, ProviderAway."""
        return self._with_keys(lambda keys: tokens.ended(logout_token, keys, self._expected, self.now()))

    def leave(self, id_token: str | None, back: str, state: str) -> str | None:
        """Where to send a browser that signs out; None: the provider has no such place. Raises ProviderAway."""
        address = self._endpoints().get("end_session_endpoint")
        if address is None:
            return None
        asked = {"post_logout_redirect_uri": back, "state": state, "client_id": self.client}
        return f"{address}?{urlencode(asked | ({'id_token_hint': id_token} if id_token else {}))}"

    @property
    def _expected(self) -> Expected:
        return Expected(self.issuer, self.client, self.acr)

    def _with_keys(self, verify: Callable[[KeySet], T]) -> T:
        """The outcome, with the keys as they are known; if another signed, with those that the provider has now."""
        try:
            return verify(self._key_set())
        except OtherKey:
            known = self._keys
            if known and self.now() - known[0] < KEYS_AGAIN_S:
                raise
            self._keys = None
            return verify(self._key_set())

    def _key_set(self) -> KeySet:
        with self._reading:
            if self._keys is None or self.now() - self._keys[0] > TOLD_AGAIN_S:
                told = json_of("GET", self._endpoint("jwks_uri"), self.authorities)
                try:
                    signing = [one for one in told["keys"] if one.get("use", "sig") == "sig" and one["kty"] != "oct"]
                    found = KeySet.import_key_set({"keys": signing})
                except (JoseError, LookupError, TypeError, AttributeError, ValueError) as wrong:
                    raise ProviderAway(f"the provider's keys are none ({type(wrong).__name__})") from None
                self._keys = self.now(), found
            return self._keys[1]

    def _endpoint(self, name: str) -> str:
        return self._endpoints()[name]

    def _endpoints(self) -> Mapping[str, str]:
        """Raises ProviderAway: it is away, or says what is not usable."""
        if self._told is None or self.now() - self._told[0] > TOLD_AGAIN_S:
            told = json_of("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration", self.authorities)
            if told.get("issuer") != self.issuer:
                raise ProviderAway("the provider's description is another provider's")
            found = {name: str(value) for name, value in told.items() if name in (*NEEDED, "end_session_endpoint")}
            if missing := [name for name in NEEDED if name not in found]:
                raise ProviderAway(f"the provider's description names no {missing[0]}")
            if not all(is_safe(address) for address in found.values()):
                raise ProviderAway("the provider's description names an endpoint in clear")
            self._told = self.now(), found
        return self._told[1]

    def _tokens(self, asked: Mapping[str, str]) -> Tokens:
        client = self.client, self.secret
        given = json_of("POST", self._endpoint("token_endpoint"), self.authorities, data=dict(asked), client=client)
        access, kind = given.get("access_token"), given.get("token_type")
        lasts = given.get("expires_in", 60)
        if not isinstance(access, str) or not isinstance(kind, str) or kind.lower() != "bearer":
            raise ProviderAway("the provider gives what is no token")
        if not isinstance(lasts, int | float) or isinstance(lasts, bool):
            raise ProviderAway("the provider does not say how long a token is good")
        refresh, id_token = (given[name] if isinstance(given.get(name), str) else None for name in _BESIDE)
        return Tokens(access, refresh, id_token, self.now() + float(lasts))

    def _userinfo(self, access: str) -> Mapping[str, Any]:
        return json_of("GET", self._endpoint("userinfo_endpoint"), self.authorities, bearer=access)


_BESIDE: Final = ("refresh_token", "id_token")


def is_safe(address: str) -> bool:
    """Whether nobody on the way reads what is sent there: https, or this machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
