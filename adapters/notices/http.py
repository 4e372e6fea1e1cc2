"""Delivers notices over HTTP as CloudEvents, whose ids let the receiver drop duplicates.

Standard: CloudEvents 1.0, HTTP protocol binding, structured content mode (§3.2). Any 2xx answer means: taken. A
redirection is not followed: what stands at its end would be asked with a GET, and would know of no notice.
"""

import http.client
import json
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from domain.errors import NotDelivered
from domain.ports import Notice

TIMEOUT_S: Final = 10.0
TYPE: Final = "application/cloudevents+json"


class _Here(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Nowhere else."""


class NoticeEndpoint:
    """``domain.ports.Notices`` on a URL, http or https."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._url = url
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
            request = Request(self._url, body, {"Content-Type": TYPE}, method="POST")  # noqa: S310 - settings allow http(s)
            self._opener.open(request, timeout=self._timeout_s).close()  # its status says all: its body may be endless
        except HTTPError as refused:
            refused.close()
            raise NotDelivered(f"http {refused.code}") from None
        except (URLError, OSError, ValueError, http.client.HTTPException) as away:  # ValueError: no such URL can be
            raise NotDelivered(f"http: {type(away).__name__}") from None
