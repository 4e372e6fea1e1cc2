"""Conflicts of studies: what came in and says otherwise, for whoever decides which of the two stands."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from domain.actors import Caller
from domain.aggregates.study import Study
from domain.errors import NotFound
from domain.study_conflicts import Conflict
from krypton.bootstrap import Krypton
from krypton.queries.worklists import PAGE, listed
from krypton.vaults import destroy_again_of
from projections.identity_index import queries as identities

Document = dict[str, Any]


def conflicts_of(ours: Krypton, caller: Caller, *, settled: bool = False, limit: int = PAGE) -> list[Document]:
    """The ``study conflicts list`` document: each with who the study is of, and who the second says it is of.

    ``sent_as``: number and traits of the second, where they differ, from the ledger itself; None once one is erased.
    """
    from projections.patient_record import unsettled

    def find(connection: Any, _: str | None) -> list[Document]:
        rows = unsettled.conflicts(connection, limit, settled=settled)
        destroy_again_of(ours, connection, {row[side] for row in rows for side in ("identity", "other_identity")})
        erased = ours.vault.destroyed({row["identity"] for row in rows})
        known = identities.named(connection, {row["identity"] for row in rows}, erased)
        said = _said(ours, rows)
        return [
            {"patient": known.get(row["identity"])} | row | {"sent_as": said.get((row["study"], row["conflict"]))}
            for row in rows
        ]

    def whose(row: Document) -> Iterable[str]:
        return [row["identity"]]

    def made(row: Document) -> tuple[int, Iterable[str | None]]:
        return row["position"], [row["site"]]

    return listed(ours, caller, "study.conflicts.list", find, whose, made=made)


def _said(ours: Krypton, rows: Iterable[Document]) -> dict[tuple[str, str], Document]:
    """What the second ones of open conflicts say of the person, by study and conflict."""
    studies = ours.ledger.load([UUID(one) for one in sorted({row["study"] for row in rows if row["state"] == "open"})])
    return {
        (str(study.id), str(conflict)): {"local_id": said.stated["local_id"], **said.stated["stated"]}
        for study in studies.values()
        if isinstance(study, Study)
        for conflict, said in study.conflicts.found.items()
        if said and isinstance(said.stated, dict)
    }


def open_conflict(ours: Krypton, conflict: UUID) -> tuple[UUID, Conflict | None]:
    """The study that a conflict is of, and what is in conflict, where it is open. Raises NotFound."""
    from projections.patient_record import unsettled

    with ours.snapshot() as connection:
        study = unsettled.study_of_conflict(connection, str(conflict))
    if study is None:
        raise NotFound(f"no conflict {conflict}: see krypton study conflicts list")
    held = ours.ledger.find(Study, UUID(study))
    return UUID(study), held.conflicts.found.get(conflict) if held else None
