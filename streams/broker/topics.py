"""Declares the ledger's Kafka topics: fixed partition counts, infinite retention, no compaction.

A partition count is stored state: changing it would spread a key's events over two partitions and break their order.
Differences from the declared values are therefore reported, never corrected; but for the times that a broker takes,
and for compression: these change nothing that is stored.
"""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaTimeoutError, for_code

from streams.broker import broker

DEAD_LETTERS: Final = "krypton.dead-letters"
"""Records that a view could not read or apply, with the reason; not part of the ledger."""

CHECKPOINTS: Final = "krypton.checkpoints"
"""Signed tree heads of the ledger (``streams.broker.checkpoints``), not events."""

PARTITIONS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "krypton.accesses": 8,
        CHECKPOINTS: 1,
        "krypton.consents": 4,
        "krypton.directory": 1,
        "krypton.doses": 8,
        "krypton.erasures": 4,
        "krypton.identities": 8,
        "krypton.links": 1,  # a total order of merges
        "krypton.orders": 4,
        "krypton.rules": 1,
        "krypton.studies": 12,
        "krypton.views": 1,
        DEAD_LETTERS: 1,
    }
)
"""Topic to its number of partitions. Stored state: add topics, never change a count."""

LEDGER: Final = tuple(topic for topic in PARTITIONS if topic not in (DEAD_LETTERS, CHECKPOINTS))
"""The topics that carry events, written by the relay."""

KEPT: Final[Mapping[str, str]] = MappingProxyType(
    {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
)
"""Topic settings that keep records from being lost."""

ANY_TIME: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(
        (
            "message.timestamp.before.max.ms",  # since Kafka 3.6
            "message.timestamp.after.max.ms",  # 1 h by default: a time further ahead would stop the relay
            "message.timestamp.difference.max.ms",  # until Kafka 3.9
        ),
        str(2**63 - 1),
    )
)
"""Topic settings by which a broker takes records of any time; each broker knows some of them."""

SET: Final[Mapping[str, str]] = MappingProxyType({**ANY_TIME, "compression.type": "uncompressed"})
"""Topic settings that are set where they differ. A broker unpacks what a client or its own default has compressed: the
clients here could not read it, and one such record would stop whoever comes to it.
"""

MAX_RECORD_BYTES: Final = 8 << 20
"""The largest record; dose reports of long interventions exceed Kafka's default limit of 1 MiB."""

GONE_S: Final = 60.0
LOOK_AGAIN_S: Final = 0.1
ALREADY_THERE: Final = 36  # Kafka's error code TOPIC_ALREADY_EXISTS


class TopicsDiffer(Exception):
    """Kafka's topics differ from the declared ones: which, how, and what to do."""


def create(bootstrap: str, replication: int = 1, min_insync: int | None = None) -> list[str]:
    """Create missing topics and check the others, which take records of any time from here on, and compress none;
    returns the names of the new ones.

    ``replication``: copies of each partition, 3 in production. ``min_insync``: copies that must hold a record before it
    is acknowledged; by default all but one. Safe to repeat. Raises TopicsDiffer, KafkaError (Kafka is away).
    """
    settings = {
        **KEPT,
        "max.message.bytes": str(MAX_RECORD_BYTES),
        "min.insync.replicas": str(min_insync or max(1, replication - 1)),
    }
    with _admin(bootstrap) as admin:
        there = set(admin.list_topics())
        wanted = {
            name: {"num_partitions": count, "replication_factor": replication, "configs": settings}
            for name, count in PARTITIONS.items()
            if name not in there
        }
        new = _create(admin, wanted) if wanted else []
        _compare(admin)
        _set(admin)
    return new


def check(bootstrap: str) -> None:
    """Compare Kafka's topics with the declared ones. Raises TopicsDiffer, KafkaError (Kafka is unavailable)."""
    with _admin(bootstrap) as admin:
        _compare(admin)


