"""Declares which columns hold text sealed under a person's key, so that readers mask it after an erasure.

A live row keeps the decrypted text until it is rebuilt. Readers mask it once the key is destroyed, and so must a
comparison of two versions: the version built before the erasure still has the text, the later one could never read it.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import MetaData

from schemas.event import ERASED

SUBJECT = "sealed_for"


def sealed_for(*subjects: str) -> dict[str, tuple[str, ...]]:
    """``Column(info=…)``: the columns that name the identities under whose keys, all of them, this one was sealed."""
    return {SUBJECT: subjects}


def sealed_columns(tables: MetaData) -> dict[str, dict[str, tuple[str, ...]]]:
    """Table to its sealed columns, each with the columns that name its subjects."""
    return {
        table.name: {c.name: c.info[SUBJECT] for c in table.columns if SUBJECT in c.info}
        for table in tables.sorted_tables
    }


def shown(column: str, sealed: Mapping[str, Sequence[str]]) -> str:
    """The SQL of column ``t`` as readers see it; ``%(erased)s`` is the list of erased identities."""
    if (subjects := sealed.get(column)) is None:
        return f't."{column}"'
    gone = " OR ".join(f't."{subject}" = ANY(%(erased)s::uuid[])' for subject in subjects)
    return f"""CASE WHEN ({gone}) AND t."{column}" IS NOT NULL
        THEN '{ERASED}' ELSE t."{column}" END"""
