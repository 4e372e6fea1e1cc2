"""The viewer's program over HTTP: what is sent, under which guards, and nothing that is not on its list."""

import asyncio
import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from krypton.faces.viewer.program import configuration, takes_gzip, unpacked
from krypton.ohif.fetch import fetched
from krypton.ohif.lock import BASE
from tests.fakes.ohif import DIST, WORKERS, package
from tests.fakes.web import asking, wired

PROGRAM = f"{BASE}app.bundle.0123456789abcdef.js"
PAGE = f"/viewer/s/{uuid4()}/basic?StudyInstanceUIDs=1.2.3"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    fetched(tmp_path / "viewer", lambda _: None, package(tmp_path / "ohif.tgz", monkeypatch))
    with wired(tmp_path) as web, asking(web) as made:
        yield made


def test_the_page_loads_its_configuration_first_then_the_program_and_has_no_script_of_its_own(
    client: TestClient,
) -> None:
    answer = client.get(PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    scripts = re.findall(r"<script([^>]*)>([^<]*)</script>", answer.text)
    assert [re.search(r'src="([^"]+)"', attributes)[1] for attributes, _ in scripts] == [  # type: ignore[index]
        BASE + configuration(),
        PROGRAM,
    ]
    assert {text for _, text in scripts} == {""}
    assert " style=" not in answer.text
    assert "<style" not in answer.text
    for path in re.findall(r'(?:src|href)="(/[^"]+)"', answer.text):
        assert client.get(path).status_code == 200


def test_the_page_is_isolated_and_may_load_from_here_alone(client: TestClient) -> None:
    answer = client.get(PAGE)
    rules = dict(one.split(" ", 1) for one in answer.headers["content-security-policy"].split("; "))
    assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert rules["script-src"] == rules["connect-src"] == "'self'"
    assert "http" not in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-embedder-policy"] == "require-corp"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_other_pages_are_not_isolated(client: TestClient) -> None:
    assert "cross-origin-embedder-policy" not in client.get("/health").headers


@pytest.mark.parametrize("taken", ["gzip, deflate, br", "identity"])
def test_a_file_comes_whole_compressed_where_that_is_taken_and_stays_for_a_year(client: TestClient, taken: str) -> None:
    answer = client.get(f"{BASE}0123456789abcdef.wasm", headers={"accept-encoding": taken})
    assert answer.content == DIST["0123456789abcdef.wasm"]
    assert answer.headers.get("content-encoding") == ("gzip" if "gzip" in taken else None)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"] == "accept-encoding"


def test_a_file_for_who_takes_no_gzip_is_never_whole_in_memory() -> None:
    """Strangers may ask for it, hundreds at once, and read slowly."""
    whole = b"".join(b"%d " % number for number in range(200_000))

    async def read() -> list[bytes]:
        return [piece async for piece in unpacked(gzip.compress(whole))]

    pieces = asyncio.run(read())
    assert b"".join(pieces) == whole
    assert max(map(len, pieces)) < len(whole) / 10


def test_a_program_that_runs_in_a_worker_has_rules_of_its_own(client: TestClient) -> None:
    for name in WORKERS:
        assert "'wasm-unsafe-eval'" in client.get(BASE + name).headers["content-security-policy"]
        assert client.get(BASE + name).headers["cross-origin-embedder-policy"] == "require-corp"
    assert "wasm" not in client.get(PROGRAM).headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "manifest.json",
        "../viewer.tgz",
        "%2e%2e/ohif.tgz",
        "..%2fohif.tgz",
        "..%5cohif.tgz",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "assets/images/../../manifest.json",
        "assets/images/..%2f..%2fmanifest.json",
        "sw.js",
        "app-config.js",
        "",
    ],
)
def test_what_is_not_on_its_list_is_not_there(client: TestClient, path: str) -> None:
    answer = client.get(f"{BASE}{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_its_program_it_says_what_to_do_and_serves_it_once_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with wired(tmp_path) as web, asking(web) as client:
        answer = client.get(PAGE)
        assert answer.status_code == 503
        assert "run krypton viewer fetch" in answer.json()["detail"]
        fetched(tmp_path / "viewer", lambda _: None, package(tmp_path / "ohif.tgz", monkeypatch))
        assert client.get(PAGE).status_code == 200


def test_the_configuration_asks_under_the_links_own_path_and_nobody_else(client: TestClient) -> None:
    text = client.get(BASE + configuration()).text
    assert "http:" not in text
    assert "https:" not in text
    assert "location.pathname" in text


@pytest.mark.parametrize(
    ("stated", "taken"),
    [
        ("gzip", True),
        ("br;q=1, gzip;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("identity", False),
        ("", False),
    ],
)
def test_gzip_is_sent_to_who_takes_it(stated: str, taken: bool) -> None:
    assert takes_gzip(stated) is taken
