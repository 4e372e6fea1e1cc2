"""A provider of tokens in the shape of Pro Santé Connect, on this machine: what it says of a token, and how often."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs

CLIENT, SECRET = "krypton", "fictitious secret/+%"
RPPS: Final = "10101201233"


def introspected(client: str, **changed: Any) -> dict[str, Any]:
    """What Pro Santé Connect says of an active access token; ``changed`` with None leaves a field out."""
    told = {
        "active": True,
        "iss": "https://auth.example/auth/realms/esante-wallet",
        "client_id": client,
        "azp": client,
        "acr": "eidas1",
        "scope": "openid scope_all",
        "exp": 4_000_000_000,
        "SubjectNameID": f"8{RPPS}",
        "preferred_username": f"8{RPPS}",
        "SubjectRole": ["10^1.2.250.1.213.1.1.5.5"],
        **changed,
    }
    return {name: value for name, value in told.items() if value is not None}


class Provider:
    """``tokens``: what each says; ``asked``: the tokens that were asked about; ``broken``: how it answers instead."""

    def __init__(self) -> None:
        self.tokens: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.broken: tuple[int, bytes] | None = None
        self.url = ""

    def answer(self, authorization: str, body: bytes) -> tuple[int, bytes]:
        """Status and body."""
        if self.broken:
            return self.broken
        expected = "krypton:fictitious+secret%2F%2B%25"
        if base64.b64decode(authorization.removeprefix("Basic ")).decode() != expected:
            return 401, b"{}"
        (token,) = parse_qs(body.decode())["token"]
        self.asked.append(token)
        return 200, json.dumps(self.tokens.get(token, {"active": False})).encode()


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider that answers, until the end."""
    made = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            status, body = made.answer(self.headers.get("Authorization", ""), self.rfile.read(length))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/introspect"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
