"""Links to the viewer: for one person and what they asked for, opened once, good for nothing else, and why they end."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient

from adapters.web_sessions.viewings import Viewing
from domain.actors import Caller
from krypton.faces.http.app import Face
from krypton.faces.http.declared import Declared, DeclaredRoute
from krypton.faces.http.problem import Problem
from krypton.faces.http.signing_in import Shown, SignedIn, refused
from krypton.faces.http.workers import Workers
from krypton.faces.signin import cookies
from krypton.faces.viewer import links, listing, opening
from krypton.faces.viewer.links import ByLink
from tests.fakes import pictures
from tests.fakes.dicom import new_uid
from tests.fakes.images import Kept
from tests.fakes.viewings import Viewings
from tests.fakes.web import DOCTOR, PERSON, SIGNED, WHY, Queries, asking, wired

STUDY = "6f1c1c2e-0b1a-5c3e-9a0c-4b6a35d1e8f3"
ASK = f"/studies/{STUDY}/viewer"


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> Queries:
    made = Queries()
    made.install(monkeypatch)
    monkeypatch.setattr(opening, "study_of", lambda _, caller, study: made._answer("study.show", _, caller, study))

    def found(ours: Any, caller: Caller, keys: Any, *, person: str, **_: int) -> Any:
        assert keys == {}
        return SimpleNamespace(studies=made._answer("study.search", ours, caller, person)["studies"])

    monkeypatch.setattr(listing, "studies_found", found)
    return made


@pytest.fixture
def uid(kept: Kept, queries: Queries) -> str:
    """A study that the gate shows, with a second one of the same person."""
    made = kept.take_in(pictures.ct(3, 16, StudyInstanceUID=new_uid()))
    queries.document = {
        "person": PERSON,
        "members": [{"identity": PERSON}],
        "patient": {"family": "FICTIVE", "given": "Alex"},
        "study": {"study_uid": made},
        "studies": [
            {
                "study_uid": one,
                "date": "2026-01-05T10:15:00Z",
                "accession": "A-1",
                "modalities": ["CT"],
                "description": "Scanner",
                "series": 1,
                "instances": 3,
                "traits": {"family": "FICTIVE", "given": "Alex"},
                "local_id": "T-1",
                "assigner": "CHB",
            }
            for one in (made, new_uid())
        ],
    }
    return made


@pytest.fixture
def viewings() -> Viewings:
    return Viewings()


@pytest.fixture
def web(tmp_path: Path, kept: Kept, viewings: Viewings) -> Iterator[Face]:
    with wired(tmp_path, archive=kept.archive, viewings=viewings) as made:
        yield made


@pytest.fixture
def client(web: Face) -> Iterator[TestClient]:
    with asking(web) as made:
        made.follow_redirects = False
        yield made


def link(client: TestClient, **asked: bool) -> str:
    answer = client.post(ASK, headers=SIGNED, json=asked)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["open"])


def opened(client: TestClient, **asked: bool) -> str:
    """The address below which the link shows images; the client has its cookie."""
    return re.sub(r"/basic.*", "", client.get(link(client, **asked)).headers["location"])


def test_a_link_leads_to_the_viewer_with_a_cookie_for_its_own_path_that_no_script_reads(
    client: TestClient, uid: str, viewings: Viewings
) -> None:
    address = link(client)
    assert re.fullmatch(r"/viewer/open/[\w-]{43}", address)
    answer = client.get(address)
    (viewing,) = viewings.opened.values()
    home = f"/viewer/s/{viewing.id}"
    assert (answer.status_code, answer.headers["location"]) == (303, f"{home}/basic?StudyInstanceUIDs={uid}")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    name, *flags = answer.headers["set-cookie"].split("; ")
    assert name.startswith("__Secure-krypton-viewing=")
    assert set(flags) == {f"Path={home}", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age=14400"}
    assert not set(name.split("=")) & set(answer.headers["location"].split("/"))


def test_a_browsers_form_is_led_on_to_the_link(client: TestClient, uid: str, viewings: Viewings) -> None:
    headers = {**SIGNED, "accept": "text/html,*/*;q=0.8"}
    answer = client.post(ASK, headers=headers, data={"others": "1"})
    assert answer.status_code == 303
    (asked,) = viewings.waiting.values()
    assert answer.headers["location"] == f"/viewer/open/{next(iter(viewings.waiting))}"
    assert (asked.actor, asked.site, asked.reason) == (DOCTOR, "CHB", WHY["Krypton-Reason"])
    assert (str(asked.person), asked.study_uid, asked.others) == (PERSON, uid, True)


@pytest.mark.parametrize("body", [b'{"others": 1}', b'{"others": "yes"}', b"[]", b"{", b"\xff"])
def test_a_body_that_says_something_else_is_refused(client: TestClient, uid: str, body: bytes) -> None:
    headers = {**SIGNED, "content-type": "application/json"}
    assert client.post(ASK, headers=headers, content=body).status_code == 400


def test_a_link_is_opened_once(client: TestClient, uid: str) -> None:
    address = link(client)
    assert client.get(address).status_code == 303
    for again in (address, f"/viewer/open/{'x' * 43}", "/viewer/open/short"):
        answer = client.get(again)
        assert (answer.status_code, answer.headers["content-type"]) == (410, "text/html; charset=utf-8")
        assert "Open the study again" in answer.text
        assert "set-cookie" not in answer.headers


def test_who_is_refused_gets_no_link(client: TestClient, uid: str, queries: Queries, viewings: Viewings) -> None:
    queries.refuses = "X12"
    answer = client.post(ASK, headers=SIGNED, json={})
    assert (answer.status_code, answer.json()["rule"], viewings.waiting) == (403, "X12", {})


def test_images_are_shown_under_the_name_and_reason_of_who_asked_for_the_link(
    client: TestClient, uid: str, kept: Kept, queries: Queries
) -> None:
    images = f"{opened(client)}/dicom-web"
    queries.asked.clear()
    ((series, row), *_) = kept.rows(uid)
    found = client.get(f"{images}/studies/{uid}/series/{series}/metadata").json()
    assert len(found) == 3
    frame = client.get(f"{images}/studies/{uid}/series/{series}/instances/{row['sop_uid']}/frames/1")
    assert frame.status_code == 200
    for task, caller, ref in queries.asked:
        assert (task, caller.actor, caller.site, ref) == ("study.show", DOCTOR, "CHB", uid)


def served(web: Face) -> list[Declared]:
    """Routes of images, as a link shows them."""
    found: list[Any] = [route.endpoint for route in web.router.routes if isinstance(route, DeclaredRoute)]
    return [one for one in found if one.path.startswith("/viewer/s/") and "/dicom-web" in one.path]


def path_of(one: Declared, home: str, uid: str) -> str:
    parts = {"study": uid, "series": "1.2", "instance": "1.3", "frames": "1"}
    path = one.path.replace("{link:uuid}", home.rpartition("/")[2]).replace("{bulk:path}", "00420011")
    return path.format(**parts)


def test_no_image_is_shown_without_the_links_own_cookie_at_its_own_address(
    web: Face, client: TestClient, uid: str, queries: Queries
) -> None:
    home = opened(client)
    (cookie,) = [f"{one.name}={one.value}" for one in client.cookies.jar]
    client.cookies.clear()
    queries.asked.clear()
    assert len(served(web)) >= 10
    for one in served(web):
        there, elsewhere = path_of(one, home, uid), path_of(one, f"/viewer/s/{uuid4()}", uid)
        for path, headers in [
            (there, {}),
            (there, SIGNED),
            (there, {"cookie": f"__Secure-krypton-viewing={'x' * 43}"}),
            (there, {"cookie": f"{cookie}; __Secure-krypton-viewing={'x' * 43}"}),
            (elsewhere, {"cookie": cookie}),
        ]:
            assert client.get(path, headers=headers).status_code == 401, path
    assert queries.asked == []


def test_a_link_for_one_study_shows_no_other(web: Face, client: TestClient, uid: str, kept: Kept) -> None:
    other = kept.take_in(pictures.ct(1, 16, StudyInstanceUID=new_uid()))
    home = opened(client)
    for one in served(web):
        if "{study}" in one.path:
            answer = client.get(path_of(one, home, other))
            assert (answer.status_code, "does not show that study" in answer.text) == (404, True)
    for asked in (f"StudyInstanceUID={other}", f"0020000D={other}", "00100020=T-1&limit=101", ""):
        told = client.get(f"{home}/dicom-web/studies?{asked}").json()
        assert [one["0020000D"]["Value"] for one in told] == ([] if other in asked else [[uid]])


def test_with_the_patients_other_studies_the_list_is_the_gates_answer_on_that_person(
    client: TestClient, uid: str, queries: Queries
) -> None:
    home = opened(client, others=True)
    queries.asked.clear()
    told = client.get(f"{home}/dicom-web/studies?00100020=of-somebody-else").json()
    assert [one["0020000D"]["Value"][0] for one in told] == [one["study_uid"] for one in queries.document["studies"]]
    assert told[1]["00080020"]["Value"] == ["20260105"]
    assert told[1]["00100010"]["Value"] == [{"Alphabetic": "FICTIVE^Alex"}]
    assert [(task, ref) for task, _, ref in queries.asked] == [("study.search", PERSON)]


def test_the_first_study_and_its_series_are_listed_as_the_viewer_reads_them(client: TestClient, uid: str) -> None:
    home = opened(client)
    (study,) = client.get(f"{home}/dicom-web/studies?limit=101&StudyInstanceUID={uid}").json()
    assert (study["00080061"]["Value"], study["00201208"]["Value"]) == (["CT"], [3])
    (series,) = client.get(f"{home}/dicom-web/studies/{uid}/series?includefield=00080021").json()
    assert (series["00080060"]["Value"], series["00201209"]["Value"]) == (["CT"], [3])


def test_why_it_ended_is_told(client: TestClient, uid: str, queries: Queries, viewings: Viewings) -> None:
    home = opened(client)
    assert f'href="{home}/basic?StudyInstanceUIDs={uid}"' in client.get(f"{home}/ended").text
    queries.refuses = "X5"
    assert "You may not see this study any more: the person opposes it (X5)" in client.get(f"{home}/ended").text
    queries.refuses, queries.seen = None, {}
    assert "withdrawn" in client.get(f"{home}/ended").text
    (viewing,) = viewings.opened.values()
    viewings.end(viewing.id)
    assert "half an hour without use" in client.get(f"{home}/ended").text
    client.cookies.clear()
    answer = client.get(f"{home}/ended")
    assert "did not open the link" in answer.text
    assert "'none'" in answer.headers["content-security-policy"]


def test_what_has_ended_shows_nothing(client: TestClient, uid: str, viewings: Viewings) -> None:
    home = opened(client)
    (viewing,) = viewings.opened.values()
    viewings.end(viewing.id)
    answer = client.get(f"{home}/dicom-web/studies?StudyInstanceUID={uid}")
    assert (answer.status_code, json.loads(answer.text)["detail"]) == (
        401,
        "the link to the viewer has ended: open the study again",
    )


def test_a_link_ends_with_the_account_that_asked_for_it(tmp_path: Path, client: TestClient, uid: str) -> None:
    home = opened(client)
    accounts = tmp_path / "accounts.toml"
    accounts.write_text("[accounts]\n")
    assert client.get(f"{home}/dicom-web/studies?StudyInstanceUID={uid}").status_code == 401
    assert "The link has ended" in client.get(f"{home}/ended").text


class InSession:
    """Signs in by a session's cookie, while there is that session."""

    def __init__(self) -> None:
        self.live = {"mine", "theirs"}

    async def who(self, shown: Shown) -> SignedIn | None:
        id = cookies.read(shown.cookie, cookies.SESSION)
        if id is None:
            return None
        if id not in self.live:
            raise refused("the session has ended")
        return SignedIn(DOCTOR, "CHB", f"session {id.encode().hex()}", lambda _: "care")


