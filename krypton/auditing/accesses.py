"""``audit accesses``: requests for a person's record, their decisions, what they made visible, and who read it.

``shown`` lists what was in the person's record between the opening and the end of an access, whoever belonged to the
person meanwhile, without what the consent excludes; what is withheld from the auditor is counted there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.actors import Caller, Role, actor
from domain.aggregates.establishment import site_code
from domain.times import iso, micros
from krypton.auditing.asking import answering
from krypton.auditing.holdings import Holding, shown
from krypton.auditing.persons import FOREVER, Persons
from krypton.auditing.replayed import Past
from krypton.auditing.withheld import Withheld
from krypton.bootstrap import Krypton
from projections.access_history import queries
from schemas.event import LedgerEvent

Document = dict[str, Any]
OPENED: Final = ("access.granted", "access.emergency_opened")
LISTED: Final = {"study": "studies", "report": "reports", "dose_report": "dose_reports", "order": "orders",
                 "reading": "readings"}  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """Which accesses to list. ``by``: ``rpps:…`` or the number; times with their zone, ``until`` exclusive.

    An access counts if it was opened from ``since`` on, or earlier and still open then; a reading by when it was asked
    for. ``looks``: also list who read, and who was refused.
    """

    by: str | None = None
    site: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    emergency: bool | None = None
    looks: bool = True

    def refuse_words(self) -> None:
        """Limits are recorded in clear, so the person must be an id and the place a code. Raises BadActor (W1), BadSite
        (E1).
        """
        if self.by is not None:
            actor(f"rpps:{self.by}" if self.by.isdecimal() else self.by)
        if self.site is not None:
            site_code(self.site)

    def words(self) -> list[str]:
        """The limits as recorded with the question."""
        said = {"by": self.by, "site": self.site, "emergency": self.emergency} | {
            name: None if moment is None else iso(micros(moment))
            for name, moment in (("from", self.since), ("to", self.until))
        }
        return [f"{name}={value}" for name, value in said.items() if value is not None]

    def named(self) -> dict[str, Any]:
        """The limits as parameters of the queries."""
        return {name: getattr(self, name) for name in ("by", "site", "since", "until", "emergency")}


def accesses(ours: Krypton, ref: str, caller: Caller, limits: Limits, *, whole: bool = False) -> list[Document]:
    """The ``audit accesses`` document. ``whole``: see ``replayed``. Raises BadActor (W1), BadSite (E1), and as
    ``answering`` does."""
    limits.refuse_words()
    said = limits.words()
    with answering(ours, caller, "audit.accesses", ref, accesses=True, whole=whole, limits=lambda _: said) as (past, _):
        found = told(past, past.asked[0], limits)
        if caller.role is not Role.PATIENT:
            return found
        members = [member["identity"] for member in past.members(past.asked[0])]
        return [own(one, members) for one in found]


def own(one: Document, members: Sequence[str]) -> Document:
    """For a patient: a request or reading without the other people it was about, what it showed of them, and its reason
    then.
    """
    named = {one["identity"], one.get("other")} - {None}
    of_others = {name: None for name in ("identity", "other", "reason", "note", "review_note") if name in one}
    mine: Document = {"members": [member for member in one["members"] if member in members]}
    if one.get("stated_by") not in members and "stated_by" in one:
        mine |= {"stated_by": None, "statement": None}
    if one.get("shown"):
        held = one["shown"].items()
        mine["shown"] = {kind: [item for item in items if item["identity"] in members] for kind, items in held}
    return one | mine | ({} if named <= {*members} else of_others)


def told(past: Past, identity: str, limits: Limits) -> list[Document]:
    """All of them, in ledger order."""
    members = [member["identity"] for member in past.members(identity)]
    erased = past.erased(queries.subjects(past.views, members))
    asked = queries.accesses(past.views, members, erased=erased, **limits.named())
    looks = queries.viewings(past.views, members, erased=erased, **limits.named()) if limits.looks else []
    opened, withheld = openings(past), Withheld.of(past.identities, past.events)
    found = [one | _shown(opened.get(one["access"]), withheld) for one in asked]
    return sorted([*found, *looks], key=lambda one: one["position"])


@dataclass(frozen=True)
class Opening:
    """An access that was opened, and its end (µs since 1970, UTC): when it was closed, or runs out."""

    event: LedgerEvent
    start: int
    end: int

    @property
    def identity(self) -> str:
        """For whom it was asked."""
        return str(self.event.data["identity_id"])


def openings(past: Past) -> dict[str, Opening]:
    """Every access that opened the record, by id."""
    closed = {e.aggregate_id: e.data["recorded_at"] for e in past.events if e.type == "access.emergency_closed"}
    return {
        event.aggregate_id: Opening(
            event,
            event.data["recorded_at"],
            min(event.data["expires_at"], closed.get(event.aggregate_id, FOREVER)),
        )
        for event in past.events
        if event.type in OPENED
    }


def open_to(opening: Opening, persons: Persons, held: Sequence[Holding]) -> Mapping[tuple[str, str], Document]:
    """Everything visible while the access lasted, across all changes of who belonged to the person."""
    seen: dict[tuple[str, str], Document] = {}
    for start, end, step in persons.spans(opening.start, opening.end):
        person = step.of(opening.identity)
        seen = {**shown(held, person, start, end, opening.event.data.get("exclusions", ())), **seen}
    return seen


def _shown(opening: Opening | None, withheld: Withheld) -> Document:
    if opening is None:
        return {"shown": None}
    listed: Document = {name: [] for name in LISTED.values()}
    for one in open_to(opening, withheld.persons, withheld.shown).values():
        listed[LISTED[one.pop("kind")]].append(one)
    return {
        "shown": listed,
        "withheld": len(open_to(opening, withheld.persons, [*withheld.kept_back, *withheld.grown_late])),
    }
