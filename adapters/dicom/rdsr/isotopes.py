"""Reads what was injected from the header of a nuclear medicine or PET image: activity, agent, which injection.

An image may be of several injections, at rest and at stress or of two nuclides: each is one of its own.
Standard: DICOM PS3.3 C.8.4.10 (NM isotope), C.8.9.2 (PET isotope), C.8.22.4 (enhanced PET isotope).
"""

from dataclasses import replace
from decimal import Decimal
from typing import Final, NamedTuple

from pydicom import uid as uids
from pydicom.dataset import Dataset

from adapters.dicom.rdsr.exposure import Exposure, derived
from adapters.dicom.rdsr.units import Dimension, NotUnderstood, canonical
from adapters.dicom.values import encoded, is_uid, sequence

_GIVEN: Final = "RadiopharmaceuticalInformationSequence"
_LEAST_MBQ, _MOST_MBQ = Decimal("0.01"), Decimal(50_000)  # what is given to a person lies between


class Injection(NamedTuple):
    """``uid``: of the administration; ``activity_mbq``: None: not understood, which ``notes`` say; ``raw``: as encoded,
    with the unit that it was read in; ``agent``: the radiopharmaceutical, in words; ``named``: it has a UID of its own;
    else those of one time have one, whatever their agents; ``unnamed``: what images call it that state its time and no
    UID; None: it has no UID or no time; ``vague``: it has neither.
    """

    uid: str
    activity_mbq: Decimal | None
    raw: str
    agent: str | None
    notes: tuple[str, ...]
    named: bool
    unnamed: str | None
    vague: bool


def injections(ds: Dataset, *otherwise: object) -> list[Injection]:
    """What the image states of each injection whose activity it states. PET images state Bq, all others MBq; some
    devices the other one. ``otherwise``: of what the UID of one that has none is made, with the study and its time.

    In the wrong unit an activity is a million times off: where only one of the two can be a person's, it is that.
    """
    is_pet = encoded(ds, "SOPClassUID") == uids.PositronEmissionTomographyImageStorage
    units = ("Bq", "MBq") if is_pet else ("MBq", "Bq")
    found = list[Injection]()
    for place, given in enumerate(several := sequence(ds, _GIVEN)):
        if not (text := encoded(given, "RadionuclideTotalDose")):
            continue
        value, unit, notes = _activity(text, units)
        if value is None and not notes:
            continue  # a zero is not known
        own, when = encoded(given, "RadiopharmaceuticalAdministrationEventUID"), _when(ds, given)
        named, study = is_uid(own), encoded(ds, "StudyInstanceUID")
        unnamed = derived(study, *otherwise, when)
        uid = own if named else unnamed
        agent = encoded(given, "Radiopharmaceutical") or None
        if any(one.uid == uid and (named or not contradict(one.agent, agent)) for one in found):
            uid = derived(study, *otherwise, uid, place)
        found.append(
            Injection(
                *(uid, value, f"{text} {unit}", agent, notes, named),
                unnamed=unnamed if named and when else None,
                vague=not (named or when or len(several) > 1),
            )
        )
    return found


def contradict(one: str | None, other: str | None) -> bool:
    """Whether two agents are stated, and differ."""
    return bool(one and other) and str(one).casefold() != str(other).casefold()


def exposed(exposure: Exposure, one: Injection) -> Exposure:
    """The exposure of one injection of an image. ``exposure``: of the image."""
    return replace(
        exposure,
        irradiation_event_uid=one.uid,
        activity_mbq=None if one.activity_mbq is None else float(one.activity_mbq),
        radiopharmaceutical=one.agent,
        raw={**exposure.raw, "activity": one.raw},
        not_understood=(*exposure.not_understood, *one.notes),
    )


def _activity(text: str, units: tuple[str, str]) -> tuple[Decimal | None, str, tuple[str, ...]]:
    """In MBq, in which unit it was read, and what is to be said of that."""
    try:
        values = [canonical(text, unit, Dimension.ACTIVITY) for unit in units]
    except NotUnderstood as reason:
        return None, units[0], (f"activity: {reason}",)
    own, other = (value if value is not None else Decimal(0) for value in values)
    if not _LEAST_MBQ <= own <= _MOST_MBQ and _LEAST_MBQ <= other <= _MOST_MBQ:
        return other, units[1], (f"activity: read as {units[1]}, for in {units[0]} it would be no person's",)
    return own if own else None, units[0], ()


def _when(ds: Dataset, given: Dataset) -> str:
    """When it was, to the second, however it is spelt. A time without a day is of the study's: images that are made
    days later state it, too.
    """
    stated, time = (encoded(given, f"RadiopharmaceuticalStart{kind}") for kind in ("DateTime", "Time"))
    day, second = stated[:8] or encoded(ds, "StudyDate"), (stated[8:14] or time).replace(":", "")[:6]
    return f"{day}{second:0<6}" if second.isdecimal() else stated or time
