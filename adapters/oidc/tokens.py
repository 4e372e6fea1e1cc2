"""Verifies what a provider signed: ID tokens of a sign-in, and logout tokens of a session that ended there.

A token is good only where everything that the standard lets vary is as expected: the algorithm is one that was chosen
before, the key is the provider's, and each claim is looked at, also where a library has a default.
Standards: OpenID Connect Core 1.0 §3.1.3.7, Back-Channel Logout 1.0 §2.4 to 2.6, RFC 8725 §3.1.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""By which a provider may sign: with a key that only it has. None with a shared secret, and never none."""
SKEW_S: Final = 30
"""By which the provider's clock may be before or behind this one."""
MADE_AT_MOST_S: Final = 600
"""How long ago an ID token may have been made: a sign-in takes no longer."""
LOGOUT_AT_MOST_S: Final = 120
LOGOUT: Final = "http://schemas.openid.net/event/backchannel-logout"
LONGEST: Final = 16_384
TYPES: Final = (None, "JWT", "jwt", "logout+jwt")


class NotGood(Exception):
    """A token that proves nothing. ``args[0]`` says why, and nothing that the token says."""


class OtherKey(NotGood):
    """Signed with a key that the provider is not known to have: it may have a new one."""


@dataclass(frozen=True)
class Expected:
    """What tokens of a provider say. ``acr``: levels of sign-in that are enough; empty: any."""

    issuer: str
    client: str
    acr: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ALGORITHMS


@dataclass(frozen=True)
class EndedThere:
    """Whose session, or which one, ended at the provider. ``id``: of the token; ``until``: it is good, in seconds."""

    id: str
    until: float
    subject: str | None
    session: str | None


def identified(token: str, keys: KeySet, expected: Expected, *, nonce: str, access: str, now: float) -> dict[str, Any]:
    """The claims of an ID token that answers the sign-in with this ``nonce``. Raises NotGood."""
    header, claims = _signed(token, keys, expected)
    _said(claims, expected, now, MADE_AT_MOST_S)
    if not isinstance(claims.get("nonce"), str) or not hmac.compare_digest(claims["nonce"].encode(), nonce.encode()):
        raise NotGood("it answers another sign-in")
    if expected.acr and claims.get("acr") not in expected.acr:
        raise NotGood("its level of sign-in is not enough")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise NotGood("it is of nobody")
    bound = claims.get("at_hash")
    if bound is not None and bound != _half_hash(access, str(header["alg"])):
        raise NotGood("it was given with another access token")
    return claims


def ended(token: str, keys: KeySet, expected: Expected, now: float) -> EndedThere:
    """What a logout token says. That its ``id`` was not used before, its reader must see to. Raises NotGood."""
    header, claims = _signed(token, keys, expected)
    if header.get("typ") not in TYPES:
        raise NotGood("it is another kind of token")
    _said(claims, expected, now, LOGOUT_AT_MOST_S)
    if "nonce" in claims:
        raise NotGood("it is an ID token")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT), dict):
        raise NotGood("it tells of no session that ended")
    texts = {name: claims.get(name) for name in ("jti", "sub", "sid")}
    if any(value is not None and (not isinstance(value, str) or not value) for value in texts.values()):
        raise NotGood("its ids are no texts")
    if texts["jti"] is None or (texts["sub"] is None and texts["sid"] is None):
        raise NotGood("it does not say which session ended")
    return EndedThere(texts["jti"], float(claims["exp"]), texts["sub"], texts["sid"])


def _signed(token: str, keys: KeySet, expected: Expected) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Header and claims of a token that the provider signed."""
    if len(token) > LONGEST or token.count(".") != 2:
        raise NotGood("it is no signed token")
    try:
        found = jwt.decode(token, keys, algorithms=list(expected.algorithms))
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as wrong:
        kind = OtherKey if type(wrong).__name__ in ("InvalidKeyIdError", "BadSignatureError") else NotGood
        raise kind(f"it was not signed by the provider as agreed ({type(wrong).__name__})") from None
    return found.header, found.claims


def _said(claims: Mapping[str, Any], expected: Expected, now: float, made_at_most_s: float) -> None:
    """What both kinds of tokens must say: from whom, to whom, and when."""
    if claims.get("iss") != expected.issuer:
        raise NotGood("it is another provider's")
    audience, party = claims.get("aud"), claims.get("azp")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or expected.client not in named:
        raise NotGood("it was made for another program")
    if (party is not None or len(named) > 1) and party != expected.client:
        raise NotGood("it was given to another program")
    times = [claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)]
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in times):
        raise NotGood("it does not say when it was made, and until when it is good")
    until, made, since = (float(one) for one in times if one is not None)
    if not (now - SKEW_S < until and now - made_at_most_s - SKEW_S < made < now + SKEW_S and since < now + SKEW_S):
        raise NotGood("it is not good now")


def _half_hash(text: str, algorithm: str) -> str:
    """OpenID Connect Core §3.1.3.6: the left half of the hash that the algorithm's name ends in."""
    digest = hashlib.new(f"sha{algorithm[2:]}", text.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
