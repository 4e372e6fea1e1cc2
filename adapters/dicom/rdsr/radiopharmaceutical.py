"""Radiopharmaceuticals (PS3.16 TID 10021): the administration TID 10022, and its organ doses TID 10023."""

from typing import Any, Final

from adapters.dicom.rdsr.concepts import CONCEPTS
from adapters.dicom.rdsr.event import Reading, Template, own_items
from adapters.dicom.rdsr.exposure import RADIOPHARMACEUTICAL
from adapters.dicom.rdsr.tree import Content


def _more(reading: Reading) -> dict[str, Any]:
    return {"radiopharmaceutical": reading.content.meaning("agent"), "organ_doses": _organ_doses(reading)}


def _organ_doses(reading: Reading) -> tuple[tuple[str, float], ...]:
    found = []
    for container in reading.content.all("organ_dose_information"):
        content = Content(own_items(container, ("organ_dose_information",)))
        organ = next(iter(content.keys("organ")), None)
        for item in content.all("organ_dose"):
            value = reading.value("organ_dose", item.number(), CONCEPTS["organ_dose"])
            if organ is None:
                reading.notes.append("organ_dose: of which organ is not told")
            elif value is not None:
                found.append((organ, float(value)))
    return tuple(found)


TEMPLATE: Final = Template(
    number="10022",
    kind=RADIOPHARMACEUTICAL,
    doses=("activity", "ctdivol", "dlp", "dap", "dose_rp", "agd", "ssde", "entrance_dose"),
    uids=("administration_uid", "event_uid"),
    started=("administration_started", "started"),
    more=_more,
)
