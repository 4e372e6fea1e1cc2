"""Sessions of browsers in PostgreSQL: how long they last, who finds them, and what a thief of the tables would have."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from adapters.web_sessions.sealed import Broken, Sealing
from adapters.web_sessions.sessions import Sessions
from adapters.web_sessions.tables import create
from postgres.pool import Pool
from postgres.session import connect

pytestmark = pytest.mark.live
MINUTE = 60 * 1_000_000
HOUR = 60 * MINUTE
ACTOR = "rpps:10101201233"
PERSON, OTHER = "6f1c1c2e-0b1a-5c3e-9a0c-4b6a35d1e8f2", "7a1c1c2e-0b1a-5c3e-9a0c-4b6a35d1e8f3"
KEPT = {"tokens": {"access": "fictitious-access-token"}, "choices": []}


@dataclass
class World:
    sessions: Sessions
    time: list[int]
    url: str

    def open(self, subject: str = "sub", session: str | None = "sid", provider: str = "psc") -> str:
        return self.sessions.open(provider, subject=subject, session=session, actor=ACTOR, site="CHB", kept=KEPT)

    def query(self, sql: str) -> Any:
        with closing(connect(self.url, "test", autocommit=True)) as session, session.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    create(database_url)
    create(database_url)
    pool, time = Pool(database_url, "web sessions", 2), [1_800_000_000_000_000]
    made = World(Sessions(pool, Sealing(b"k" * 32, b"n" * 32), lambda: time[0]), time, database_url)
    yield made
    pool.close()


def test_a_session_is_found_by_its_id_with_what_it_keeps(world: World) -> None:
    found = world.sessions.of(world.open())
    assert found is not None
    assert (found.provider, found.actor, found.site, found.kept) == ("psc", ACTOR, "CHB", KEPT)
    for other in ("", "x" * 43, "x" * 44, "é" * 43, found.hash.hex()):
        assert world.sessions.of(other) is None


def test_one_that_nobody_uses_ends_after_half_an_hour_and_one_in_use_goes_on(world: World) -> None:
    used, idle = world.open(), world.open()
    for _ in range(2):
        world.time[0] += 20 * MINUTE
        assert world.sessions.of(used)
    assert world.sessions.of(idle) is None
    world.time[0] += 30 * MINUTE
    assert world.sessions.of(used) is None


def test_to_look_while_an_answer_is_sent_is_no_use(world: World) -> None:
    id = world.open()
    world.time[0] += 29 * MINUTE
    assert world.sessions.of(id, using=False)
    world.time[0] += 2 * MINUTE
    assert world.sessions.of(id, using=False) is None


def test_one_in_use_ends_after_four_hours(world: World) -> None:
    id = world.open()
    for _ in range(23):
        world.time[0] += 10 * MINUTE
        assert world.sessions.of(id)
    world.time[0] += 10 * MINUTE
    assert world.sessions.of(id) is None


def test_what_is_over_is_deleted_with_the_next_that_is_opened(world: World) -> None:
    world.open()
    world.time[0] += HOUR
    world.open()
    assert world.query("SELECT count(*) FROM web.session") == [(1,)]


def test_a_session_goes_on_under_another_id_alone(world: World) -> None:
    id = world.open()
    session = world.sessions.of(id)
    assert session is not None
    other = world.sessions.become(id, session, actor="auditor:dpo", site=None, kept={"chosen": 1})
    assert other is not None
    assert world.sessions.of(id) is None
    found = world.sessions.of(other)
    assert found is not None
    assert (found.actor, found.site, found.kept) == ("auditor:dpo", None, {"chosen": 1})
    assert world.sessions.become(id, session, actor=ACTOR, site=None, kept={}) is None


def test_what_ended_here_is_gone(world: World) -> None:
    id, other = world.open(), world.open()
    for _ in range(2):
        world.sessions.end(id)
    assert world.sessions.of(id) is None
    assert world.sessions.of(other)


@pytest.mark.parametrize(
    ("told", "left"),
    [
        (("sub", None), {"other"}),
        (("sub", "sid"), {"second", "other"}),
        ((None, "sid"), {"second", "unnamed", "other"}),
        (("another", None), {"first", "second", "unnamed", "other"}),
    ],
)
def test_the_provider_ends_one_session_or_all_of_somebody(
    world: World, told: tuple[str | None, str | None], left: set[str]
) -> None:
    held = {
        "first": world.open(),
        "second": world.open(session="sid-2"),
        "unnamed": world.open(session=None),
        "other": world.open(provider="staff"),
    }
    assert world.sessions.end_of("psc", "jti", 1.8e9 + 60, *told) == 4 - len(left)
    assert {name for name, id in held.items() if world.sessions.of(id)} == left


def test_a_logout_token_ends_sessions_once_also_for_another_process(world: World) -> None:
    assert world.sessions.end_of("psc", "jti", 1.8e9 + 60, "sub", None) == 0
    id = world.open()
    assert world.sessions.end_of("psc", "jti", 1.8e9 + 60, "sub", None) is None
    assert world.sessions.of(id)
    assert world.sessions.end_of("staff", "jti", 1.8e9 + 60, "sub", None) == 0  # another provider's
    assert world.sessions.end_of("psc", "jti-2", 1.8e9 + 60, None, None) == 0
    world.time[0] += 2 * HOUR
    world.sessions.end_of("psc", "jti-3", 1.8e9 + 8_000, "sub", None)
    assert world.query("SELECT count(*) FROM web.logout") == [(1,)]


def test_a_reason_is_of_one_session_and_person_and_goes_with_the_session(world: World) -> None:
    id, other = world.open(), world.open()
    session, another = world.sessions.of(id), world.sessions.of(other)
    assert session is not None
    assert another is not None
    world.sessions.give_reason(session, PERSON, "first")
    world.sessions.give_reason(session, PERSON, "contrôle")
    assert world.sessions.reason_given(session, [OTHER, PERSON]) == "contrôle"
    assert world.sessions.reason_given(session, [OTHER]) is None
    assert world.sessions.reason_given(another, [PERSON]) is None
    world.sessions.end(id)
    assert world.query("SELECT count(*) FROM web.reason") == [(0,)]
    world.sessions.give_reason(session, PERSON, "late")
    assert world.query("SELECT count(*) FROM web.reason") == [(0,)]


def test_the_provider_is_asked_every_few_minutes_by_one_process_alone(world: World) -> None:
    id = world.open()
    session = world.sessions.of(id)
    assert session is not None
    assert not session.due
    assert not world.sessions.claim(session)
    world.time[0] += 5 * MINUTE + 1
    session = world.sessions.of(id)
    assert session is not None
    assert session.due
    assert [world.sessions.claim(session) for _ in range(2)] == [True, False]
    world.time[0] += MINUTE + 1  # it did not answer
    assert world.sessions.claim(session)
    world.sessions.keep(session, {"tokens": "new"})
    session = world.sessions.of(id)
    assert session is not None
    assert (session.due, session.kept) == (False, {"tokens": "new"})
    world.time[0] += 5 * MINUTE + 1
    assert world.sessions.claim(session)


def test_a_thief_of_the_tables_has_no_id_no_token_no_reason_and_no_name(world: World) -> None:
    id = world.open(subject="f:essai:810101201233")
    session = world.sessions.of(id)
    assert session is not None
    world.sessions.give_reason(session, PERSON, "contrôle")
    world.sessions.end_of("psc", "jti", 1.8e9 + 60, "nobody", "none")
    held = b"".join(
        bytes(one) if isinstance(one, memoryview) else str(one).encode()
        for table in ("session", "reason", "logout")
        for row in world.query(f"SELECT * FROM web.{table}")
        for one in row
    )
    for secret in (id, "fictitious-access-token", "contrôle", "f:essai", "jti"):
        assert secret.encode() not in held
    assert session.hash in held


ALTERED = [
    "UPDATE web.session s SET sealed = o.sealed FROM web.session o WHERE o.id_hash <> s.id_hash",
    "UPDATE web.session SET actor = 'operator:night'",
    "UPDATE web.session SET site = 'CHD'",
    "UPDATE web.session SET site = NULL",
    "UPDATE web.session SET provider = 'staff'",
]


@pytest.mark.parametrize("sql", ALTERED)
def test_a_row_that_somebody_wrote_to_is_no_session(world: World, sql: str) -> None:
    ids = [world.open(), world.open()]
    with closing(connect(world.url, "test", autocommit=True)) as session, session.cursor() as cursor:
        cursor.execute(sql)
    assert [world.sessions.of(id) for id in ids] == [None, None]


def test_what_is_sealed_opens_in_its_place_with_its_key_alone() -> None:
    one, other = Sealing(b"k" * 32, b"n" * 32), Sealing(b"x" * 32, b"n" * 32)
    sealed = one.seal({"a": 1}, b"here")
    assert one.open(sealed, b"here") == {"a": 1}
    assert one.seal({"a": 1}, b"here") != sealed
    for how, text, place in (
        (one, sealed, b"there"),
        (other, sealed, b"here"),
        (one, b"", b"here"),
        (one, sealed[:-1], b"here"),
    ):
        with pytest.raises(Broken):
            how.open(text, place)
