"""An identity that may hold two people: its studies, which of them said otherwise, and what a split would leave."""

from typing import TYPE_CHECKING, Any

from domain.actors import Caller
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.queries.gate import permit
from projections.identity_index import queries as identities

if TYPE_CHECKING:
    from domain.commands.splits import Split

Document = dict[str, Any]
TASK = "identity.split"


def studies_to_split(ours: Krypton, caller: Caller, ref: str) -> Document:
    """The studies of one identity: ``study``, where and when it was made and came in, ``said``: the flags that came in
    with it, and the conflicts it is in. Raises as ``permit``.
    """
    from projections.identity_index.flagged import flagged_at
    from projections.patient_record.owned import owned

    allowed = permit(ours, caller, TASK, ref, asked=["with=studies"])
    with ours.snapshot() as connection:
        flagged = flagged_at(connection, allowed.identity)
        found = owned(connection, allowed.identity)
    studies = [{**row, "said": [*flagged.get(row.pop("received"), ()), *row.pop("conflicts")]} for row in found]
    return {"identity": allowed.identity, "studies": studies}


def preview_of_split(ours: Krypton, caller: Caller, command: "Split") -> Document:
    """``result``: what the command would answer; ``now`` and ``then``: the identity, and the two, with how much each
    holds. Raises what the command is refused with, and as ``permit``.
    """
    from projections.patient_record.counted import COUNTED, counted
    from projections.patient_record.owned import moved, owned

    result = ours.ledger.work([command]).decide(command, Envelope(caller.actor)).result
    mixed = str(command.identity)
    permit(ours, caller, TASK, mixed, asked=["with=preview"])
    with ours.snapshot() as connection:
        (row,) = identities.numbers(connection, [mixed], ours.vault.destroyed([mixed]))
        before = counted(connection, [mixed])[mixed]
        gone = moved(owned(connection, mixed), result["studies"])
    left = {name: before[name] - gone[name] for name in COUNTED}
    new = {"identity": result["other"], "assigner": row["assigner"], "local_id": "a new one under the number"}
    then = [_alone(row, left), _alone(new, gone)]
    return {"result": result, "differing": [], "now": [_alone(row, before)], "then": then}


def _alone(row: Document, counts: dict[str, int]) -> Document:
    return {"identities": [{**row, **counts}], "total": dict(counts)}
