"""``krypton recover TOPIC…``: brings topics, and the views that read them, back to what the event store holds.

Whatever happened to a topic (foreign records, deleted, cut, damaged): it is deleted, transactions that name it are
ended, and it is made and filled again from the event store; each live view that reads it is built again and promoted,
policies go on where they were, and both logs are verified. The event store is checked against the signed checkpoints
first, and nothing is deleted if Kafka holds events that the store lacks: they would be lost. If it is killed, the same
command starts over.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from adapters.eventstore.scan import Scan
from domain.errors import LedgerAltered, NotFound
from krypton.bootstrap import Krypton
from krypton.integrity import signed_store
from krypton.integrity.checkpoints import Heads
from krypton.integrity.republish import republish
from krypton.integrity.verdict import Verdict
from krypton.integrity.verify import Question, verify
from krypton.policies import moving
from krypton.views import following, promote, raise_due, rebuild
from krypton.views.dead_letters import publish_again
from postgres.session import connect
from projections.declared import VIEWS
from projections.engine.query import fetch
from projections.versions import catalog, versions
from projections.versions.catalog import ASIDE
from schemas.registry import registry
from streams.broker import topics, transactions
from streams.broker.topics import LEDGER
from streams.relay import alarms, log_end, topic_ids
from streams.relay.lease import Lease
from streams.relay.outbox import Rows
from streams.relay.outgoing import Addresser

VERSIONS = "SELECT version, state FROM views.view_version WHERE view = %(view)s ORDER BY version"
NAMED = 60  # characters of a transactional id: others chose it
Say = Callable[[str], None]


@dataclass(frozen=True)
class Recovered:
    """``events``: published again; ``views``: built again, name to version; ``verdict``: of both logs."""

    topics: tuple[str, ...]
    events: int
    views: dict[str, int]
    verdict: Verdict

    def document(self) -> dict[str, Any]:
        """The result as JSON."""
        return {
            "topics": list(self.topics),
            "events": self.events,
            "views": self.views,
            "verified": self.verdict.document(),
        }


def recover(ours: Krypton, names: Sequence[str], heads: Heads, actor: str, say: Say, *, forged: bool) -> Recovered:
    """Recover topics. ``forged``: events that only Kafka holds are forged, and may be deleted with their topic.

    Raises NotFound, LedgerAltered, KafkaError, psycopg2.Error, and the errors of a rebuild and of a promotion.
    """
    if unknown := sorted(set(names) - set(LEDGER)):
        raise NotFound(f"no topic {unknown[0]} with events: there are {', '.join(LEDGER)}")
    with _no_relay(ours):
        _hold_together(ours, names)
        _hold(ours, names, heads, forged=forged)
        handled = moving.handled(ours, names)
        _make_again(ours, names, say)
    say(f"{', '.join(names)}: deleted and made again")
    sent = republish(ours, 1, heads).events
    say(f"{sent} events published again")
    moving.move(ours, handled, names)
    built = {view: _build(ours, view, actor, say) for view in _readers(names)}
    made = topics.ids(ours.addresses.kafka)  # noted last: until all is built, each view says that it cannot follow
    topic_ids.note(ours.addresses.database, {topic: made[topic] for topic in names}, again=True)
    return Recovered(tuple(names), sent, built, verify(ours, Question(heads, timeout_s=0)))


@contextmanager
def _no_relay(ours: Krypton) -> Iterator[None]:
    lease = Lease(ours.addresses.database)
    try:
        if not lease.acquire():
            raise LedgerAltered("a relay is active: stop krypton run and krypton relay, then recover")
        yield
    finally:
        lease.close()


def _hold_together(ours: Krypton, names: Sequence[str]) -> None:
    """Make sure that no other topic keeps these from being filled again: all are compared. Raises LedgerAltered."""
    if others := sorted({one.part for one in following.problems(ours)} & set(LEDGER) - set(names)):
        raise LedgerAltered(
            f"{', '.join(others)} must be recovered, too: run krypton recover {' '.join([*names, *others])}; "
            "nothing was deleted"
        )


def _hold(ours: Krypton, names: Sequence[str], heads: Heads, *, forged: bool) -> None:
    """Make sure that the event store has all that was signed and all that Kafka ends with. Raises LedgerAltered."""
    with Scan(ours.addresses.database) as scan:
        signed_store.hold(signed_store.pages(scan), heads)
    there = topics.ids(ours.addresses.kafka)
    if forged or any(topic not in there for topic in LEDGER):
        return
    with closing(connect(ours.addresses.database, "recover", autocommit=True)) as connection:
        rows = Rows(connection)
        foreign = log_end.read(ours.addresses.kafka, rows, Addresser.of(registry())).foreign
        some = [one for one in foreign if one.event and one.topic in names]
        known = rows.known([one.event for one in some])
    for one in some:
        if one.event not in known:
            raise LedgerAltered(
                f"{one} holds an event that the event store lacks: bring it back with krypton restore event-store; "
                "only if you know that it is forged, say --forged; nothing was deleted"
            )


def _make_again(ours: Krypton, names: Sequence[str], say: Say) -> None:
    """What others wrote goes with the topics; until the new ones' ids are noted, health tells that they are new.

    Transactions that others left open are ended while the topics are gone: their end would be written to the new ones.
    """
    kafka = ours.addresses.kafka
    topics.delete(kafka, names)
    for one in transactions.end_open(kafka, names):
        say(f"the open transaction of {one[:NAMED]!r} was ended: find out whose it was")
    if topics.DEAD_LETTERS in topics.create(kafka, ours.settings.replication):
        publish_again(ours)
    with closing(connect(ours.addresses.database, "recover")) as connection, connection:
        alarms.forget(connection, names)


def _readers(names: Sequence[str]) -> list[str]:
    return [view for view, declared in VIEWS.items() if set(declared.make().topics) & set(names)]


def _build(ours: Krypton, view: str, actor: str, say: Say) -> int:
    """Build the view again and promote it; no other version is left. Returns the version."""
    _drop_others(ours, view, actor)  # also a build that was begun: it goes by the offsets of before
    wish, upto = rebuild.Wish(view), ours.ledger.recorder.max_notification_id() or 0
    started = rebuild.begin(ours, wish)
    built = rebuild.run(ours, wish, started, lambda _: None)
    promote.promote(ours, view, built.version, actor, force=True)  # the former one goes by offsets that mean nothing
    _drop_others(ours, view, actor)
    raise_due.raise_due(
        ours, view, built.version, uuid4(), upto=upto
    )  # whoever looked at wrong rows decided too little
    say(f"{view} v{built.version}: built from {built.events} events, and promoted")
    return built.version


def _drop_others(ours: Krypton, view: str, actor: str) -> None:
    with ours.snapshot() as connection:
        live, found = catalog.live_version(connection, view), fetch(connection, VERSIONS, view=view)
    for row in found:
        if row["state"] == ASIDE:
            versions.discard(ours.addresses.database, view, row["version"])
        elif row["version"] != live:
            promote.drop(ours, view, row["version"], actor)
