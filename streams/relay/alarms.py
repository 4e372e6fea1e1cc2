"""Remembers what others wrote to a topic, until ``krypton recover`` has made the topic again.

The relay sees such a record only while none of its own follows in the partition: health must tell of it after that too.
Offsets only grow, so a record that is seen again, by another relay or after a restart, is counted once.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from streams.relay.own_records import Foreign

DDL = """CREATE TABLE IF NOT EXISTS ledger.foreign_record (
    topic text,
    "partition" integer,
    records bigint NOT NULL,
    last bigint NOT NULL,
    PRIMARY KEY (topic, "partition")
);"""
NOTE = """INSERT INTO ledger.foreign_record AS known (topic, "partition", records, last)
SELECT %(topic)s, %(partition)s, count(*), max(at) FROM unnest(%(offsets)s::bigint[]) at
ON CONFLICT (topic, "partition") DO UPDATE SET
    records = known.records + (SELECT count(*) FROM unnest(%(offsets)s::bigint[]) at WHERE at > known.last),
    last = greatest(known.last, EXCLUDED.last)"""
COUNTS = "SELECT topic, sum(records)::bigint FROM ledger.foreign_record GROUP BY topic ORDER BY topic"
FORGET = "DELETE FROM ledger.foreign_record WHERE topic = ANY(%s)"


def note(connection: Any, foreign: Sequence[Foreign]) -> None:
    """Remember records that the relay passes over. Raises psycopg2.Error."""
    offsets: dict[tuple[str, int], list[int]] = {}
    for one in foreign:
        offsets.setdefault((one.topic, one.partition), []).append(one.offset)
    with connection.cursor() as cursor:
        for (topic, partition), found in sorted(offsets.items()):
            cursor.execute(NOTE, {"topic": topic, "partition": partition, "offsets": found})


def counts(connection: Any) -> Mapping[str, int]:
    """Topic to how many records of others the relay passed over there. Raises psycopg2.Error."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS)
        return dict(cursor.fetchall())


def forget(connection: Any, topics: Collection[str]) -> None:
    """The topics were made again: what others wrote to them is gone. Raises psycopg2.Error."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, (list(topics),))
