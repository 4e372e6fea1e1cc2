"""Delivers notices over HTTP as CloudEvents, whose ids let the receiver drop duplicates.

Standard: CloudEvents 1.0, HTTP protocol binding, structured content mode (§3.2). Any 2xx answer means: taken. A
redirection is not followed: what stands at its end would be asked with a GET, and would know of no notice.
"""

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from adapters.notices.signature import signed
from domain.errors import NotDelivered
from domain.notices import Notice

TIMEOUT_S: Final = 10.0
TYPE: Final = "application/cloudevents+json"


class _Here(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Nowhere else."""


class NoticeEndpoint:
    """``domain.ports.Notices`` on a URL, http or https."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S, key: bytes | None = None) -> None:
        """``key``: what is sent is signed under it (``signature``)."""
        self._url = url
        self._key = key
        self._timeout_s = timeout_s
        self._opener = build_opener(_Here)

    def deliver(self, notice: Notice) -> None:
        """See ``Notices``. Raises NotDelivered without a 2xx answer in time."""
        told = {
            "specversion": "1.0",
            "id": str(notice.id),
            "type": f"krypton.{notice.name}",
            "source": f"krypton/policies/{notice.policy}",
            "datacontenttype": "application/json",
            "data": notice.document(),
        }
        body = json.dumps(told).encode()
        try:
            headers = {"Content-Type": TYPE, **self._signed(notice, body)}
            request = Request(self._url, body, headers, method="POST")  # noqa: S310 - settings allow http(s)
            self._opener.open(request, timeout=self._timeout_s).close()  # its status says all: its body may be endless
        except HTTPError as refused:
            refused.close()
            raise NotDelivered(f"http {refused.code}") from None
        except (URLError, OSError, ValueError, http.client.HTTPException) as away:  # ValueError: no such URL can be
            raise NotDelivered(f"http: {type(away).__name__}") from None

    def _signed(self, notice: Notice, body: bytes) -> Mapping[str, str]:
        return signed(self._key, str(notice.id), int(time.time()), body) if self._key is not None else {}
