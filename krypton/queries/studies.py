"""One study: as the record lists it, or whole with its images; the gate decides, and it is on record first."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.actors import Caller
from domain.aggregates.study import Study
from domain.errors import NotFound
from domain.sight import Sight
from domain.work import Work
from krypton.bootstrap import Krypton
from krypton.queries.gate import RECORDED, Recorded, again, permit
from krypton.queries.person import Members, of_person
from krypton.queries.study_uids import is_open

LEFT_OUT = "part of this study is not to be seen by you, and files are given out whole: see krypton record show"


def owner_of(ours: Krypton, study: UUID) -> str:
    """The identity whose study it is, as an id and nothing else. Raises NotFound."""
    from projections.patient_record.found import owner

    with ours.snapshot() as connection:
        identity = owner(connection, str(study))
    if identity is None:
        raise NotFound(f"no study {study}: see krypton record show")
    return identity


@dataclass(frozen=True)
class _Open:
    """``krypton.queries.gate.Stands`` of a decision on a whole study: it ends where the study is another's, too."""

    ours: Krypton
    recorded: Recorded
    study: UUID
    members: Collection[str]

    def known(self) -> bool | None:
        """See ``Stands``."""
        return None

    def holds(self) -> bool:
        """See ``Stands``."""
        found = again(self.ours, self.recorded, [self.study])
        return found is not None and is_open(found[1], found[1].get(Study, self.study), self.members)


def whole_study(ours: Krypton, caller: Caller, task: str, study: UUID) -> str:
    """The study's id. Raises NotFound, also where the caller does not see all of it; and as ``permit`` does.

    Whose it is, and whether it was withdrawn, is the event store's to say, at once and while it is given out.
    """
    allowed = permit(ours, caller, task, owner_of(ours, study), asked=[f"study={study}"])
    from projections.patient_record import queries

    members = sorted(allowed.members)
    with ours.snapshot() as connection:
        shown = queries.record(connection, members, (), allowed.sight)
        if str(study) not in {one["study"] for one in shown["studies"]}:
            raise NotFound(f"no study {study}: see krypton record show")
        if str(study) in queries.grown_late(connection, members, allowed.sight):
            raise NotFound(LEFT_OUT)
    if noted := RECORDED.get():
        noted[-1] = noted[-1]._replace(standing=_Open(ours, noted[-1], study, allowed.members))
    work = Work(ours.ledger, [study])
    if (held := work.find(Study, study)) is None or not is_open(work, held, allowed.members):
        raise NotFound(f"no study {study}: see krypton record show")
    return str(study)


def study_of(ours: Krypton, caller: Caller, study: UUID) -> dict[str, Any]:
    """One study, as ``record show`` lists it. Raises NotFound, also where the caller does not see it."""
    allowed = permit(ours, caller, "study.show", owner_of(ours, study), asked=[f"study={study}"])
    from krypton.queries.fed import record
    from projections.identity_index import queries as identities
    from projections.patient_record import queries

    def ask(connection: Any, members: Members, erased: Collection[str], sight: Sight) -> dict[str, Any]:
        ids = [member["identity"] for member in members]
        shown = record(connection, connection, ours.codec, ids, erased, sight)
        found = [one for one in shown["studies"] if one["study"] == str(study)]
        if not found:
            raise NotFound(f"no study {study}: see krypton record show")
        return {"patient": identities.patient(connection, ids, erased), "study": found[0]}

    return of_person(ours, allowed, ask, queries.subjects)
