"""Finds why a view does not show what the ledger holds: what it left out, and topics that it cannot follow.

A view's position is an offset of Kafka. It means nothing any more once the topic was deleted and made again, cut at its
end below that offset, or at its start above it; and no record follows where somebody's transaction ended, which takes
an offset of its own. Lag is no problem of this kind: it passes. A topic without events that is gone is told too.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from krypton.bootstrap import Krypton
from krypton.views.looking import Bounds, Looked, Place, Problem, look
from projections.engine.query import fetch
from streams.broker.topics import LEDGER, PARTITIONS
from streams.relay import alarms, topic_ids

POSITIONS = """SELECT p.view, p.version, p.topic, p.partition, p.next FROM views.position p
LEFT JOIN views.view_version v USING (view, version) WHERE coalesce(v.state, 'live') IN ('live', 'ready')"""
LETTERS = """SELECT d.view, d.version, d.topic, coalesce(d.forged, false) AS forged, count(*) AS n
FROM views.dead_letter d LEFT JOIN views.view_version v USING (view, version)
WHERE d.replayed_at IS NULL AND coalesce(v.state, 'live') = 'live' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""


HOLLOW = (
    "goes on after an offset without a record, so no view can follow it: somebody's transaction ended there, or "
    "records were lost; find out who may write there, then run krypton recover {topic}"
)


def problems(ours: Krypton) -> list[Problem]:
    """Everything that keeps a live view, or a policy, from the ledger's events. Raises ServiceUnavailable."""
    with ours.snapshot() as connection:
        rows = fetch(connection, POSITIONS)
        looked = look(ours, {(row["topic"], row["partition"], row["next"]) for row in rows})
        return problems_of(connection, looked)


def problems_of(connection: Any, looked: Looked) -> list[Problem]:
    """As ``problems``. ``looked``: with all places at which a live view or a policy reads on."""
    found = list(_of_topics(looked.ids, topic_ids.known(connection)))
    told = {problem.part for problem in found}
    rows = [row for row in fetch(connection, POSITIONS) if row["topic"] not in told]
    found += _of_starts({place: bounds for place, bounds in looked.bounds.items() if place[0] in LEDGER})
    found += _of_positions(rows, looked.bounds)
    found += _of_holes(rows, looked.holes)
    return found + list(_of_letters(fetch(connection, LETTERS), alarms.counts(connection)))


def _of_topics(ids: Mapping[str, str], known: Mapping[str, str]) -> Iterator[Problem]:
    for topic in LEDGER:
        if topic not in ids:
            yield Problem(topic, f"is not there: run krypton recover {topic}")
        elif known.get(topic, ids[topic]) != ids[topic]:
            yield Problem(topic, f"was deleted and made again, so no view can follow it: run krypton recover {topic}")

    for topic in sorted(PARTITIONS.keys() - set(LEDGER) - ids.keys()):
        yield Problem(topic, "is not there: run krypton init")


def _of_starts(bounds: Mapping[Place, Bounds]) -> Iterator[Problem]:
    for topic in sorted({topic for (topic, _), found in bounds.items() if found.begin}):
        yield Problem(topic, f"lost its first records, so no view can be built from it: run krypton recover {topic}")


def _of_positions(rows: list[dict[str, Any]], bounds: Mapping[Place, Bounds]) -> Iterator[Problem]:
    cut: dict[str, set[str]] = {}
    for row in rows:
        if (found := bounds.get((row["topic"], row["partition"]))) and row["next"] > found.end:
            cut.setdefault(row["topic"], set()).add(f"{row['view']} v{row['version']}")
    for topic, names in sorted(cut.items()):
        said = f"was cut below what {', '.join(sorted(names))} read of it: run krypton recover {topic}"
        yield Problem(topic, said)


def _of_holes(rows: list[dict[str, Any]], holes: Collection[tuple[str, int, int]]) -> Iterator[Problem]:
    for topic in sorted({row["topic"] for row in rows if (row["topic"], row["partition"], row["next"]) in holes}):
        yield Problem(topic, HOLLOW.format(topic=topic))


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
