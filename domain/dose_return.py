"""Which exposures a statutory return states: consecutive ones of different persons, of one device, act and population.

A group begins with the first exposure of the period. Of each person it has the first exposure that fits; it ends as
soon as it has as many persons as the text in force asks for. Which exposures are of the act is said by the mapping in
force. An adult is taken whatever the weight and height, and where these are not known; a child whose weight is not
known is of no group, for the levels are by weight. Where the text has levels of the act, one of them must be of what
is known of the exposure, in its phantom; else any known dose will do. All of a group are of one phantom. Who is passed
over is counted with why: so a reader sees how far the group is from consecutive. Acts under fluoroscopy are returned as
whole procedures, of which an exposure does not tell.

Source: arrêté of 24 Oct 2011, art. 2 to 4; IRSN, "Points-clés sur le recueil des données NRD"; ASN decision
2019-DC-0667 (at least 30 adults, 10 children).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import fsum
from typing import Any, Final

from domain.dose_acts import compared_as
from domain.dose_alerts import QUANTITIES
from domain.dose_bands import CHILD
from domain.dose_distinct import DIGITS
from domain.dose_flags import NO_DOSE, NO_POPULATION, NO_WEIGHT, PHANTOM, of_phantom
from domain.dose_levels import Level, ReferenceLevels
from domain.dose_practice import percentile

Document = dict[str, Any]
Row = Mapping[str, Any]
MODALITIES: Final = ("CT", "DX", "PX", "MG", "NM", "PT")
"""Whose acts are returned by acquisition, or by administration."""
PROCEDURE: Final = "acts of this modality are returned as whole procedures"
LEFT_OUT: Final = "a statement of the person leaves it out"


@dataclass(frozen=True)
class Wanted:
    """The group that is asked for. ``weight_kg``: of children, the weight of the levels, where the text has any."""

    act: str
    population: str
    text: ReferenceLevels
    weight_kg: float | None = None

    @property
    def persons(self) -> int:
        """How many it has."""
        return self.text.least(self.population)

    @property
    def weights(self) -> list[float]:
        """The weights by which the text has levels of the act and population."""
        return sorted({one.weight_kg for one in self._levels() if one.weight_kg is not None})

    @property
    def wording(self) -> str | None:
        """What the text calls the act."""
        return next((one.wording for one in self._levels() if one.wording), None)

    def is_another(self, row: Row) -> bool:
        """Whether an exposure of the act is for another group: of the other population, or of another weight."""
        if row["population"] not in (None, self.population):
            return True
        weighed = row["population"] is not None and row["weight_kg"] is not None
        return self.weight_kg is not None and weighed and not self._compared(row)

    def against(self, row: Row) -> str | None:
        """Why an exposure that is not for another group is passed over; None: it is of this one."""
        if compared_as(row["modality"]) not in MODALITIES:
            return PROCEDURE
        if row["population"] is None:
            return NO_POPULATION
        if row["population"] == CHILD and row["weight_kg"] is None:
            return NO_WEIGHT
        if not (levels := self._compared(row)):
            return None if any(row[quantity] is not None for quantity in QUANTITIES) else NO_DOSE
        known = [one for one in levels if row[one.quantity] is not None]
        if any(of_phantom(one, row["phantom_cm"]) for one in known):
            return None
        return PHANTOM if known else NO_DOSE

    def _compared(self, row: Row) -> list[Level]:
        """What the text compares the exposure with."""
        levels = self.text.of(self.act, compared_as(row["modality"]), self.population, row["weight_kg"])
        return [one for one in levels if self.weight_kg in (None, one.weight_kg)]

    def _levels(self) -> Iterator[Level]:
        return (one for one in self.text.levels if (one.act, one.population) == (self.act, self.population))


@dataclass
class Group:
    """The exposures of a group in order, and how many before its last one were passed over, by why."""

    rows: list[Row] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)


def group_of(
    rows: Sequence[Row], wanted: Wanted, person_of: Callable[[str], str], sees: Callable[[list[Row]], list[Row]]
) -> Group:
    """The group among the exposures of a device and act, which may be smaller than wanted.

    ``rows``: as ``domain.dose_findings.findings`` takes them, with ``started_at``; ``person_of``: whose an identity is;
    ``sees``: of some exposures those that the reader is shown. It is asked about no more than the group still lacks.
    """
    found = Group()
    fitting = _fitting(rows, wanted, person_of, found.passed_over)
    while some := [*islice(fitting, wanted.persons - len(found.rows))]:
        shown = sees(some)
        if hidden := len(some) - len(shown):
            found.passed_over[LEFT_OUT] += hidden
        found.rows += shown
    return found


def _fitting(
    rows: Sequence[Row], wanted: Wanted, person_of: Callable[[str], str], passed_over: Counter[str]
) -> Iterator[Row]:
    """In order, of each person the first exposure that fits."""
    persons = set[str]()
    ours = [row for row in rows if not wanted.is_another(row)]
    ours.sort(key=lambda row: (row["day"], row["started_at"] or row["day"], row["uid"]))
    phantom_cm = _phantom((row for row in ours if wanted.against(row) is None), person_of)
    for row in ours:
        if (person := person_of(row["identity"])) in persons:
            continue
        why = wanted.against(row) or (None if row["phantom_cm"] == phantom_cm else PHANTOM)
        if why is not None:
            passed_over[why] += 1
            continue
        persons.add(person)
        yield row


def _phantom(rows: Iterable[Row], person_of: Callable[[str], str]) -> int | None:
    """The phantom of most persons, the first one's where as many have another: a dose in 16 cm is about twice that in
    32 cm.
    """
    found: dict[int | None, set[str]] = defaultdict(set)
    for row in rows:
        found[row["phantom_cm"]].add(person_of(row["identity"]))
    return max(found, key=lambda cm: len(found[cm]), default=None)


def figures(rows: Sequence[Row]) -> list[Document]:
    """Of each quantity that is known of anybody in the group: of how many, and median, mean and quartiles."""
    found = []
    for quantity in QUANTITIES:
        if values := sorted(row[quantity] for row in rows if row[quantity] is not None):
            stated = {
                "median": percentile(values, 0.5),
                "mean": fsum(values) / len(values),
                "q1": percentile(values, 0.25),
                "q3": percentile(values, 0.75),
            }
            rounded = {name: float(f"{value:.{DIGITS}g}") for name, value in stated.items()}
            found.append({"quantity": quantity, "patients": len(values), **rounded})
    return found
