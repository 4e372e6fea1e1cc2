"""A provider of sign-in: tokens that it signs, good ones and others, and what it tells of people who do not exist."""

import time
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from adapters.oidc.tokens import LOGOUT, Expected

ISSUER: Final = "https://provider.example"
CLIENT: Final = "krypton"
RPPS: Final = "10101201233"
EXPECTED: Final = Expected(ISSUER, CLIENT, ("eidas1",))
NONCE: Final = "fictitious-nonce"
KEY: Final = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
OTHER: Final = RSAKey.generate_key(2048, {"kid": "two", "use": "sig", "alg": "RS256"})
KEYS: Final = KeySet([KEY])
CHB, CHD = ("330000001", "CHB", "CH fictif de la Côte"), ("400000002", "CHD", "CH fictif des Dunes")
"""Establishments: FINESS number, code and name."""


def id_claims(now: float, **changed: Any) -> dict[str, Any]:
    """Of a good ID token; ``changed`` with None leaves a claim out."""
    told = {
        "iss": ISSUER,
        "aud": CLIENT,
        "azp": CLIENT,
        "sub": "f:essai:8" + RPPS,
        "sid": "session-at-the-provider",
        "exp": int(now) + 60,
        "iat": int(now),
        "nonce": NONCE,
        "acr": "eidas1",
        **changed,
    }
    return {name: value for name, value in told.items() if value is not None}


def logout_claims(now: float, **changed: Any) -> dict[str, Any]:
    """Of a good logout token."""
    told = {
        "iss": ISSUER,
        "aud": CLIENT,
        "exp": int(now) + 60,
        "iat": int(now),
        "jti": "fictitious-token-1",
        "events": {LOGOUT: {}},
        "sub": "f:essai:8" + RPPS,
        "sid": "session-at-the-provider",
        **changed,
    }
    return {name: value for name, value in told.items() if value is not None}


def signed(claims: dict[str, Any], key: RSAKey = KEY, **header: Any) -> str:
    """A token with these claims."""
    return jwt.encode({"alg": "RS256", "kid": key.kid, **header}, claims, key)


def activity(finess: str, name: str, **more: str) -> dict[str, str]:
    """A place of work, as Pro Santé Connect tells it."""
    return {"codeSecteurDactivite": "SA01", "numeroFinessSite": finess, "raisonSocialeSite": name, **more}


def shown(*activities: dict[str, str], subject: str = "f:essai:8" + RPPS) -> dict[str, Any]:
    """What userinfo says of a radiologist who works in these places."""
    exercise = {"codeProfession": "10", "codeSavoirFaire": "SM44", "activities": [*activities]}
    return {"sub": subject, "SubjectRefPro": {"codeCivilite": "M", "exercices": [exercise]}}


@dataclass
class Given:
    """Tokens of a provider."""

    access: str = "fictitious-access"
    refresh: str | None = "fictitious-refresh"
    id_token: str | None = "fictitious-id-token"
    until: float = 4e9


@dataclass
class Who:
    """Who signed in: a radiologist of CHB, where nothing else is said."""

    claims: dict[str, Any] = field(default_factory=lambda: id_claims(time.time()))
    told: dict[str, Any] = field(default_factory=lambda: {"SubjectNameID": f"8{RPPS}"})
    shown: dict[str, Any] = field(default_factory=lambda: shown(activity(CHB[0], CHB[2])))
    tokens: Given = field(default_factory=Given)
