"""Says how each erasure stands: what was decided, what holds it, and what is left of the person, until when.

Read from the event store itself, so that it is right while views and Kafka are away; what rows of views wait for, from
the catalog of views. It names nobody.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from psycopg2.extensions import connection as Connection

from adapters.eventstore import histories
from domain.aggregates.erasure import Erasure
from domain.commands.care import came_since
from domain.commands.erasures import UNSEEN
from domain.times import iso, micros
from krypton.bootstrap import Krypton
from krypton.erasing import exports

Document = dict[str, Any]
WHY: Final = {
    "F2": "the record is kept again: cancel it, and request it again when retention is over",
    UNSEEN: "something came to the identity after the approval: look at it, then cancel, and request it again where it "
    "still is right",
    "I1": "the day of death that was stated cannot be: cancel it, and request it again",
}
"""Why an erasure is stopped, by the rule that did it, and what to do."""
COVERS: Final = (
    "the DICOM folder of the machine where the policies run: any other one follows within an hour while its DICOM "
    "service runs, and when it starts"
)
"""What it covers that ``instances`` is not among what is left, and so ``completed`` too."""
COVERS_EXPORTS: Final = (
    "exports with opened fields that were written on the machine where the policies run, and are there: any other "
    "machine closes its own when an audit command or erase status is run on it"
)
"""What it covers that ``exports`` is not among what is left."""


def of_identity(ours: Krypton, identity: UUID) -> list[Document]:
    """The erasure of an identity, open or not; none where nobody spoke of one."""
    found = _documents(ours, [Erasure.create_id(ours.ledger.ids, identity)], alone=True)
    return [{**one, "opened_exports": exports.asked_for(ours, str(identity))} for one in found]


def open_ones(ours: Krypton, connection: Connection) -> list[Document]:
    """Every erasure that is requested, held, or carried out and not completed."""
    found = map(UUID, histories.erasures(connection))
    return [one for one in _documents(ours, found) if one["state"] not in ("cancelled", "completed")]


def _documents(ours: Krypton, ids: Iterable[UUID], *, alone: bool = False) -> list[Document]:
    """``alone``: of one identity; of many, what came is told where it stopped the erasure."""
    exports.follow(ours)
    now, position = micros(ours.ledger.clock()), ours.ledger.recorder.max_notification_id() or 0
    held = [one for one in ours.ledger.load(list(ids)).values() if isinstance(one, Erasure)]
    waits = _waits(ours, [str(one.identity_id) for one in held if one.deadline is not None and "views" in one.left])
    return [
        {
            **_document(ours, one, now),
            "position": position,
            "came": _came(ours, one, alone=alone),
            "waits": waits.get(str(one.identity_id), []),
        }
        for one in held
    ]


def _waits(ours: Krypton, identities: Collection[str]) -> Mapping[str, list[Document]]:
    """What rows of views of these people wait for."""
    from krypton.erasing import waiting  # what compares programs takes long to load, and most have no rows left

    return waiting.why(ours, identities) if identities else {}


def _came(ours: Krypton, erasure: Erasure, *, alone: bool) -> list[str]:
    """What came to the identity since it was approved."""
    request = erasure.request
    if request is None or request.due_at is None or erasure.deadline is not None:
        return []
    if not alone and request.stopped_by != UNSEEN:
        return []
    return came_since(ours.ledger.work([]), erasure.identity_id, request.upto)


def _document(ours: Krypton, erasure: Erasure, now: int) -> Document:
    gone = "exports" in erasure.followed
    handed = exports.handed_on(ours, [str(erasure.identity_id)]) if gone else []
    return {**stands(erasure, now), "exports": handed, "exports_cover": COVERS_EXPORTS if gone else None}


def stands(erasure: Erasure, now: int) -> Document:
    """How an erasure stands. ``now``: µs since 1970, UTC."""
    request, deadline = erasure.request, erasure.deadline
    left = list(erasure.left) if deadline is not None else []
    stopped_by = request and request.stopped_by
    return {
        "identity": str(erasure.identity_id),
        "state": erasure.state,
        "ground": request and request.ground.value,
        "reference": request and request.reference,
        "requested_by": request and request.by,
        "approved_by": request and request.approved_by,
        "due_at": iso(request.due_at) if request else None,
        "stopped_by": stopped_by,
        "why": stopped_by and WHY[stopped_by],
        "holds": dict(erasure.holds),
        "left": left,
        "instances": COVERS if "instances" in erasure.followed else None,
        "deadline": iso(deadline),
        "overdue": bool(left) and deadline is not None and now > deadline,
    }
