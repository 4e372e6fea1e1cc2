"""A study at a glance: what the record says of it, its reports and its dose, by one decision; and its images."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from domain.actors import Caller, Role
from domain.aggregates.study import Study as StudyOfLedger
from domain.errors import NotFound
from domain.sight import Sight
from domain.work import Work
from krypton.bootstrap import Krypton
from krypton.queries.doses import asked_of, factors_of
from krypton.queries.gate import permit
from krypton.queries.images import Study
from krypton.queries.notices import ID_THEN, with_persons
from krypton.queries.person import Members, of_person
from krypton.queries.standing import Seen
from krypton.queries.studies import owner_of
from projections.identity_index.then_and_now import UNKNOWN

NOT_HERE = "its images are not kept where you ask: ask where they were taken in"
IN_PART = "part of this study is not to be seen by you, and images are given out whole"


class Glance(NamedTuple):
    """``told``: the document of ``study_of``, with the ``exposures`` and ``alerts`` of the study; where there are no
    ``images``, ``missing`` says why.
    """

    told: dict[str, Any]
    images: Study | None
    missing: str


def glance_of(ours: Krypton, caller: Caller, study: UUID) -> Glance:
    """Raises NotFound, also where the caller does not see it, and as ``permit`` does."""
    allowed = permit(ours, caller, "study.show", owner_of(ours, study), asked=[f"study={study}"])
    factors = factors_of(ours)
    from krypton.queries.fed import record
    from projections.cumulative_dose import queries as doses
    from projections.identity_index import queries as identities
    from projections.patient_record import queries

    def ask(connection: Any, members: Members, erased: Collection[str], sight: Sight) -> dict[str, Any]:
        ids = [member["identity"] for member in members]
        shown = record(connection, connection, ours.codec, ids, erased, sight)
        found = next((one for one in shown["studies"] if one["study"] == str(study)), None)
        if found is None:
            raise NotFound(f"no study {study}: see krypton record show")
        started = queries.starts(connection, ids) if sight.exclusions.periods else {}
        asked = asked_of(connection, ids, erased, sight, factors)
        dose = doses.dose(connection, members, erased, sight=sight, started=started, asked=asked)
        return {
            "patient": identities.patient(connection, ids, erased),
            "study": found,
            "exposures": [one for one in dose["exposures"] if one["study_uid"] == found["study_uid"]],
            "alerts": _told(connection, caller, [one for one in dose["alerts"] if one["study"] == str(study)]),
            "whole": str(study) not in queries.grown_late(connection, ids, sight),
        }

    told = of_person(ours, allowed, ask, lambda views, ids: queries.subjects(views, ids) | doses.subjects(views, ids))
    held = Work(ours.ledger, [study]).find(StudyOfLedger, study)
    if held is None or str(held.identity_id) not in allowed.members:  # it moved, and the view has not read that yet
        raise NotFound(f"no study {study}: see krypton record show")
    seen = Seen(told["study"]["study_uid"], (str(study),), allowed.identity, allowed.members)
    return Glance(told, *_images(ours, seen, whole=told["whole"]))


def _told(connection: Any, caller: Caller, alerts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Alerts of one study, each with whom it was told of, and who that is now; a patient is told of nobody else."""
    from projections.cumulative_dose.alerts import of_studies
    from projections.engine.query import NOW

    if not alerts:
        return []
    whose = {row["alert_id"]: row["identity_then"] for row in of_studies(connection, [alerts[0]["study"]], NOW)}
    then = [one | {ID_THEN: whose[one["alert"]]} for one in alerts]
    found = with_persons(connection, then, lambda row: int(row["position"]))
    return [one | UNKNOWN for one in found] if caller.role is Role.PATIENT else found


def _images(ours: Krypton, seen: Seen, *, whole: bool) -> tuple[Study | None, str]:
    """The images of a study that is seen ``whole``; or why there are none."""
    if not whole:
        return None, IN_PART
    try:
        return Study(ours.archive, seen), ""
    except NotFound:
        return None, NOT_HERE
