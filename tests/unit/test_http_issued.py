"""Programs that speak OAuth get a token for what their account shows: good for minutes, and for nobody else."""

import asyncio
import base64
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from krypton.faces.http.accounts import Accounts
from krypton.faces.http.issued import LASTS_S, PATH, Issued
from krypton.faces.http.problem import Problem
from krypton.faces.http.signing_in import Shown, SignedIn
from tests.fakes.browsers import SEALING
from tests.fakes.certificates import Authority
from tests.fakes.web import (
    AN_OPERATOR,
    DOCTOR,
    RECORD,
    TOKEN,
    WHY,
    Queries,
    account,
    accounts_file,
    asking,
    digest,
    wired,
)
from tests.unit.test_http_server import encrypted, get, trusting
from tests.waiting import WITHIN_S

GRANT = {"grant_type": "client_credentials"}
RIS = {**GRANT, "client_id": "ris", "client_secret": TOKEN}
PACS = frozenset({"pacs.chb.example"})


@dataclass
class World:
    client: TestClient
    issued: Issued
    file: Path
    time: list[float]

    def get(self, fields: Mapping[str, str], **headers: str) -> Any:
        return self.client.post(PATH, data=dict(fields), headers=headers)

    async def who(self, token: str, names: frozenset[str] = frozenset(), thumbprint: str = "") -> SignedIn | None:
        shown = Shown(names, thumbprint, authorization=f"Bearer {token}")
        return await self.issued.who(shown)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    Queries().install(monkeypatch)
    folder = tmp_path / "accounts"
    folder.mkdir()
    pacs = account("pacs", "service:pacs", site="CHB", certificate="pacs.chb.example")
    file = accounts_file(folder, account("ris", DOCTOR, token=digest(TOKEN)), pacs)
    time = [1_800_000_000.0]
    issued = Issued(Accounts(file, folder), SEALING, lambda: time[0])
    with wired(tmp_path, ways=[issued], issued=issued) as web, asking(web) as client:
        yield World(client, issued, file, time)


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def given(world: World) -> str:
    answer = world.get(RIS)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    told = answer.json()
    assert (told["token_type"], told["expires_in"]) == ("Bearer", LASTS_S)
    return str(told["access_token"])


def test_a_program_asks_with_what_it_was_given_as_its_account(world: World) -> None:
    headers = {"Authorization": f"Bearer {given(world)}", **WHY}
    assert world.client.get(RECORD, headers=headers).status_code == 200
    answer = world.get(GRANT, Authorization=basic("ris", TOKEN))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("fields", "headers", "status", "error"),
    [
        ({**RIS, "client_secret": "x" * 50}, {}, 401, "invalid_client"),
        ({**RIS, "client_secret": ""}, {}, 401, "invalid_client"),
        ({**RIS, "client_id": "nobody"}, {}, 401, "invalid_client"),
        (GRANT, {}, 401, "invalid_client"),
        (GRANT, {"Authorization": basic("ris", "x" * 50)}, 401, "invalid_client"),
        (GRANT, {"Authorization": "Basic %%%"}, 401, "invalid_client"),
        ({**GRANT, "client_id": "pacs"}, {}, 401, "invalid_client"),
        ({**RIS, "grant_type": "password"}, {}, 400, "unsupported_grant_type"),
        ({}, {}, 400, "invalid_request"),
    ],
)
def test_who_shows_something_else_gets_none(
    world: World, fields: dict[str, str], headers: dict[str, str], status: int, error: str
) -> None:
    answer = world.get(fields, **headers)
    assert (answer.status_code, answer.json()) == (status, {"error": error})
    assert status != 401 or answer.headers["www-authenticate"].startswith("Basic")


def test_a_body_that_is_no_form_or_says_something_twice_is_refused(world: World) -> None:
    for body in (b"\xff", b"grant_type=client_credentials&grant_type=password", b"a", b"&" * 30):
        assert world.client.post(PATH, content=body).json() == {"error": "invalid_request"}


async def good(world: World, token: str, **shown: Any) -> bool:
    with suppress(Problem):
        return await world.who(token, **shown) is not None
    return False


async def _is_good_for_minutes(world: World, token: str) -> None:
    world.time[0] += LASTS_S - 1
    assert await good(world, token)
    world.time[0] += 2
    assert not await good(world, token)


def test_it_is_good_for_minutes(world: World) -> None:
    token = given(world)
    asyncio.run(_is_good_for_minutes(world, token))


def test_it_ends_with_the_account_or_its_token(world: World) -> None:
    token, said = given(world), world.file.read_text()
    for other in (said.replace("[accounts.ris]", "[accounts.other]"), said.replace(digest(TOKEN), digest("z" * 50))):
        world.file.write_text(other)
        assert not asyncio.run(good(world, token))
    world.file.write_text(said)
    assert asyncio.run(good(world, token))


def test_what_nobody_sealed_here_is_good_for_nothing(world: World) -> None:
    token = given(world)
    altered = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    for other in (altered, "kt.", "kt.é", "kt." + "A" * 80, token[:-9]):
        assert not asyncio.run(good(world, other))
    headers = {**AN_OPERATOR}
    assert world.client.get("/metrics", headers=headers).status_code == 200  # others sign in as ever


def test_over_tls_a_certificate_gets_a_token_that_is_good_with_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder := tmp_path / "certificates").mkdir()
    queries = Queries()
    queries.install(monkeypatch)
    authority = Authority(folder)
    own, its_own, other = (authority.issue(name) for name in ("krypton", "pacs.chb.example", "other.example"))
    accounts = Accounts(accounts_file(tmp_path, account("pacs", DOCTOR, certificate="pacs.chb.example")), tmp_path)
    issued = Issued(accounts, SEALING)
    fields = {**GRANT, "client_id": "pacs"}
    with encrypted(own, authority, [issued, accounts], issued) as port:
        url = f"https://127.0.0.1:{port}{PATH}"
        assert httpx.post(url, data=fields, verify=trusting(authority, other), timeout=WITHIN_S).status_code == 401
        assert httpx.post(url, data=fields, verify=trusting(authority), timeout=WITHIN_S).status_code == 401
        told = httpx.post(url, data=fields, verify=trusting(authority, its_own), timeout=WITHIN_S).json()
        headers = {"Authorization": f"Bearer {told['access_token']}", **WHY}
        assert get(port, headers=headers, verify=trusting(authority, its_own)).status_code == 200
        assert get(port, headers=headers, verify=trusting(authority, other)).status_code == 401
        assert get(port, headers=headers, verify=trusting(authority)).status_code == 401
    assert len(queries.asked) == 1


async def _bound(world: World) -> None:
    made = world.issued.sealing.seal(
        {"account": "pacs", "by": " print-1", "until": world.time[0] + 60}, b"token of an account"
    )
    token = "kt." + base64.urlsafe_b64encode(made).rstrip(b"=").decode()
    assert await good(world, token, names=PACS, thumbprint="print-1")
    assert not await good(world, token, names=PACS, thumbprint="print-2")
    assert not await good(world, token, names=frozenset({"other.example"}), thumbprint="print-1")
    assert not await good(world, token)


def test_that_of_an_account_with_a_certificate_is_good_with_this_certificate_alone(world: World) -> None:
    asyncio.run(_bound(world))