def ids(bootstrap: str) -> dict[str, str]:
    """The id that Kafka gave each declared topic that exists; one made again under its name has another.

    Raises KafkaError, soon where Kafka is unavailable: health asks.
    """
    with _admin(bootstrap, bootstrap_timeout_ms=broker.ANSWERS_MS) as admin:
        there = sorted(PARTITIONS.keys() & set(admin.list_topics()))
        return {topic["name"]: str(topic["topic_id"]) for topic in (admin.describe_topics(there) if there else ())}


def delete(bootstrap: str, names: Collection[str]) -> None:
    """Delete topics, and return when they are gone. Raises KafkaError."""
    with _admin(bootstrap) as admin:
        if there := sorted(set(names) & set(admin.list_topics())):
            admin.delete_topics(there)
        deadline = time.monotonic() + GONE_S
        while left := set(names) & set(admin.list_topics()):
            if time.monotonic() > deadline:
                raise KafkaTimeoutError(f"{', '.join(sorted(left))} not deleted within {GONE_S:.0f} s")
            time.sleep(LOOK_AGAIN_S)


def _create(admin: KafkaAdminClient, wanted: dict[str, Any]) -> list[str]:
    answers = admin.create_topics(wanted, raise_errors=False)["topics"]
    for answer in answers:
        if answer["error_code"] not in (0, ALREADY_THERE):  # another process may create them at the same time
            raise TopicsDiffer(
                f"{answer['name']} could not be created: {answer['error_message'] or for_code(answer['error_code'])}"
            )
    admin.wait_for_topics(sorted(wanted))
    return sorted(answer["name"] for answer in answers if answer["error_code"] == 0)


def _compare(admin: KafkaAdminClient) -> None:
    if missing := sorted(PARTITIONS.keys() - set(admin.list_topics())):
        raise TopicsDiffer(f"missing in Kafka: {', '.join(missing)}; run krypton init")
    counts = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(sorted(PARTITIONS))}
    wrong = [
        f"{name} has {counts[name]} partitions, not {fixed}: the order of events and every view's positions depend on "
        "the count; delete the topic, run krypton init, and the relay fills it again"
        for name, fixed in PARTITIONS.items()
        if counts[name] != fixed
    ]
    wrong += [
        f"{name} has {setting}={value}, not {KEPT[setting]}: records would be lost; set it back"
        for name, settings in _settings(admin).items()
        for setting, value in settings.items()
        if value != KEPT[setting]
    ]
    if wrong:
        raise TopicsDiffer("; ".join(wrong))


def _set(admin: KafkaAdminClient) -> None:
    """Let the broker refuse no record for its time, for the event store has it; and keep none compressed.

    Raises TopicsDiffer where the broker does not let this login change it.
    """
    differ = {
        name: {setting: SET[setting] for setting, value in held.items() if value != SET[setting]}
        for name, held in _settings(admin, SET).items()
    }
    changes = [ConfigResource(ConfigResourceType.TOPIC, name, wanted) for name, wanted in differ.items() if wanted]
    if not changes:
        return
    answers = admin.alter_configs(changes)["topic"]
    if refused := {name: answer for name, answer in answers.items() if answer != "OK"}:
        raise TopicsDiffer(
            f"{', '.join(refused)}: Kafka would refuse records of some times, or keep them compressed, and did not let "
            f"that be changed ({next(iter(refused.values()))}): run krypton init with a login that may alter topics"
        )


def _settings(admin: KafkaAdminClient, wanted: Mapping[str, str] = KEPT) -> dict[str, dict[str, str]]:
    """Topic to its effective values of these settings, of those that the broker knows."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(wanted)) for name in PARTITIONS]
    answers = admin.describe_configs(asked, config_filter="all")["topic"]
    return {name: {setting: held["value"] for setting, held in values.items()} for name, values in answers.items()}


@contextmanager
def _admin(bootstrap: str, **more: int) -> Iterator[KafkaAdminClient]:
    admin = KafkaAdminClient(**broker.options(bootstrap), client_id="krypton-topics", **more)
    try:
        yield admin
    finally:
        admin.close()
