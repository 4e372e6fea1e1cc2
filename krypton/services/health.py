"""Measures whether the ledger does what it should: names each part that stands still or cannot follow, and why.

A part stands still when something has waited for it longer than ``STILL_S``. Lag by itself is no problem: it passes.
Nothing here names a person.
"""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg2

from adapters.outbox import operators
from domain.times import iso
from krypton.bootstrap import Krypton
from krypton.errors import ServiceUnavailable, unanswered
from krypton.policies.fold import PREFIX, PolicyFold
from krypton.services import decisions, image_health, matching_health, region_health
from krypton.services.decisions import Decision
from krypton.views import following
from krypton.views.looking import Looked, Place, Problem, look
from policies.all import POLICIES
from postgres import limits
from postgres.session import connect
from projections.engine.query import fetch
from streams.broker.topics import CHECKPOINTS, PARTITIONS
from streams.relay import alarms
from streams.relay.lease import LOCK
from streams.relay.outgoing import first_long

STILL_S: Final = 60.0
RELAY: Final = """SELECT h.position, h.waits, (SELECT coalesce(max(id), 0) FROM ledger.ledger_events) AS head,
(SELECT count(*) FROM ledger.ledger_events WHERE id > h.position) AS waiting,
(SELECT state FROM ledger.ledger_events WHERE id > h.position ORDER BY id LIMIT 1) AS first,
EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = %(lock)s AND objsubid = 1
  AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS active
FROM ledger.relay_hint h"""
POSITIONS: Final = "SELECT view, version, topic, partition, next FROM views.position"
UNREAD: Final = """SELECT view, version, state, topics FROM views.view_version
WHERE state IN ('live', 'ready', 'retired') AND until IS NULL"""
LETTERS: Final = """SELECT view, version, coalesce(forged, false) AS forged, count(*) AS n FROM views.dead_letter
WHERE replayed_at IS NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
VAULT: Final = "SELECT id FROM vault.master_key LIMIT 1"
US: Final = 1_000_000
Reader = tuple[str, int, str]
"""A view or policy, its version, and the state of that version."""
Read = Mapping[Place, int]
"""The offset to read next in each partition of its topics."""


@dataclass(frozen=True)
class Lag:
    """How far a version of a view, or a policy, is behind Kafka. ``since_s``: how long the oldest record has waited."""

    name: str
    version: int
    state: str
    records: int
    since_s: float


@dataclass
class Health:
    """What was measured. Ages and waits are in seconds; a part that could not be asked is absent or zero."""

    problems: list[Problem] = field(default_factory=list)
    position: int = 0
    relay_backlog: int = 0
    relay_waits_s: float = 0.0
    checkpoint_age_s: float | None = None
    lags: list[Lag] = field(default_factory=list)
    letters: list[dict[str, Any]] = field(default_factory=list)
    foreign: Mapping[str, int] = field(default_factory=dict)
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    erasures_late: int = 0
    decisions: Mapping[Decision, int] = field(default_factory=dict)
    connections: Mapping[str, int] = field(default_factory=dict)
    connections_most: int = 0
    spooled: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def document(self) -> dict[str, Any]:
        """The answer of ``krypton health`` and of ``/health``."""
        return {
            "ok": self.ok,
            "problems": [{"part": one.part, "what": one.what} for one in self.problems],
            "position": self.position,
            "relay": {"backlog": self.relay_backlog, "waits_s": round(self.relay_waits_s, 1)},
            "checkpoint_age_s": None if self.checkpoint_age_s is None else round(self.checkpoint_age_s, 1),
            "views": [
                {"view": lag.name, "version": lag.version, "lag": lag.records, "waits_s": round(lag.since_s, 1)}
                for lag in self.lags
            ],
            "dead_letters": sum(row["n"] for row in self.letters),
            "foreign_records": dict(self.foreign),
            "erasures_late": self.erasures_late,
            "decisions": [{**one._asdict(), "n": n} for one, n in sorted(self.decisions.items())],
            "spooled": self.spooled,
            "connections": sum(self.connections.values()),
        }


def measure(ours: Krypton) -> Health:
    """Ask every part. A part that does not answer is a problem of its own; this raises nothing for it."""
    health = Health(spooled=_spooled(ours))
    health.problems += image_health.problems_of(ours.settings.instances, time.time(), STILL_S)
    health.problems += image_health.problems_of_volumes(ours.settings)
    try:
        with ours.snapshot() as connection:
            now = time.time()
            _relay(health, connection, now)
            rows, versions = fetch(connection, POSITIONS), fetch(connection, UNREAD)
            health.letters = fetch(connection, LETTERS)
            health.foreign = alarms.counts(connection)
            health.policies = operators.open_counts(connection, int(now * US))
            _erasures(health, connection, int(now * US))
            health.problems += matching_health.problems_of(connection)
            late_s = region_health.late_after(ours.settings.region_age_s)
            health.problems += region_health.problems_of(connection, late_s)
            health.connections, health.connections_most = limits.holders(connection), limits.most(connection)
            readers = _readers(rows, versions)
            looked = look(ours, {(*place, at) for read in readers.values() for place, at in read.items()})
            health.problems += following.problems_of(connection, looked)
            _checkpoint(health, connection, looked, now)
            _lags(health, looked, readers, now)
    except ServiceUnavailable as away:
        health.problems.append(Problem("service:", str(away)))
    except psycopg2.Error as away:
        health.problems.append(Problem("database", f"does not answer ({type(away).__name__})"))
    _vault(health, ours)
    _decisions(health, ours)
    return health


def _vault(health: Health, ours: Krypton) -> None:
    """Where it is in a database of its own: without it nobody is registered, and nothing is opened."""
    if ours.settings.vault_database is None:
        return
    try:
        with closing(connect(ours.vault_database, "vault health", autocommit=True)) as connection:
            fetch(connection, VAULT)
    except psycopg2.errors.UndefinedTable:
        health.problems.append(Problem("vault", "its tables are not there: run krypton init"))
    except psycopg2.Error as away:
        health.problems.append(Problem("vault", unanswered(away)))


def _decisions(health: Health, ours: Krypton) -> None:
    """Apart from the rest: counting writes, and a database that takes no writes can still be asked."""
    try:
        health.decisions = decisions.counted(ours.addresses.database)
    except psycopg2.errors.UndefinedTable:
        health.problems.append(Problem("decisions", "are not counted: run krypton init"))
    except psycopg2.Error as wrong:
        health.problems.append(Problem("decisions", f"are not counted: the database says {type(wrong).__name__}"))


def _erasures(health: Health, connection: Any, now: int) -> None:
    late = operators.late_erasures(connection, now)
    health.erasures_late = late.n
    if late.since is not None:
        said = f"{late.n} steps are late, the first since {iso(late.since)}"
        health.problems.append(
            Problem("erasures", f"{said}: krypton erase status names them; policies status and parked say why")
        )


def _relay(health: Health, connection: Any, now: float) -> None:
    (row,) = fetch(connection, RELAY, lock=LOCK)
    health.position, health.relay_backlog = row["head"], row["waiting"]
    if row["first"] is not None:
        health.relay_waits_s = max(0.0, now - first_long(bytes(row["first"])) / US)
    if health.relay_waits_s > STILL_S:
        running = f"it is running: {row['waits'] or 'its log says why'}"
        cause = running if row["active"] else "none is running: start krypton run"
        said = f"stands still: {row['waiting']} events are not on Kafka, the first for {health.relay_waits_s:.0f} s"
        health.problems.append(Problem("relay", f"{said}; {cause}"))


def _checkpoint(health: Health, connection: Any, looked: Looked, now: float) -> None:
    """The notary stands still if an event has waited for a checkpoint longer than ``STILL_S``."""
    if (bounds := looked.bounds.get((CHECKPOINTS, 0))) is None:
        return  # a topic that is not there is named already
    signed = (looked.made.get((CHECKPOINTS, 0, bounds.end - 1)) or 0) / 1000
    if signed:
        health.checkpoint_age_s = max(0.0, now - signed)
    if now - signed > STILL_S and (first := _first_after(connection, signed)) and now - first > STILL_S:
        cause = "is it running?" if signed else "it never signed anything: is it running?"
        said = f"stands still: an event of {now - first:.0f} s ago is in no checkpoint; {cause}"
        health.problems.append(Problem("notary", said))


def _first_after(connection: Any, moment: float) -> float | None:
    """When the first event after a moment was recorded: a binary search, for the store's time never runs backwards."""
    low, high = 1, fetch(connection, "SELECT coalesce(max(id), 0) AS head FROM ledger.ledger_events")[0]["head"] + 1
    while low < high:
        middle = (low + high) // 2
        if (at := _recorded_from(connection, middle)) is None or at > moment:
            high = middle
        else:
            low = middle + 1
    return _recorded_from(connection, low)


