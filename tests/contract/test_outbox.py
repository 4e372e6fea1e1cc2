"""What a sender may rely on in the outbox, on PostgreSQL."""

from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest

from adapters.outbox import operators, tables
from adapters.outbox.outbox import (
    CLAIM,
    DAY_US,
    KEEP_DAYS,
    LEAST_US,
    LOOKUPS,
    NEXT_TRY,
    OF_KIND,
    RETRY_S,
    Child,
    Entry,
    Outbox,
)
from domain.errors import NotFound

pytestmark = pytest.mark.live
NOW = 1_767_225_600_000_000
POLICY = "expiry"
KINDS = ("command", "delivery")
ADD = """INSERT INTO policies.outbox
(id, policy, version, kind, does, body, cause, correlation_id, place, due_at, try_at, state, attempts)
VALUES (%s, %s, 1, %s, 'expire_code', '{"code": "1"}', %s, %s, 0, %s, %s, 'waiting', 0)"""


@pytest.fixture
def url(database_url: str) -> str:
    for _ in range(2):  # safe to repeat
        tables.create(database_url)
    return database_url


MANY_LOOKUPS = """INSERT INTO policies.outbox
(id, policy, version, kind, does, body, cause, correlation_id, place, due_at, try_at, state, attempts)
SELECT gen_random_uuid(), %s, 1, 'lookup', 'match', '{}', n, gen_random_uuid(), 0, n, n, 'waiting', 0
FROM generate_series(1, 3000) n"""


@pytest.fixture
def outbox(url: str) -> Iterator[Outbox]:
    made = Outbox(url, POLICY)
    yield made
    made.close()


def add(url: str, *, at: int = NOW, cause: int = 1, policy: str = POLICY, kind: str = "command") -> UUID:
    ident = uuid4()
    query(url, ADD, str(ident), policy, kind, cause, str(uuid4()), at, at)
    return ident


