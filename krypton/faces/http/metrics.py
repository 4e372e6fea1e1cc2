"""Counts requests for Prometheus: by route, method and status, how long they took, and how many were turned away."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
NOWHERE: Final = "none"
"""The route of a request that reached none."""


class Metrics:
    """Of one process. Labels hold paths of routes, never of requests: these name people."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("route", "method", "status")
        self._requests = Counter("krypton_http_requests", "Requests answered.", labels, registry=self._registry)
        self._seconds = Histogram(
            "krypton_http_seconds", "How long answers took.", ("route",), buckets=BOUNDS_S, registry=self._registry
        )
        self.cut = Counter("krypton_http_cut", "Answers ended with what they rested on.", registry=self._registry)
        self.open = Gauge("krypton_http_open", "Requests that are being answered.", registry=self._registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """One more. ``status`` 0: the connection ended before an answer began."""
        self._requests.labels(route, method if method in METHODS else "other", str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self._registry)
