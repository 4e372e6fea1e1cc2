"""What projections ask of rows, held by the ones in memory and the ones on PostgreSQL alike."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from sqlalchemy import BigInteger, Boolean, Column, Float, MetaData, Table, Text, Uuid, create_engine
from sqlalchemy.dialects.postgresql import JSONB

from projections.engine.projection import RowKey, Rows
from projections.engine.rows import LiveRows, UnknownColumn, tables_sql
from tests.fakes.rows import MemoryRows

TABLES = MetaData()
Table(
    "thing",
    TABLES,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("title", Text),
    Column("dose", Float(53)),
    Column("held", Boolean),
    Column("tags", JSONB),
)
KEY = RowKey("thing", (str(uuid4()), 2**40))
Settle = Callable[[], Rows]


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.live)])
def settle(request: pytest.FixtureRequest) -> Iterator[Settle]:
    """Writes what was changed so far, and opens the rows again: nothing is read from a cache."""
    if request.param == "memory":
        memory = MemoryRows(TABLES)
        yield lambda: memory
    else:
        yield from on_postgres(request.getfixturevalue("database_url"))


def on_postgres(url: str) -> Iterator[Settle]:
    engine = create_engine(url)
    TABLES.create_all(engine)
    engine.dispose()
    connection = psycopg2.connect(url)
    opened: list[LiveRows] = []

    def settle() -> Rows:
        for rows in opened:
            rows.flush()
        opened[:] = [LiveRows(connection.cursor(), tables_sql(TABLES, "public"))]
        return opened[0]

    yield settle
    connection.close()


@pytest.mark.parametrize(
    "values",
    [
        {"title": 'Compte rendu d\'été: 100 %\n\\x "é" 𝛼', "dose": 0.1 + 0.2, "held": False, "tags": ["CT", "MR"]},
        {"title": "", "dose": -0.0, "held": True, "tags": {"1.2": {"modality": None, "n": 2**31}}},
        {"title": "[1]", "dose": 1e-300, "held": None, "tags": []},
        {"title": None, "dose": None, "held": None, "tags": "text"},
    ],
)
def test_a_row_reads_back_as_it_was_put(settle: Settle, values: dict[str, Any]) -> None:
    """Text, numbers, JSON and nulls, to the last bit."""
    settle().put(KEY, values)
    assert settle().get(KEY) == values


def test_a_row_that_nobody_put_is_none(settle: Settle) -> None:
    """Not a row of nulls."""
    assert settle().get(KEY) is None


def test_a_put_replaces_the_whole_row(settle: Settle) -> None:
    """What it does not name is null afterwards."""
    settle().put(KEY, {"title": "one", "dose": 1.0})
    settle().put(KEY, {"title": "two"})
    assert (settle().get(KEY) or {}).get("dose") is None


def test_a_change_leaves_the_other_columns_alone(settle: Settle) -> None:
    """Whether or not they were read before."""
    settle().put(KEY, {"title": "one", "dose": 1.0})
    settle().change(KEY, title="two")
    row = settle().get(KEY) or {}
    assert (row["title"], row["dose"]) == ("two", 1.0)


def test_a_change_of_a_row_that_is_not_there_makes_it(settle: Settle) -> None:
    """Of these columns alone; the others are null."""
    settle().change(KEY, title="one")
    row = settle().get(KEY) or {}
    assert (row["title"], row.get("dose")) == ("one", None)


def test_changes_add_up_before_anything_is_written(settle: Settle) -> None:
    """A later event of a batch sees what an earlier one did."""
    rows = settle()
    rows.put(KEY, {"title": "one"})
    rows.change(KEY, dose=2.0)
    assert (rows.get(KEY) or {})["dose"] == 2.0


def test_a_deleted_row_is_gone(settle: Settle) -> None:
    """Also when it was written long ago."""
    settle().put(KEY, {"title": "one"})
    settle().delete(KEY)
    assert settle().get(KEY) is None


def test_a_row_deleted_and_put_again_holds_the_new_values_alone(settle: Settle) -> None:
    """Nothing of the old row comes back."""
    settle().put(KEY, {"title": "one", "dose": 1.0})
    rows = settle()
    rows.delete(KEY)
    rows.change(KEY, title="two")
    row = settle().get(KEY) or {}
    assert (row["title"], row.get("dose")) == ("two", None)


def test_deleting_what_is_not_there_is_harmless(settle: Settle) -> None:
    """A projection need not look first."""
    settle().delete(KEY)
    assert settle().get(KEY) is None


def test_a_row_does_not_touch_its_neighbour(settle: Settle) -> None:
    """The whole key counts."""
    neighbour = RowKey("thing", (KEY.key[0], 1))
    settle().put(neighbour, {"title": "one"})
    settle().put(KEY, {"title": "two"})
    assert (settle().get(neighbour) or {})["title"] == "one"


def test_a_column_that_the_table_does_not_have_is_refused(settle: Settle) -> None:
    """It would be lost in silence."""
    with pytest.raises((UnknownColumn, AssertionError), match="titel"):
        settle().put(KEY, {"titel": "one"})
