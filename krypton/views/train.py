"""Learns what the agreement of two identities is worth from the ledger's own identities: ``rules train-matching``.

No truth is needed (``domain.matching.learning``). What comes out is numbers, and names that many people have: nothing
tells of a person. Ids are made with the region's secret, so the first of them are a sample drawn at random.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from psycopg2.extensions import connection as Connection

from domain.errors import NotFound
from domain.ins import qualified
from domain.matching.limits import Placeless
from domain.matching.model import Model, body
from domain.matching.record import Record, record
from domain.matching.sampling import learned
from projections.identity_index.identity_rows import NO_TRAITS
from projections.identity_index.neighbourhood import REPLACED

LEAST: Final = 1_000
"""Identities that anything can be learned from."""
PAGE: Final = 5_000
DIGITS: Final = 6
TOLD: Final = f"""SELECT traits, ins, ins_oid, {REPLACED} FROM identity_index.identity i
WHERE NOT erased ORDER BY identity_id LIMIT %s"""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """``sample``: identities to learn from, at most; ``placeless``: when a birth place may be missing."""

    version: int
    in_force_from: str
    sample: int
    placeless: Placeless


@dataclass(frozen=True)
class Learned:
    """A rule document, and what it was learned from."""

    document: dict[str, Any]
    model: Model
    identities: int

    def text(self) -> str:
        """The rule file, as JSON."""
        return json.dumps(self.document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def train(connection: Connection, wanted: Wanted, advance: Callable[[int], None] = lambda _: None) -> Learned:
    """Learn from the live index. ``connection``: a snapshot of the views. Raises NotFound: too few identities."""
    records = _records(connection, wanted.sample, advance)
    if len(records) < LEAST:
        raise NotFound(f"the index shows {len(records)} identities: weights are learned from {LEAST} and more")
    model = learned(records)
    model = replace(model, limits=replace(model.limits, placeless=wanted.placeless))
    told = {
        "kind": "matching",
        "version": wanted.version,
        "in_force_from": wanted.in_force_from,
        "title": f"Weights learned from {len(records)} identities",
        "body": {"model": _rounded(body(model))},
    }
    return Learned(told, model, len(records))


def _records(connection: Connection, sample: int, advance: Callable[[int], None]) -> list[Record]:
    found: list[Record] = []
    with connection.cursor("identities") as cursor:
        cursor.itersize = PAGE
        cursor.execute(TOLD, (sample,))
        for traits, ins, oid, replaced in cursor:
            if traits and traits != NO_TRAITS:
                found.append(record(traits, qualified(ins, oid), replaced=replaced))
            advance(1)
    return found


def _rounded(value: Any) -> Any:
    """Numbers of six digits: more say nothing, and are not the same on every machine."""
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
