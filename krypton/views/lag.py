"""Measures how far each view lags behind the ledger, and waits until the views are up to date."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from krypton.bootstrap import Krypton
from krypton.errors import ServiceUnavailable
from krypton.left import Left
from projections.declared import VIEWS, refuse_unknown
from projections.engine.query import fetch
from projections.versions import catalog
from projections.versions.code_digest import code_digest
from schemas.registry import registry
from streams.broker import bounds, broker, topics
from streams.broker.topics import LEDGER, PARTITIONS
from streams.relay import log_end
from streams.relay.outbox import Rows
from streams.relay.outgoing import Addresser
from streams.relay.position_search import offsets_at

LOOK_AGAIN_S, LOOK_MOST_S = 0.05, 0.25
PAUSE_FOR_LOOK: Final = 9
"""The pause after a look, in times of what it took, within those bounds: who waits slows nothing down."""
Ends = Mapping[tuple[str, int], int]


def views_status(ours: Krypton) -> list[dict[str, Any]]:
    """The ``views status`` document. Its ``ours``: whether this program's code keeps the version up to date."""
    ends = end_offsets(ours)
    with ours.snapshot() as connection:
        found = catalog.status(connection, ends)
    codes = own_codes()
    return [{**one, "ours": one["code"] in (None, codes.get(one["view"]))} for one in found]


def own_codes() -> dict[str, str]:
    """View name to the digest of this program's code for it."""
    return {name: code_digest(view.make()) for name, view in VIEWS.items()}


def wait_for_views(ours: Krypton, timeout_s: float, reach: Callable[[int, int], None] = lambda *_: None) -> None:
    """Wait until every live view has applied all that the ledger holds now.

    ``reach``: told how many of how many records are applied. Raises ServiceUnavailable, which names the views that lag,
    and whatever keeps them from the ledger's events.
    """
    wait_until_read(ours, timeout_s, reach)
    check_following(ours)


def wait_until_read(ours: Krypton, timeout_s: float, reach: Callable[[int, int], None]) -> None:
    """As ``wait_for_views``, and what views had to leave out is no matter."""
    try:
        with ours.looking() as looks:
            _wait(looks, ours.ledger.recorder.max_notification_id() or 0, timeout_s, reach)
    except ServiceUnavailable as late:
        causes = "; ".join(_causes(ours))
        raise ServiceUnavailable(f"{late}; {causes}" if causes else str(late)) from None


def check_following(ours: Krypton) -> None:
    """Raises ServiceUnavailable where a view cannot show what the ledger holds, naming why."""
    if causes := "; ".join(_causes(ours)):
        raise ServiceUnavailable(f"not as the ledger holds it: {causes}")


def _wait(ours: Krypton, head: int, timeout_s: float, reach: Callable[[int, int], None]) -> None:
    deadline = time.monotonic() + timeout_s
    left = Left(reach)

    def relayed() -> bool:
        missing = _left_to_relay(ours, head)
        left.tell({"relay": missing})
        return not missing

    until(relayed, deadline, lambda: f"timed out: the relay has not copied up to position {head} yet")
    ends = end_offsets(ours)
    lagging: dict[str, int] = {}

    def applied() -> bool:
        behind = _behind(ours, ends)
        left.tell(behind)
        lagging.clear()
        lagging.update({view: lag for view, lag in behind.items() if lag > 0})
        return not lagging

    def named() -> str:
        return ", ".join(f"{view} ({lag} behind)" for view, lag in lagging.items())

    until(applied, deadline, lambda: f"timed out: not up to date: {named()}; {_why(ours)}")


def _why(ours: Krypton) -> str:
    """Why views lag: what keeps them from following, where something does."""
    return "; ".join(_causes(ours)) or "is krypton run running?"


def _causes(ours: Krypton) -> list[str]:
    """Why views will not show what the ledger holds, however long one waits. Raises ServiceUnavailable."""
    from krypton.views.following import problems

    return [str(one) for one in problems(ours)]


def lacks(ours: Krypton, view: str, position: int, timeout_s: float, version: int | None = None) -> str:
    """Why a view does not yet show all events up to a position; empty once it does.

    ``version``: asked about, whichever is live meanwhile; by default the one that is live.
    """
    deadline = time.monotonic() + timeout_s
    upto: Ends | None = None  # what comes later is not waited for

    def relayed() -> bool:
        nonlocal upto
        upto = offsets_behind(ours, VIEWS[view].make().topics, position)
        return upto is not None

    try:
        until(
            relayed,
            deadline,
            lambda: f"timed out: the relay has not copied up to position {position} yet; is krypton run running?",
        )
        until(
            lambda: _behind_of(ours, view, version, upto or {}) == 0,
            deadline,
            lambda: f"timed out: {view} is not up to date: is its worker running?",
        )
    except ServiceUnavailable as late:
        return str(late)
    return ""


