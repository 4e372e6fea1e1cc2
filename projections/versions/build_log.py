"""Journal of a build: its current builder, what it is built from, and which partitions are done.

A partition's rows and its journal row are written in one transaction: after a crash it is either done or not started.
Each start writes a new token; a process of an earlier start that still runs finds another token and writes nothing.

V6  The builder that started last builds; any other stops and writes nothing more.
V10  A build is finished when all its partitions are done.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from psycopg2.extensions import cursor as Cursor
from sqlalchemy import BigInteger, Column, DateTime, Integer, MetaData, Table, Text, func

from domain.errors import RuleBroken
from projections.engine.positions import SCHEMA, Partition

METADATA = MetaData(schema=SCHEMA)

BUILD = Table(
    "build",
    METADATA,
    Column("view", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("token", Text, nullable=False, comment="of the builder that started last"),
    Column("made_of", Text, nullable=False, comment="code, rules and end: a build of anything else starts over"),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

BUILD_PART = Table(
    "build_part",
    METADATA,
    Column("view", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("end", BigInteger, nullable=False, comment="the offset to which the build reads"),
    Column("next", BigInteger, comment="the offset that follows the last one read; null: not done"),
    Column("ledger_position", BigInteger, comment="of the last event applied or set aside"),
    Column("events", BigInteger, comment="how many were read"),
)


class BuilderReplaced(RuleBroken):
    """Another builder of this version has started since: this one stops, and has written nothing."""

    rule = "V6"


class PartsLeft(RuleBroken):
    """The build is not finished: partitions are missing."""

    rule = "V10"


class Part(NamedTuple):
    """One partition to build: offsets from 0 to below ``end``."""

    topic: str
    partition: int
    end: int


@dataclass(frozen=True)
class Build:
    """One start of a builder. ``resumed``: how many events earlier starts have built."""

    view: str
    version: int
    token: str
    todo: tuple[Part, ...]
    resumed: int


def begin(cursor: Cursor, view: str, version: int, token: str, made_of: str, ends: Mapping[Partition, int]) -> None:
    """Record a new build and the offsets it will read."""
    cursor.execute(
        "INSERT INTO views.build (view, version, token, made_of) VALUES (%s, %s, %s, %s)",
        (view, version, token, made_of),
    )
    for (topic, partition), end in ends.items():
        cursor.execute(
            'INSERT INTO views.build_part (view, version, topic, "partition", "end") VALUES (%s, %s, %s, %s, %s)',
            (view, version, topic, partition, end),
        )


def take_over(cursor: Cursor, view: str, version: int, token: str, made_of: str) -> bool:
    """Continue what an earlier start left, if it was built from the same code, rules and end."""
    cursor.execute(
        "UPDATE views.build SET token = %s WHERE view = %s AND version = %s AND made_of = %s",
        (token, view, version, made_of),
    )
    return bool(cursor.rowcount)


def read(cursor: Cursor, view: str, version: int, token: str) -> Build:
    """The remaining parts and the finished count; the largest topic comes first, so that its tables are complete
    early.
    """
    cursor.execute(
        'SELECT topic, "partition", "end", events FROM views.build_part WHERE view = %s AND version = %s'
        ' ORDER BY sum("end") OVER (PARTITION BY topic) DESC, topic, "end" DESC, "partition"',
        (view, version),
    )
    parts = list(cursor)
    todo = tuple(Part(topic, partition, end) for topic, partition, end, events in parts if events is None)
    return Build(view, version, token, todo, sum(events or 0 for *_, events in parts))


def hold(cursor: Cursor, build: Build) -> None:
    """Make any later start wait until the transaction ends. Raises BuilderReplaced."""
    cursor.execute(
        "SELECT 1 FROM views.build WHERE view = %s AND version = %s AND token = %s FOR SHARE",
        (build.view, build.version, build.token),
    )
    if cursor.fetchone() is None:
        raise BuilderReplaced(f"{build.view} v{build.version} is being built by a later start: this one stops")


def done(cursor: Cursor, build: Build, part: Part, following: int, ledger: int, events: int) -> None:
    """Record a partition as done, in the transaction of its rows. Raises BuilderReplaced."""
    hold(cursor, build)
    cursor.execute(
        "UPDATE views.build_part SET next = %s, ledger_position = %s, events = %s"
        ' WHERE view = %s AND version = %s AND topic = %s AND "partition" = %s',
        (following, ledger, events, build.view, build.version, part.topic, part.partition),
    )


def move_positions(cursor: Cursor, build: Build) -> None:
    """Set the version's positions to the partitions' ends: its worker continues from there. Raises PartsLeft."""
    if left := read(cursor, build.view, build.version, build.token).todo:
        raise PartsLeft(
            f"{build.view} v{build.version} lacks {len(left)} partitions, {left[0].topic}/{left[0].partition} first: "
            f"run krypton views rebuild {build.view} again to resume"
        )
    cursor.execute(
        'INSERT INTO views.position (view, version, topic, "partition", next, ledger_position)'
        ' SELECT view, version, topic, "partition", next, ledger_position FROM views.build_part'
        " WHERE view = %s AND version = %s AND next > 0",
        (build.view, build.version),
    )
    forget(cursor, build.view, build.version)


def forget(cursor: Cursor, view: str, version: int) -> None:
    """Delete a build's journal."""
    for table in ("build_part", "build"):
        cursor.execute(f"DELETE FROM views.{table} WHERE view = %s AND version = %s", (view, version))


def of_partitions(parts: Iterable[Part]) -> dict[Partition, int]:
    """Partition to end offset."""
    return {(part.topic, part.partition): part.end for part in parts}
