"""What speaks for and against two being one person, trait by trait in words and bits, under the model in force."""

from collections.abc import Mapping
from typing import Any

from psycopg2.extensions import connection as Connection

from domain.ins import qualified
from domain.matching.evidence import evidence
from domain.matching.model import Model, of_body
from domain.matching.pair import weighed
from domain.matching.record import Record, record
from domain.matching.weights import probability, terms
from domain.worklist import INS_REPLACED
from projections.engine.query import fetch
from projections.identity_index.identity_rows import NO_TRAITS

Document = dict[str, Any]


class Evidence:
    """Weighs pairs by the model of the live version; without a model it says nothing."""

    def __init__(self, connection: Connection) -> None:
        found = fetch(connection, "SELECT rule_version, body FROM identity_index.match_model")
        self._version: int | None = found[0]["rule_version"] if found else None
        self._model: Model | None = of_body(found[0]["body"]) if found else None

    def of(self, entry: Mapping[str, Any]) -> Document | None:
        """Of an entry of the worklist. ``weight`` is the sum of ``prior``, ``rare_names`` and the bits of ``traits``,
        the loudest of which comes first; None where one side is not known, or alone.
        """
        sides = [_record(side) for side in entry["identities"]]
        known = [side for side in sides if side is not None]
        if self._model is None or len(known) != 2:
            return None
        one, other = known
        pair = weighed(one, other, self._model)
        told = evidence(pair.found, self._model.weights, one, other)
        return {
            "rule_version": self._version,
            "weight": pair.bits,
            "probability": probability(pair.bits),
            "prior": self._model.weights.prior,
            "rare_names": terms(pair.found, one, other, self._model.family, self._model.given),
            "traits": [{"trait": trait, "words": words, "bits": bits} for trait, words, bits in told],
        }


def _record(side: Mapping[str, Any]) -> Record | None:
    if not side["traits"] or side["traits"] == NO_TRAITS:
        return None
    ins = side["ins"] or {}
    matricule = qualified(ins.get("matricule"), ins.get("oid"))
    return record(side["traits"], matricule, replaced=INS_REPLACED in (side["flags"] or ()))
