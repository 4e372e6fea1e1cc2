"""Which ADT events are taken, and the command that each one is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from adapters.hl7.er7 import Segment, only
from adapters.hl7.patient import days, matricule, optional_number, own_number, patient, who_is_named
from adapters.hl7.refusal import Condition, Place, Refused
from domain.commands.announced import AnnouncedPatient, AnnouncePatient
from domain.commands.announced_pairs import AnnounceKept, AnnounceLink, AnnounceMerge, AnnounceUnlink
from domain.work import Command


@dataclass(frozen=True)
class Announced:
    """A message as commands. ``before``: run first, once; ``patients``: whose traits it states, one for each PID."""

    command: Command
    before: Command | None = None
    patients: tuple[AnnouncedPatient, ...] = ()


def announced(event: str, found: list[Segment], site: str, content: str) -> Announced:
    """What a message of that event announces. Raises Refused."""
    return EVENTS[event](found, site, content)


def _register(found: list[Segment], site: str, content: str) -> Announced:
    known = _patient(found, site)
    return Announced(AnnouncePatient(site=site, patient=known, content=content), patients=(known,))


def _receive(found: list[Segment], site: str, content: str) -> Announced:
    """A01, A04, A05: the patient is there; since PV1-44, else as of EVN-2, else of MSH-7."""
    known = _patient(found, site)
    seen = days(found, ("PV1", 44), ("EVN", 2), ("MSH", 7))
    return Announced(AnnouncePatient(site=site, patient=known, content=content, seen=seen), patients=(known,))


def _correct(found: list[Segment], site: str, content: str) -> Announced:
    known = _patient(found, site)
    return Announced(AnnouncePatient(site=site, patient=known, content=content, corrects=True), patients=(known,))


def _merge(found: list[Segment], site: str, content: str) -> Announced:
    """A40: PID is kept, MRG is given up. Who is kept may be new here; who is given up is known, or all is refused."""
    groups = _groups(found)
    kept = tuple(patient(pid, site) for pid, _ in groups)
    return _given_up(site, content, kept, tuple(own_number(mrg, 1, site) for _, mrg in groups))


def _link(found: list[Segment], site: str, content: str) -> Announced:
    one, other = _two(found, site)
    stated = tuple(who_is_named(each) for each in found if each.name == "PID")
    return Announced(AnnounceLink(site=site, one=one, other=other, content=content, stated=stated))


def _unlink(found: list[Segment], site: str, content: str) -> Announced:
    one, other = _two(found, site)
    return Announced(AnnounceUnlink(site=site, one=one, other=other, content=content))


def _change(found: list[Segment], site: str, content: str) -> Announced:
    """A47: MRG has the identifiers of before, PID those of now: another number, or another matricule, or none."""
    pid, mrg = only(found, "PID"), only(found, "MRG")
    known = _patient(found, site)
    if (gone := optional_number(mrg, 1, site)) and gone != known.local_id:
        return _given_up(site, content, (known,), (gone,))
    given_up = matricule(mrg, None, 1) is not None and matricule(pid, None) is None
    known = replace(known, without_matricule=given_up)
    return Announced(AnnouncePatient(site=site, patient=known, content=content, corrects=True), patients=(known,))


EVENTS: Final[Mapping[str, Callable[[list[Segment], str, str], Announced]]] = {
    **dict.fromkeys(("A01", "A04", "A05"), _receive),
    "A28": _register,
    **dict.fromkeys(("A08", "A31"), _correct),
    "A40": _merge,
    "A24": _link,
    "A37": _unlink,
    "A47": _change,
}
"""Each event that is taken."""


def _given_up(site: str, content: str, kept: tuple[AnnouncedPatient, ...], gone: tuple[str, ...]) -> Announced:
    """Of each pair one number is kept, and the other given up for it."""
    pairs = tuple((one.local_id, other) for one, other in zip(kept, gone, strict=True))
    merge = AnnounceMerge(site=site, pairs=pairs, content=content, stated=tuple(one.stated for one in kept))
    return Announced(merge, AnnounceKept(site=site, kept=kept, gone=gone, content=content), kept)


def _patient(found: list[Segment], site: str) -> AnnouncedPatient:
    return patient(only(found, "PID"), site, next((each for each in found if each.name == "ZFD"), None))


def _two(found: list[Segment], site: str) -> tuple[str, str]:
    each = [segment for segment in found if segment.name == "PID"]
    if len(each) != 2:
        raise Refused(Place("PID"), Condition.SEGMENT_SEQUENCE, f"the message needs two PID, and has {len(each)}")
    one, other = (own_number(segment, 3, site) for segment in each)
    return one, other


def _groups(found: list[Segment]) -> list[tuple[Segment, Segment]]:
    """PID and MRG, in pairs; PD1 may stand between."""
    each = [segment for segment in found if segment.name in ("PID", "MRG")]
    if not each or [segment.name for segment in each] != ["PID", "MRG"] * (len(each) // 2):
        raise Refused(Place("MRG"), Condition.SEGMENT_SEQUENCE, "each PID is followed by the MRG that it takes over")
    return list(zip(each[::2], each[1::2], strict=True))
