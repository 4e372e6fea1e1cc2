"""When, where and on whom an exposure was made, as its report says: what alerts over several studies are found by."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from domain.dose_bands import ADULT, CHILD
from domain.dose_words import words_of
from domain.traits import first_day

WHOLE: Final = ""
"""In the place of an irradiation event: the report as a whole."""
OF_AGE: Final = 18
"""Years."""
OF_AGE_DAYS: Final = 6_574
"""As many days, where a report states an age and the date of birth is not known."""


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

    def population(self, born: str | None) -> str:
        """Adult or child then. ``born``: a birth date as traits hold it. Whose age nobody knows counts as an adult."""
        if self.age_days is not None:
            return CHILD if self.age_days < OF_AGE_DAYS else ADULT
        day, birth = self.when(), first_day(born or "")
        if day is None or birth is None:
            return ADULT
        years = day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
        return CHILD if 0 <= years < OF_AGE else ADULT


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
        region = told["target_region_code"] or told["target_region"]
        found[report_uid, exposure["irradiation_event_uid"]] = Moment(
            site, at, exposure.get("modality") or modality, region.casefold() if region else None, age
        )
    return found
