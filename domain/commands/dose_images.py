"""Records what the images of a study state of their dose, as it is read by a later program."""

from dataclasses import dataclass, replace
from itertools import count
from typing import Any
from uuid import UUID

from domain.aggregates.dose import Dose
from domain.aggregates.study import Study
from domain.commands.doses import ReceivedDose, reading_uid, record_dose
from domain.dose_reports import IMAGE, READ_AGAIN
from domain.errors import ReadAgain
from domain.ids import Ids
from domain.work import Work


@dataclass(frozen=True, kw_only=True)
class RereadImages:
    """It takes the place of what was read of these images before, by batches maybe.

    ``study``: the study's id; ``before``: the statements of images that the new one was found to differ from, by what
    they go by; none: no dose was read of these images.
    """

    study: UUID
    site: str
    received: ReceivedDose
    before: tuple[str, ...]

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """The study and its doses."""
        return (self.study, Dose.create_id(ids, self.study))

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ReadAgain (D6): they were read again meanwhile, or a report took their place; NotFound."""
        study = work.get(Study, self.study)
        dose = work.find(Dose, Dose.create_id(work.ids, study.id))
        known = dose.reports.held if dose else {}
        standing = {
            uid for uid, held in known.items() if dose and held.source == IMAGE and uid not in dose.reports.replaced
        }
        if not standing.issuperset(self.before):
            raise ReadAgain(
                f"the images of study {study.id} were read again meanwhile, or a dose report took their place: run "
                "krypton dose reread again"
            )
        uid = self.received.report_uid
        new = next(found for times in count() if (found := reading_uid(study.id, uid, times)) not in known)
        notes = [*self.received.not_understood, *([f"{READ_AGAIN}{uid}"] if self.before else [])]
        record_dose(
            work,
            study,
            self.site,
            replace(self.received, report_uid=new, not_understood=notes),
            corrects=self.before,
            again=True,
        )
        return {"study": str(study.id), "report": new}
