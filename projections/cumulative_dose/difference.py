"""Compares two versions of the dose view: doses newly over a level, and no longer over one.

An exposure is compared with adults' levels where it is an adult's: by the birth date first, as wherever doses are told
(``domain.dose_bands``). Of children and of whom nobody knows the age none is told here.
"""

from collections import Counter
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import closing
from itertools import islice
from typing import Any, Final

from psycopg2.extensions import connection as Connection

from domain.dose_acts import DoseActs
from domain.dose_bands import ADULT, band
from domain.rules.document import REFERENCE_LEVELS
from projections.cumulative_dose.acts import meant
from projections.cumulative_dose.over import COLUMNS, KEY, STATED, over
from projections.engine.declaration import Keep, Tell

Document = dict[str, Any]
BornOf = Callable[[Connection, Collection[str]], Mapping[str, str]]
"""Identity to the birth date by which its exposures are judged, where one is known."""
NO_ACTS: Final = DoseActs()
NEWLY, NO_LONGER = "newly_over", "no_longer_over"
TOLD: Final = ("change", *COLUMNS)
ASKED: Final = (*TOLD, *STATED, "identity")
SORTED: Final = "ORDER BY study_id, kind, act, quantity, irradiation_event_uid, change"
PAGE: Final = 10_000
OWNER: Final = """(SELECT o.identity_id::text FROM "{s}".dose_owner o
    WHERE o.study_id = {side}.study_id ORDER BY o.from_position DESC LIMIT 1)"""


def _of_nobody(_: Connection, __: Collection[str]) -> Mapping[str, str]:
    return {}


class Levels:
    """``projections.engine.declaration.Meaning`` of the cumulative dose. ``acts``: the mapping in force."""

    def __init__(self, acts: DoseActs = NO_ACTS, born_of: BornOf = _of_nobody) -> None:
        self._acts, self._born_of = acts, born_of

    def counts(self, connection: Connection, live: str, candidate: str, tell: Tell, keep: Keep) -> Document:
        """See ``Meaning``: ``doses`` newly_over and no_longer_over a level, studies and exposures together."""
        found = Counter(row["change"] for row in self._differing(connection, live, candidate, ""))
        return {"doses": {change: found[change] for change in (NEWLY, NO_LONGER)}}

    def page(
        self, connection: Connection, live: str, candidate: str, offset: int, limit: int, tell: Tell
    ) -> list[Document]:
        """See ``Meaning``: study, act and quantity of each, with the value, and the level that it is over.

        ``rule_version``: of the rule set, named by ``kind``, that has this level.
        """
        with closing(self._differing(connection, live, candidate, SORTED)) as rows:
            return [_document(row) for row in islice(rows, offset, offset + limit)]

    def _differing(
        self, connection: Connection, live: str, candidate: str, order: str
    ) -> Generator[Document, None, None]:
        """Studies, and exposures of adults, that are over a level of one version alone."""
        known = meant(connection, (live, candidate), self._acts)
        with connection.cursor("differing") as cursor:  # the server's: a new text makes as many as a region has
            cursor.execute(f"{_query(live, candidate, known)} {order}", {"meant": known})
            while rows := cursor.fetchmany(PAGE):
                page = [dict(zip(ASKED, row, strict=True)) for row in rows]
                exposures = [row for row in page if row["kind"] == REFERENCE_LEVELS]
                born = self._born_of(connection, {row["identity"] for row in exposures})
                yield from (row for row in page if row["kind"] != REFERENCE_LEVELS or _is_adults(row, born))


def _is_adults(row: Document, born: Mapping[str, str]) -> bool:
    of = band(birth_date=born.get(row["identity"]), exposed_at=row["exposed_at"], age_days=row["age_days"])
    return of.population == ADULT


def _query(live: str, candidate: str, known: str) -> str:
    matched = " AND ".join(f"l.{c} = c.{c}" for c in KEY)
    told = ", ".join(f"coalesce(l.{c}, c.{c}) AS {c}" for c in (*COLUMNS, *STATED))
    sides = (live, candidate)
    left, right = (over(schema, known) for schema in sides)
    of_live, of_candidate = (OWNER.format(s=schema, side=side) for schema, side in zip(sides, "lc", strict=True))
    return f"""SELECT CASE WHEN l.kind IS NULL THEN '{NEWLY}' ELSE '{NO_LONGER}' END AS change, {told},
        CASE coalesce(l.kind, c.kind) WHEN '{REFERENCE_LEVELS}' THEN coalesce({of_live}, {of_candidate}) END AS identity
    FROM ({left}) l FULL JOIN ({right}) c ON {matched} WHERE l.kind IS NULL OR c.kind IS NULL"""


def _document(row: Document) -> Document:
    told = {name: row[name] for name in TOLD}
    return told | {"act": row["act"] or None, "irradiation_event_uid": row["irradiation_event_uid"] or None}
