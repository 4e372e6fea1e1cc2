"""The outbox for operators: counts, parked entries and their errors, retry and drop."""

from collections.abc import Collection
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg2.extensions import connection as Connection

from domain.errors import NotFound

NONE_PARKED: Final = "no parked entry of that id: see krypton policies parked"
COUNTS = """SELECT policy,
  count(*) FILTER (WHERE state = 'waiting') AS waiting,
  count(*) FILTER (WHERE state = 'waiting' AND due_at <= %(now)s) AS due,
  count(*) FILTER (WHERE state = 'waiting' AND attempts > 0) AS retrying,
  count(*) FILTER (WHERE state = 'parked') AS parked,
  count(*) FILTER (WHERE state = 'refused') AS refused,
  count(*) FILTER (WHERE state = 'done') AS done,
  min(due_at) FILTER (WHERE state = 'waiting' AND due_at <= %(now)s) AS due_since,
  (array_agg(error ORDER BY try_at DESC) FILTER (WHERE state IN ('waiting', 'parked') AND error IS NOT NULL))[1]
    AS last_error
FROM policies.outbox {where} GROUP BY policy"""
OPEN: Final = "WHERE state IN ('waiting', 'parked')"
"""The partial indexes hold these alone: what is done is most of the table."""
PARKED = """SELECT id::text, policy, kind, does, body, cause, attempts, error, due_at FROM policies.outbox
WHERE state = 'parked' AND (%(policy)s::text IS NULL OR policy = %(policy)s) ORDER BY policy, due_at, place"""
LEFT_OVER = "SELECT policy, count(*) AS n FROM policies.outbox WHERE state = 'parked' GROUP BY policy ORDER BY policy"
TALLY = "SELECT policy, decision, rule, n FROM policies.tally"
LATE = """SELECT count(*) AS n, min(until) AS since FROM (
  SELECT coalesce((body->>'deadline')::bigint, due_at + %(grace)s) AS until FROM policies.outbox
  WHERE policy = 'erasure' AND state IN ('waiting', 'parked')) AS open WHERE until < %(now)s"""
"""Steps of erasures whose time is over: those that follow have a deadline, the carrying out a grace."""
DAY_US: Final = 24 * 3600 * 1_000_000
RETRY = "UPDATE policies.outbox SET state = 'waiting', attempts = 0, try_at = %(now)s WHERE id = %(id)s"
DROP = "UPDATE policies.outbox SET state = 'dropped', settled_at = %(now)s WHERE id = %(id)s"
ONE = "SELECT policy, does, state FROM policies.outbox WHERE id = %(id)s FOR UPDATE"
UNSETTLED = """SELECT policy, count(*) AS n FROM policies.outbox
WHERE state = 'waiting' AND due_at <= %(now)s AND (cause <= %(upto)s OR cause = ANY(%(causes)s::bigint[]))
GROUP BY policy"""
WROTE = """SELECT DISTINCT p::bigint AS position FROM policies.outbox o, jsonb_array_elements_text(o.positions) p
WHERE o.settled_at >= %(since)s AND (o.cause <= %(upto)s OR o.cause = ANY(%(causes)s::bigint[]))
  AND p::bigint > %(upto)s"""


def counts(connection: Connection, now: int) -> dict[str, dict[str, Any]]:
    """Counts by policy: waiting (``due``: now; ``retrying``: after a failure), parked, refused and done."""
    return {row.pop("policy"): row for row in _rows(connection, COUNTS.format(where=""), now=now)}


def open_counts(connection: Connection, now: int) -> dict[str, dict[str, Any]]:
    """As ``counts``, of what is not settled; reads nothing else."""
    return {row.pop("policy"): row for row in _rows(connection, COUNTS.format(where=OPEN), now=now)}


def tally(connection: Connection) -> list[dict[str, Any]]:
    """How often each policy decided what, ever; entries are pruned, this is not."""
    return _rows(connection, TALLY)


def parked(connection: Connection, policy: str | None) -> list[dict[str, Any]]:
    """Parked entries, of one policy or of all."""
    return _rows(connection, PARKED, policy=policy)


def left_over(connection: Connection) -> dict[str, int]:
    """By policy: parked entries, which only an operator moves on."""
    return {row["policy"]: row["n"] for row in _rows(connection, LEFT_OVER)}


class Late(NamedTuple):
    """How many steps of erasures are late, and since when the first: µs since 1970, UTC; None: none is."""

    n: int
    since: int | None


def late_erasures(connection: Connection, now: int) -> Late:
    """The steps of erasures that are not done, and whose time is over."""
    (row,) = _rows(connection, LATE, now=now, grace=DAY_US)
    return Late(**row)


class Held(NamedTuple):
    """An entry that nobody else changes until the transaction ends."""

    policy: str
    does: str
    state: str


def hold(connection: Connection, entry: UUID) -> Held:
    """One entry, locked in the caller's transaction. Raises NotFound."""
    for row in _rows(connection, ONE, id=str(entry)):
        return Held(**row)
    raise NotFound(NONE_PARKED)


def retry(connection: Connection, entry: UUID, now: int) -> None:
    """Retry an entry that is held, counting attempts from the start."""
    _change(connection, RETRY, entry, now)


def drop(connection: Connection, entry: UUID, now: int) -> None:
    """Discard an entry that is held."""
    _change(connection, DROP, entry, now)


def unsettled(connection: Connection, now: int, upto: int, causes: Collection[int]) -> dict[str, int]:
    """By policy: entries that are due and not done, for events up to a position, and for ``causes``."""
    found = _rows(connection, UNSETTLED, now=now, upto=upto, causes=list(causes))
    return {row["policy"]: row["n"] for row in found}


def wrote(connection: Connection, since: int, upto: int, causes: Collection[int]) -> set[int]:
    """The positions after ``upto`` that were written because of these events, since a time."""
    return {row["position"] for row in _rows(connection, WROTE, since=since, upto=upto, causes=list(causes))}


def _change(connection: Connection, statement: str, entry: UUID, now: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"id": str(entry), "now": now})


def _rows(connection: Connection, query: str, **parameters: Any) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]