@pytest.mark.parametrize("ends", [True, False], ids=["ended", "of somebody else"])
def test_a_link_that_was_asked_for_in_a_session_is_good_in_that_session_alone(
    tmp_path: Path, kept: Kept, uid: str, viewings: Viewings, ends: bool
) -> None:
    sessions = InSession()
    mine, theirs = ({"cookie": f"{cookies.SESSION}={id}"} for id in ("mine", "theirs"))
    with wired(tmp_path, archive=kept.archive, viewings=viewings, ways=[sessions]) as web, asking(web) as client:
        client.follow_redirects = False
        address = client.post(ASK, headers=mine, json={}).json()["open"]
        assert next(iter(viewings.waiting.values())).reason == "care"
        answer = client.get(address, headers=mine)
        home, cookie = answer.headers["location"].partition("/basic")[0], answer.headers["set-cookie"].partition(";")[0]
        client.cookies.clear()
        path = f"{home}/dicom-web/studies?StudyInstanceUID={uid}"
        assert client.get(path, headers={"cookie": f"{cookie}; {mine['cookie']}"}).status_code == 200
        sessions.live -= {"mine"} if ends else set()
        for session in [mine["cookie"]] if ends else [theirs["cookie"], "other=1"]:
            assert client.get(path, headers={"cookie": f"{cookie}; {session}"}).status_code == 401


