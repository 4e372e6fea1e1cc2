"""Rules of dose alerts, and what a device found itself.

A document has levels per study (``WATCHED``; as published from the beginning) and rules of other kinds (``AlertRule``).
Without one, the defaults here apply. Fluoroscopy: 2 Gy at the reference point or 20,000 cGy·cm² in one study. CT: the
alert and notification values that the site set on its device (NEMA XR 25, DCM 113901-113906 and 113909-113914). "Over"
is strict: a value equal to a level is not over it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, Final, NamedTuple

WATCHED = ("dose_rp_mgy", "dap_mgycm2")
"""Quantities with a level per study."""
DEVICE_LEVELS = (("device_check", "check", "forward"), ("device_notification", "notify", "notify_forward"))
"""Kind of alert, and the prefixes of the fields that hold the level and the estimate compared with it."""
QUANTITIES = ("ctdivol_mgy", "dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq")
RULE: Final = "dose-alerts"
"""What an alert by these rules names."""
DEVICE_RULE: Final = "device-dose-check"
"""What an alert for a device's own finding names."""

EXPOSURE, STUDY, WINDOW, SKIN, REPEAT = "exposure", "study", "window", "skin", "repeat"
OF_ONE_STUDY: Final = (EXPOSURE, STUDY)
"""Kinds whose cause is wholly in one study; the causes of others lie over studies of a person."""
OVER_STUDIES: Final = (WINDOW, SKIN, REPEAT)
KINDS: Final = (*OF_ONE_STUDY, *OVER_STUDIES)
WITHDRAWN: Final = ("corrected", "reassigned", "other_person", "told_already")
"""Why an alert is withdrawn: its reports, or a birth date, were corrected; a study went to somebody else; its studies
are of others now; another alert tells of the same.
"""
EXAMS: Final = "exams"
"""What ``repeat`` counts."""


@dataclass(frozen=True)
class AlertRule:
    """One rule. ``name``: what its alerts are called by; ``quantity``: in the unit of its name, or ``EXAMS``.

    ``days``: the window of kinds over studies; ``population``: adult, child, or empty: whoever; ``modalities``: none
    means any.
    """

    name: str
    kind: str
    quantity: str
    threshold: float
    days: int | None = None
    population: str = ""
    modalities: tuple[str, ...] = ()

    def of_modality(self, modality: str) -> bool:
        """Whether it is about exposures of that modality."""
        return not self.modalities or modality in self.modalities


@dataclass(frozen=True)
class AlertRules:
    """Levels per study in canonical units (mGy, mGy·cm²), None: without one; ``more``: all other rules; with the rule
    set's version.
    """

    version: int = 1
    dose_rp_mgy: float | None = 2_000.0
    dap_mgycm2: float | None = 200_000.0
    more: tuple[AlertRule, ...] = ()

    @cached_property
    def rules(self) -> Mapping[str, AlertRule]:
        """All of them by name."""
        levels = {quantity: getattr(self, quantity) for quantity in WATCHED}
        watched = (AlertRule(f"{q}_over", STUDY, q, level) for q, level in levels.items() if level is not None)
        return {rule.name: rule for rule in (*watched, *self.more)}

    @cached_property
    def of_populations(self) -> bool:
        """Whether any rule asks how old somebody was."""
        return any(rule.population for rule in self.more)


@dataclass
class Alert:
    """What the Dose aggregate keeps of an alert. ``standing``: until it is withdrawn."""

    kind: str
    irradiation_event_uid: str | None
    rule: str
    rule_version: int
    rule_kind: str = ""
    site: str = ""
    standing: bool = True
    acknowledged: bool = False


def total(exposures: list[dict[str, Any]], quantity: str) -> float | None:
    """Sum of the known values; None if none is known, never zero."""
    known = [e[quantity] for e in exposures if e.get(quantity) is not None]
    return sum(known) if known else None


def greatest(*values: float | None) -> float | None:
    """The greatest known value; None if none is known."""
    return max((v for v in values if v is not None), default=None)


class Passed(NamedTuple):
    """A level that the site set on its device, and that the device found itself over. ``event``: the exposure's."""

    kind: str
    event: str
    quantity: str
    value: float
    level: float


def passed_levels(exposures: Iterable[Mapping[str, Any]]) -> Iterator[Passed]:
    """What the device found over a level, to alert or to notify."""
    for exposure in exposures:
        for (kind, at, estimate), quantity in product(DEVICE_LEVELS, ("dlp_mgycm", "ctdivol_mgy")):
            level, forward = exposure.get(f"{at}_{quantity}"), exposure.get(f"{estimate}_{quantity}")
            if level is not None and forward is not None and forward > level:
                yield Passed(f"{quantity}_{kind}", exposure["irradiation_event_uid"], quantity, forward, level)


def device_checks(report: Mapping[str, Any], rules: AlertRules) -> Iterator[dict[str, Any]]:
    """The alerts for what the device itself found: as arguments of ``Dose.raise_alert``."""
    for passed in passed_levels(report["exposures"]):
        yield {
            "report_uid": report["report_uid"],
            "rule_version": rules.version,
            "kind": passed.kind,
            "quantity": passed.quantity,
            "value": passed.value,
            "threshold": passed.level,
            "irradiation_event_uid": passed.event,
            "rule": DEVICE_RULE,
            "rule_kind": EXPOSURE,
        }
