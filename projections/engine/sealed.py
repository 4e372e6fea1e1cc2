"""Declares which columns hold text sealed under a person's key, so that readers mask it after an erasure.

A live row keeps the decrypted text until it is rebuilt. Readers mask it once the key is destroyed, and so must a
comparison of two versions: the version built before the erasure still has the text, the later one could never read it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import MetaData, Table

from schemas.event import ERASED

SEAL, OWNED = "sealed_for", "owned"


class Seal(NamedTuple):
    """``subjects``: the columns that name the identities under whose keys, all of them, a column was sealed.

    ``alone``: sealed by itself, so that it reads ``[erased]`` later. Else it was sealed together with others, nothing
    tells which of them there were, and it reads null. ``clear_where``: a column and its value; what rows with it hold
    no event sealed.
    """

    subjects: tuple[str, ...]
    alone: bool = True
    clear_where: tuple[str, str] | None = None


def sealed_for(*subjects: str, clear_where: tuple[str, str] | None = None) -> dict[str, Seal]:
    """``Column(info=…)`` of a column that an event seals by itself."""
    return {SEAL: Seal(subjects, clear_where=clear_where)}


def sealed_with_others(*subjects: str) -> dict[str, Seal]:
    """``Column(info=…)`` of one that an event seals together with others."""
    return {SEAL: Seal(subjects, alone=False)}


def shows(owned: str) -> dict[str, str]:
    """``Table(info=…)`` of rows that show the study of whoever has it now, under whosever key its texts are sealed.

    ``owned``: SQL of the ids of studies that are the erased ones' now; ``{schema}`` is the version's.
    """
    return {OWNED: owned}


def owned_by_erased(table: Table, schema: str) -> str:
    """The SQL of whether row ``t`` shows a study that is an erased person's now; empty: no row shows another's."""
    owned = table.info.get(OWNED)
    return f't."study_id" IN ({owned.format(schema=schema)})' if owned else ""


def sealed_columns(tables: MetaData) -> dict[str, dict[str, Seal]]:
    """Table to its sealed columns."""
    return {
        table.name: {c.name: c.info[SEAL] for c in table.columns if SEAL in c.info} for table in tables.sorted_tables
    }


def shown(column: str, sealed: Mapping[str, Seal], owned: str = "") -> str:
    """The SQL of column ``t`` as readers see it; ``%(erased)s`` is the list of erased identities.

    ``owned``: as ``owned_by_erased`` has it.
    """
    if (seal := sealed.get(column)) is None:
        return f't."{column}"'
    sealed_under = (f't."{subject}" = ANY(%(erased)s::uuid[])' for subject in seal.subjects)
    gone = " OR ".join(filter(None, (*sealed_under, owned)))
    if seal.clear_where:
        gone = f"({gone}) AND t.\"{seal.clear_where[0]}\" <> '{seal.clear_where[1]}'"
    if not seal.alone:
        return f'CASE WHEN {gone} THEN NULL ELSE t."{column}" END'
    return f"""CASE WHEN ({gone}) AND t."{column}" IS NOT NULL
        THEN '{ERASED}' ELSE t."{column}" END"""
