"""A provider of sign-in on this machine, whose answers a test writes: good ones, wrong ones, and none."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs

from tests.fakes.openid import CLIENT, KEY, RPPS, activity, id_claims, shown, signed

SUBJECT: Final = "f:essai:8" + RPPS


@dataclass
class Answers:
    """``told``: what each path answers, a status and an object or bytes; ``asked``: what came, by path."""

    url: str = ""
    told: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)

    def good(self, now: float) -> None:
        """Everything, as Pro Santé Connect answers."""
        ends = ("authorization", "token", "introspection", "userinfo", "end_session")
        described = {f"{one}_endpoint": f"{self.url}/{one}" for one in ends}
        self.told = {
            "/.well-known/openid-configuration": (
                200,
                {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"} | described,
            ),
            "/jwks": (200, {"keys": [KEY.as_dict(private=False)]}),
            "/token": (200, self.tokens(now)),
            "/introspection": (
                200,
                {"active": True, "client_id": CLIENT, "acr": "eidas1", "SubjectNameID": f"8{RPPS}"},
            ),
            "/userinfo": (200, shown(activity("330000001", "CH fictif"), subject=SUBJECT)),
        }

    def tokens(self, now: float, **changed: Any) -> dict[str, Any]:
        """What the token endpoint gives."""
        id_token = signed(id_claims(now, iss=self.url, **changed))
        return {
            "access_token": "fictitious-access",
            "token_type": "Bearer",
            "expires_in": 120,
            "refresh_token": "fictitious-refresh",
            "id_token": id_token,
        }

    def bodies(self, path: str) -> list[dict[str, list[str]]]:
        """The forms that came for a path."""
        return [parse_qs(body) for asked, _, body in self.asked if asked == path]


@contextmanager
def answering() -> Iterator[Answers]:
    """A provider that answers, until the end."""
    made = Answers()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            made.asked.append((self.path, dict(self.headers), body))
            status, told = made.told.get(self.path, (404, {}))
            sent = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.send_header("Location", f"{made.url}/elsewhere")
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = answer

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
