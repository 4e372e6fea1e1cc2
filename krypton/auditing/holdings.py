"""What was in a person's record at any time, and whose each item was: studies, reports, doses, orders, readings.

Times are microseconds since 1970, UTC, as recorded. At any single position it equals what the views show
(``tests/integration/test_audit_live.py``); here it covers periods, because a reader with a day's access also sees what
arrives that day.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from domain.sight import Exclusions
from krypton.auditing.persons import FOREVER, Person
from schemas.event import LedgerEvent

Document = dict[str, Any]
CAME: Final = {
    "study.arrived": "study",
    "study.report_added": "report",
    "dose.reported": "dose_report",
    "order.placed": "order",
    "reading.requested": "reading",
}
"""Kinds of items, by the event that adds them to a record."""
TOLD: Final = ("study_uid", "site", "modalities", "modality", "from_site")
UIDS: Final = {"study": "study_uid", "report": "report_uid", "dose_report": "report_uid"}


@dataclass
class Holding:
    """One item in the record. ``owners``: whose it was, and since when; parts of a study belong to its owner.

    ``position``: where it was added; ``sites``: the establishments involved in producing it.
    """

    kind: str
    id: str
    aggregate: str
    position: int
    since: int
    owners: list[tuple[int, str]]
    study: str | None = None
    until: int = FOREVER
    facts: Document = field(default_factory=dict)
    author: str | None = None
    sites: set[str] = field(default_factory=set)

    def owned_between(self, start: int, end: int, by: Collection[str]) -> str | None:
        """The first of these identities that owned it while it was shown, from ``start`` to before ``end``."""
        ends = [since for since, _ in self.owners[1:]] + [FOREVER]
        for (since, owner), over in zip(self.owners, ends, strict=True):
            if owner in by and max(start, since, self.since) < min(end, over, self.until):
                return owner
        return None

    def document(self, owner: str) -> Document:
        """The item as reports list it."""
        return {"kind": self.kind, "id": self.id, "identity": owner, **self.facts}


def holdings(events: Iterable[LedgerEvent]) -> list[Holding]:
    """Every item ever added, in ledger order."""
    found: list[Holding] = []
    owners: dict[str, list[tuple[int, str]]] = {}
    of_study: dict[str, list[Holding]] = {}
    orders: dict[str, Holding] = {}
    for event in events:
        at, study = event.data["recorded_at"], _study_of(event)
        if event.type == "study.arrived":
            owners[event.aggregate_id] = [(at, event.data["identity_id"])]
        if kind := CAME.get(event.type):
            owned = owners.get(study) if study else None
            one = _came(kind, event, [(at, event.data["identity_id"])] if owned is None else owned)
            if kind == "report":
                one.sites |= {site for held in of_study.get(event.aggregate_id, ()) for site in held.sites}
            found.append(one)
            orders[event.aggregate_id] = one
            of_study.setdefault(study or event.aggregate_id, []).append(one)
        elif event.type == "study.reassigned" and study in owners:
            owners[study].append((at, event.data["to_identity_id"]))
        elif event.type == "order.reassigned" and event.aggregate_id in orders:
            orders[event.aggregate_id].owners.append((at, event.data["to_identity_id"]))
        elif event.type == "study.withdrawn":
            _withdrawn(of_study.get(event.aggregate_id, ()), at)
        elif event.type == "reading.reported":
            _signed(of_study.get(study or "", ()), event)
        elif event.type in ("order.presented", "order.scheduled") and event.aggregate_id in orders:
            orders[event.aggregate_id].sites.add(event.data["site"])
    return found


def _study_of(event: LedgerEvent) -> str | None:
    return event.aggregate_id if event.type.startswith("study.") else event.data.get("study_id")


def _came(kind: str, event: LedgerEvent, owners: list[tuple[int, str]]) -> Holding:
    data = event.data
    facts: Document = {name: data[name] for name in TOLD if name in data}
    if kind == "study":
        facts["date"] = data["started_at"]
    ident = data[UIDS[kind]] if kind in UIDS and kind != "study" else event.aggregate_id
    return Holding(
        kind,
        ident,
        event.aggregate_id,
        event.position,
        data["recorded_at"],
        owners,
        _study_of(event),
        facts=facts,
        author=data.get("ordered_by"),
        sites={data[name] for name in ("site", "from_site", "to_site") if data.get(name)},
    )


def _withdrawn(of_study: Iterable[Holding], at: int) -> None:
    """The study, its reports and readings are no longer shown; its dose still counts."""
    for one in of_study:
        if one.kind != "dose_report":
            one.until = at


def _signed(of_study: Iterable[Holding], event: LedgerEvent) -> None:
    for one in of_study:
        if one.id == event.aggregate_id:
            one.author = event.data["by"]


def shown(
    held: Collection[Holding], person: Person, start: int, end: int, exclusions: Collection[str] = ()
) -> Mapping[tuple[str, str], Document]:
    """What a reader of that person's record could see within a period, by kind and id.

    ``exclusions``: what the consent behind the access excludes, as written in ``consent.granted``. A study includes all
    its parts.
    """
    left_out = Exclusions.of(exclusions)
    held_studies = (one for one in held if one.kind == "study")
    studies = {one.study for one in held_studies if left_out.study(one.facts["study_uid"], one.facts["date"])}
    return {
        (one.kind, one.id): one.document(owner)
        for one in held
        if (owner := one.owned_between(start, end, person))
        and not (one.study and one.study in studies)
        and not left_out.author(one.author)
    }
