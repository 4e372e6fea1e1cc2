"""One contract for all that takes notices: a folder, and an HTTP endpoint on this machine."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.notices.folder import NoticeFolder
from adapters.notices.http import NoticeEndpoint
from adapters.notices.signature import key_of
from domain.errors import NotDelivered
from domain.notices import Notice, Notices
from tests.waiting import WITHIN_S

NOTICE = Notice(UUID(int=1), "emergency_awaits_review", "emergency", 42, {"access": str(UUID(int=2))})
OTHER = Notice(UUID(int=3), "emergency_awaits_review", "emergency", 43, {"access": str(UUID(int=4))})


class Receiver:
    """Who is told: reads what was delivered, and may be broken for a while."""

    notices: Notices

    def told(self) -> dict[str, Any]:
        """By id."""
        raise NotImplementedError

    def break_down(self) -> None:
        """From now on nothing is taken."""
        raise NotImplementedError


class Folder(Receiver):
    """Somebody who looks into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.notices = NoticeFolder(folder)

    def told(self) -> dict[str, Any]:
        found = [json.loads(file.read_text()) for file in self._folder.iterdir()]
        return {one["notice"]: one for one in found}

    def break_down(self) -> None:
        self._folder.rmdir() if self._folder.exists() else None
        self._folder.write_text("a file where the folder should be")


class Endpoint(Receiver):
    """Somebody who takes POSTs, and drops those whose id they know."""

    def __init__(self) -> None:
        taken: dict[str, Any] = {}
        requests: list[tuple[dict[str, str], bytes]] = []
        self.requests = requests
        self._taken, self._status = taken, [204]
        status = self._status

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
                event = json.loads(body)
                assert self.headers["Content-Type"] == "application/cloudevents+json"
                if status[0] < 300:
                    taken[event["id"]] = event["data"]
                self.send_response(status[0])
                if 300 <= status[0] < 400:
                    self.send_header("Location", "/sign-in")
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self.server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/notices"
        self.notices = NoticeEndpoint(self.url, timeout_s=WITHIN_S)

    def told(self) -> dict[str, Any]:
        return self._taken

    def break_down(self, status: int = 503) -> None:
        self._status[0] = status

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(WITHIN_S)


@pytest.fixture(params=["folder", "endpoint"])
def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Receiver]:
    if request.param == "folder":
        yield Folder(tmp_path / "notices")
        return
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


def test_a_notice_arrives_whole(receiver: Receiver) -> None:
    receiver.notices.deliver(NOTICE)
    receiver.notices.deliver(OTHER)
    assert receiver.told() == {str(one.id): one.document() for one in (NOTICE, OTHER)}


def test_the_same_notice_again_is_one_notice(receiver: Receiver) -> None:
    receiver.notices.deliver(NOTICE)
    receiver.notices.deliver(NOTICE)
    assert len(receiver.told()) == 1


def test_who_cannot_take_it_is_said_so_in_a_code_that_names_nothing(receiver: Receiver) -> None:
    receiver.break_down()
    with pytest.raises(NotDelivered) as failed:
        receiver.notices.deliver(NOTICE)
    assert str(UUID(int=2)) not in str(failed.value)
    assert str(failed.value)


def test_nobody_at_the_address_is_a_notice_not_delivered() -> None:
    endpoint = Endpoint()
    endpoint.close()
    with pytest.raises(NotDelivered, match="http: URLError"):
        endpoint.notices.deliver(NOTICE)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_whoever_sends_us_elsewhere_has_not_taken_it(status: int) -> None:
    """A page to sign in answers 200, and knows of no notice."""
    endpoint = Endpoint()
    endpoint.break_down(status)
    try:
        with pytest.raises(NotDelivered, match=f"^http {status}$"):
            endpoint.notices.deliver(NOTICE)
    finally:
        endpoint.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/für", f"http://{'a' * 70}.example/", "http://[::1/"])
def test_an_address_that_cannot_be_is_a_notice_not_delivered(url: str) -> None:
    with pytest.raises(NotDelivered, match=r"^http: \w+$"):
        NoticeEndpoint(url).deliver(NOTICE)


def test_what_is_sent_is_signed_so_that_its_receiver_knows_from_whom_and_when() -> None:
    """Standard Webhooks: HMAC-SHA-256 over id, time and body; what was altered, or is of another time, does not fit."""
    endpoint, key = Endpoint(), bytes(range(32))
    try:
        NoticeEndpoint(endpoint.url, timeout_s=WITHIN_S, key=key).deliver(NOTICE)
    finally:
        endpoint.close()
    ((headers, body),) = endpoint.requests
    ident, at = headers["webhook-id"], headers["webhook-timestamp"]
    assert ident == str(NOTICE.id)
    assert abs(int(at) - time.time()) < 3_600
    version, _, given = headers["webhook-signature"].partition(",")
    expected = hmac.new(key, f"{ident}.{at}.".encode() + body, hashlib.sha256).digest()
    assert (version, base64.b64decode(given)) == ("v1", expected)


def test_without_a_key_nothing_is_signed(receiver: Receiver) -> None:
    receiver.notices.deliver(NOTICE)
    if isinstance(receiver, Endpoint):
        assert "webhook-signature" not in receiver.requests[0][0]


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_AAAA", f"whsec_{'A' * 200}", f"{'A' * 44}", "whsec_not base64"])
def test_a_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and base64 of 24 to 64 bytes"):
        key_of(text)


def test_a_key_is_read_as_it_is_given_out() -> None:
    assert key_of(f"whsec_{base64.b64encode(bytes(32)).decode()}") == bytes(32)
