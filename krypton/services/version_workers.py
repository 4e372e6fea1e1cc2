"""Keeps one worker per live, ready or retired version of each view, under the supervisor.

A version that a rebuild makes ready gets its worker within seconds, so that it catches up and can be promoted; one that
was promoted away keeps its worker until it is dropped, so that going back is instant. What a program of other code made
is kept up to date by that program, which may run beside this one.
"""

import logging
import signal
from threading import Event, Thread

import psycopg2
from eventsourcing.persistence import PersistenceError

from domain.errors import Contended
from krypton.bootstrap import Krypton
from krypton.errors import ServiceUnavailable
from krypton.services import budget
from krypton.services.supervisor import Child, krypton_command
from krypton.views import lag, promote
from projections.declared import VIEWS
from projections.versions import catalog, tailing

LOOK_S = 3.0
log = logging.getLogger(__name__)


class Workers:
    """Adds workers to a supervisor's children, and removes them with their versions."""

    def __init__(self, ours: Krypton, children: list[Child]) -> None:
        self._ours = ours
        self._children = children
        self._running: dict[tuple[str, int], Child] = {}
        self._codes = lag.own_codes()
        self._of_others: set[tuple[str, int]] = set()
        self._left_out: list[tuple[str, int]] = []

    def look(self) -> None:
        """Check once. If the database is unavailable, the next check retries."""
        try:
            with self._ours.snapshot() as connection:
                wanted = tailing.tailed(connection, self._codes)
                live = {(view, found) for view in VIEWS if (found := catalog.live_version(connection, view))}
                too_many = budget.overrun(connection, self._ours.settings, len(wanted))
        except (ServiceUnavailable, psycopg2.Error) as away:
            log.warning("which versions need a worker is not known just now: %s", type(away).__name__)
            return
        new = [one for one in wanted if one not in self._running]
        if new and too_many and new != self._left_out:
            log.error("no worker for %s: %s", ", ".join(f"{view} v{version}" for view, version in new), too_many)
        self._left_out = new if too_many else []
        for view, version in [] if too_many else new:
            self._add(view, version, (view, version) in live)
        for gone in self._running.keys() - set(wanted):
            self._remove(gone)
        self._tell(live - set(wanted))

    def _tell(self, of_others: set[tuple[str, int]]) -> None:
        for view, version in sorted(of_others - self._of_others):
            log.warning(
                "readers see %s v%d, which another program made and keeps up to date: build this one's with krypton "
                "views rebuild %s, and promote it",
                view,
                version,
                view,
            )
        self._of_others = of_others

    def settle(self) -> None:
        """Complete promotions that were interrupted; what cannot be completed now is retried at the next check."""
        try:
            promote.settle(self._ours, wait=False)
        except (ServiceUnavailable, Contended, PersistenceError, psycopg2.Error) as away:
            log.warning("a promotion is not finished just now: %s", type(away).__name__)

    def keep_looking(self, stop: Event) -> None:
        """Check every few seconds, in a background thread, until ``stop`` is set, whatever goes wrong."""

        def watch() -> None:
            while not stop.wait(LOOK_S):
                for step in (self.look, self.settle):
                    try:
                        step()
                    except Exception as wrong:  # else no version gets a worker until the program starts again
                        log.error("versions of views are looked after again soon: %s", type(wrong).__name__)

        Thread(target=watch, name="versions", daemon=True).start()

    def _add(self, view: str, version: int, live: bool) -> None:
        taken = {child.name for child in self._children}
        name = f"worker-{view}" if live and f"worker-{view}" not in taken else f"worker-{view}-v{version}"
        command = krypton_command("worker", view, "--version", str(version))
        child = Child(name, command, self._ours.settings.home / "logs" / f"{name}.log")
        self._running[view, version] = child
        self._children.append(child)

    def _remove(self, version: tuple[str, int]) -> None:
        child = self._running.pop(version)
        self._children.remove(child)  # first: the supervisor would start it again
        if child.process is not None:
            child.process.send_signal(signal.SIGTERM)
