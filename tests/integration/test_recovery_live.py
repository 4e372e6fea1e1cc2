"""Either log is restored from the other, with equal roots; nothing is ever overwritten."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from domain.errors import LedgerAltered
from krypton.devstack.stack import Stack
from krypton.integrity.republish import Republished, republish
from krypton.integrity.restore import restore
from schemas.event import Record
from streams.broker import topics
from streams.broker.topics import LEDGER, PARTITIONS
from tests.fakes.two_logs import event, record_of
from tests.integration.live_ledger import LiveLedger, delete_topics, end_offsets, live_ledger
from tests.integration.proof_world import altered, heads, krypton, records_of, relay_and_sign, run_sql, send, verdict
from tests.waiting import until

pytestmark = pytest.mark.live

EVENTS = 2_000
TABLE = "ledger.ledger_events"


class Made(NamedTuple):
    """A ledger, all of it relayed and signed, and what its topics hold."""

    ledger: LiveLedger
    on_kafka: Mapping[tuple[str, int], Sequence[Record]]


@pytest.fixture(scope="module")
def made(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Made once; each test has a copy."""
    with live_ledger(stack, tmp_path_factory.mktemp("made")) as ledger:
        ledger.register(EVENTS)
        relay_and_sign(ledger)
        yield Made(ledger, records_of(ledger.krypton.addresses.kafka, list(PARTITIONS)))


@pytest.fixture
def ledger(made: Made, tmp_path: Path) -> Iterator[LiveLedger]:
    """The same with a database and a signed log of the test's own; what a test before wrote to its topics is gone."""
    with made.ledger.copy(tmp_path) as ledger:
        kafka = ledger.krypton.addresses.kafka
        if records_of(kafka, list(PARTITIONS)) != made.on_kafka:
            delete_topics(kafka)
            topics.create(kafka)
            send(kafka, [(topic, lane) for (topic, _), lane in made.on_kafka.items()])
        yield ledger


def test_the_event_store_is_restored_from_kafka(ledger: LiveLedger) -> None:
    """All of it: events, positions, versions, bytes, and who asked for what."""
    ours = krypton(ledger)
    before, everything = verdict(ours), f"SELECT * FROM {TABLE} ORDER BY id"
    commands = "SELECT command_id, positions FROM ledger.command WHERE positions <> '{}' ORDER BY 1"
    events, asked = ledger.query(everything), ledger.query(commands)
    run_sql(ledger, f"TRUNCATE {TABLE}, ledger.command")
    done = restore(ours, heads(ours))
    assert (done.events, done.commands, done.root) == (EVENTS + 1, EVENTS + 1, before.root)
    assert (done.checkpoints, done.unsigned) == (before.checkpoints, 0)
    assert (ledger.query(everything), ledger.query(commands)) == (events, asked)
    assert verdict(ours) == before
    ledger.register(1)  # and goes on after the last position
    assert ledger.query(f"SELECT max(id) FROM {TABLE}")[0][0] > EVENTS


def test_only_what_is_missing_is_restored(ledger: LiveLedger) -> None:
    ours = krypton(ledger)
    root = verdict(ours).root
    run_sql(ledger, f"DELETE FROM {TABLE} WHERE id % 7 = 0 OR id > 1500", "DELETE FROM ledger.command")
    done = restore(ours, heads(ours))
    assert 0 < done.events < EVENTS
    assert (verdict(ours).difference, verdict(ours).root) == (None, root)
    assert restore(ours, heads(ours)).events == 0
    forged = record_of(999_999, 777, event(777), 0)  # of a fresh aggregate: nothing is wrong with it but its origin
    send(ours.addresses.kafka, [(forged.topic, [forged])])
    with pytest.raises(LedgerAltered, match=r"1 event\(s\) past the last checkpoint .* position\(s\) 999999\."):
        restore(ours, heads(ours))
    ledger.register(1)
    assert ledger.query(f"SELECT max(id) FROM {TABLE}")[0][0] < 999_999


