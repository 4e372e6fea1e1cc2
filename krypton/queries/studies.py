"""Whether somebody may see a whole study, its images too; the gate decides, and it is on record first."""

from uuid import UUID

from domain.actors import Caller
from domain.errors import NotFound
from krypton.bootstrap import Krypton
from krypton.queries.gate import permit

LEFT_OUT = "part of this study is not to be seen by you, and files are given out whole: see krypton record show"


def owner_of(ours: Krypton, study: UUID) -> str:
    """The identity whose study it is, as an id and nothing else. Raises NotFound."""
    from projections.patient_record.found import owner

    with ours.snapshot() as connection:
        identity = owner(connection, str(study))
    if identity is None:
        raise NotFound(f"no study {study}: see krypton record show")
    return identity


def whole_study(ours: Krypton, caller: Caller, task: str, study: UUID) -> str:
    """The study's id. Raises NotFound, also where the caller does not see all of it; and as ``permit`` does."""
    allowed = permit(ours, caller, task, owner_of(ours, study), asked=[f"study={study}"])
    from projections.patient_record import queries

    members = sorted(allowed.members)
    with ours.snapshot() as connection:
        shown = queries.record(connection, members, (), allowed.sight)
        if str(study) not in {one["study"] for one in shown["studies"]}:
            raise NotFound(f"no study {study}: see krypton record show")
        if str(study) in queries.grown_late(connection, members, allowed.sight):
            raise NotFound(LEFT_OUT)
    return str(study)
