"""Makes the comparison of practice with the region: in the worker of ``dose_practice`` when it is due, or when asked.

It is due where it is older than ``KRYPTON_REGION_AGE_S``, where another version of the view is live, and where another
mapping or other reference levels are in force. One program at a time makes it. A worker makes it within the sessions
that it may hold: those of its ledger are given back before the pass takes its own.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from datetime import date
from threading import Event, Thread
from typing import Any, Final

import psycopg2

from domain.dose_acts import DoseActs
from domain.dose_levels import ReferenceLevels
from domain.dose_practice import whole_months
from krypton.bootstrap import Krypton
from krypton.errors import ServiceUnavailable
from krypton.queries.census import PERIOD
from krypton.queries.census_groups import OF, POPULATION, WEIGHT_KG, Census, aged
from projections.dose_practice import region
from projections.dose_practice.region_pass import STEPS, Aged, By, Judge, Kind, Pass, Stated
from projections.identity_index.grouping import birth_dates_of
from projections.versions import catalog

__all__ = ["STEPS", "keep_current", "look", "make"]
log = logging.getLogger(__name__)
VIEW: Final = "dose_practice"
LOOK_S: Final = 30.0
Step = Callable[[int], None]
Document = dict[str, Any]


def keep_current(ours: Krypton, stop: Event, every_s: float = LOOK_S) -> Thread:
    """Look again and again, in a background thread, until ``stop`` is set."""

    def watch() -> None:
        while not stop.wait(every_s):
            try:
                look(ours)
            except Exception as failed:  # the database may be away, or a defect: the view goes on
                log.warning("practice is not compared with the region just now: %s", type(failed).__name__)

    thread = Thread(target=watch, name="comparison with the region", daemon=True)
    thread.start()
    return thread


def look(ours: Krypton) -> bool:
    """Make it if it is due and nobody else is at it; whether it was made. Raises psycopg2.Error, ServiceUnavailable."""
    rules = _Rules.of(ours)
    with closing(Pass(ours.addresses.database, wait=False)) as making:
        by = rules.by(making.connection)
        if not making.held or not _is_due(region.known(making.connection), by, ours.settings.region_age_s):
            return False
        _make(ours, rules, making, by, lambda _: None)
    return True


def make(ours: Krypton, step: Step) -> Document:
    """Make it now; another one that is under way is waited for. ``step``: told how many of ``STEPS`` are done.

    Returns what it is of. Raises ServiceUnavailable, psycopg2.Error.
    """
    rules = _Rules.of(ours)
    with closing(Pass(ours.addresses.database, wait=True)) as making:
        _make(ours, rules, making, rules.by(making.connection), step)
        known, found = region.known(making.connection), region.figures(making.connection)
    assert known is not None
    counts = {"groups": len(found), "told": sum(one["median"] is not None for one in found.values())}
    return {name: known[name] for name in region.MADE} | counts


class _Rules:
    """The rules in force on a day."""

    def __init__(self, acts: DoseActs, levels: ReferenceLevels, today: date) -> None:
        self.acts, self.levels, self.today = acts, levels, today
        self._sites: dict[str, Census] = {}

    @classmethod
    def of(cls, ours: Krypton) -> "_Rules":
        """Those of today; sessions that were needed for it are given back."""
        try:
            today, rules = ours.ledger.clock().date(), ours.ledger.rules()
            return cls(rules.acts(today), rules.levels(today), today)
        finally:
            ours.close()

    def by(self, connection: Any) -> By:
        """By what a pass that begins now is made. Raises ServiceUnavailable."""
        try:
            live = catalog.live_version(connection, VIEW)
        except psycopg2.errors.UndefinedTable:
            live = None
        if live is None:
            raise ServiceUnavailable("the views are not there yet: run krypton init")
        return By(live, self.acts.version, self.levels.version)

    def group(self, kind: Kind, quantity: str) -> region.Group | None:
        """See ``Judge``."""
        if (census := self._sites.get(kind.site)) is None:
            census = self._sites[kind.site] = Census(self.acts, self.levels, kind.site, {})
        patient = (kind.population, kind.weight, kind.weight_kg, kind.phantom_cm)
        return census.in_region(kind.marks, patient, quantity)


def _is_due(known: Document | None, by: By, age_s: float) -> bool:
    """``age_s``: less than nothing where a clock was ahead when it was made: nobody knows how old it is."""
    return known is None or vars(by).items() - known.items() != set() or not 0 <= known["age_s"] <= age_s


def _make(ours: Krypton, rules: _Rules, making: Pass, by: By, step: Step) -> None:
    today = rules.today.isoformat()
    last = making.last_day(today) or today
    first = (max(date.fromisoformat(last), date.min + PERIOD) - PERIOD).isoformat()
    since = whole_months(first, None)[0] or first  # as of a device, of which nobody asks for a period
    making.make(by, since, last, Judge(_aged_by(ours.vault.destroyed), rules.group), step)


def _aged_by(destroyed: Callable[[Collection[str]], Collection[str]]) -> Callable[..., Sequence[Aged]]:
    def of(connection: Any, rows: Sequence[Stated]) -> list[Aged]:
        no = (None,) * POPULATION
        events = [
            (*no, one.population, one.weight, one.weight_kg, None, one.uid, one.identity, one.day) for one in rows
        ]
        found = aged(events, lambda identities: birth_dates_of(connection, identities, destroyed))
        return [(event[OF], *event[POPULATION : WEIGHT_KG + 1]) for event in found]

    return of
