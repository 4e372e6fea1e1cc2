"""Links to the viewer in PostgreSQL: opened once and in time, by whose session it is; and how they end."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from adapters.web_sessions.sealed import Sealing
from adapters.web_sessions.sessions import Sessions, hashed
from adapters.web_sessions.tables import create
from adapters.web_sessions.viewings import Opened, Viewings
from postgres.pool import Pool
from postgres.session import connect

pytestmark = pytest.mark.live
SECOND = 1_000_000
MINUTE = 60 * SECOND
ACTOR, PERSON, UID = "rpps:10101201233", UUID("6f1c1c2e-0b1a-5c3e-9a0c-4b6a35d1e8f2"), "1.2.826.0.1.3680043.10.1999.5"


@dataclass
class World:
    viewings: Viewings
    sessions: Sessions
    time: list[int]
    url: str

    def ask(self, session: str | None = None, **change: Any) -> str:
        stated = {"key": "account a", "actor": ACTOR, "site": "CHB", "person": PERSON, "study_uid": UID}
        return self.viewings.ask(
            session=None if session is None else hashed(session),
            **{**stated, "others": False, "reason": "follow-up", **change},
        )

    def open(self, session: str | None = None) -> Opened:
        found = self.viewings.open(self.ask(session), session)
        assert found is not None
        return found

    def session(self) -> str:
        return self.sessions.open("psc", subject="sub", session="sid", actor=ACTOR, site="CHB", kept={})

    def query(self, sql: str) -> Any:
        with closing(connect(self.url, "test", autocommit=True)) as session, session.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else None


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    create(database_url)
    pool, time = Pool(database_url, "viewings", 2), [1_800_000_000_000_000]
    sealing = Sealing(b"k" * 32, b"n" * 32)
    yield World(Viewings(pool, sealing, lambda: time[0]), Sessions(pool, sealing, lambda: time[0]), time, database_url)
    pool.close()


def test_it_is_opened_once_and_found_by_its_cookie_with_what_it_lets_see(world: World) -> None:
    token = world.ask(others=True, situation="profession=10")
    opened = world.viewings.open(token, None)
    assert opened is not None
    assert opened.study_uid == UID
    assert world.viewings.open(token, None) is None
    assert world.viewings.of(token, None) is None
    found = world.viewings.of(opened.secret, None)
    assert found is not None
    assert (found.id, found.live, found.asked.actor, found.asked.site) == (opened.id, True, ACTOR, "CHB")
    assert (found.asked.person, found.asked.study_uid, found.asked.others) == (PERSON, UID, True)
    assert (found.asked.reason, found.asked.situation) == ("follow-up", "profession=10")


@pytest.mark.parametrize(("seconds", "good"), [(119, True), (121, False)])
def test_it_waits_two_minutes_to_be_opened(world: World, seconds: int, good: bool) -> None:
    token = world.ask()
    world.time[0] += seconds * SECOND
    assert (world.viewings.open(token, None) is not None) is good


def test_nobody_opens_a_link_of_anothers_session_nor_uses_its_cookie(world: World) -> None:
    mine, theirs = world.session(), world.session()
    token = world.ask(mine)
    assert world.viewings.open(token, theirs) is None
    assert world.viewings.open(token, None) is None
    opened = world.viewings.open(token, mine)
    assert opened is not None
    for session, live in [(mine, True), (theirs, False), (None, False)]:
        found = world.viewings.of(opened.secret, session)
        assert found is not None
        assert found.live is live


def test_it_ends_with_its_session(world: World) -> None:
    session = world.session()
    opened = world.open(session)
    world.sessions.end(session)
    assert world.viewings.of(opened.secret, session) is None


def test_it_lasts_no_longer_than_its_session(world: World) -> None:
    session, other = world.session(), world.session()
    opened, left = world.open(session), world.open(other)
    for _ in range(3):
        world.time[0] += 20 * MINUTE
        assert world.sessions.of(session) is not None
        assert world.viewings.of(opened.secret, session).live  # type: ignore[union-attr]
        world.viewings.of(left.secret, other)
    assert not world.viewings.of(left.secret, other).live  # type: ignore[union-attr]


def test_a_look_while_an_answer_is_sent_is_no_use_and_it_ends_after_half_an_hour(world: World) -> None:
    opened = world.open()
    world.time[0] += 20 * MINUTE
    assert world.viewings.of(opened.secret, None, using=False).live  # type: ignore[union-attr]
    world.time[0] += 11 * MINUTE
    assert not world.viewings.of(opened.secret, None).live  # type: ignore[union-attr]


def test_it_ends_after_four_hours_of_use(world: World) -> None:
    opened = world.open()
    live = []
    for _ in range(13):
        world.time[0] += 20 * MINUTE
        live.append(world.viewings.of(opened.secret, None).live)  # type: ignore[union-attr]
    assert live == [True] * 11 + [False] * 2


def test_a_thief_of_the_table_has_no_token_no_cookie_and_no_reason(world: World) -> None:
    token, opened = world.ask(reason="contrôle après chirurgie"), world.open()
    told = str(world.query("SELECT * FROM web.viewing"))
    assert token not in told
    assert opened.secret not in told
    assert "chirurgie" not in told


@pytest.mark.parametrize(
    "change", ["actor = 'rpps:10101209996'", "others = true", "study_uid = '1.2.3'", "site = 'CHP'"]
)
def test_whoever_writes_to_the_table_shows_nobody_anything_else(world: World, change: str) -> None:
    opened = world.open()
    world.query(f"UPDATE web.viewing SET {change}")
    assert world.viewings.of(opened.secret, None) is None


def test_what_is_long_over_is_deleted(world: World) -> None:
    world.open()
    world.time[0] += 24 * 60 * MINUTE
    world.ask()
    assert world.query("SELECT count(*) FROM web.viewing") == [(1,)]
