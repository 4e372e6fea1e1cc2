"""Gathers the doses that a batch's images state: for each device and kind one statement, in place of a report.

The CT of a PET/CT is a statement of its own: a report of it takes its place, and not that of what was injected. Series
tell of one injection in more or in fewer words, and it counts once: one may know its UID, and another neither that nor
its time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Final

from adapters.dicom.rdsr.exposure import Exposure, derived, merged
from adapters.dicom.rdsr.images import IMAGE, Irradiated, together
from adapters.dicom.rdsr.received import received_exposure
from domain.commands.doses import ReceivedDose

TAKEN: Final = "activity: also stated without a UID or a time, and taken for this injection"
Device = tuple[tuple[str, str | None], ...]


@dataclass
class _OfDevice:
    said: Any
    qa: bool
    exposures: dict[str, dict[str | None, Exposure]] = field(default_factory=dict)  # by event UID and plane
    images: list[str] = field(default_factory=list)
    names: dict[str, set[str]] = field(default_factory=dict)  # UIDs of injections, by what images without one call them
    vague: set[str] = field(default_factory=set)

    def events(self) -> list[Exposure]:
        """Each event once."""
        found = {uid: _joined(planes) for uid, planes in self.exposures.items()}
        for unnamed, names in self.names.items():
            if unnamed in found and len(names) == 1:
                (uid,) = names
                found[uid] = together(found[uid], found.pop(unnamed))
        for uid in self.vague & found.keys():
            if same := [other for other in found if other not in self.vague and _alike(found[other], found[uid])]:
                first = min(same)
                one = together(found[first], found.pop(uid))
                found[first] = replace(one, not_understood=(*one.not_understood, TAKEN))
        return [*found.values()]


class Gathered:
    """The doses of images, by device and kind; of a thousand slices of one helix no more than one exposure is held."""

    def __init__(self) -> None:
        self._found: dict[tuple[Device, str], _OfDevice] = {}

    def add(self, irradiated: Irradiated, sop_uid: str) -> None:
        """One image."""
        named = irradiated.device, irradiated.exposures[0].kind
        of = self._found.setdefault(named, _OfDevice(irradiated.said, irradiated.qa))
        for exposure in irradiated.exposures:
            planes, plane = of.exposures.setdefault(exposure.irradiation_event_uid, {}), exposure.plane
            planes[plane] = together(planes[plane], exposure) if plane in planes else exposure
        for one in irradiated.injections:
            if one.unnamed:
                of.names.setdefault(one.unnamed, set()).add(one.uid)
            of.vague |= {one.uid} if one.vague else set()
        of.images.append(sop_uid)
        of.qa = of.qa and irradiated.qa

    def received(self, study_uid: str) -> Iterator[ReceivedDose]:
        """A statement for each device and kind, under a UID made of its images: always the same one."""
        for (device, _), of in self._found.items():
            exposures = [received_exposure(exposure) for exposure in of.events()]
            yield ReceivedDose(
                report_uid=derived(study_uid, IMAGE, *sorted(of.images)),
                reported_at=None,
                modality=exposures[0]["modality"],
                device=dict(device),
                exposures=exposures,
                totals={},
                qa=of.qa,
                source=IMAGE,
                said=dict(of.said),
            )


def _joined(planes: dict[str | None, Exposure]) -> Exposure:
    """One event of its planes, which add up. Nobody knows what an image of no plane repeats: it adds nothing."""
    of_planes = [exposure for plane, exposure in sorted(planes.items(), key=lambda pair: pair[0] or "") if plane]
    one = [planes[None]] if None in planes else []
    return reduce(together, [*([reduce(merged, of_planes)] if of_planes else []), *one])


def _alike(one: Exposure, other: Exposure) -> bool:
    """Whether two injections are of one activity, and not of different agents."""
    agents = {(exposure.radiopharmaceutical or "").casefold() for exposure in (one, other)} - {""}
    return one.activity_mbq is not None and one.activity_mbq == other.activity_mbq and len(agents) < 2
