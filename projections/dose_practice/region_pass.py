"""The comparison with the region: figures of all establishments together, made by PostgreSQL in one pass.

The rows of a year are copied once to a temporary table, each irradiation event once. Whoever asks says of each distinct
set of what exposures are grouped by which group it is of, and PostgreSQL sorts the values of each group, on disk where
they are many: neither it nor the caller holds more than a page of rows at a time. Each statement stands by itself, so
that a promotion of a view waits for none but the first.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from domain.dose_alerts import QUANTITIES
from domain.dose_region import is_told
from postgres.session import Session, connect
from projections.dose_practice.region import COUNTS, MADE, NAMED, QUARTILES, Group
from projections.dose_practice.values import VALUES

PAGE: Final = 10_000
SETTINGS: Final = {"work_mem": "64MB", "jit": "off", "cursor_tuple_fraction": "1"}
"""A cursor is read to its end: the plan that is quickest for all of its rows."""
TRY: Final = "SELECT pg_try_advisory_lock(hashtext('krypton dose region'))"
WAIT: Final = "SELECT pg_advisory_lock(hashtext('krypton dose region'))"
LAST: Final = """
SELECT max(day) FROM dose_practice.exposure WHERE counts AND marks IS NOT NULL AND day <= %(today)s
"""
ALIKE: Final = ("site", "marks", "population", "weight", "weight_kg", "phantom_cm")
"""What exposures are grouped by; the weight is none of an adult's. Unknown is empty, or ``NONE``, so that rows meet."""
ADULTS_BORN: Final = "to_char(left(day, 4)::int - 19, 'FM0000')"
"""The last year of birth of those who were adults for sure in the year of the day, as ``domain.dose_bands`` has it."""
NONE: Final = -1
COPIED: Final = f"""
CREATE TEMPORARY TABLE practised AS
SELECT DISTINCT ON (irradiation_event_uid) irradiation_event_uid AS uid, exposure.identity_id,
       coalesce(node.person_id, exposure.identity_id) AS person, site, day, marks,
       coalesce(population, '') AS population, coalesce(weight, '') AS weight,
       coalesce(CASE WHEN population IS DISTINCT FROM 'adult' THEN weight_kg END, {NONE}) AS weight_kg,
       weight_kg AS stated_kg, coalesce(phantom_cm, {NONE}) AS phantom_cm, {VALUES}
FROM dose_practice.exposure LEFT JOIN identity_index.node USING (identity_id)
WHERE counts AND marks IS NOT NULL AND day BETWEEN %(since)s AND %(until)s
ORDER BY irradiation_event_uid, study_id, report_uid
"""
COUNTED: Final = """
SELECT count(*), count(DISTINCT person), count(DISTINCT site), now() FROM practised
"""
BORN: Final = f"""
SELECT uid, practised.identity_id::text AS identity, day,
       nullif(population, '') AS population, nullif(practised.weight, '') AS weight, stated_kg
FROM practised LEFT JOIN identity_index.identity USING (identity_id)
WHERE population <> 'adult' OR coalesce(traits->>'birth_date', '9999') > {ADULTS_BORN} || '-12-31'
"""
"""Exposures of which the birth date may say another population than their reports."""
AGED: Final = "CREATE TEMPORARY TABLE aged (uid text, population text, weight text, weight_kg float8)"
OF_AGE: Final = """
UPDATE practised SET population = aged.population, weight = aged.weight, weight_kg = aged.weight_kg
FROM aged WHERE practised.uid = aged.uid
"""
KINDS: Final = f"""
SELECT {", ".join(ALIKE)}, {", ".join(f"bool_or({q} IS NOT NULL) AS {q}" for q in QUANTITIES)}
FROM practised GROUP BY {", ".join(ALIKE)}
"""
PLACES: Final = """
CREATE TEMPORARY TABLE place (site text, marks text, population text, weight text, weight_kg float8, phantom_cm int,
    quantity text, number int)
"""
VALUED: Final = f"""
CREATE TEMPORARY TABLE valued AS
SELECT number, site, person, told.value FROM practised
CROSS JOIN LATERAL (VALUES {", ".join(f"('{q}', {q})" for q in QUANTITIES)}) AS told (quantity, value)
JOIN place USING ({", ".join(ALIKE)}, quantity) WHERE told.value IS NOT NULL
"""
FIGURES: Final = """
SELECT number, count(*), count(DISTINCT person), percentile_cont(ARRAY[.25, .5, .75]) WITHIN GROUP (ORDER BY value)
FROM valued GROUP BY number
"""
SITES: Final = """
SELECT number, count(*), max(given)
FROM (SELECT number, site, count(*) AS given FROM valued GROUP BY number, site) AS by_site GROUP BY number
"""
OWN: Final = """
SELECT number, max(own) FROM (
    SELECT number, site, count(*) AS own FROM (
        SELECT number, min(site) AS site FROM valued GROUP BY number, person HAVING min(site) = max(site)) AS at_one
    GROUP BY number, site) AS by_site GROUP BY number
"""
"""The most persons who got such exposures at one establishment and at no other: without it, so many are left out."""
STEPS: Final = 7


class Kind(NamedTuple):
    """What exposures are grouped by, as ``ALIKE`` has it, and of which quantities they have values."""

    site: str
    marks: str
    population: str | None
    weight: str | None
    weight_kg: float | None
    phantom_cm: int | None
    quantities: Sequence[str]


class Stated(NamedTuple):
    """An exposure of which the birth date may say another population: what its report states."""

    uid: str
    identity: str
    day: str
    population: str | None
    weight: str | None
    weight_kg: float | None


