"""Gathers the doses that a batch's images state: for each device and kind one statement, in place of a report.

The CT of a PET/CT is a statement of its own: a report of it takes its place, and not that of what was injected. Series
tell of one injection in more or in fewer words, and it counts once: one may know its UID, and another neither that nor
its time. Injections of different agents are never one, but where a UID of their own says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Final

from adapters.dicom.rdsr.exposure import Exposure, derived, merged
from adapters.dicom.rdsr.images import IMAGE, Irradiated, together
from adapters.dicom.rdsr.isotopes import contradict
from adapters.dicom.rdsr.received import received_exposure
from domain.commands.doses import ReceivedDose

TAKEN: Final = "activity: also stated without a UID or a time, and taken for this injection"
Device = tuple[tuple[str, str | None], ...]


@dataclass
class _OfDevice:
    said: Any
    qa: bool
    # By event UID, and by plane; those of an injection without a UID by agent.
    exposures: dict[str, dict[str | None, Exposure]] = field(default_factory=dict)
    images: list[str] = field(default_factory=list)
    names: dict[str, set[str]] = field(default_factory=dict)  # UIDs of injections, by what images without one call them
    unnamed: set[str] = field(default_factory=set)
    vague: set[str] = field(default_factory=set)

    def events(self) -> list[Exposure]:
        """Each event once."""
        found, called = dict[str, Exposure](), dict[str, list[str]]()
        for uid, told in self.exposures.items():
            events = _of_agents(uid, told) if uid in self.unnamed else {uid: _joined(told)}
            called[uid] = [*events]
            found |= events
        for unnamed, names in self.names.items():
            _named(found, called.get(unnamed, []), sorted(names))
        vague = [uid for called_so in sorted(self.vague & called.keys()) for uid in called[called_so]]
        for uid in vague:
            if same := [other for other in found if other not in vague and _alike(found[other], found[uid])]:
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
        for one in irradiated.injections:
            if one.unnamed:
                of.names.setdefault(one.unnamed, set()).add(one.uid)
            of.unnamed |= set() if one.named else {one.uid}
            of.vague |= {one.uid} if one.vague else set()
        for exposure in irradiated.exposures:
            uid, part = exposure.irradiation_event_uid, exposure.plane
            if uid in of.unnamed:
                part = (exposure.radiopharmaceutical or "").casefold() or None
            told = of.exposures.setdefault(uid, {})
            told[part] = together(told[part], exposure) if part in told else exposure
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


def _of_agents(uid: str, told: dict[str | None, Exposure]) -> dict[str, Exposure]:
    """The injections that images without a UID call the same: one for each agent, the first by name under that UID.

    One whose agent is not told is that of the only agent, or else of the only one of its activity.
    """
    unknown, known = told.get(None), [told[agent] for agent in sorted(filter(None, told))]
    if unknown and known:
        same = [one for one in known if len(known) == 1 or _alike(one, unknown)]
        if len(same) == 1:
            known[known.index(same[0])] = together(same[0], unknown)
            unknown = None
    found: dict[str, Exposure] = {}
    for one in (*known, *([unknown] if unknown else [])):
        of_agent = derived(uid, (one.radiopharmaceutical or "").casefold()) if found else uid
        found[of_agent] = replace(one, irradiation_event_uid=of_agent)
    return found


def _named(found: dict[str, Exposure], unnamed: list[str], names: list[str]) -> None:
    """Join each injection without a UID to the only one of its time with a UID that may be it: of an activity first."""

    def is_told(uid: str) -> bool:
        return any(_alike(found[name], found[uid]) for name in names)

    for uid in sorted(unnamed, key=lambda uid: (not is_told(uid), unnamed.index(uid))):
        same = [name for name in names if not _contradict(found[name], found[uid])]
        if len(same) == 1:
            found[same[0]] = together(found[same[0]], found.pop(uid))


def _contradict(one: Exposure, other: Exposure) -> bool:
    return contradict(one.radiopharmaceutical, other.radiopharmaceutical)


def _alike(one: Exposure, other: Exposure) -> bool:
    """Whether two injections are of one activity, and not of different agents."""
    return one.activity_mbq is not None and one.activity_mbq == other.activity_mbq and not _contradict(one, other)
