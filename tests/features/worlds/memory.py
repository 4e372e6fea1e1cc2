"""All in memory: a real Application, and the real projections folded afresh each time somebody asks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from domain.dose_distinct import distinct
from domain.matching import spellings
from domain.matching.sounds import sound
from domain.times import iso, micros
from domain.worklist import NUMBER_OF_TWO, kinds_of
from projections.access_history import queries as sharing
from projections.access_history.view import AccessHistory
from projections.cumulative_dose.disagreements import conflicts, disagreeing, stand_ins
from projections.cumulative_dose.distinct import stated_alone, sums
from projections.cumulative_dose.overtaken import settled
from projections.cumulative_dose.shown import with_organs
from projections.cumulative_dose.view import CumulativeDose
from projections.engine.projection import Projection
from projections.identity_index.view import IdentityIndex
from projections.patient_record.view import PatientRecord
from tests.fakes.ledger import MemoryLedger
from tests.fakes.rows import MemoryRows
from tests.fakes.views import folded, of_topics
from tests.features.worlds.views import Document
from tests.features.worlds.world import World

Row = dict[str, Any]
PROPOSED = ("proposed", "review_requested")


def memory_world() -> World:
    """A new and empty ledger, seen through new views."""
    ledger = MemoryLedger()
    return World(ledger, MemoryViews(ledger))


class MemoryViews:
    """``Views`` on rows in memory, as they are after all that the ledger holds."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger

    def identity(self, identity: UUID) -> Document:
        """See ``Views``."""
        index = self._rows(IdentityIndex())
        members = [{"identity": member} for member in _members(index, identity)]
        return {**index.table("identity")[(str(identity),)], "members": members}

    def history(self, identity: UUID) -> Sequence[Document]:
        """See ``Views``."""
        index = self._rows(IdentityIndex())
        members = _members(index, identity)
        alone = [{"rule": None, **row, "identities": _named(row)} for row in _all(index, "identity_event")]
        pairs = [{**row, "identities": [row["low"], row["high"]]} for row in _all(index, "statement")]
        return _in_order(row for row in alone + pairs if members & {*row["identities"]})

    def review(self) -> Sequence[frozenset[str]]:
        """See ``Views``."""
        index, now = self._rows(IdentityIndex()), micros(self._ledger.clock())
        waiting = (
            frozenset(pair)
            for pair, link in index.table("link").items()
            if link["state"] in PROPOSED or (link["state"] == "merged" and link["held_back"])
            if (link["postponed_until"] or 0) <= now
        )
        pairs = [pair for pair in waiting if not pair <= _members(index, UUID(min(pair)))]
        return [*pairs, *(frozenset({one}) for (one,), row in index.table("identity").items() if _alone(row, now))]

    def search(self, criteria: Mapping[str, str]) -> Sequence[str]:
        """See ``Views``; of names and assigners alone."""
        index = self._rows(IdentityIndex())
        names: dict[str, list[tuple[str, str]]] = {}
        for (one, spelling), row in index.table("family_name").items():
            names.setdefault(one, []).append((spelling, row["sound"]))
        return [
            one
            for (one,), row in index.table("identity").items()
            if all(_meets(row, names.get(one, []), name, text) for name, text in criteria.items())
        ]

    def record(self, identity: UUID) -> Document:
        """See ``Views``."""
        rows = self._rows(PatientRecord())
        readings = [{"reading": key, **row} for (key,), row in rows.table("reading").items()]
        found = [
            {
                **row,
                "study": key,
                "identity": row["identity_id"],
                "readings": [reading for reading in readings if reading["study_id"] == key],
            }
            for (key,), row in rows.table("study").items()
            if row["identity_id"] in self._members(identity)
        ]
        shown = [study for study in found if not study["withdrawn"]]
        return {"studies": shown, "withdrawn": len(found) - len(shown)}

    def conflicts(self) -> Sequence[Document]:
        """See ``Views``."""
        rows = self._rows(PatientRecord())
        found = ({"conflict": key, "study": study, **row} for (key, study), row in rows.table("conflict").items())
        return _in_order(row for row in found if row["state"] == "open")

    def order(self, order: UUID) -> Document:
        """See ``Views``."""
        never: Row = dict.fromkeys(("presented_at", "scheduled_at", "study_uid", "report_uid"))
        row = self._rows(PatientRecord()).table("exam_order")[(str(order),)]
        return never | row | {"identity": row["identity_id"]}

    def dose(self, identity: UUID) -> Document:
        """See ``Views``."""
        rows = self._rows(CumulativeDose())
        owners = {study: row["identity_id"] for (study, _), row in sorted(rows.table("dose_owner").items())}
        members = self._members(identity)
        studies = {study for study, owner in owners.items() if owner in members}
        reports, carried = settled(_in_order(_reports(rows, studies).values()), _carried(rows, studies))
        alone = stated_alone([{**report, "identity": None} for report in reports], carried)
        exposures = distinct(carried)
        alerts = [
            {"alert": key, "study": row["study_id"], **row}
            for (key,), row in rows.table("alert").items()
            if row["study_id"] in studies
        ]
        stand, disagree = stand_ins(reports, carried), disagreeing(carried)
        told = [
            {**report, "superseded_by": stand.get(key), "disagrees": disagree.get(key, [])}
            for report in reports
            for key in [(report["study_id"], report["report_uid"])]
        ]
        return {
            "totals": sums(exposures, alone),
            "exposures": exposures,
            "reports": told,
            "conflicts": conflicts(carried),
            "alerts": _in_order(alerts),
        }

    def accesses(self, identity: UUID) -> Sequence[Document]:
        """See ``Views``."""
        rows = self._rows(AccessHistory()).table("access")
        found = (
            {"access": key, **row, "opened_at": iso(row["opened_at"]), "expires_at": iso(row["expires_at"])}
            for (key,), row in rows.items()
            if self._members(identity) & {*row["members"]}
        )
        return _in_order(found)

    def consents(self, identity: UUID) -> Document:
        """See ``Views``."""
        now = micros(self._ledger.clock())
        statements = _in_order(
            {**row, "state": "expired" if _ran_out(row, now) else row["state"]}
            for (member, _), row in self._rows(AccessHistory()).table("consent_statement").items()
            if member in self._members(identity)
        )
        return {"statements": statements, "standing": sharing.standing(statements)}

    def _rows(self, view: Projection) -> MemoryRows:
        return folded(view, of_topics(view, self._ledger.history()))

    def _members(self, identity: UUID) -> set[str]:
        return _members(self._rows(IdentityIndex()), identity)


