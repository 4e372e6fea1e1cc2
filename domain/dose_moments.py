"""When, where and on whom an exposure was made, as its report says: what alerts over several studies are found by."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from domain.dose_bands import band
from domain.dose_regions import region_of
from domain.dose_words import words_of

WHOLE: Final = ""
"""In the place of an irradiation event: the report as a whole."""


class Moment(NamedTuple):
    """``at``: as encoded, local time; ``region``: what was looked at, by code or in the device's words; ``age_days``:
    the age that the report states. None: not known.
    """

    site: str
    at: str | None
    modality: str
    region: str | None
    age_days: float | None

    def when(self) -> datetime | None:
        """When it was; None where no time is stated that can be read."""
        try:
            return datetime.fromisoformat(self.at or "").replace(tzinfo=None)
        except ValueError:
            return None

    def population(self, born: str | None) -> str | None:
        """Adult or child then, or None: not known. ``born``: a birth date as traits hold it."""
        return band(birth_date=born, exposed_at=self.at, age_days=self.age_days).population


def moments(
    site: str,
    report_uid: str,
    reported_at: str | None,
    modality: str,
    exposures: Sequence[Mapping[str, Any]],
    words: Any,
) -> dict[tuple[str, str], Moment]:
    """By report and irradiation event of it, and of the report as a whole (``WHOLE``)."""
    said = words_of({"words": words, "exposures": exposures})
    age = said["patient"]["age_days"]
    starts = [exposure["started_at"] for exposure in exposures if exposure.get("started_at")]
    found = {(report_uid, WHOLE): Moment(site, min(starts, default=reported_at), modality, None, age)}
    for exposure, told in zip(exposures, said["exposures"], strict=True):
        at = exposure.get("started_at") or reported_at
        region = region_of(told["target_region_code"], told["target_region"])
        found[report_uid, exposure["irradiation_event_uid"]] = Moment(
            site, at, exposure.get("modality") or modality, region, age
        )
    return found
