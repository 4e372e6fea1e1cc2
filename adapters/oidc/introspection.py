"""Asks a provider what a token is worth now: token introspection, as Pro Santé Connect has programs do at each call.

Standard: RFC 7662; the client signs in by HTTP Basic (RFC 6749 §2.3.1). A redirection is not followed: the token would
go elsewhere. Nothing of an answer is kept: a token that was revoked is not active the next time.
"""

import base64
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote_plus, urlencode
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

TIMEOUT_S: Final = 5.0
LONGEST: Final = 256 * 1_024
"""Of an answer, in bytes."""


class ProviderAway(Exception):
    """The provider does not answer, or says what is no answer; never what a token was."""


class _Here(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Nowhere else."""


@dataclass(frozen=True)
class Introspection:
    """The endpoint, and as which client it is asked. ``authorities``: whose certificate it has; None: the system's."""

    url: str
    client: str
    secret: str = field(repr=False)
    authorities: Path | None = None
    timeout_s: float = TIMEOUT_S

    def told(self, token: str) -> Mapping[str, Any] | None:
        """What an active token says; None: it is not active, or none at all. Raises ProviderAway."""
        name, secret = quote_plus(self.client), quote_plus(self.secret)
        headers = {
            "Authorization": f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        body = urlencode({"token": token, "token_type_hint": "access_token"}).encode()
        found = self._answer(Request(self.url, body, headers, method="POST"))  # noqa: S310 - settings allow https alone
        return found if found.get("active") is True else None

    def _answer(self, request: Request) -> dict[str, Any]:
        trust = ssl.create_default_context(cafile=str(self.authorities) if self.authorities else None)
        opener = build_opener(_Here, ProxyHandler({}), HTTPSHandler(context=trust))
        try:
            with opener.open(request, timeout=self.timeout_s) as answer:
                told = json.loads(answer.read(LONGEST))
        except HTTPError as refused:
            refused.close()
            raise ProviderAway(f"the provider of tokens answers with {refused.code}") from None
        except (URLError, OSError, ValueError, RecursionError, http.client.HTTPException) as away:
            raise ProviderAway(f"the provider of tokens does not answer ({type(away).__name__})") from None
        if not isinstance(told, dict):
            raise ProviderAway("the provider of tokens answers with what is no introspection")
        return told