def _meets(identity: Mapping[str, Any], families: Sequence[tuple[str, str]], criterion: str, sought: str) -> bool:
    """``families``: each spelling of the family and used name, and its sound."""
    if criterion == "assigner":
        return bool(identity["assigner"] == sought)
    known = families if criterion.startswith("family") else [each[:2] for each in identity["given_names"]]
    letters = spellings.folded(sought)
    if criterion.endswith("_sound"):
        return any(code == sound(letters) for _, code in known)
    return letters != "" and any(spelling.startswith(letters) for spelling, _ in known)


def _alone(identity: Mapping[str, Any], now: int) -> bool:
    """Whether an identity waits by itself. Whoever came in under a number in use waits beside who had it."""
    kinds = kinds_of({*identity["flags"]} - {NUMBER_OF_TWO})
    return not identity["erased"] and any(
        (identity["deferred"].get(kind, {}).get("until") or 0) <= now for kind in kinds
    )


def _members(index: MemoryRows, identity: UUID) -> set[str]:
    """All identities of the person; one that no statement spoke of has no node, and is a person of its own."""
    persons = {key: row["person_id"] for (key,), row in index.table("node").items()}
    person = persons.get(str(identity), str(identity))
    return {str(identity), *(key for key, of in persons.items() if of == person)}


def _named(row: Row) -> list[str]:
    """Whom an event of one identity speaks of: a split names two."""
    return [one for one in (row["identity_id"], row["other_id"]) if one]


def _all(rows: MemoryRows, table: str) -> list[Row]:
    """A table whose key is the position."""
    return [{"position": key, **row} for (key,), row in rows.table(table).items()]


def _reports(rows: MemoryRows, studies: set[str]) -> dict[tuple[str, str], Row]:
    """The dose reports of these studies, by study and UID."""
    return {
        (study, uid): {
            "study_id": study,
            "report_uid": uid,
            **with_organs({**row, "identity": None}, ()),
            "superseded": row["superseded_by"] is not None,
            "accepted": row["accepted_position"] is not None,
        }
        for (study, uid), row in rows.table("report").items()
        if study in studies
    }


def _carried(rows: MemoryRows, studies: set[str]) -> list[Row]:
    """Each exposure as often as a report carries it, with what its report says."""
    reports = _reports(rows, studies)
    return [
        {**reports[study, report], "irradiation_event_uid": uid, **row}
        for (study, report, uid), row in rows.table("exposure").items()
        if study in studies
    ]


def _in_order(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row["position"])


def _ran_out(statement: Row, now: int) -> bool:
    """Whether a statement that nobody took back is over all the same. ``now``: µs since 1970, UTC."""
    ends = statement["expires_at"]
    return statement["state"] == "in_force" and ends is not None and bool(ends <= now)
