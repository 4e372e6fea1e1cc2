"""An identity that may hold two people: its studies and orders, and what a split, or taking it back, would leave."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from domain.actors import Caller
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.queries.gate import permit
from projections.identity_index import queries as identities

if TYPE_CHECKING:
    from domain.commands.splits import Split, UndoSplit

Document = dict[str, Any]
TASK = "identity.split"


def held_to_split(ours: Krypton, caller: Caller, ref: str) -> Document:
    """The ``studies`` of one identity: ``study``, where and when it was made and came in, ``said``: the flags that came
    in with it, and the conflicts it is in; and its ``orders``: where and when, how far, and the study made of it.

    Raises as ``permit``.
    """
    from projections.identity_index.flagged import flagged_at
    from projections.patient_record.owned import orders_owned, owned

    allowed = permit(ours, caller, TASK, ref, asked=["with=studies", "with=orders"])
    with ours.snapshot() as connection:
        flagged = flagged_at(connection, allowed.identity)
        found = owned(connection, allowed.identity)
        orders = orders_owned(connection, allowed.identity)
    studies = [{**row, "said": [*flagged.get(row.pop("received"), ()), *row.pop("conflicts")]} for row in found]
    return {"identity": allowed.identity, "studies": studies, "orders": orders}


def preview_of_split(ours: Krypton, caller: Caller, command: "Split") -> Document:
    """``result``: what the command would answer; ``now`` and ``then``: the identity, and the two, with how much each
    holds. Raises what the command is refused with, and as ``permit``.
    """
    from projections.patient_record.counted import counted
    from projections.patient_record.owned import moved

    result = _foreseen(ours, caller, command)
    mixed = str(command.identity)
    permit(ours, caller, TASK, mixed, asked=["with=preview"])
    with ours.snapshot() as connection:
        (row,) = identities.numbers(connection, [mixed], ours.vault.destroyed([mixed]))
        before = counted(connection, [mixed])[mixed]
        gone = moved(connection, mixed, result)
    new = {"identity": result["other"], "assigner": row["assigner"], "local_id": "a new one under the number"}
    then = [_alone(row, _less(before, gone)), _alone(new, gone)]
    return {"result": result, "differing": [], "now": [_alone(row, before)], "then": then}


def preview_of_undo(ours: Krypton, caller: Caller, command: "UndoSplit") -> Document:
    """The same of taking a split back: ``now`` the two, ``then`` the first one, and the other where it keeps something.

    Raises what the command is refused with, and as ``permit``.
    """
    from projections.patient_record.counted import counted
    from projections.patient_record.owned import moved

    result = _foreseen(ours, caller, command)
    sides = result["identity"], result["other"]
    permit(ours, caller, TASK, *sides, asked=["with=preview"])
    with ours.snapshot() as connection:
        known = identities.numbers(connection, sides, ours.vault.destroyed(sides))
        before = counted(connection, sides)
        back = moved(connection, result["other"], result)
    unread = {side: {"identity": side, "assigner": None, "local_id": None} for side in sides}
    rows = unread | {row["identity"]: row for row in known}
    mixed, other = (rows[side] for side in sides)
    now = [_alone(rows[side], before[side]) for side in sides]
    then = [_alone(mixed, {name: before[sides[0]][name] + more for name, more in back.items()})]
    if result["keeps"]:
        then.append(_alone(other, _less(before[sides[1]], back)))
    return {"result": result, "differing": [], "now": now, "then": then}


def _foreseen(ours: Krypton, caller: Caller, command: "Split | UndoSplit") -> Mapping[str, Any]:
    return ours.ledger.work([command]).decide(command, Envelope(caller.actor)).result


def _less(before: Mapping[str, int], gone: Mapping[str, int]) -> dict[str, int]:
    return {name: count - gone[name] for name, count in before.items()}


def _alone(row: Document, counts: Mapping[str, int]) -> Document:
    return {"identities": [{**row, **counts}], "total": dict(counts)}