def offsets_behind(ours: Krypton, names: Iterable[str], position: int) -> Ends | None:
    """Per partition, the offset behind the last record up to a position; None where not all of them are on Kafka.

    The relay's word alone does not do: a broker may have lost since what it acknowledged, and the offsets would be
    those of a topic that was cut.
    """
    if _acknowledged(ours) < position:
        return None
    wanted = list(names)
    try:
        return None if _lost(ours, wanted, position) else offsets_at(ours.addresses.kafka, wanted, position + 1)
    except KafkaError as away:
        raise kafka_away(ours, away) from None


def has_read(ours: Krypton, view: str, version: int, offsets: Ends) -> bool:
    """Whether a version has read all records before these offsets."""
    with ours.snapshot() as connection:
        return catalog.behind_of(connection, view, version, offsets) in (0, None)


def _acknowledged(ours: Krypton) -> int:
    """The position up to which Kafka has all events, according to the relay."""
    with ours.snapshot() as connection:
        return int(fetch(connection, "SELECT position FROM ledger.relay_hint")[0]["position"])


def _behind(ours: Krypton, ends: Ends) -> dict[str, int]:
    with ours.snapshot() as connection:
        return catalog.behind(connection, ends)


def _behind_of(ours: Krypton, view: str, version: int | None, ends: Ends) -> int | None:
    with ours.snapshot() as connection:
        if version is None:
            return catalog.behind(connection, ends)[view]
        return catalog.behind_of(connection, view, version, ends)


def _lost(ours: Krypton, names: Collection[str], position: int) -> bool:
    """Whether a partition lacks events up to a position, of those that it had. Raises KafkaError."""
    with ours.snapshot() as connection:
        rows = Rows(connection)
        hint = rows.hint()
        tail = log_end.read(ours.addresses.kafka, rows, Addresser.of(registry()), hint, names)
    return any(upto < position for upto in log_end.lost(tail, hint).values())


def _left_to_relay(ours: Krypton, head: int) -> int:
    """How many events up to a position Kafka lacks."""
    try:
        with ours.snapshot() as connection:
            rows = Rows(connection)
            hint = rows.hint()
            tail = log_end.read(ours.addresses.kafka, rows, Addresser.of(registry()), hint)
            return log_end.missing(tail, hint, head, rows.count)
    except KafkaError as away:
        raise kafka_away(ours, away) from None


def until(
    met: Callable[[], bool],
    deadline: float,
    complaint: Callable[[], str],
    most_s: Callable[[], float] = lambda: LOOK_MOST_S,
) -> None:
    """Look again and again until it is met, after ``most_s`` at most. Raises ServiceUnavailable, with the complaint."""
    began = time.monotonic()
    while not met():
        if time.monotonic() > deadline:
            raise ServiceUnavailable(complaint())
        time.sleep(min(most_s(), max(LOOK_AGAIN_S, PAUSE_FOR_LOOK * (time.monotonic() - began))))
        began = time.monotonic()


def topics_status(ours: Krypton) -> list[dict[str, Any]]:
    """Every topic with its partitions and number of records."""
    ends = end_offsets(ours, PARTITIONS)
    return [
        {"topic": topic, "partitions": count, "records": sum(ends[topic, p] for p in range(count))}
        for topic, count in PARTITIONS.items()
    ]


def records_of(ours: Krypton, view: str) -> int:
    """How many records a view's topics hold now. Raises NotFound."""
    refuse_unknown(view)
    return sum(end_offsets(ours, VIEWS[view].make().topics).values())


def end_offsets(ours: Krypton, wanted: Iterable[str] | None = None) -> Ends:
    """(topic, partition) to the offset of the next record; by default for all topics of the views."""
    wanted = wanted or {topic for view in VIEWS.values() for topic in view.make().topics}
    try:
        consumer = KafkaConsumer(
            **broker.options(ours.addresses.kafka), group_id=None, bootstrap_timeout_ms=broker.ANSWERS_MS
        )
        try:
            found = bounds.ends(consumer, [TopicPartition(t, p) for t in wanted for p in range(PARTITIONS[t])])
        finally:
            consumer.close(autocommit=False)
    except KafkaError as away:
        raise kafka_away(ours, away) from None
    return {(tp.topic, tp.partition): offset for tp, offset in found.items()}


def kafka_away(ours: Krypton, away: KafkaError) -> ServiceUnavailable:
    """The error message for a Kafka that does not answer, or lacks a topic."""
    with suppress(KafkaError):
        missing = PARTITIONS.keys() - topics.ids(ours.addresses.kafka).keys()
        if events := sorted(missing & set(LEDGER)):
            return ServiceUnavailable(
                f"{', '.join(events)} not there on Kafka: run krypton recover {' '.join(events)}, or krypton init "
                "where this is a new Kafka"
            )
        if missing:
            return ServiceUnavailable(f"{', '.join(sorted(missing))} not there on Kafka: run krypton init")
    return ServiceUnavailable(
        f"kafka does not answer at {ours.addresses.kafka} ({type(away).__name__}): run krypton dev up, "
        "or check KRYPTON_KAFKA"
    )