def _recorded_from(connection: Any, position: int) -> float | None:
    """When the first event at a position or later was recorded."""
    query = "SELECT state FROM ledger.ledger_events WHERE id >= %(position)s ORDER BY id LIMIT 1"
    found = fetch(connection, query, position=position)
    return first_long(bytes(found[0]["state"])) / US if found else None


def _readers(rows: list[dict[str, Any]], versions: list[dict[str, Any]]) -> dict[Reader, Read]:
    """Each version and policy: how far it has read its topics."""
    read: dict[tuple[str, int], dict[Place, int]] = {}
    for row in rows:
        read.setdefault((row["view"], row["version"]), {})[row["topic"], row["partition"]] = row["next"]
    topics = {(one["view"], one["version"], one["state"]): one["topics"] for one in versions}
    topics |= {(f"{PREFIX}{name}", PolicyFold.version, "policy"): policy.topics for name, policy in POLICIES.items()}
    return {
        reader: {
            (topic, p): read.get(reader[:2], {}).get((topic, p), 0) for topic in of for p in range(PARTITIONS[topic])
        }
        for reader, of in topics.items()
    }


def _lags(health: Health, looked: Looked, readers: Mapping[Reader, Read], now: float) -> None:
    for (name, version, state), read in sorted(readers.items()):
        left = {place: looked.bounds[place].end - at for place, at in read.items() if place in looked.bounds}
        behind = {place: records for place, records in left.items() if records > 0}
        waits = [now - made / 1000 for place in behind if (made := looked.made.get((*place, read[place]))) is not None]
        since = max(waits, default=0.0)
        lag = Lag(name, version, state, sum(behind.values()), max(0.0, since))
        health.lags.append(lag)
        if since > STILL_S and state != "retired":
            said = f"is {lag.records} records behind, the first for {since:.0f} s: is its worker running?"
            health.problems.append(Problem(f"{name} v{version}", said))


def _spooled(ours: Krypton) -> int:
    """Instances and messages that were taken in and are not recorded yet."""
    return sum(1 for _ in ours.settings.instances.glob("work/*/pending/*/*/[!b]*"))
