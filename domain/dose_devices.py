"""Which totals of a study count that reports state alone: those of devices of which no exposure is known.

A report of accumulated dose alone names no exposure. Nothing would say which part of it is new beside known exposures
of its device, so it counts only where it is certainly of another one. Reports of one device may repeat each other: the
greatest total of each device counts. A device is known by its serial number, else by its observer's UID, else by its
model. A report that tells less, and may be of a device that another one names better, counts only where its total is
greater than all of them together. None of this depends on the order of arrival.
"""

from collections.abc import Collection, Iterable, Mapping
from math import fsum
from typing import Any, NamedTuple

Device = Mapping[str, Any]


class Stated(NamedTuple):
    """A total of one quantity that a report states alone. ``report``: its study, and its UID."""

    report: tuple[str, str]
    value: float
    device: Device


def apart(one: Device, other: Device) -> bool:
    """Whether two devices are certainly two: by serial number, else by model.

    A report may state its observer's UID in place of a serial number: that tells nothing beside a number.
    """
    ours, theirs = _said(one, "serial"), _said(other, "serial")
    if ours and theirs and ("." in ours) == ("." in theirs):
        return ours != theirs
    ours, theirs = _said(one, "model"), _said(other, "model")
    return bool(ours and theirs) and ours != theirs


def is_covered(device: Device, known: Iterable[Device]) -> bool:
    """Whether it may be one of the devices of known exposures."""
    return not all(apart(device, other) for other in known)


def counting(stated: Iterable[Stated], known: Collection[Device] = ()) -> list[Stated]:
    """Of totals that reports of one study state alone those that count. ``known``: devices of known exposures."""
    free = [one for one in stated if not is_covered(one.device, known)]
    if not free:
        return []
    free.sort(key=lambda one: (-one.value, one.report))
    best: dict[tuple[int, str], Stated] = {}
    for one in free:
        place, _ = name = _named(one.device)
        if all(apart(one.device, other.device) for other in free if _named(other.device)[0] < place):
            best.setdefault(name, one)
    found = [*best.values()]
    return found if fsum(one.value for one in found) >= free[0].value else free[:1]


def _said(device: Device, name: str) -> str:
    return str(device.get(name) or "").strip().casefold()


def _named(device: Device) -> tuple[int, str]:
    """How well a device is named, 0 the best; and as what."""
    if serial := _said(device, "serial"):
        return int("." in serial), serial
    model = _said(device, "model")
    return (2, model) if model else (3, "")
