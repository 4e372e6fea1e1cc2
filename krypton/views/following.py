"""Finds why a view does not show what the ledger holds: what it left out, and topics that it cannot follow.

A view's position is an offset of Kafka. It means nothing any more once the topic was deleted and made again, cut at its
end below that offset, or at its start above it; and no record follows where somebody's transaction ended, which takes
an offset of its own. Lag is no problem of this kind: it passes.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from krypton.bootstrap import Krypton
from krypton.views.lag import kafka_away
from projections.engine.query import fetch
from streams.broker import bounds as edges
from streams.broker import broker, topics
from streams.broker.topics import LEDGER, PARTITIONS
from streams.relay import alarms, log_end, topic_ids

POSITIONS = """SELECT p.view, p.version, p.topic, p.partition, p.next FROM views.position p
LEFT JOIN views.view_version v USING (view, version) WHERE coalesce(v.state, 'live') IN ('live', 'ready')"""
LETTERS = """SELECT d.view, d.version, d.topic, coalesce(d.forged, false) AS forged, count(*) AS n
FROM views.dead_letter d LEFT JOIN views.view_version v USING (view, version)
WHERE d.replayed_at IS NULL AND coalesce(v.state, 'live') = 'live' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""


HOLLOW = (
    "goes on after an offset without a record, so no view can follow it: somebody's transaction ended there, or "
    "records were lost; find out who may write there, then run krypton recover {topic}"
)


class Problem(NamedTuple):
    """One cause. ``part``: the topic or view; ``what``: a sentence that says what to do."""

    part: str
    what: str

    def __str__(self) -> str:
        return f"{self.part} {self.what}"


class Bounds(NamedTuple):
    """The first offset of a partition, and the one after its last."""

    begin: int
    end: int


def problems(ours: Krypton) -> list[Problem]:
    """Everything that keeps a live view, or a policy, from the ledger's events. Raises ServiceUnavailable."""
    with ours.snapshot() as connection:
        return problems_in(ours, connection)


def problems_in(ours: Krypton, connection: Any) -> list[Problem]:
    """As ``problems``, over a snapshot that is open already."""
    try:
        ids = topics.ids(ours.addresses.kafka)
        found = list(_of_topics(ids, topic_ids.known(connection)))
        told = {problem.part for problem in found}
        rows = [row for row in fetch(connection, POSITIONS) if row["topic"] not in told]
        bounds, hollow = _looked_at(ours, [topic for topic in LEDGER if topic in ids], rows)
    except KafkaError as away:
        raise kafka_away(ours, away) from None
    found += _of_starts(bounds)
    found += _of_positions(rows, bounds)
    found += [Problem(topic, HOLLOW.format(topic=topic)) for topic in sorted(hollow)]
    return found + list(_of_letters(fetch(connection, LETTERS), alarms.counts(connection)))


def _of_topics(ids: Mapping[str, str], known: Mapping[str, str]) -> Iterator[Problem]:
    for topic in LEDGER:
        if topic not in ids:
            yield Problem(topic, f"is not there: run krypton recover {topic}")
        elif known.get(topic, ids[topic]) != ids[topic]:
            yield Problem(topic, f"was deleted and made again, so no view can follow it: run krypton recover {topic}")


def _of_starts(bounds: Mapping[tuple[str, int], Bounds]) -> Iterator[Problem]:
    for topic in sorted({topic for (topic, _), found in bounds.items() if found.begin}):
        yield Problem(topic, f"lost its first records, so no view can be built from it: run krypton recover {topic}")


def _of_positions(rows: list[dict[str, Any]], bounds: Mapping[tuple[str, int], Bounds]) -> Iterator[Problem]:
    cut: dict[str, set[str]] = {}
    for row in rows:
        if (found := bounds.get((row["topic"], row["partition"]))) and row["next"] > found.end:
            cut.setdefault(row["topic"], set()).add(f"{row['view']} v{row['version']}")
    for topic, names in sorted(cut.items()):
        said = f"was cut below what {', '.join(sorted(names))} read of it: run krypton recover {topic}"
        yield Problem(topic, said)


def _of_letters(rows: list[dict[str, Any]], passed: Mapping[str, int]) -> Iterator[Problem]:
    """``passed``: by topic, the records of others that the relay passed over; views leave out the same ones."""
    forged = dict(passed)
    for row in rows:
        if row["forged"]:
            forged[row["topic"]] = max(row["n"], forged.get(row["topic"], 0))
        else:
            said = f"left out {row['n']} records of {row['topic']}: see krypton dead-letters list"
            yield Problem(f"{row['view']} v{row['version']}", said)
    for topic, count in sorted(forged.items()):
        said = f"holds {count} records that this ledger did not write, or not in that order: find out who may"
        yield Problem(topic, f"{said} write there, then run krypton recover {topic}")


def _looked_at(
    ours: Krypton, names: list[str], rows: list[dict[str, Any]]
) -> tuple[dict[tuple[str, int], Bounds], set[str]]:
    """Each partition's bounds, and the topics in which no record lies where somebody is to read on."""
    consumer = KafkaConsumer(
        **broker.options(ours.addresses.kafka), group_id=None, bootstrap_timeout_ms=broker.ANSWERS_MS
    )
    try:
        every = [TopicPartition(topic, p) for topic in names for p in range(PARTITIONS[topic])]
        begins, ends = edges.begins(consumer, every), edges.ends(consumer, every)
        hollow = _hollow(consumer, rows, begins, ends)
    finally:
        consumer.close(autocommit=False)
    return {(tp.topic, tp.partition): Bounds(begins[tp], ends[tp]) for tp in every}, hollow


def _hollow(
    consumer: KafkaConsumer,
    rows: list[dict[str, Any]],
    begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> set[str]:
    """By the reader that is furthest behind in each partition."""
    read_next: dict[TopicPartition, int] = {}
    for row in rows:
        tp = TopicPartition(row["topic"], row["partition"])
        if begins.get(tp, 0) <= row["next"] < ends.get(tp, 0):
            read_next[tp] = min(row["next"], read_next.get(tp, row["next"]))
    if not read_next:
        return set()
    there = log_end.records_between(consumer, read_next, {tp: at + 1 for tp, at in read_next.items()})
    return {tp.topic for tp in read_next.keys() - {TopicPartition(one.topic, one.partition) for one in there}}
