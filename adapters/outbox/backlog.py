"""A backlog of lookups in an outbox: how far it reaches, and its answer at once.

What a decision of a whole region found takes the place of all lookups that it answers, in one transaction: killed
anywhere, all of them wait, or none does.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final
from uuid import UUID

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from adapters.outbox.outbox import ADD, ADDED, COUNT, LEFT, Child, row_of

WAITING: Final = "policy = %(policy)s AND kind = 'lookup' AND does = %(does)s AND state = 'waiting'"
LAST_OF: Final = f"""SELECT cause FROM policies.outbox WHERE {WAITING}
ORDER BY try_at, place, cause, id OFFSET %(before)s LIMIT 1"""
LAST: Final = f"""SELECT cause FROM policies.outbox WHERE {WAITING}
ORDER BY try_at DESC, place DESC, cause DESC, id DESC LIMIT 1"""
ANSWERED: Final = f"""
CREATE TEMPORARY TABLE answered ON COMMIT DROP AS
SELECT id, cause, (body->>'identity')::uuid AS identity FROM policies.outbox
WHERE {WAITING} AND cause <= %(upto)s AND NOT body ? 'afresh' FOR UPDATE SKIP LOCKED"""
FOUND: Final = "CREATE TEMPORARY TABLE found (place int, one uuid, other uuid) ON COMMIT DROP"
READY: Final = "CREATE INDEX ON answered (identity); ANALYZE answered; ANALYZE found"
PARENTS: Final = """
CREATE TEMPORARY TABLE parent ON COMMIT DROP AS
SELECT DISTINCT ON (place) place, id FROM (
    SELECT f.place, a.id, a.cause FROM found f JOIN answered a ON a.identity = f.one
    UNION ALL SELECT f.place, a.id, a.cause FROM found f JOIN answered a ON a.identity = f.other) either
ORDER BY place, cause DESC, id"""
SETTLE: Final = """
UPDATE policies.outbox SET state = 'done', error = NULL, positions = '[]', settled_at = %(now)s
WHERE id IN (SELECT id FROM parent)"""
OTHERS: Final = """
SELECT place FROM found WHERE NOT EXISTS (SELECT FROM parent WHERE parent.place = found.place) ORDER BY place"""
OWED: Final = """
INSERT INTO parent SELECT unnest(%(places)s), (SELECT id FROM answered ORDER BY cause DESC, id LIMIT 1)"""
LEAVE: Final = """
DELETE FROM policies.outbox o USING answered a
WHERE o.id = a.id AND NOT EXISTS (SELECT FROM parent p WHERE p.id = a.id)"""
PAGE: Final = 1_000


Sides = tuple[str, str]
Become = Callable[[UUID, int], Child]
Owed = Callable[[Sequence[int]], Sequence[int]]
"""Of places of two of whom neither waits, those that are to be done all the same."""


def _nothing(_: Sequence[int]) -> Sequence[int]:
    return ()


class Backlog:
    """The lookups of that name that wait in a policy's outbox; each body names an ``identity``. One that is to be
    looked up ``afresh`` is never answered here: the view may have got its events after the decision.
    """

    def __init__(self, connection: Connection, policy: str, does: str) -> None:
        self._connection = connection
        self._asked = {"policy": policy, "does": does}

    def cause_of(self, place: int) -> int | None:
        """The ledger position of the one that so many are due before; None where fewer wait."""
        return self._cause(LAST_OF, place)

    def last(self) -> int | None:
        """The ledger position of the one that is due last; None where none waits."""
        return self._cause(LAST)

    def answer(
        self, upto: int, found: Sequence[Sides], become: Become, now: int, owed: Owed = _nothing
    ) -> tuple[int, int]:
        """All lookups that go back to a position up to ``upto``, and that no other sender holds, have found commands
        of these pairs of identities. How many were answered, and how many commands there are.

        Each command is a child of the later lookup of its two identities: ``become`` makes it, of that one's id and its
        own place. Where neither waits, those of ``owed`` alone are made, as children of the latest lookup of all.
        ``now``: µs. One transaction, committed here.
        """
        asked = {**self._asked, "upto": upto, "now": now}
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute(ANSWERED, asked)
            answered = cursor.rowcount
            cursor.execute(FOUND)
            sides = ((place, *pair) for place, pair in enumerate(found))
            execute_values(cursor, "INSERT INTO found VALUES %s", sides, "(%s, %s::uuid, %s::uuid)", page_size=PAGE)
            cursor.execute(READY)
            cursor.execute(PARENTS)
            raised = cursor.rowcount + (self._owed(cursor, owed) if answered else 0)
            for page in self._pages(become, now):
                execute_values(cursor, ADD, page, ADDED, page_size=PAGE)
            cursor.execute(SETTLE, asked)
            cursor.execute(LEAVE)
            if cursor.rowcount:
                execute_values(cursor, COUNT, [(self._asked["policy"], LEFT, "", cursor.rowcount)])
        return answered, raised

    @staticmethod
    def _owed(cursor: Cursor, owed: Owed) -> int:
        cursor.execute(OTHERS)
        if not (places := owed([place for (place,) in cursor.fetchall()])):
            return 0
        cursor.execute(OWED, {"places": list(places)})
        return int(cursor.rowcount)

    def _pages(self, become: Become, now: int) -> Iterator[list[tuple[Any, ...]]]:
        with self._connection.cursor("parents") as parents:
            parents.itersize = PAGE
            parents.execute("SELECT place, id::text FROM parent ORDER BY place")
            rows = iter(parents)
            while page := list(islice(rows, PAGE)):
                yield [row_of(parent, become(UUID(parent), place), now) for place, parent in page]

    def _cause(self, sql: str, before: int = 0) -> int | None:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, {**self._asked, "before": before})
            rows = cursor.fetchall()
        return rows[0][0] if rows else None
