"""Sums of a person's exposures over a period, by region, modality, study and more, and of the skin by region.

Each exposure counts once, in the group that it is in; what is not known of one makes a group of its own, named None.
Each quantity is summed with itself alone. An exposure or a report's total is dated by its start, else by its report;
one without either is in no period and no year.

Skin: doses at the reference point of projection and fluoroscopy, by region, over any twelve weeks. Beams move, so the
sum of a region is an upper bound for each place of its skin. An exposure whose region is not known adds to each, and so
does a total that a report states alone: alerts go by the same.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from domain.dose_distinct import Row, total, trusted
from domain.dose_regions import region_of
from projections.cumulative_dose.distinct import sums

SKIN: Final = timedelta(weeks=12)
BY: Final = ("region", "modality", "study", "year", "site", "population")
Document = dict[str, Any]


@dataclass(frozen=True)
class Period:
    """From the day ``since`` to the day ``until``, both in it; None: without a bound. YYYY-MM-DD."""

    since: str | None = None
    until: str | None = None

    @property
    def whole(self) -> bool:
        """Whether it is all of the time, and holds what has no date too."""
        return self.since is None and self.until is None

    def holds(self, at: str | None) -> bool:
        """Whether a time (ISO 8601) is in it, by the day as encoded."""
        if self.whole:
            return True
        return at is not None and (self.since or "") <= at[:10] <= (self.until or "~")


ALWAYS: Final = Period()


def dated(row: Row) -> str | None:
    """When an exposure, or what a report states alone, was made."""
    at: str | None = row.get("started_at") or row["reported_at"]
    return at


def region(row: Row) -> str | None:
    """What was looked at: by code, else by the device's words in small letters."""
    return region_of(row.get("target_region_code"), row.get("target_region"))


def _year(row: Row) -> str | None:
    at = dated(row)
    return at[:4] if at else None


GROUPS: Final[Mapping[str, Callable[[Row], str | None]]] = {
    "region": region,
    "modality": lambda row: row["modality"],
    "study": lambda row: row["study_uid"],
    "year": _year,
    "site": lambda row: row["site"],
    "population": lambda row: row.get("population"),
}


def grouped(exposures: Sequence[Row], alone: Sequence[Row], by: str) -> list[Document]:
    """Sums of each group, by name, unknown last: how many exposures, and each quantity that adds up.

    ``region``: with the words of its exposures, where a code names it.
    """
    key, found = GROUPS[by], dict[str | None, tuple[list[Row], list[Row]]]()
    for place, rows in enumerate((exposures, alone)):
        for row in rows:
            found.setdefault(key(row), ([], []))[place].append(row)
    named = sorted(found, key=lambda name: (name is None, name or ""))
    return [
        {by: name, **_named(by, found[name][0]), "exposures": len(found[name][0])} | sums(*found[name])
        for name in named
    ]


def _named(by: str, exposures: Iterable[Row]) -> Document:
    if by != "region":
        return {}
    return {"words": sorted({row["target_region"] for row in exposures if row["target_region"]})}


def skin(exposures: Iterable[Row], alone: Iterable[Row] = ()) -> list[Document]:
    """By region the greatest dose at the reference point within twelve weeks: from the first to the last exposure.

    ``alone``: as ``stated_alone`` answers. ``undated``: exposures and such totals with a dose and without a time that
    can be read, which are in no sum.
    """
    shots = [row for row in exposures if row["kind"] == "PROJECTION" and trusted(row, "dose_rp_mgy") is not None]
    of_total = {"implausible": None, "target_region": None}
    totals = [{**row, **of_total, "dose_rp_mgy": row["value"]} for row in alone if row["quantity"] == "dose_rp_mgy"]
    anywhere = [*totals, *(row for row in shots if region(row) is None)]
    named = {name for row in shots if (name := region(row)) is not None}
    groups: dict[str | None, list[Row]] = {
        name: [*anywhere, *(row for row in shots if region(row) == name)] for name in sorted(named)
    }
    if anywhere and not groups:
        groups = {None: anywhere}
    return [{"region": name, **_named("region", rows), **_greatest(rows)} for name, rows in groups.items()]


def _greatest(rows: Sequence[Row]) -> Document:
    timed = sorted(((at, row) for row in rows if (at := _moment(row))), key=lambda one: one[0])
    best: Document = {"dose_rp_mgy": None, "since": None, "until": None, "exposures": 0}
    window: deque[tuple[datetime, Row]] = deque()
    for at, row in timed:
        window.append((at, row))
        while at - window[0][0] >= SKIN:
            window.popleft()
        value = total(trusted(one, "dose_rp_mgy") for _, one in window)
        if value is not None and (best["dose_rp_mgy"] is None or value > best["dose_rp_mgy"]):
            first, last = (dated(window[end][1]) for end in (0, -1))
            shots = sum("value" not in one for _, one in window)
            best = {"dose_rp_mgy": value, "since": first, "until": last, "exposures": shots}
    return best | {"window_days": SKIN.days, "undated": len(rows) - len(timed)}


def _moment(row: Row) -> datetime | None:
    try:
        return datetime.fromisoformat(dated(row) or "").replace(tzinfo=None)
    except ValueError:
        return None