def test_a_link_of_somebody_elses_session_is_not_opened(
    tmp_path: Path, kept: Kept, uid: str, viewings: Viewings
) -> None:
    with wired(tmp_path, archive=kept.archive, viewings=viewings, ways=[InSession()]) as web, asking(web) as client:
        address = client.post(ASK, headers={"cookie": f"{cookies.SESSION}=mine"}, json={}).json()["open"]
        for headers in ({"cookie": f"{cookies.SESSION}=theirs"}, {}):
            assert client.get(address, headers=headers).status_code == 410


class Counting(Viewings):
    """Counts how often a viewing is looked up."""

    looks = 0

    def of(self, secret: str, session: str | None, *, using: bool = True) -> Viewing | None:
        self.looks += 1
        return super().of(secret, session, using=using)


def test_for_many_images_a_link_is_looked_up_once_in_a_moment_and_no_longer() -> None:
    viewings, at, workers = Counting(), [100.0], Workers(1, 10)
    asked = {"session": None, "key": "account one", "actor": DOCTOR, "site": "CHB", "person": UUID(PERSON)}
    made = viewings.open(viewings.ask(**asked, study_uid="1.2.3", others=False, reason="follow-up"), None)
    assert made is not None
    accounts = {"account one"}
    way = ByLink(viewings, workers, accounts.__contains__, [], lambda: at[0])
    shown = Shown(cookie=f"{links.COOKIE}={made.secret}")

    async def images() -> int:
        """How many of a hundred are shown, at one moment."""
        found = 0
        for _ in range(100):
            with suppress(Problem):
                found += await way.who(shown) is not None
        return found

    with closing(workers):
        assert asyncio.run(images()) == 100
        assert viewings.looks == 1
        viewings.end(made.id)
        at[0] += links.LATELY_S
        assert asyncio.run(images()) == 0
        assert links.LATELY_S < 1  # bytes of what has ended end within a second
        viewings.opened[made.secret] = replace(viewings.opened[made.secret], live=True)
        assert asyncio.run(images()) == 100
        accounts.clear()
        assert asyncio.run(images()) == 0, "whether an account is good is not asked of the past"
        assert len(way._lately) == 1
