"""Query helpers shared by all views: rows as dicts, the ``now`` position, masking of erased persons."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from psycopg2.extensions import connection as Connection

from schemas.event import ERASED

NOW: Final = 2**63 - 1
"""A position above every event: a query as of this position means now."""


def fetch(connection: Connection, query: str, **parameters: Any) -> list[dict[str, Any]]:
    """All rows of a query with named parameters, each as column → value."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def masked(members: Iterable[Mapping[str, Any]], erased: Collection[str]) -> list[dict[str, Any]]:
    """Members as shown to readers: the local id of an erased person is ``[erased]``."""
    return [{**m, "local_id": ERASED} if m["identity"] in erased else dict(m) for m in members]
