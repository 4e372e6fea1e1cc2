"""Enhanced X-ray dose reports (PS3.16 TID 10040, SOP class 88.76): the event summary TID 10042.

An event has a summary for each source: their doses add up, as those of two planes do. Irradiation Details (TID 10043)
are of times, not of events: nothing in them is an event's value.
"""

from typing import Any, Final

from adapters.dicom.rdsr.ct import phantom
from adapters.dicom.rdsr.event import Reading, Template
from adapters.dicom.rdsr.exposure import CT, PROJECTION


def _more(reading: Reading) -> dict[str, Any]:
    is_ct = bool(reading.content.all("ctdivol", "dlp"))
    return {"kind": CT, "phantom_cm": phantom(reading)} if is_ct else {}


TEMPLATE: Final = Template(
    number="10042",
    kind=PROJECTION,
    doses=("dap", "dose_rp", "agd", "entrance_dose", "ctdivol", "dlp", "ssde", "activity"),
    parts=("ct_dose",),
    by_source=True,
    technique=("frames", "compression", "compression_force"),
    more=_more,
)
