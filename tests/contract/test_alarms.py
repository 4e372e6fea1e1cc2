"""What the relay remembers of others' records on PostgreSQL: each once, until its topic is made again."""

from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from streams.relay import alarms, relay
from streams.relay.own_records import Foreign

pytestmark = pytest.mark.live
LINKS, DOSES = "krypton.links", "krypton.doses"


@pytest.fixture
def connection(database_url: str) -> Iterator[Any]:
    for _ in range(2):  # safe to repeat
        relay.create(database_url)
    connection = psycopg2.connect(database_url)
    yield connection
    connection.close()


def foreign(topic: str, partition: int, *offsets: int) -> list[Foreign]:
    return [Foreign(topic, partition, offset, "") for offset in offsets]


def test_a_record_that_is_seen_again_counts_once(connection: Any) -> None:
    """As by a relay that starts again; in the meantime more may have come."""
    alarms.note(connection, foreign(LINKS, 0, 7, 8))
    alarms.note(connection, foreign(LINKS, 0, 7, 8, 11) + foreign(DOSES, 3, 7) + foreign(DOSES, 5, 7))
    alarms.note(connection, [])
    assert alarms.counts(connection) == {LINKS: 3, DOSES: 2}


def test_it_is_forgotten_with_its_topic_alone(connection: Any) -> None:
    alarms.note(connection, foreign(LINKS, 0, 7) + foreign(DOSES, 3, 7))
    alarms.forget(connection, [LINKS])
    assert alarms.counts(connection) == {DOSES: 1}
    alarms.note(connection, foreign(LINKS, 0, 2))  # of the topic made again
    assert alarms.counts(connection) == {LINKS: 1, DOSES: 1}
