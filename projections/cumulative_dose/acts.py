"""Of which acts the exposures of two versions are, by the mapping in force: what ``over`` compares levels by.

Exposures are told apart by what an act may be known by (``domain.dose_acts.Marks``). A region has few such sets and
many exposures, so PostgreSQL finds the distinct ones, and each is judged once.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from psycopg2.extensions import connection as Connection

from domain.dose_acts import DoseActs, Marks, compared_as
from domain.dose_words import SIDES_ADDED
from domain.rules.document import REFERENCE_LEVELS
from projections.engine.query import fetch

NONE: Final = "[]"
MARKS: Final = f"""jsonb_build_array(r.site, e.modality, e.protocol, r.procedure->>'code', r.procedure_code,
    e.target_region, e.target_region_code, e.acquisition, e.acquisition_code, e.radiopharmaceutical,
    coalesce(e.not_understood ? '{SIDES_ADDED}', false))::text"""
"""SQL for the marks of an exposure ``e`` of a report ``r``, as one text."""
HAS_LEVELS: Final = f"""SELECT FROM "{{s}}".level WHERE kind = '{REFERENCE_LEVELS}' LIMIT 1"""
DISTINCT: Final = f"""
SELECT DISTINCT {MARKS} AS marks FROM "{{s}}".exposure e JOIN "{{s}}".report r USING (study_id, report_uid)
"""


def meant(connection: Connection, schemas: Sequence[str], acts: DoseActs) -> str:
    """JSON: each distinct set of marks of the versions with its act, where it is of one; and the modality whose levels
    hold for it. None are looked for where no version has reference levels.
    """
    if not any(fetch(connection, HAS_LEVELS.format(s=schema)) for schema in schemas):
        return NONE
    query = " UNION ".join(DISTINCT.format(s=schema) for schema in schemas)
    told = [row["marks"] for row in fetch(connection, query)]
    return json.dumps([*_judged(told, acts)])


def _judged(told: Sequence[str], acts: DoseActs) -> Iterator[dict[str, str | None]]:
    for text in told:
        site, modality, protocol, reported, of_header, *others = json.loads(text)
        procedures = tuple(code for code in dict.fromkeys((reported, of_header)) if code)
        act = acts.judge(Marks(site, modality, protocol, procedures, *others)).act
        if act is not None:
            yield {"marks": text, "act": act, "modality": compared_as(modality)}
