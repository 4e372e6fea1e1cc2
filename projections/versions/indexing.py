"""Builds the keys and indexes of a rebuild's tables in the background, as soon as each table is complete.

A table is written by one topic (``ownership``), so it is complete when that topic's partitions are: PostgreSQL sorts
while the next topic is folded. Each table is one transaction, and a table that has its key is skipped: a killed build
resumes, and ``rebuild.finish`` does the rest.
"""

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from types import TracebackType
from typing import Final

from sqlalchemy import Table

from postgres.session import connect
from projections.engine.ownership import topic_of
from projections.engine.projection import Projection
from projections.versions import bare_tables, build_log
from projections.versions.build_log import Build, Part

AT_ONCE: Final = 2


class Indexer:
    """The index builder of one build, used in a ``with`` block; errors are raised at its end."""

    def __init__(self, url: str, projection: Projection, started: Build) -> None:
        self._url = url
        self._projection = projection
        self._started = started
        self._left = Counter(part.topic for part in started.todo)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="index")
        self._working: dict[str, Future[None]] = {}

    def __enter__(self) -> "Indexer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._pool:
            if kind is None:
                self._begin(self._projection.tables.sorted_tables, helpers=1)
        if kind is None:
            for one in self._working.values():
                one.result()

    def written(self, part: Part) -> None:
        """A partition's rows are written: after the last one of its topic, index the topic's tables."""
        self._left[part.topic] -= 1
        if not self._left[part.topic]:
            tables = [t for t in self._projection.tables.sorted_tables if topic_of(t) == part.topic]
            self._begin(tables, helpers=0 if self._left.total() else 1)

    def _begin(self, tables: Iterable[Table], helpers: int) -> None:
        for table in tables:
            if table.name not in self._working:
                self._working[table.name] = self._pool.submit(self._complete, table, helpers)

    def _complete(self, table: Table, helpers: int) -> None:
        with closing(connect(self._url, "rebuild")) as connection, connection, connection.cursor() as cursor:
            build_log.hold(cursor, self._started)
            bare_tables.complete_table(cursor, self._projection, table, helpers)
