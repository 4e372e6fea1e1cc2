"""``audit history``: what was said of a person and of all who ever were one with them, and what it changed.

Everything is read from the ledger's own events (``replayed``); corrections, flags and statements about pairs are told
by the query that ``identity history`` asks, reassignments and withdrawals of studies are added, and each entry says who
was one person before it and after.
"""

from collections.abc import Iterable
from typing import Any, Final

from domain.times import iso
from krypton.auditing.asking import Auditor, recorded
from krypton.auditing.persons import Persons
from krypton.auditing.replayed import Past, replayed
from krypton.bootstrap import Krypton
from projections.identity_index import queries as identities
from schemas.event import LedgerEvent

Document = dict[str, Any]
MOVES: Final = ("study.reassigned", "dose.reassigned", "study.withdrawn")


def history(ours: Krypton, ref: str, auditor: Auditor, *, whole: bool = False) -> list[Document]:
    """The ``audit history`` document. ``whole``: see ``replayed``. Raises NotFound, ReasonMissing (X3)."""
    identity = str(ours.resolve(ref))
    with replayed(ours, [identity], whole=whole) as past:
        recorded(ours, auditor, "history", identity, past.identities)
        return told(past)


def told(past: Past) -> list[Document]:
    """All entries, in ledger order."""
    whose = [{"identity": one} for one in sorted(past.identities)]
    erased = past.erased(identities.subjects(past.views, sorted(past.identities)))
    said = identities.history(past.views, whose, erased)
    moved = [_moved(event) for event in past.events if event.type in MOVES and _concerns(event, past.identities)]
    persons = Persons.of(past.identities, past.events)
    return [_with_persons(entry, persons) for entry in sorted(said + moved, key=lambda entry: entry["position"])]


def _concerns(event: LedgerEvent, whose: Iterable[str]) -> bool:
    return not {event.data["identity_id"], event.data.get("to_identity_id")}.isdisjoint(whose)


def _moved(event: LedgerEvent) -> Document:
    """A study or its dose that became another identity's, or a study that is not read any more."""
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
        "study": data.get("study_id", event.aggregate_id),
        "study_uid": data.get("study_uid"),
    }


def _with_persons(entry: Document, persons: Persons) -> Document:
    """The entry, with the persons that its identities were part of before and after it."""
    position, whom = entry["position"], entry["identities"]
    before, after = persons.before(position), persons.after(position)
    return entry | {
        "before": [list(person) for person in dict.fromkeys(before.of(one) for one in whom)],
        "after": [list(person) for person in dict.fromkeys(after.of(one) for one in whom)],
    }
