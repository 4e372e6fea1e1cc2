"""``audit history``: every statement about a person and all identities ever merged with them, and its effect.

Everything is read from the ledger's own events (``replayed``). The query of ``identity history`` gives corrections,
flags and statements about pairs; reassignments of studies and orders, and withdrawals of studies, are added, and each
entry says who was one person before and after.
"""

from collections.abc import Iterable
from typing import Any, Final

from domain.actors import Caller
from domain.times import iso
from krypton.auditing.asking import answering
from krypton.auditing.persons import Persons
from krypton.auditing.replayed import Past
from krypton.auditing.withheld import Withheld
from krypton.bootstrap import Krypton
from projections.identity_index import queries as identities
from schemas.event import LedgerEvent

Document = dict[str, Any]
MOVES: Final = ("study.reassigned", "dose.reassigned", "order.reassigned", "study.withdrawn")


def history(ours: Krypton, ref: str, caller: Caller, *, whole: bool = False) -> list[Document]:
    """The ``audit history`` document. ``whole``: see ``replayed``. Raises as ``answering`` does."""
    with answering(ours, caller, "audit.history", ref, whole=whole) as (past, _):
        return told(past)


def told(past: Past) -> list[Document]:
    """All entries, in ledger order; nothing of a study or an order that is withheld."""
    whose = [{"identity": one} for one in sorted(past.identities)]
    erased = past.erased(identities.subjects(past.views, sorted(past.identities)))
    said = identities.history(past.views, whose, erased)
    withheld = Withheld.of(past.identities, past.events)
    hidden = {one.study for one in withheld.kept_back if one.kind in ("study", "dose_report")}
    moves = [event for event in past.events if event.type in MOVES and _concerns(event, past.identities)]
    seen = (event for event in moves if _study_of(event) not in hidden and not withheld.keeps(event))
    moved = [_moved(event) for event in seen]
    return [_with_persons(entry, withheld.persons) for entry in sorted(said + moved, key=lambda e: e["position"])]


def _concerns(event: LedgerEvent, whose: Iterable[str]) -> bool:
    return not {event.data["identity_id"], event.data.get("to_identity_id")}.isdisjoint(whose)


def _moved(event: LedgerEvent) -> Document:
    """A study, its dose or an order that became another identity's, or a study that is not read any more."""
    data = event.data
    return {
        "position": event.position,
        "recorded_at": iso(data["recorded_at"]),
        "type": event.type,
        "actor": data["actor"],
        "reason": data.get("reason"),
        "rule": None,
        "rule_version": None,
        "identities": [one for one in (data["identity_id"], data.get("to_identity_id")) if one],
        "study": _study_of(event),
        "order": data.get("order_id"),
        "study_uid": data.get("study_uid"),
    }


def _study_of(event: LedgerEvent) -> str | None:
    """None: the event is of an order."""
    return event.aggregate_id if event.type.startswith("study.") else event.data.get("study_id")


def _with_persons(entry: Document, persons: Persons) -> Document:
    """The entry, with the persons that its identities were part of before and after it."""
    position, whom = entry["position"], entry["identities"]
    before, after = persons.before(position), persons.after(position)
    return entry | {
        "before": [list(person) for person in dict.fromkeys(before.of(one) for one in whom)],
        "after": [list(person) for person in dict.fromkeys(after.of(one) for one in whom)],
    }
