"""Asks a provider of sign-in one thing, and reads its answer: an object of JSON.

Each answer is bounded in size and time, no redirection is followed, and no proxy of the environment is used: tokens and
a secret are sent.
Standard: RFC 6749 §2.3.1, 5.2; RFC 6750 §2.1.
"""

import json
import ssl
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus

import httpx

from adapters.oidc.introspection import ProviderAway

TIMEOUT_S: Final = 5.0
LONGEST: Final = 256 * 1_024
GRANT: Final = b"invalid_grant"
"""The code of an error by which a code or a refresh token is no good (RFC 6749 §5.2)."""


class Refused(Exception):
    """The provider does not give what was asked for: the code or the token is not good (any more)."""


def json_of(
    method: str,
    address: str,
    authorities: Path | None,
    *,
    data: dict[str, str] | None = None,
    client: tuple[str, str] | None = None,
    bearer: str | None = None,
) -> dict[str, Any]:
    """What it answers. ``authorities``: whose certificate the provider has; None: the system's. ``client``: as whom
    it is asked, and the secret of that; ``bearer``: a token that is shown.

    Raises Refused: the code or token that is shown is no good; ProviderAway: it answers in no other way.
    """
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    auth = httpx.BasicAuth(*map(quote_plus, client)) if client else None
    trust = ssl.create_default_context(cafile=str(authorities) if authorities else None)
    with httpx.Client(verify=trust, trust_env=False, timeout=TIMEOUT_S, auth=auth) as http:
        status, body = _answer(http, http.build_request(method, address, data=data, headers=headers))
    if status in (400, 401) and (bearer or GRANT in body):
        raise Refused(f"the provider takes what it is shown no more ({status})")
    if status != httpx.codes.OK:
        raise ProviderAway(f"the provider of sign-in answers with {status} ({_code(body)})")
    return _object(body)


def _answer(http: httpx.Client, asked: httpx.Request) -> tuple[int, bytes]:
    """Its status and body. Raises ProviderAway."""
    body = b""
    try:
        answer = http.send(asked, stream=True)
        with closing(answer):
            for part in answer.iter_bytes():
                body += part
                if len(body) > LONGEST:
                    raise ProviderAway("the provider's answer is too long")
    except (httpx.HTTPError, OSError) as away:
        raise ProviderAway(f"the provider of sign-in does not answer ({type(away).__name__})") from None
    return answer.status_code, body


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise ProviderAway("the provider answers with what is no object of JSON")
    return told


def _code(body: bytes) -> str:
    """The error's code (RFC 6749 §5.2), for the log: one of some known words, and nothing else that stands there."""
    known = ("invalid_client", "invalid_request", "invalid_token", "unauthorized_client")
    return next((one for one in known if one.encode() in body), "unnamed")
