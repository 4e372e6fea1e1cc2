"""Serves ``/health`` and ``/metrics`` (Prometheus) over HTTP: what ``health`` measures, at most every two seconds.

No login: it listens on the loopback address by default, and tells counts and ages, never anything of a person.
"""

import time
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Final, Generic, TypeVar

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from krypton.bootstrap import Krypton
from krypton.services import health
from krypton.services.decisions import Decision
from krypton.services.health import Health
from krypton.services.http import listen, server
from policies.all import POLICIES
from streams.broker.topics import LEDGER

FRESH_S: Final = 2.0
UNAVAILABLE: Final = 503
POLICY_STATES: Final = ("waiting", "due", "retrying", "parked")


T = TypeVar("T")


class Measured(Generic[T]):
    """The last measurement; a new one when it is older than ``FRESH_S``. One at a time, for all who ask."""

    def __init__(self, measure: Callable[[], T]) -> None:
        self._measure = measure
        self._lock = Lock()
        self._last: tuple[float, T] | None = None

    def now(self) -> T:
        """See the class."""
        with self._lock:
            if self._last is None or time.monotonic() >= self._last[0]:
                found = self._measure()
                self._last = time.monotonic() + FRESH_S, found
            return self._last[1]


class _Gauges(Collector):
    def __init__(self, found: Health) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        yield from gauges(self._found)


def app(measure: Callable[[], Health]) -> FastAPI:
    """The application."""
    api, measured = FastAPI(title="Krypton health", docs_url=None, redoc_url=None, openapi_url=None), Measured(measure)

    @api.get("/health")
    def whole() -> JSONResponse:
        found = measured.now()
        return JSONResponse(found.document(), 200 if found.ok else UNAVAILABLE)

    @api.get("/metrics")
    def metrics() -> Response:
        return Response(text(measured.now()), media_type=CONTENT_TYPE_LATEST)

    return api


def text(found: Health) -> bytes:
    """Every metric, as Prometheus reads it."""
    registry = CollectorRegistry()
    registry.register(_Gauges(found))
    return generate_latest(registry)


def gauges(found: Health) -> Iterator[Metric]:
    """Every metric; docs/operations.md lists them, and a test compares."""
    yield GaugeMetricFamily("krypton_healthy", "1 where nothing is wrong.", value=float(found.ok))
    problems = GaugeMetricFamily("krypton_problems", "What is wrong, by part.", labels=["part"])
    for part in sorted({one.part for one in found.problems}):
        problems.add_metric([part], sum(one.part == part for one in found.problems))
    yield problems
    yield GaugeMetricFamily("krypton_ledger_position", "Position of the last event.", value=found.position)
    yield GaugeMetricFamily("krypton_relay_backlog", "Events not on Kafka yet.", value=found.relay_backlog)
    yield GaugeMetricFamily("krypton_relay_waits_seconds", "Age of the first of them.", value=found.relay_waits_s)
    age = -1.0 if found.checkpoint_age_s is None else found.checkpoint_age_s
    yield GaugeMetricFamily("krypton_checkpoint_age_seconds", "Since the last checkpoint; -1: none.", value=age)
    yield from _lags(found)
    letters = GaugeMetricFamily("krypton_dead_letters", "Records left out.", labels=["view", "version", "forged"])
    for row in found.letters:
        letters.add_metric([row["view"], str(row["version"]), str(row["forged"]).lower()], row["n"])
    yield letters
    yield _foreign(found)
    entries = GaugeMetricFamily("krypton_policy_entries", "What policies have to do.", labels=["policy", "state"])
    for policy in POLICIES:
        for state in POLICY_STATES:
            entries.add_metric([policy, state], found.policies.get(policy, {}).get(state) or 0)
    yield entries
    yield _decided(found)
    yield GaugeMetricFamily("krypton_erasures_late", "Steps of erasures past their time.", value=found.erasures_late)
    yield GaugeMetricFamily("krypton_spool_items", "Taken in and not recorded yet.", value=found.spooled)
    held = GaugeMetricFamily("krypton_connections", "PostgreSQL sessions.", labels=["name"])
    for name, count in found.connections.items():
        held.add_metric([name], count)
    yield held
    yield GaugeMetricFamily("krypton_connections_most", "Sessions that it lets in.", value=found.connections_most)


def _foreign(found: Health) -> Metric:
    records = GaugeMetricFamily("krypton_foreign_records", "Others' records on a topic.", labels=["topic"])
    for topic in LEDGER:
        records.add_metric([topic], found.foreign.get(topic, 0))
    return records


def _decided(found: Health) -> Metric:
    labels = Decision._fields
    decisions = CounterMetricFamily("krypton_decisions", "Decisions of the gate and of policies.", labels=labels)
    for one, count in sorted(found.decisions.items()):
        decisions.add_metric(one, count)
    return decisions


def _lags(found: Health) -> Iterator[Metric]:
    labels = ["view", "version", "state"]
    records = GaugeMetricFamily("krypton_view_lag_records", "Records not read yet.", labels=labels)
    waits = GaugeMetricFamily("krypton_view_lag_seconds", "Age of the first of them.", labels=labels)
    for lag in found.lags:
        records.add_metric([lag.name, str(lag.version), lag.state], lag.records)
        waits.add_metric([lag.name, str(lag.version), lag.state], lag.since_s)
    yield records
    yield waits


def serve(ours: Krypton) -> None:
    """Answer until SIGTERM or SIGINT. Raises ServiceUnavailable (the port is taken)."""
    host, port = ours.settings.health_host, ours.settings.health_port
    with listen(host, port, "KRYPTON_HEALTH_PORT") as opened:
        server(app(lambda: health.measure(ours))).run(sockets=[opened])