@pytest.mark.parametrize(
    ("altering", "said"),
    [
        ("UPDATE ledger.command SET positions = '{}' WHERE positions = '{100}'", "without all the positions whose"),
        (
            f"INSERT INTO {TABLE} VALUES (1000000, gen_random_uuid(), 1, 'study.arrived', '\\x00')",
            "does not say which command it is of: krypton audit verify",
        ),
    ],
    ids=["a record altered", "no event"],
)
def test_a_command_whose_record_cannot_be_made_again_is_told(ledger: LiveLedger, altering: str, said: str) -> None:
    ours = krypton(ledger)
    forgotten = "FROM ledger.command WHERE positions = '{60}'"
    run_sql(ledger, f"DELETE FROM {TABLE} WHERE id = 50", f"DELETE {forgotten}", altering)
    with pytest.raises(LedgerAltered, match=said):
        restore(ours, heads(ours))
    assert ledger.query(f"SELECT count(*) FROM {TABLE} WHERE id = 50") == [(1,)]
    assert ledger.query(f"SELECT count(*) {forgotten}") == [(0,)]


def test_a_row_that_differs_is_not_overwritten(ledger: LiveLedger) -> None:
    ours = krypton(ledger)
    with altered(
        ledger,
        f"UPDATE {TABLE} SET state = set_byte(state, 90, (get_byte(state, 90) + 1) % 256) WHERE id = 100",
        f"DELETE FROM {TABLE} WHERE id = 50",
    ):
        with pytest.raises(
            LedgerAltered, match="position 100: the bytes differ from those stored; nothing is overwritten"
        ):
            restore(ours, heads(ours))
        assert ledger.query(f"SELECT count(*) FROM {TABLE} WHERE id = 50") == [(0,)]


def test_an_event_that_was_never_signed_is_not_restored(ledger: LiveLedger) -> None:
    """Somebody who may write to Kafka cannot get an event into the ledger that way."""
    ours = krypton(ledger)
    lanes = records_of(ours.addresses.kafka)
    lane = max(lanes, key=lambda one: len(lanes[one]))
    last = lanes[lane][-1]
    forged = tuple((name, b"999999" if name == "position" else content) for name, content in last.headers)
    send(ours.addresses.kafka, [(lane[0], [last._replace(headers=forged)])])
    run_sql(ledger, f"DELETE FROM {TABLE} WHERE id = {dict(last.headers)['position'].decode()}")
    with pytest.raises(LedgerAltered):
        restore(ours, heads(ours))


def test_kafka_is_filled_again_from_the_event_store(ledger: LiveLedger) -> None:
    """Some partitions are gone whole, of others the end; the last checkpoint comes back too."""
    ours = krypton(ledger)
    kafka, whole, before = ours.addresses.kafka, verdict(ours), records_of(ours.addresses.kafka)
    delete_topics(kafka)
    topics.create(kafka)
    with (  # no record is there to hold an altered store to: the signed tree is
        altered(ledger, f"UPDATE {TABLE} SET topic = 'identity.flagged' WHERE id = 100"),
        pytest.raises(LedgerAltered, match=r"altered: from position 1 to \d+ .* nothing was sent"),
    ):
        republish(ours, 1, heads(ours))
    assert not any(end_offsets(kafka, LEDGER).values())
    left = {place: lane[: len(lane) // 2] for at, (place, lane) in enumerate(sorted(before.items())) if at % 2}
    send(kafka, [(topic, lane) for (topic, _), lane in left.items()])
    with pytest.raises(LedgerAltered, match=r"use --from 1 or lower; nothing was sent"):
        republish(ours, 500, heads(ours))
    assert republish(ours, 1, heads(ours)) == Republished(EVENTS + 1 - sum(map(len, left.values())), 1, 1)
    assert records_of(kafka) == before
    assert verdict(ours) == replace(whole, checkpoints=1)
    assert republish(ours, 500, heads(ours)) == Republished(0, 1, 0)


def test_kafka_is_not_overwritten_nor_written_to_beside_a_relay(ledger: LiveLedger) -> None:
    ours = krypton(ledger)
    ledger.start("relay")
    until(lambda: "relaying from position" in ledger.said("relay"), "the relay active")
    with pytest.raises(LedgerAltered, match="a relay is active"):
        republish(ours, 1, heads(ours))
    with altered(ledger, f"UPDATE {TABLE} SET topic = 'identity.flagged' WHERE id = 100"):
        known = heads(ours)
        ledger.close()
        with pytest.raises(LedgerAltered, match=r"position 100: .*nothing was sent"):
            republish(ours, 1, known)