Aged = tuple[str, str | None, str | None, float | None]
"""UID of an exposure, its population, band of weight, and weight."""


@dataclass(frozen=True)
class By:
    """By what it is made: the live version of the view, versions of the mapping and of the levels."""

    view_version: int
    acts: int
    levels: int


class Judge(NamedTuple):
    """``aged``: of which population such exposures are; ``group``: of which group a quantity of a kind is,
    None where that is of no act.
    """

    aged: Callable[[Connection, Sequence[Stated]], Sequence[Aged]]
    group: Callable[[Kind, str], Group | None]


class Pass:
    """One pass. Close it: its temporary tables go with its session. ``held``: no other one is under way."""

    def __init__(self, database: str, *, wait: bool) -> None:
        """``wait``: for another one to end."""
        self.connection: Session = connect(database, "comparison with the region", autocommit=True, settings=SETTINGS)
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(WAIT if wait else TRY)
                self.held = wait or cursor.fetchall() == [(True,)]
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> None:
        """End it."""
        self.connection.close()

    def last_day(self, today: str) -> str | None:
        """The last day of which an exposure is known; None: of none."""
        with self.connection.cursor() as cursor:
            cursor.execute(LAST, {"today": today})
            ((day,),) = cursor.fetchall()
        return None if day is None else str(day)

    def make(self, by: By, since: str, until: str, judge: Judge, step: Callable[[int], None]) -> None:
        """Read the exposures of these days, and put their figures in the place of the former ones, at once.

        ``step``: told how many of ``STEPS`` are done.
        """
        with self.connection.cursor() as cursor:
            cursor.execute(COPIED, {"since": since, "until": until})
            step(1)
            cursor.execute(COUNTED)
            (counts,) = cursor.fetchall()
            step(2)
            self._age(cursor, judge)
            step(3)
            groups = _placed(self.connection, cursor, judge)
            step(4)
            cursor.execute(VALUED)
            step(5)
            rows = list(_figures(cursor, groups))
            step(6)
        made = dict(zip((*COUNTS, "made_at"), counts, strict=True))
        self._write(by, {**made, "since": since, "until": until}, rows)
        step(STEPS)

    def _age(self, cursor: Cursor, judge: Judge) -> None:
        """Give them the population by their birth date, where that is known; else as reports state it."""
        cursor.execute(AGED)
        for page in _pages(self.connection, BORN):
            found = judge.aged(self.connection, [Stated(*row) for row in page])
            rows = [
                (uid, population or "", weight or "", NONE if weight_kg is None else weight_kg)
                for uid, population, weight, weight_kg in found
            ]
            execute_values(cursor, "INSERT INTO aged VALUES %s", rows, page_size=PAGE)
        cursor.execute("ANALYZE aged")
        cursor.execute(OF_AGE)

    def _write(self, by: By, made: Mapping[str, Any], rows: Sequence[tuple[Any, ...]]) -> None:
        row = {**vars(by), **made}
        columns, figure = ", ".join(MADE), ", ".join(("number", *NAMED, *COUNTS, *QUARTILES))
        self.connection.autocommit = False
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute("DELETE FROM dose_region.made")
            cursor.execute("DELETE FROM dose_region.figure")
            given = ", ".join(f"%({name})s" for name in MADE)
            cursor.execute(f"INSERT INTO dose_region.made (single, {columns}) VALUES (true, {given})", row)
            execute_values(cursor, f"INSERT INTO dose_region.figure ({figure}) VALUES %s", rows)


def _pages(connection: Connection, query: str) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a query, a page at a time: PostgreSQL keeps them, and holds no table meanwhile."""
    with connection.cursor("pages", withhold=True) as cursor:
        cursor.execute(query)
        while page := cursor.fetchmany(PAGE):
            yield page


def _placed(connection: Connection, cursor: Cursor, judge: Judge) -> Sequence[Group]:
    """The groups by number, after each kind of exposure has its place in one."""
    numbers: dict[Group, int] = {}
    cursor.execute("ANALYZE practised")
    cursor.execute(PLACES)
    for page in _pages(connection, KINDS):
        places = []
        for site, marks, population, weight, weight_kg, phantom_cm, *has in page:
            quantities = [quantity for quantity, there in zip(QUANTITIES, has, strict=True) if there]
            unknown = (None if weight_kg == NONE else weight_kg, None if phantom_cm == NONE else phantom_cm)
            kind = Kind(site, marks, population or None, weight or None, *unknown, quantities)
            for quantity in quantities:
                if (group := judge.group(kind, quantity)) is not None:
                    number = numbers.setdefault(group, len(numbers))
                    places.append((site, marks, population, weight, weight_kg, phantom_cm, quantity, number))
        execute_values(cursor, "INSERT INTO place VALUES %s", places, page_size=PAGE)
    cursor.execute("ANALYZE place")
    return list(numbers)


def _figures(cursor: Cursor, groups: Sequence[Group]) -> Iterator[tuple[Any, ...]]:
    """The rows of the figures: without quartiles where these are not told."""
    cursor.execute("ANALYZE valued")
    cursor.execute(SITES)
    sites = {number: (count, most) for number, count, most in cursor.fetchall()}
    cursor.execute(OWN)
    own: dict[int, int] = dict(cursor.fetchall())
    cursor.execute(FIGURES)
    for number, exposures, persons, quartiles in cursor.fetchall():
        count, most = sites[number]
        others = persons - own.get(number, 0)
        told = quartiles if is_told(count, others, most / exposures) else (None,) * len(QUARTILES)
        yield (number, *groups[number], exposures, persons, count, *told)
