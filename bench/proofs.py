"""Benchmark of tamper evidence: growing the tree, making proofs, verifying both logs, and restoring each."""

import random
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from statistics import median

import psycopg2
from kafka import KafkaAdminClient

from adapters.eventstore.tables import EVENTS
from adapters.notary.folder import TileFolder, TileWriter
from bench import notary_cost
from domain.proofs.leaf import heading
from domain.proofs.merkle import Tree, inclusion_proof, leaf_hashes, verify_inclusion
from krypton.bootstrap import Krypton
from krypton.integrity import verify
from krypton.integrity.checkpoints import heads_of, in_folder, published
from krypton.integrity.keys import verifier_key
from krypton.integrity.republish import republish
from krypton.integrity.restore import restore
from streams.broker import broker, topics
from streams.broker.topics import CHECKPOINTS, LEDGER

LEAVES = 1_000_000
PAGE = 2_560
PROOFS = 5_000
AGGREGATE = "1b671a64-40d5-491e-99b0-da01ff1f3341"


def run(ours: Krypton, events: int = 100_000) -> dict[str, float]:
    """Everything that issue 5 claims a rate for. The ledger has no running process."""
    figures = tree() | notary_cost.run(ours, events)
    found = published(ours, CHECKPOINTS) + in_folder(ours.settings.log_folder)
    heads = heads_of(found, verifier_key(ours.settings))
    stored = _stored(ours)
    rates = []
    for _ in range(3):
        begun = time.perf_counter()
        verdict = verify.verify(ours, verify.Question(heads))
        rates.append(stored / (time.perf_counter() - begun))
        assert (verdict.difference, verdict.events) == (None, stored), verdict
    figures["verify, events/s"] = median(rates)
    figures["checkpoints verified"] = float(verdict.checkpoints)
    return figures | recovery(ours, verdict.root)


def _stored(ours: Krypton) -> int:
    with ours.snapshot() as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {EVENTS}")
        return int(cursor.fetchone()[0])


def recovery(ours: Krypton, root: bytes) -> dict[str, float]:
    """Either log is restored from the other, and has the same root afterwards. Raises AssertionError."""
    heads = heads_of(published(ours, CHECKPOINTS), verifier_key(ours.settings))
    with psycopg2.connect(ours.addresses.database) as connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE ledger.ledger_events, ledger.command")
    begun = time.perf_counter()
    restored = restore(ours, heads)
    back = restored.events / (time.perf_counter() - begun)
    delete_topics(ours.addresses.kafka)
    topics.create(ours.addresses.kafka)
    begun = time.perf_counter()
    sent = republish(ours, 1, heads).events
    again = sent / (time.perf_counter() - begun)
    verdict = verify.verify(ours, verify.Question(heads))
    assert restored.root == verdict.root == root
    assert verdict.difference is None, verdict
    return {"restore of the event store, events/s": back, "republishing to Kafka, events/s": again}


def delete_topics(kafka: str) -> None:
    """All topics of the ledger."""
    admin = KafkaAdminClient(**broker.options(kafka))
    try:
        admin.delete_topics(list(LEDGER))
        while set(LEDGER) & set(admin.list_topics()):
            time.sleep(0.1)
    finally:
        admin.close()


def tree() -> dict[str, float]:
    """The tree alone, and on disk."""
    entries = [
        heading(n, "study.arrived", AGGREGATE, 1) + sha256(b"%d" % n).hexdigest().encode() for n in range(LEAVES)
    ]
    begun = time.perf_counter()
    grown = Tree()
    for at in range(0, LEAVES, PAGE):
        grown.append(leaf_hashes(entries[at : at + PAGE]))
    root = grown.root()
    append = LEAVES / (time.perf_counter() - begun)
    with tempfile.TemporaryDirectory(prefix="krypton-bench-") as folder:
        begun = time.perf_counter()
        _write(Path(folder), entries)
        written = LEAVES / (time.perf_counter() - begun)
        return {
            "tree append, leaves/s": append,
            "tree append to tiles on disk, leaves/s": written,
            "inclusion proofs at a million leaves, proofs/s": _prove(Path(folder), root),
        }


def _write(folder: Path, entries: list[bytes]) -> None:
    writer = TileWriter(folder)
    for at in range(0, LEAVES, PAGE):
        page = entries[at : at + PAGE]
        writer.append(page, leaf_hashes(page))
        writer.flush()
    writer.close()


def _prove(folder: Path, root: bytes) -> float:
    """Of leaves in no order, by position, as ``audit prove`` does; some are verified, aside."""
    tiles = TileFolder(folder, LEAVES)
    chosen = random.Random(1).sample(range(1, LEAVES + 1), PROOFS)
    proofs = []
    begun = time.perf_counter()
    for position in chosen:
        index = tiles.index_of(position)
        assert index is not None
        proofs.append((index, inclusion_proof(tiles.node, index, LEAVES)))
    rate = PROOFS / (time.perf_counter() - begun)
    for index, proof in proofs[:100]:
        verify_inclusion(index, LEAVES, leaf_hashes([tiles.entry(index)])[0], proof, root)
    return rate
