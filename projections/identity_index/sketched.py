"""What two sketches say of each other, in SQL: the same as ``domain.matching.sketches.contradictions``."""

from typing import Final

from domain.matching.keys import MAY
from domain.matching.sketches import DAY, DISTRICT, FAMILY, GIVEN, MONTH, SEX, YEAR, Field


def _of(field: Field, side: str) -> str:
    return f"(({side}.sketch >> {field.at}) & {(1 << field.bits) - 1})"


def _differ(field: Field) -> str:
    one, other = _of(field, "c"), _of(field, "asked")
    return f"({one} <> 0 AND {other} <> 0 AND {one} <> {other})"


def _two_dates() -> str:
    (y, m, d), (year, month, day) = ([_of(field, side) for field in (YEAR, MONTH, DAY)] for side in ("c", "asked"))
    swapped = f"{y} %% 10 * 10 + {y} / 10 %% 10 = {year} %% 100"
    alike = f"({y} / 10 = {year} / 10 OR {y} %% 10 = {year} %% 10 OR {swapped})"
    return f"""({y} <> 0 AND {year} <> 0 AND CASE
        WHEN {d} = 0 OR {day} = 0 THEN {y} <> {year}
        WHEN {y} <> {year} THEN {m} <> {month} OR {d} <> {day} OR NOT {alike}
        ELSE {m} <> {month} AND {d} <> {day} AND ({m} <> {day} OR {d} <> {month}) END)"""


def _no_initial_in_common() -> str:
    ours, theirs = ([_of(field, side) for field in (FAMILY, GIVEN)] for side in ("c", "asked"))
    known = " AND ".join(f"{each} <> 0" for each in (*ours, *theirs))
    return f"({known} AND {ours[0]} NOT IN ({', '.join(theirs)}) AND {ours[1]} NOT IN ({', '.join(theirs)}))"


_EACH: Final = (_differ(SEX), _differ(DISTRICT), _two_dates(), _no_initial_in_common())
CONTRADICTIONS: Final = " + ".join(f"{each}::int" for each in _EACH)
"""Of the rows ``c`` and ``asked``, which have a ``sketch`` each; percent signs are those of a query with parameters."""
MAY_BE_ONE: Final = f"{CONTRADICTIONS} <= (asked.key & {MAY})"
"""Whether two who share ``asked.key`` contradict each other in no more than it allows."""
