"""A backlog of lookups in the outbox, on PostgreSQL: how far it reaches, and that it is answered as a whole."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from uuid import UUID, uuid4, uuid5

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from adapters.outbox import tables
from adapters.outbox.backlog import Backlog
from adapters.outbox.outbox import Child, Outbox

pytestmark = pytest.mark.live
NOW = 1_767_225_600_000_000
POLICY = "matching"
A, B, C, D, E = (str(UUID(int=n)) for n in range(1, 6))
ADD = """INSERT INTO policies.outbox
(id, policy, version, kind, does, body, cause, correlation_id, place, due_at, try_at, state, attempts)
VALUES (%s, %s, 4, 'lookup', %s, jsonb_build_object('identity', %s), %s, %s, 0, %s, %s, 'waiting', 0)"""


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    tables.create(database_url)
    with closing(psycopg2.connect(database_url)) as connection:
        yield connection


def add(connection: Connection, identity: str, cause: int, *, policy: str = POLICY, does: str = "match") -> str:
    lookup = str(uuid4())
    with connection, connection.cursor() as cursor:
        cursor.execute(ADD, (lookup, policy, does, identity, cause, str(uuid4()), NOW + cause, NOW + cause))
    return lookup


def become(lookup: UUID, place: int) -> Child:
    return Child(uuid5(lookup, str(place)), "command", "merge", {"n": place}, place)


def entries(connection: Connection, where: str = "true") -> list[tuple[object, ...]]:
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT kind, state, cause, body, place FROM policies.outbox WHERE {where} ORDER BY cause, id")
        return cursor.fetchall()


def answer(connection: Connection, upto: int, *found: tuple[str, str]) -> tuple[int, int]:
    return Backlog(connection, POLICY, "match").answer(upto, found, become, NOW)


def test_it_says_how_far_it_reaches(connection: Connection) -> None:
    backlog = Backlog(connection, POLICY, "match")
    assert (backlog.cause_of(0), backlog.last()) == (None, None)
    for cause in (7, 3, 5):
        add(connection, A, cause)
    add(connection, A, 9, does="priors")
    add(connection, A, 10, policy="sharing")
    assert [backlog.cause_of(place) for place in range(4)] == [3, 5, 7, None]
    assert backlog.last() == 7


def test_all_that_was_read_is_answered_and_the_rest_waits(connection: Connection) -> None:
    """Each command goes back to the later of its two lookups; a lookup that led to nothing is gone."""
    for cause, identity in enumerate((A, B, C, D), 1):
        add(connection, identity, cause)
    add(connection, E, 9)
    add(connection, A, 2, policy="sharing")
    assert answer(connection, 5, (B, A), (A, C)) == (4, 2)
    mine = f"policy = '{POLICY}'"
    assert entries(connection, f"{mine} AND kind = 'command'") == [
        ("command", "waiting", 2, {"n": 0}, 0),
        ("command", "waiting", 3, {"n": 1}, 1),
    ]
    assert [row[1:3] for row in entries(connection, f"{mine} AND kind = 'lookup'")] == [
        ("done", 2),
        ("done", 3),
        ("waiting", 9),
    ]
    assert len(entries(connection, "policy = 'sharing'")) == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT decision, n FROM policies.tally WHERE policy = %s", (POLICY,))
        assert cursor.fetchall() == [("left", 2)]


def test_a_pair_of_whom_nobody_waits_is_nothing_to_do(connection: Connection) -> None:
    """Somebody else looked at them; the command beside it keeps its place."""
    add(connection, A, 1)
    assert answer(connection, 5, (C, D), (A, E)) == (1, 1)
    assert [row[3:] for row in entries(connection, "kind = 'command'")] == [({"n": 1}, 1)]


def test_what_is_owed_to_two_of_whom_neither_waits_follows_from_the_latest_lookup(connection: Connection) -> None:
    add(connection, A, 1)
    add(connection, B, 2)
    asked: list[Sequence[int]] = []

    def owed(places: Sequence[int]) -> Sequence[int]:
        asked.append(places)
        return places[1:]

    found = (C, D), (A, E), (D, E)
    assert Backlog(connection, POLICY, "match").answer(5, found, become, NOW, owed) == (2, 2)
    assert asked == [[0, 2]]
    assert [row[2:4] for row in entries(connection, "kind = 'command'")] == [(1, {"n": 1}), (2, {"n": 2})]
    assert Backlog(connection, POLICY, "match").answer(5, found, become, NOW, owed) == (0, 0)


def test_what_another_sender_holds_is_left_to_it(connection: Connection, database_url: str) -> None:
    add(connection, A, 1)
    add(connection, B, 2)
    other = Outbox(database_url, POLICY)
    with other.claim("lookup", NOW + 10, 1, "match") as claim:
        assert answer(connection, 5) == (1, 0)
        claim.became(claim.entries[0], ())
    other.close()
    assert entries(connection) == []


def test_killed_in_between_all_of_it_waits(connection: Connection, database_url: str) -> None:
    """It is one transaction."""
    for cause, identity in enumerate((A, B), 1):
        add(connection, identity, cause)
    before = entries(connection)

    def killed(*_: object) -> Child:
        raise KeyboardInterrupt

    with closing(psycopg2.connect(database_url)) as own, pytest.raises(KeyboardInterrupt):
        Backlog(own, POLICY, "match").answer(5, [(A, B)], killed, NOW)
    assert entries(connection) == before


def test_as_many_as_a_region_has_are_answered_in_pages(connection: Connection) -> None:
    people = [str(UUID(int=n)) for n in range(1, 2_603)]
    for cause, identity in enumerate(people, 1):
        if cause <= 2_600:
            add(connection, identity, cause)
    pairs = list(zip(people[::2], people[1::2], strict=True))
    assert answer(connection, 10_000, *pairs) == (2_600, 1_300)
    told = [row[3] for row in entries(connection, "kind = 'command'")]
    assert told == [{"n": place} for place in range(1_300)]
