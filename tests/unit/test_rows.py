"""What the live rows ask of the database, and what they hold before they write. No server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from projections.engine.projection import RowKey
from projections.engine.rows import LiveRows, RowRefused, UnknownColumn, tables_sql

TABLES = MetaData()
Table("thing", TABLES, Column("id", Text, primary_key=True), Column("size", Integer), Column("tags", JSONB))
Table("pair", TABLES, Column("low", Text, primary_key=True), Column("high", Text, primary_key=True))
ONE, TWO = RowKey("thing", ("one",)), RowKey("thing", ("two",))


class Database:
    """A session with an empty database, and its cursor; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[dict[str, Any]]]] = []
        self.found: list[tuple[Any, ...]] = []
        self.connection = self
        self._planned: dict[str, str] = {}

    def execute(self, statement: str, parameters: tuple[str, ...] = ()) -> None:
        verb, name, *words = statement.split()
        if verb == "PREPARE":
            self._planned[name] = words[1]
        else:
            self.asked.append((self._planned[name], json.loads(parameters[0])))

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.found)


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def rows(database: Database) -> LiveRows:
    return LiveRows(database, tables_sql(TABLES, "v1"))  # type: ignore[arg-type]  # all of a cursor that is used


def test_a_batch_is_read_with_one_query_per_table(rows: LiveRows, database: Database) -> None:
    """However many rows of a table a batch touches."""
    rows.prefetch([ONE, TWO, RowKey("pair", ("a", "b")), ONE])
    assert sorted(len(keys) for _, keys in database.asked) == [1, 2]


def test_a_row_that_is_known_not_to_exist_is_not_read_again(rows: LiveRows, database: Database) -> None:
    """Absence is remembered too."""
    rows.prefetch([ONE])
    rows.get(ONE)
    rows.change(ONE, size=1)
    assert len(database.asked) == 1


def test_a_row_that_is_put_whole_is_never_read(rows: LiveRows, database: Database) -> None:
    """What is replaced need not be known."""
    rows.put(ONE, {"size": 1})
    rows.flush()
    assert [statement for statement, _ in database.asked] == ["INSERT"]


def test_only_what_changed_is_written(rows: LiveRows, database: Database) -> None:
    """Rows that were only looked at stay as they are."""
    rows.prefetch([ONE, TWO])
    rows.change(TWO, size=2)
    rows.flush()
    assert database.asked[-1] == ("INSERT", [{"size": 2, "tags": None, "id": "two"}])


def test_a_flush_writes_each_change_once(rows: LiveRows, database: Database) -> None:
    """The second finds nothing to do."""
    rows.put(ONE, {"size": 1})
    rows.flush()
    rows.flush()
    assert len(database.asked) == 1


def test_a_row_changed_and_then_deleted_is_deleted(rows: LiveRows, database: Database) -> None:
    """The last word counts."""
    rows.put(ONE, {"size": 1})
    rows.delete(ONE)
    rows.flush()
    assert database.asked == [("DELETE", [{"id": "one"}])]


def test_a_failed_event_leaves_no_change(rows: LiveRows, database: Database) -> None:
    """Neither on rows it made nor on rows that an event before it had changed."""
    rows.put(ONE, {"size": 1})
    rows.mark()
    rows.change(ONE, size=2)
    rows.put(TWO, {"size": 9})
    rows.delete(ONE)
    rows.rollback_to_mark()
    rows.flush()
    assert database.asked == [("INSERT", [{"size": 1, "tags": None, "id": "one"}])]


def test_a_row_first_put_by_a_failed_event_is_read_when_it_is_asked_for(rows: LiveRows, database: Database) -> None:
    """Nothing was known of it before, so nothing is known of it after."""
    rows.mark()
    rows.put(ONE, {"size": 1})
    rows.rollback_to_mark()
    database.found = [("one", 5, None)]
    assert rows.get(ONE) == {"size": 5, "tags": None}


@pytest.mark.parametrize("column", ["siez", "id"])
def test_a_column_that_is_none_of_the_rows_is_refused(rows: LiveRows, column: str) -> None:
    """A misspelt one would be lost in silence; a key column may not move."""
    with pytest.raises(UnknownColumn, match=column):
        rows.put(ONE, {column: 1})


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"bytes"])
def test_a_value_that_no_column_can_hold_is_refused_by_kind(rows: LiveRows, value: object) -> None:
    """The refusal names the table and never the value."""
    rows.put(ONE, {"tags": value})
    with pytest.raises(RowRefused, match=r'^"v1"."thing": (ValueError|TypeError)$'):
        rows.flush()


def test_a_key_that_comes_back_written_otherwise_is_refused(rows: LiveRows, database: Database) -> None:
    """A uuid in capitals would seem to have no row, and its row would be overwritten."""
    database.found = [("one", 5, None)]
    with pytest.raises(RowRefused, match="canonical"):
        rows.get(RowKey("thing", ("ONE",)))
