"""Finds the causes of alerts that lie over several studies of one person: pure, of exposures and one rule.

A sum is taken at each exposure, over those of the window that ends with it. Exposures at which it is over the level, no
two of them a window apart, are one cause: it begins where the level is passed, and what comes later adds to it. So one
cause has one alert, in whatever order its studies come in.

``window`` sums all, ``skin`` each region by itself; an exposure whose region is not known counts with each, for too
many alerts are looked at, too few are not: where it passes the level of several, they are one cause with the greatest
of their sums. ``repeat`` counts the studies of one modality and region, each once; without a region it counts nothing.
Its cause is of all exposures of these studies there, whichever is the first of a study: a further report may bring an
earlier one. What has no time stands in no window.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.dose_alerts import REPEAT, SKIN, AlertRule

DIGITS = 12  # below what any device states, above the noise of adding binary fractions


class Shot(NamedTuple):
    """An exposure that counts: whose dose it has, in one quantity. ``study``: its id, ``exam``: its Study
    Instance UID, which Doses under several identities share; ``event``: empty of a report of totals alone.
    """

    at: datetime
    study: str
    exam: str
    event: str
    report: str
    value: float
    modality: str
    region: str | None

    @property
    def key(self) -> str:
        """What an alert that was raised for it is found by."""
        return self.event or self.exam


class Cause(NamedTuple):
    """``first``: the exposure at which the level was passed; ``value``: the greatest sum; ``keys`` and ``studies``: of
    all that add to it.
    """

    first: Shot
    value: float
    keys: frozenset[str]
    studies: frozenset[str]

    def joined(self, other: "Cause") -> "Cause":
        """With that of another region which the same exposure passed: of the two sums the greater."""
        value = max(self.value, other.value)
        return Cause(self.first, value, self.keys | other.keys, self.studies | other.studies)


def causes(shots: Iterable[Shot], rule: AlertRule) -> list[Cause]:
    """The causes by this rule, each once, the first first."""
    found: dict[str, Cause] = {}
    shots = [shot for shot in shots if rule.of_modality(shot.modality)]
    for group in _groups(shots, rule):
        for cause in _within(sorted(group), rule.threshold, timedelta(days=rule.days or 0)):
            cause = _of_exams(cause, shots) if rule.kind == REPEAT else cause
            key = cause.first.key
            found[key] = found[key].joined(cause) if key in found else cause
    return sorted(found.values(), key=lambda cause: cause.first)


def _groups(shots: list[Shot], rule: AlertRule) -> Iterator[list[Shot]]:
    if rule.kind == REPEAT:
        yield from _exams(shots)
    elif rule.kind == SKIN:
        anywhere = [shot for shot in shots if shot.region is None]
        regions = sorted({shot.region for shot in shots if shot.region is not None})
        for region in regions:
            yield [*anywhere, *(shot for shot in shots if shot.region == region)]
        if not regions:
            yield anywhere
    else:
        yield shots


def _exams(shots: Iterable[Shot]) -> Iterator[list[Shot]]:
    """The studies of each modality and region, by their first exposure; each counts one, whoever it came under."""
    first: dict[tuple[str, str], dict[str, Shot]] = defaultdict(dict)
    for shot in sorted(shots):
        if shot.region is not None:
            first[shot.modality, shot.region].setdefault(shot.exam, shot._replace(value=1.0))
    yield from ([*exams.values()] for exams in first.values())


def _of_exams(cause: Cause, shots: Iterable[Shot]) -> Cause:
    """With the keys of all exposures of its studies, under all identities."""
    alike = [s for s in shots if (s.modality, s.region) == (cause.first.modality, cause.first.region)]
    exams = {shot.exam for shot in alike if shot.key in cause.keys}
    ours = [shot for shot in alike if shot.exam in exams]
    return cause._replace(keys=frozenset(s.key for s in ours), studies=frozenset(s.study for s in ours))


def _within(shots: Sequence[Shot], level: float, days: timedelta) -> Iterator[Cause]:
    window: deque[Shot] = deque()
    going: _Going | None = None
    value = 0.0
    for shot in shots:
        window.append(shot)
        value += shot.value
        while shot.at - window[0].at >= days:  # a difference: before the year 1 there is no day
            value -= window.popleft().value
        value = float(f"{value:.{DIGITS}g}")
        if value <= level:
            if going is not None:
                going.passed(shot)
            continue
        if going is not None and shot.at - going.last.at < days:
            going.more(shot, value)
        else:
            if going is not None:
                yield going.cause()
            going = _Going(shot, window, value)
    if going is not None:
        yield going.cause()


class _Going:
    """A cause to which more may be added: whatever comes until a window later."""

    def __init__(self, first: Shot, window: Iterable[Shot], value: float) -> None:
        self.last = first
        self._first, self._value, self._all = first, value, [*window]
        self._passed: list[Shot] = []

    def passed(self, shot: Shot) -> None:
        """One at which the sum is not over the level: it adds to the cause where a later one is."""
        self._passed.append(shot)

    def more(self, shot: Shot, value: float) -> None:
        """One more at which it is."""
        self.last, self._value = shot, max(self._value, value)
        self._all += [*self._passed, shot]
        self._passed.clear()

    def cause(self) -> Cause:
        """What it came to."""
        keys, studies = (frozenset(getattr(shot, name) for shot in self._all) for name in ("key", "study"))
        return Cause(self._first, self._value, keys, studies)
