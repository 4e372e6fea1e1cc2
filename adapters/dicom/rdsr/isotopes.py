"""Reads what was injected from the header of a nuclear medicine or PET image: activity, agent, which injection.

Standard: DICOM PS3.3 C.8.4.10 (NM isotope), C.8.9.2 (PET isotope), C.8.22.4 (enhanced PET isotope).
"""

from decimal import Decimal
from typing import Final

from pydicom import uid as uids
from pydicom.dataset import Dataset

from adapters.dicom.rdsr.exposure import derived
from adapters.dicom.rdsr.units import Dimension, NotUnderstood, canonical
from adapters.dicom.values import encoded, is_uid, sequence

_GIVEN: Final = "RadiopharmaceuticalInformationSequence"
_LEAST_MBQ, _MOST_MBQ = Decimal("0.01"), Decimal(50_000)  # what is given to a person lies between


def activity_mbq(ds: Dataset, raw: dict[str, str], notes: list[str]) -> Decimal | None:
    """Administered activity in MBq. PET images state Bq, all others MBq; some devices the other one.

    In the wrong unit an activity is a million times off: where only one of the two can be a person's, it is that.
    """
    for given in sequence(ds, _GIVEN):
        if not (text := encoded(given, "RadionuclideTotalDose")):
            continue
        units = (
            ("Bq", "MBq")
            if encoded(ds, "SOPClassUID") == uids.PositronEmissionTomographyImageStorage
            else ("MBq", "Bq")
        )
        raw["activity"] = f"{text} {units[0]}"
        try:
            values = [canonical(text, unit, Dimension.ACTIVITY) for unit in units]
        except NotUnderstood as reason:
            notes.append(f"activity: {reason}")
            continue
        own, other = (value if value is not None else Decimal(0) for value in values)
        if not _LEAST_MBQ <= own <= _MOST_MBQ and _LEAST_MBQ <= other <= _MOST_MBQ:
            notes.append(f"activity: read as {units[1]}, for in {units[0]} it would be no person's")
            raw["activity"] = f"{text} {units[1]}"
            return other
        return own if own else None
    return None


def agent_of(ds: Dataset) -> str | None:
    """The radiopharmaceutical, in words."""
    for given in sequence(ds, _GIVEN):
        if named := encoded(given, "Radiopharmaceutical"):
            return named
    return None


def injection_uid(ds: Dataset, *otherwise: object) -> str:
    """The administration's own UID, else one that all images after it give: made of the study and of when it was."""
    given = next(iter(sequence(ds, _GIVEN)), Dataset())
    if is_uid(own := encoded(given, "RadiopharmaceuticalAdministrationEventUID")):
        return own
    when = encoded(given, "RadiopharmaceuticalStartDateTime") or encoded(given, "RadiopharmaceuticalStartTime")
    return derived(encoded(ds, "StudyInstanceUID"), *otherwise, when)
