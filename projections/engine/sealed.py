"""Which columns hold what was sealed under a person's key: a live row keeps what it opened, until it is rebuilt.

Readers mask it once the key is destroyed (``reading``), and a comparison of two versions must too: the one that was
built before an erasure still holds the text, the other was never able to read it.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import MetaData

from schemas.event import ERASED

SUBJECT = "sealed_for"


def sealed_for(*subjects: str) -> dict[str, tuple[str, ...]]:
    """``Column(info=…)``: the columns that name the identities under whose keys, all of them, this one was sealed."""
    return {SUBJECT: subjects}


def sealed_columns(tables: MetaData) -> dict[str, dict[str, tuple[str, ...]]]:
    """Table to its sealed columns, each to the columns that name its subjects."""
    return {
        table.name: {c.name: c.info[SUBJECT] for c in table.columns if SUBJECT in c.info}
        for table in tables.sorted_tables
    }


def shown(column: str, sealed: Mapping[str, Sequence[str]]) -> str:
    """The SQL of a column of ``t`` as a reader sees it: ``%(erased)s`` are the identities whose key is destroyed."""
    if (subjects := sealed.get(column)) is None:
        return f't."{column}"'
    gone = " OR ".join(f't."{subject}" = ANY(%(erased)s::uuid[])' for subject in subjects)
    return f"""CASE WHEN ({gone}) AND t."{column}" IS NOT NULL
        THEN '{ERASED}' ELSE t."{column}" END"""
