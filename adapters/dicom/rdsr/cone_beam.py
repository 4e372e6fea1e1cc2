"""Cone beam CT, which devices report as a rotational acquisition in the container of a projection.

Its DAP and dose at the reference point are those of any projection. Some devices state CTDIvol and DLP as well, with
the phantom they refer to; those are read as a CT's are, and the phantom beside them.
"""

from typing import Any

from adapters.dicom.rdsr.concepts import ROTATIONAL
from adapters.dicom.rdsr.ct import phantom
from adapters.dicom.rdsr.event import Reading


def more(reading: Reading) -> dict[str, Any]:
    """What a cone beam states beyond a projection; nothing where it is none."""
    if ROTATIONAL in reading.content.keys("event_type") or reading.content.all("ctdivol", "dlp"):
        return {"phantom_cm": phantom(reading)}
    return {}
