"""Commands on teleradiology readings: request, accept, decline, report."""

from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from domain.aggregates.reading import Reading
from domain.aggregates.study import Study
from domain.commands.directory import professional_of, site_of
from domain.commands.orders import zoned
from domain.errors import ReaderNotEntitled, ReadingOpen, StudyWithdrawn
from domain.work import Work


def refuse_unless_reader(work: Work, rpps: str, site: str) -> None:
    """Raises ReaderNotEntitled (R4), NotFound where the professional is not registered."""
    refuse_unless_there(work, rpps, site, "reads no study", "name a reader there")


def refuse_unless_there(work: Work, rpps: str, site: str, does: str, instead: str) -> None:
    """Raises as ``refuse_unless_reader``. ``does``, ``instead``: words of the refusal."""
    professional = professional_of(work, rpps)
    if professional.suspended:
        raise ReaderNotEntitled(f"professional {rpps} is suspended and {does}")
    if site not in professional.sites:
        raise ReaderNotEntitled(f"professional {rpps} does not work for {site}: affiliate them, or {instead}")


@dataclass(frozen=True, kw_only=True)
class RequestReading:
    """Ask another establishment to read a study. ``due``: when the report is needed, with its zone.

    ``by``: RPPS number of the professional who asks; None where an establishment's own program does.
    """

    study: UUID
    from_site: str
    to_site: str
    question: str
    due: datetime | None = None
    by: str | None = None

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises UnknownSite (S1), SameSite (R1), StudyWithdrawn (S3), ReadingOpen (R3), ReaderNotEntitled (R4),
        BadOrder (O1), NotFound.
        """
        study = work.get(Study, self.study)
        if study.withdrawn:
            raise StudyWithdrawn(f"study {study.id} was withdrawn and cannot be read")
        asking, asked = site_of(work, self.from_site).code, site_of(work, self.to_site).code
        if self.by is not None:
            refuse_unless_there(work, self.by, asking, "asks for no reading", "ask from where they work")
        new = work.add(
            Reading.request(
                work.ids,
                identity_id=study.identity_id,
                study_id=study.id,
                from_site=asking,
                to_site=asked,
                ordinal=_next_ordinal(work, study.id, asked),
                question=self.question,
                due=zoned(self.due) if self.due else None,
            )
        )
        return {"reading": str(new.id)}


def _next_ordinal(work: Work, study_id: UUID, site: str) -> int:
    """Which request to that site for that study this is. Raises ReadingOpen (R3)."""
    for ordinal in count(1):
        earlier = work.find(Reading, Reading.create_id(work.ids, study_id, site, ordinal))
        if earlier is None:
            return ordinal
        if earlier.is_open:
            raise ReadingOpen(f"{site} was asked already, in reading {earlier.id}: wait for its answer")
    raise AssertionError("count never ends")


@dataclass(frozen=True, kw_only=True)
class AcceptReading:
    """Accept a reading. ``by``: the radiologist's RPPS number."""

    reading: UUID
    by: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ReaderNotEntitled (R4), ReadingAnswered (R5), NotFound."""
        reading = work.get(Reading, self.reading)
        refuse_unless_reader(work, self.by, reading.to_site)
        reading.accept(by=self.by)
        return {"reading": str(self.reading)}


@dataclass(frozen=True, kw_only=True)
class DeclineReading:
    """Decline a reading, or give an accepted one back."""

    reading: UUID
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ReadingAnswered (R5), ReadingNeedsReason (R7), NotFound."""
        work.get(Reading, self.reading).decline(reason=self.reason)
        return {"reading": str(self.reading)}


@dataclass(frozen=True, kw_only=True)
class ReportReading:
    """Report a reading. ``by``: RPPS number of the signer, who accepted it or works there too."""

    reading: UUID
    by: str
    report_uid: str
    conclusion: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises ReaderNotEntitled (R4), ReadingNotAccepted (R6), NotFound."""
        reading = work.get(Reading, self.reading)
        refuse_unless_reader(work, self.by, reading.to_site)
        reading.report(by=self.by, report_uid=self.report_uid, conclusion=self.conclusion)
        return {"reading": str(self.reading)}
