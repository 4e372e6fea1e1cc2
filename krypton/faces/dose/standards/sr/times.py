"""Clinical times of the ledger (ISO 8601, with an offset where one is stated) as DICOM writes them: PS3.5 6.2."""

from datetime import datetime, timedelta
from typing import Final

WEST: Final = timedelta(hours=-12)
EAST: Final = timedelta(hours=14)


def date_time(at: str | None) -> str | None:
    """As DT; a day alone stays a day. An offset from UTC that no place has (PS3.5 table 6.2-1) is left out."""
    moment = _moment(at)
    if at is None or moment is None:
        return None
    if "T" not in at:
        return _day(moment)
    away = moment.utcoffset()
    zone = f"{moment:%z}" if away is not None and WEST <= away <= EAST else ""
    return f"{_day(moment)}{moment:%H%M%S}{f'.{moment:%f}' if moment.microsecond else ''}{zone}"


def date_and_time(at: str | None) -> tuple[str, str]:
    """As DA and TM: empty where they are not known."""
    moment = _moment(at)
    if at is None or moment is None:
        return "", ""
    return _day(moment), f"{moment:%H%M%S}" if "T" in at else ""


def _day(moment: datetime) -> str:
    """In eight digits: %Y does not fill up a year below 1000, which devices write where they know none."""
    return moment.date().isoformat().replace("-", "")


def _moment(at: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(at) if at else None
    except ValueError:
        return None