def query(url: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def row(url: str, ident: UUID) -> tuple[Any, ...]:
    (found,) = query(url, "SELECT state, attempts, error, try_at FROM policies.outbox WHERE id = %s", str(ident))
    return found


def claimed(outbox: Outbox, now: int = NOW, limit: int = 10, kind: str = "command") -> list[UUID]:
    with outbox.claim(kind, now, limit) as claim:
        return [entry.id for entry in claim.entries]


def test_what_is_due_is_claimed_in_order_and_only_that(url: str, outbox: Outbox) -> None:
    later, first, second = add(url, at=NOW + 1), add(url, at=NOW - 2), add(url, at=NOW - 1)
    add(url, policy="matching")
    add(url, kind="delivery")
    assert claimed(outbox) == [first, second]
    assert claimed(outbox, limit=1) == [first]
    assert claimed(outbox, now=NOW + 1) == [first, second, later]


def test_what_another_sender_holds_is_skipped(url: str, outbox: Outbox) -> None:
    one, other = add(url, at=NOW - 1), add(url)
    second = Outbox(url, POLICY)
    with outbox.claim("command", NOW, 1) as held:
        assert [entry.id for entry in held.entries] == [one]
        assert claimed(second) == [other]
    assert claimed(second) == [one, other]
    second.close()


def test_a_sender_that_dies_gives_back_what_it_held(url: str, outbox: Outbox) -> None:
    ident = add(url)
    with suppress(ZeroDivisionError), outbox.claim("command", NOW, 1) as claim:
        claim.done(claim.entries[0], [7])
        raise ZeroDivisionError
    assert row(url, ident)[0] == "waiting"
    assert claimed(outbox) == [ident]


def test_an_answer_is_noted_and_the_entry_never_claimed_again(url: str, outbox: Outbox) -> None:
    done, refused = add(url, at=NOW - 1), add(url)
    with outbox.claim("command", NOW, 2) as claim:
        claim.done(claim.entries[0], [7, 8])
        claim.refused(claim.entries[1], "C7")
    assert claimed(outbox) == []
    assert (row(url, done)[0], row(url, refused)[:3]) == ("done", ("refused", 0, "C7"))
    assert query(url, "SELECT positions FROM policies.outbox WHERE id = %s", str(done)) == [([7, 8],)]


def test_a_failure_is_tried_again_later_each_time_and_parked_at_last(url: str, outbox: Outbox) -> None:
    ident, now, waits = add(url), NOW, []
    for _ in range(len(RETRY_S) + 1):
        with outbox.claim("command", now, 1) as claim:
            parked = claim.failed(claim.entries[0], "http 503")
        state, _, error, try_at = row(url, ident)
        waits.append((try_at - now) // 1_000_000)
        now = try_at
        assert parked == (state == "parked")
    assert (state, error) == ("parked", "http 503")
    assert tuple(waits[:-1]) == RETRY_S
    assert claimed(outbox, now=now + 10**12) == []


def test_what_came_too_early_is_due_at_its_end_and_failed_nothing(url: str, outbox: Outbox) -> None:
    """Never at once: clocks that differ for ever would have it claimed without end."""
    moved, early = add(url, at=NOW - 1), add(url)
    with outbox.claim("command", NOW, 2) as claim:
        claim.postponed(claim.entries[0], NOW + 5 * DAY_US)
        claim.postponed(claim.entries[1], NOW)
    assert (row(url, moved), row(url, early)) == (
        ("waiting", 0, None, NOW + 5 * DAY_US),
        ("waiting", 0, None, NOW + LEAST_US),
    )
    assert claimed(outbox, NOW + 5 * DAY_US) == [early, moved]


def test_what_is_open_is_counted_without_what_is_done(url: str) -> None:
    add(url)
    query(url, "UPDATE policies.outbox SET state = 'done', settled_at = 1")
    add(url)
    with closing(psycopg2.connect(url)) as connection, connection:
        everything, still_open = operators.counts(connection, NOW)[POLICY], operators.open_counts(connection, NOW)
    assert (everything["waiting"], everything["done"]) == (1, 1)
    assert (still_open[POLICY]["waiting"], still_open[POLICY]["done"]) == (1, 0)


def test_an_operator_has_a_parked_entry_tried_again_or_drops_it(url: str, outbox: Outbox) -> None:
    again, given_up = add(url), add(url)
    query(url, "UPDATE policies.outbox SET state = 'parked', attempts = 8, error = 'http 503'")
    with closing(psycopg2.connect(url)) as connection, connection:
        assert {one["id"] for one in operators.parked(connection, POLICY)} == {str(again), str(given_up)}
        assert operators.counts(connection, NOW)[POLICY]["last_error"] == "http 503"
        assert operators.left_over(connection) == {POLICY: 2}
        assert operators.hold(connection, again) == (POLICY, "expire_code", "parked")
        operators.retry(connection, again, NOW)
        operators.drop(connection, given_up, NOW)
        with pytest.raises(NotFound):
            operators.hold(connection, uuid4())
    assert claimed(outbox) == [again]
    assert row(url, given_up)[0] == "dropped"


def test_what_failed_before_is_known_as_such_after_an_operator_retried_it_too(url: str, outbox: Outbox) -> None:
    """What it leads to once it is done goes back to what the ledger held then."""
    failed, new = add(url, at=NOW - 1), add(url)
    query(url, "UPDATE policies.outbox SET state = 'parked', attempts = 8, error = 'x' WHERE id = %s", str(failed))
    with closing(psycopg2.connect(url)) as connection, connection:
        operators.retry(connection, failed, NOW - 1)
    after = Child(uuid4(), "lookup", "match", {"identity": "i"}, 0, cause=9)
    with outbox.claim("command", NOW, 9) as claim:
        assert [(one.id, one.attempts, one.failed_before) for one in claim.entries] == [
            (failed, 0, True),
            (new, 0, False),
        ]
        claim.done(claim.entries[0], (7,), "merged", [after])
    assert row(url, failed)[0] == "done"
    with outbox.claim("lookup", NOW, 9, "match") as claim:
        assert [(entry.id, entry.cause) for entry in claim.entries] == [(after.id, 9)]


def test_a_lookup_becomes_its_commands_or_nothing(url: str, outbox: Outbox) -> None:
    becomes, nothing = add(url, at=NOW - 1, kind="lookup", cause=5), add(url, kind="lookup")
    children = [Child(uuid4(), "command", "merge", {"one": "1"}, place) for place in (1, 0)]
    with outbox.claim("lookup", NOW, 2, "expire_code") as claim:
        claim.became(claim.entries[0], children)
        claim.became(claim.entries[1], [])
    assert query(url, "SELECT 1 FROM policies.outbox WHERE id = %s", str(nothing)) == []
    assert row(url, becomes)[0] == "done"
    with outbox.claim("command", NOW, 9) as claim:
        told = [(entry.id, entry.does, entry.cause) for entry in claim.entries]
    assert told == [(children[1].id, "merge", 5), (children[0].id, "merge", 5)]


def test_what_a_refusal_leads_to_goes_back_to_where_it_was_refused(url: str, outbox: Outbox) -> None:
    """So that a view is asked again once it has read why."""
    refused, again = add(url, cause=5), Child(uuid4(), "lookup", "match", {"identity": "i"}, 0, cause=9)
    with outbox.claim("command", NOW, 9) as claim:
        claim.refused(claim.entries[0], "L7", [again])
    assert row(url, refused)[:3] == ("refused", 0, "L7")
    with outbox.claim("lookup", NOW, 9, "match") as claim:
        assert [(entry.id, entry.does, entry.cause) for entry in claim.entries] == [(again.id, "match", 9)]


def test_a_lookup_that_another_process_makes_is_none_of_this_ones_times(url: str, outbox: Outbox) -> None:
    add(url, at=NOW + 9)
    add(url, at=NOW + 3, kind="lookup")
    assert (outbox.next_due([], KINDS), outbox.next_due(["expire_code"], KINDS)) == (NOW + 9, NOW + 3)


@pytest.mark.parametrize("statement", [CLAIM, f"SELECT {NEXT_TRY}"])
@pytest.mark.parametrize(("which", "of"), [(OF_KIND, "command"), (LOOKUPS, "same_study")])
def test_what_is_due_is_found_at_once_however_much_else_waits(url: str, statement: str, which: str, of: str) -> None:
    query(url, MANY_LOOKUPS, POLICY)
    add(url)
    query(url, "ANALYZE policies.outbox")
    asked = (POLICY, of, NOW, 9) if statement == CLAIM else (POLICY, of)
    told = query(url, "EXPLAIN (ANALYZE) " + statement.format(which=which), *asked)
    assert not [line for (line,) in told if "Rows Removed" in line]


def test_indexes_of_before_give_way(url: str) -> None:
    query(url, "CREATE INDEX outbox_waiting ON policies.outbox (policy)")
    query(url, "DROP INDEX policies.outbox_due")
    tables.create(url)
    found = {name for (name,) in query(url, "SELECT indexname FROM pg_indexes WHERE tablename = 'outbox'")}
    assert "outbox_due" in found
    assert "outbox_waiting" not in found


def test_the_next_time_is_known_and_what_was_settled_long_ago_goes(url: str, outbox: Outbox) -> None:
    assert outbox.next_due([], KINDS) is None
    ident = add(url, at=NOW + 9)
    assert outbox.next_due([], KINDS) == NOW + 9
    with outbox.claim("command", NOW + 9, 1) as claim:
        claim.done(claim.entries[0])
    outbox.prune(NOW + KEEP_DAYS * DAY_US)
    assert row(url, ident)[0] == "done"
    outbox.prune(NOW + KEEP_DAYS * DAY_US + 10)
    assert query(url, "SELECT count(*) FROM policies.outbox") == [(0,)]


def test_what_was_decided_is_counted_once_and_outlasts_its_entries(url: str, outbox: Outbox) -> None:
    """What a sender that dies did not note is not counted; it decides again."""
    for _ in range(3):
        add(url)
    add(url, kind="lookup")
    with suppress(ZeroDivisionError), outbox.claim("command", NOW, 3) as claim:
        claim.done(claim.entries[0], decision="merged")
        raise ZeroDivisionError
    with outbox.claim("command", NOW, 2) as claim:
        for entry in claim.entries:
            claim.done(entry, decision="merged")
    with outbox.claim("command", NOW, 2) as claim:
        claim.refused(claim.entries[0], "L7")
    with outbox.claim("lookup", NOW, 1, "expire_code") as claim:
        claim.became(claim.entries[0], [])
    outbox.prune(NOW + 2 * KEEP_DAYS * DAY_US)
    with closing(psycopg2.connect(url)) as connection:
        found = {(row["policy"], row["decision"], row["rule"]): row["n"] for row in operators.tally(connection)}
    assert found == {(POLICY, "merged", ""): 2, (POLICY, "refused", "L7"): 1, (POLICY, "left", ""): 1}


def test_an_entry_comes_back_as_it_was_written(url: str, outbox: Outbox) -> None:
    ident = add(url, cause=9)
    with outbox.claim("command", NOW, 1) as claim:
        (entry,) = claim.entries
    assert entry == Entry(ident, "command", "expire_code", {"code": "1"}, 9, entry.correlation_id, 0)
