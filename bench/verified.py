"""Benchmark of ``audit verify``: beside a plain walk of one process that makes objects of all records, in one run.

A plain walk is how both logs were read before: an object for each row of the event store, and for each key, value and
header of Kafka. The two take turns, so that drift of the machine affects both.
"""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from statistics import median
from unittest.mock import patch

import psycopg2

from adapters.eventstore.scan import Scan
from adapters.eventstore.tables import EVENTS
from bench import bulk
from domain.proofs.columns import Columns
from krypton.bootstrap import Krypton
from krypton.integrity import verify
from krypton.integrity.checkpoints import heads_of, in_folder, published
from krypton.integrity.keys import verifier_key
from krypton.services import notary
from streams.broker.topics import CHECKPOINTS
from streams.reading.replay import Replay

EVENTS_VERIFIED = 300_000
TURNS = 3
COMMANDS = f"""INSERT INTO ledger.command (command_id, actor, positions, result)
SELECT named::uuid, 'system:bench', array_agg(id), '{{}}' FROM (
    SELECT id, convert_from(substring(state FROM 16 + get_byte(state, 13) / 2 FOR 36), 'UTF8') AS named FROM {EVENTS}
) AS event GROUP BY named"""
"""Records of commands, by the ids in the events: the actor, and then the command, follow the time of eight bytes."""


def run(ours: Krypton, events: int = EVENTS_VERIFIED) -> dict[str, float]:
    """Events per second of both, and their ratio. In an empty ledger."""
    stored = bulk.fill(ours, events).total()
    with closing(psycopg2.connect(ours.addresses.database)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(COMMANDS)
        cursor.execute(f"UPDATE ledger.relay_hint SET position = (SELECT max(id) FROM {EVENTS})")
        cursor.execute(f"ANALYZE {EVENTS}; ANALYZE ledger.command")
    notary.sign_now(ours)
    rates: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(2 * TURNS):
        plain = turn % 2 == 1
        with _plain_walk() if plain else _as_it_is():
            rates[plain].append(_rate(ours, stored))
    now, before = (median(rates[plain]) for plain in (False, True))
    return {
        "events verified": stored,
        "verify, a region's events/s": now,
        "plain walk of one process, events/s": before,
        "verify: times a plain walk": now / before,
    }


def _rate(ours: Krypton, stored: int) -> float:
    found = published(ours, CHECKPOINTS) + in_folder(ours.settings.log_folder)
    heads = heads_of(found, verifier_key(ours.settings))
    begun = time.perf_counter()
    verdict = verify.verify(ours, verify.Question(heads))
    rate = stored / (time.perf_counter() - begun)
    assert (verdict.difference, verdict.events) == (None, stored), verdict
    return rate


@contextmanager
def _plain_walk() -> Iterator[None]:
    with patch.object(Replay, "bundles", Replay.batches), patch.object(Scan, "columns", _no_columns):
        yield


def _no_columns(scan: Scan, start: int, end: int) -> Columns:
    """Of a position alone, if there is one: no page is made of it."""
    at = scan.next_at(start)
    return Columns(b"" if at is None or at >= end else bytes(8), *[b""] * 5)


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield
