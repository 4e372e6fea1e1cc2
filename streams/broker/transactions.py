"""Ends the open transactions of whoever writes to topics that are to be made again.

Kafka's coordinator knows a transaction's partitions by topic name alone. Where such a topic is deleted and made again
while the transaction is open, its end is written to the new topic: an offset without a record, up to 15 minutes later
(``transaction.max.timeout.ms``). Kafka's admin call that aborts a transaction (KIP-664) writes to one partition and
leaves the coordinator's transaction open. So each one is fenced: whoever asks for the next epoch of a transactional id
has the coordinator abort what the former owner began, and the former owner can write no more under it.

While a topic is not there nobody can add it to a transaction. So call this after the topic was deleted, before it is
made again: then none is left that knows its name.
"""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import TransactionState
from kafka.errors import KafkaTimeoutError, TransactionalIdNotFoundError

from streams.broker import broker

ENDED_S: Final = 60.0
LOOK_AGAIN_S: Final = 0.1
OPEN: Final = (
    TransactionState.ONGOING,
    TransactionState.PREPARE_COMMIT,
    TransactionState.PREPARE_ABORT,
    TransactionState.PREPARE_EPOCH_FENCE,
)


def end_open(kafka: str, names: Collection[str]) -> list[str]:
    """End all transactions that may still write to these topics; returns their transactional ids, sorted.

    Raises KafkaError, also where one does not end within a minute.
    """
    ended: set[str] = set()
    deadline = time.monotonic() + ENDED_S
    with _admin(kafka) as admin:
        while left := open_on(admin, names):
            if time.monotonic() > deadline:
                raise KafkaTimeoutError(f"the transaction of {', '.join(sorted(left))} did not end in {ENDED_S:.0f} s")
            for transactional_id in sorted(left - ended):
                _fence(kafka, transactional_id)
            ended |= left
            time.sleep(LOOK_AGAIN_S)
    return sorted(ended)


def open_on(admin: KafkaAdminClient, names: Collection[str]) -> set[str]:
    """The transactional ids whose open transaction names one of these topics."""
    wanted = set(names)
    listed = {
        one.transactional_id
        for some in admin.list_transactions(state_filters=[one.value for one in OPEN]).values()
        for one in some
    }
    found = set()
    for transactional_id in sorted(listed):
        try:
            (described,) = admin.describe_transactions([transactional_id]).values()
        except TransactionalIdNotFoundError:
            continue  # it ended meanwhile
        if described.state in OPEN and wanted & {tp.topic for tp in described.topic_partitions}:
            found.add(transactional_id)
    return found


def _fence(kafka: str, transactional_id: str) -> None:
    """Take the next epoch of the id, which aborts what was begun under the one before. Raises KafkaError."""
    producer = KafkaProducer(
        **broker.options(kafka), client_id="krypton-recover", transactional_id=transactional_id, max_block_ms=30_000
    )
    try:
        producer.init_transactions()
    finally:
        producer.close(timeout=1)


@contextmanager
def _admin(kafka: str) -> Iterator[KafkaAdminClient]:
    admin = KafkaAdminClient(**broker.options(kafka), client_id="krypton-recover")
    try:
        yield admin
    finally:
        admin.close()
