"""Decides when a dose report raises an alert: thresholds per study, and the device's own dose check.

Thresholds are versioned data; the defaults here apply until others are in force. Fluoroscopy: 2 Gy at the reference
point or 20,000 cGy·cm² in one study. CT: the alert and notification values that the site set on its device (NEMA XR 25,
DCM 113901-113906 and 113909-113914). "Over" is strict: a value equal to a level is not over it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

WATCHED = ("dose_rp_mgy", "dap_mgycm2")
"""Quantities with a level per study."""
DEVICE_LEVELS = (("device_check", "check", "forward"), ("device_notification", "notify", "notify_forward"))
"""Kind of alert, and the prefixes of the fields that hold the level and the estimate compared with it."""
QUANTITIES = ("ctdivol_mgy", "dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq")


@dataclass(frozen=True)
class AlertRules:
    """Levels per study in canonical units (mGy, mGy·cm²), with the rule set's version."""

    version: int = 1
    dose_rp_mgy: float = 2_000.0
    dap_mgycm2: float = 200_000.0


def total(exposures: list[dict[str, Any]], quantity: str) -> float | None:
    """Sum of the known values; None if none is known, never zero."""
    known = [e[quantity] for e in exposures if e.get(quantity) is not None]
    return sum(known) if known else None


def greatest(*values: float | None) -> float | None:
    """The greatest known value; None if none is known."""
    return max((v for v in values if v is not None), default=None)


def over(values: Mapping[str, tuple[float | None, str]], rules: AlertRules) -> Iterator[dict[str, Any]]:
    """The alerts for a whole study, as arguments of ``Dose.raise_alert``.

    ``values``: watched quantity to the study's value (None: not known) and the UID of the report that states it.
    """
    for quantity in WATCHED:
        (value, report_uid), level = values[quantity], getattr(rules, quantity)
        if value is not None and value > level:
            yield {
                "report_uid": report_uid,
                "rule_version": rules.version,
                "kind": f"{quantity}_over",
                "quantity": quantity,
                "value": value,
                "threshold": level,
                "irradiation_event_uid": None,
                "rule": "dose-alerts",
            }


def device_checks(report: Mapping[str, Any], rules: AlertRules) -> Iterator[dict[str, Any]]:
    """The alerts for what the device itself found over a level that the site set on it: to alert, or to notify."""
    for exposure in report["exposures"]:
        for (kind, at, estimate), quantity in product(DEVICE_LEVELS, ("dlp_mgycm", "ctdivol_mgy")):
            level, forward = exposure.get(f"{at}_{quantity}"), exposure.get(f"{estimate}_{quantity}")
            if level is not None and forward is not None and forward > level:
                yield {
                    "report_uid": report["report_uid"],
                    "rule_version": rules.version,
                    "kind": f"{quantity}_{kind}",
                    "quantity": quantity,
                    "value": forward,
                    "threshold": level,
                    "irradiation_event_uid": exposure["irradiation_event_uid"],
                    "rule": "device-dose-check",
                }
