"""Statements that a session reads and plans once, however often they are run: those that each event or lookup takes.

Reading and planning take PostgreSQL about as long as the rest of a statement of a few rows. A plan outlives the state
of the tables that it was made for: who prepares a statement sees to it that it goes by index (``enable_seqscan``).
"""

import re
from itertools import count
from typing import Any, Final
from weakref import WeakKeyDictionary

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

BY_INDEX: Final = (
    "SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL jit = off; "
)
"""For the rest of the transaction."""
VALUE: Final = re.compile(r"%s(::\w+(?:\[\])?)?")
_known: WeakKeyDictionary[Connection, dict[str, str]] = WeakKeyDictionary()
"""Of each session: statement to what runs it. A rollback undoes no preparation."""


def run(cursor: Cursor, statement: str, *values: Any) -> None:
    """``statement``: as for ``execute``, with a ``%s`` for each value, and the same text each time."""
    cursor.execute(execution(cursor, statement), values)


def by_index(cursor: Cursor, statement: str, *values: Any) -> None:
    """As ``run``, within a transaction, of a look for few rows by their keys, which is planned for any values at all:
    else PostgreSQL would plan it again for those of each call, or read a table whole for as long as it was small once.
    """
    cursor.execute(BY_INDEX + execution(cursor, statement), values)


def execution(cursor: Cursor, statement: str) -> str:
    """What runs the statement, with a ``%s`` for each value, beside others in one message; plans it at first."""
    known = _known.setdefault(cursor.connection, {})
    if (execute := known.get(statement)) is None:
        name, numbers = f"krypton_{len(known)}", count(1)
        numbered = VALUE.sub(lambda value: f"${next(numbers)}{value[1] or ''}", statement).replace("%%", "%")
        cursor.execute(f"PREPARE {name} AS {numbered}")
        given = ", ".join(f"%s{cast}" for cast in VALUE.findall(statement))
        known[statement] = execute = f"EXECUTE {name} ({given})" if given else f"EXECUTE {name}"
    return execute
