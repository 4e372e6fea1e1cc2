"""``audit accesses``: who asked to see a person's record, what was decided and on which ground, and what lay open.

The ledger records decisions, not screens: ``shown`` lists what was in the record of the person between the opening of
an access and its end, whoever that person was held to be meanwhile, without what the consent leaves out. Auditors' own
questions are listed too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.actors import actor
from domain.aggregates.establishment import site_code
from domain.times import iso, micros
from krypton.auditing.asking import Auditor, recorded
from krypton.auditing.holdings import Holding, holdings, shown
from krypton.auditing.persons import FOREVER, Persons
from krypton.auditing.replayed import Past, replayed
from krypton.bootstrap import Krypton
from projections.access_history import queries
from schemas.event import LedgerEvent

Document = dict[str, Any]
OPENED: Final = ("access.granted", "access.emergency_opened")
LISTED: Final = {"study": "studies", "report": "reports", "dose_report": "dose_reports", "order": "orders",
                 "reading": "readings"}  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """Which accesses are asked for. ``by``: ``rpps:…`` or the number; times with their zone, ``until`` exclusive.

    An access counts that was opened from ``since`` on, or before and was open still; a question, when it was asked.
    """

    by: str | None = None
    site: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    emergency: bool | None = None
    audits: bool = True

    def refuse_words(self) -> None:
        """They are recorded in clear: who is an id, and where a code. Raises BadActor (W1), BadSite (E1)."""
        if self.by is not None:
            actor(f"rpps:{self.by}" if self.by.isdecimal() else self.by)
        if self.site is not None:
            site_code(self.site)

    def words(self) -> list[str]:
        """As they are recorded with the question."""
        said = {"by": self.by, "site": self.site, "emergency": self.emergency} | {
            name: None if moment is None else iso(micros(moment))
            for name, moment in (("from", self.since), ("to", self.until))
        }
        return [f"{name}={value}" for name, value in said.items() if value is not None]

    def named(self) -> dict[str, Any]:
        """As the queries take them."""
        return {name: getattr(self, name) for name in ("by", "site", "since", "until", "emergency")}


def accesses(ours: Krypton, ref: str, auditor: Auditor, limits: Limits, *, whole: bool = False) -> list[Document]:
    """The ``audit accesses`` document. ``whole``: see ``replayed``. Raises NotFound, BadActor (W1), BadSite (E1),
    ReasonMissing (X3)."""
    limits.refuse_words()
    identity = str(ours.resolve(ref))
    with replayed(ours, [identity], accesses=True, whole=whole) as past:
        recorded(ours, auditor, "accesses", identity, past.identities, asked=limits.words())
        return told(past, identity, limits)


def told(past: Past, identity: str, limits: Limits) -> list[Document]:
    """All of them, in ledger order."""
    members = [member["identity"] for member in past.members(identity)]
    erased = past.erased(queries.subjects(past.views, members))
    asked = queries.accesses(past.views, members, erased=erased, **limits.named())
    audits = queries.audits(past.views, members, erased=erased, **limits.named()) if limits.audits else []
    opened = openings(past)
    persons, held = Persons.of(past.identities, past.events), holdings(past.events)
    found = [one | _shown(opened.get(one["access"]), persons, held) for one in asked]
    return sorted([*found, *audits], key=lambda one: one["position"])


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
    """Every access that let somebody see the record, by its id."""
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
    """All that lay open while the access lasted, through every change of who the person was held to be."""
    seen: dict[tuple[str, str], Document] = {}
    for start, end, step in persons.spans(opening.start, opening.end):
        person = step.of(opening.identity)
        seen = {**shown(held, person, start, end, opening.event.data.get("exclusions", ())), **seen}
    return seen


def _shown(opening: Opening | None, persons: Persons, held: Sequence[Holding]) -> Document:
    if opening is None:
        return {"shown": None}
    listed: Document = {name: [] for name in LISTED.values()}
    for one in open_to(opening, persons, held).values():
        listed[LISTED[one.pop("kind")]].append(one)
    return {"shown": listed}
