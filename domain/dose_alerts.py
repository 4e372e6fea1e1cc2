"""Decides when a dose report raises an alert: thresholds per study, and the device's own dose check.

Thresholds are versioned data; the defaults here apply until others are in force. Fluoroscopy: 2 Gy at the reference
point or 20,000 cGy·cm² in one study. CT: the alert values that the site set on its device (NEMA XR 25, DCM
113901-113906). "Over" is strict: a value equal to a level is not over it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

WATCHED = ("dose_rp_mgy", "dap_mgycm2")
"""Quantities with a level per study."""
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


def alerts(
    report: Mapping[str, Any], rules: AlertRules, study: Iterable[Mapping[str, Any]] = ()
) -> Iterator[dict[str, Any]]:
    """The alerts that a report raises, as arguments of ``Dose.raise_alert``.

    ``study``: the exposures in the study's other reports. An intervention reported in parts is over a level if its
    parts together are; an exposure counts once, and a total that the report states counts too.
    """
    whole = {e["irradiation_event_uid"]: e for e in (*study, *report["exposures"])}
    uid = report["report_uid"]
    values = {q: (greatest(report["totals"].get(q), total(list(whole.values()), q)), uid) for q in WATCHED}
    yield from over(values, rules)
    for exposure in report["exposures"]:
        for quantity in ("dlp_mgycm", "ctdivol_mgy"):
            level, forward = exposure.get(f"check_{quantity}"), exposure.get(f"forward_{quantity}")
            if level is not None and forward is not None and forward > level:
                yield {
                    "report_uid": uid,
                    "rule_version": rules.version,
                    "kind": f"{quantity}_device_check",
                    "quantity": quantity,
                    "value": forward,
                    "threshold": level,
                    "irradiation_event_uid": exposure["irradiation_event_uid"],
                    "rule": "device-dose-check",
                }
