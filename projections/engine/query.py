"""Query helpers shared by all views: rows as dicts, the ``now`` position, masking of erased persons."""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from postgres import prepared
from schemas.event import ERASED

NOW: Final = 2**63 - 1
"""A position above every event: a query as of this position means now."""
NAMED: Final = re.compile(r"%\((\w+)\)s")


def fetch(connection: Connection, query: str, **parameters: Any) -> list[dict[str, Any]]:
    """All rows of a query with named parameters, each as column → value."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return _rows(cursor)


def fetch_planned(connection: Connection, query: str, **parameters: Any) -> list[dict[str, Any]]:
    """As ``fetch``, for what is asked again and again: the session plans it once (``postgres.prepared``)."""
    statement, names = _positional(query)
    with connection.cursor() as cursor:
        prepared.run(cursor, statement, *(parameters[name] for name in names))
        return _rows(cursor)


def fetch_by_index(connection: Connection, query: str, **parameters: Any) -> list[dict[str, Any]]:
    """As ``fetch_planned``, of few rows that are found by their keys, in a reader's session."""
    statement, names = _positional(query)
    with connection.cursor() as cursor:
        prepared.by_index(cursor, statement, *(parameters[name] for name in names))
        return _rows(cursor)


@lru_cache(maxsize=100)
def _positional(query: str) -> tuple[str, list[str]]:
    """The query with a nameless place for each value, and their names in that order."""
    return NAMED.sub("%s", query), NAMED.findall(query)


def _rows(cursor: Cursor) -> list[dict[str, Any]]:
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def masked(members: Iterable[Mapping[str, Any]], erased: Collection[str]) -> list[dict[str, Any]]:
    """Members as shown to readers: the local id of an erased person is ``[erased]``."""
    return [{**m, "local_id": ERASED} if m["identity"] in erased else dict(m) for m in members]


def unless_erased(text: str | None, subject: str, erased: Collection[str]) -> str | None:
    """A text as shown to readers: that of an erased person, under whose key it was sealed, is ``[erased]``."""
    return ERASED if text is not None and subject in erased else text
