"""Anybody may ask the routes of sign-in: whatever they send, nothing breaks, and nobody is signed in by it."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.browsers import BEGUN, ORIGIN, SESSION, World, browsing
from tests.fakes.web import PERSON, Queries

REQUESTS: Final = 600
PATHS: Final = (
    *("/", "/sign-in", "/sign-in/choose", "/sign-in/psc", "/sign-in/back/psc", "/sign-in/psc/ended", "/sign-out"),
    *("/signed-out", f"/why/{PERSON}", "/sign-in/%00", "/sign-in/..%2f", "/why/x", "/sign-in/back/%F0%9F%98%80"),
)
NAMES: Final = ("next", "state", "code", "error", "iss", "logout_token", "form", "which", "reason", "person", "é", "")
ODD: Final = (
    *("", "x", "0", "-1", "//other.example", "\x00", "\r\nSet-Cookie: a=b", "é\udc80", "%", "null", "{}", "a" * 3_000),
    *("eyJhbGciOiJub25lIn0.e30.", "..", "a.b.c", "AAAA" * 30, "=" * 50),
)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    Queries().install(monkeypatch)
    with browsing(tmp_path) as made:
        yield made


def quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode(errors="surrogatepass"))


def test_whatever_comes_nothing_breaks_and_nobody_is_signed_in(world: World) -> None:
    chance = random.Random(52)
    for number in range(REQUESTS):
        told = "&".join(
            f"{quoted(chance.choice(NAMES))}={quoted(chance.choice(ODD))}" for _ in range(chance.randrange(5))
        )
        cookie = "; ".join(f"{chance.choice((SESSION, BEGUN, 'a'))}={quoted(chance.choice(ODD))}" for _ in range(2))
        site = chance.choice(("same-origin", "cross-site", "none", "", "x"))
        headers = {
            "Cookie": cookie,
            "Sec-Fetch-Site": site,
            "Origin": chance.choice((ORIGIN, "null", "")),
            "Accept": chance.choice(("text/html", "*/*", "")),
            "Content-Type": chance.choice(("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")),
        }
        method, path = chance.choice(("GET", "POST", "HEAD", "PUT")), chance.choice(PATHS)
        body = told.encode() if chance.random() < 0.8 else chance.randbytes(200)
        content = body if method in ("POST", "PUT") else None
        answer = world.client.request(
            method, f"{path}?{told}", content=content, headers=headers, follow_redirects=False
        )
        assert answer.status_code < 500, (number, method, path)
        assert answer.headers.get("location", "/").startswith(("/", "https://provider.example/auth?")), (number, path)
        assert not answer.headers.get("location", "/").startswith(("//", "/\\"))
    assert world.sessions.held == {}
    assert world.sessions.reasons == {}
    assert world.sessions.used == set()
