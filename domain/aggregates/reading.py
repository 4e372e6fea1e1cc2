"""The Reading aggregate: a study that one establishment asks another to read (teleradiology).

R1  An establishment asks another one; both are enrolled (S1).
R2  What is asked about is a study of the ledger that was not withdrawn (S3).
R3  An establishment is asked to read a study again only once it has answered.
R4  Who accepts or reports is registered, not suspended, and works for the establishment that was asked; a professional
    who asks, for the one that asks.
R5  A reading is accepted once, and not after it was declined; it is given back until it is reported.
R6  Only an accepted reading is reported, once; by who accepted it, or a colleague there.
R7  Declining needs a reason.
Source: Code de la santé publique R6316-1 (télé-expertise); HL7 v2 teleradiology volume of the ANS (ORM, OMI, ORU).
"""

from enum import StrEnum
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.errors import ReadingAnswered, ReadingNeedsReason, ReadingNotAccepted, SameSite
from domain.ids import Ids


class Progress(StrEnum):
    """The state of a reading."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REPORTED = "reported"


OPEN = {Progress.REQUESTED, Progress.ACCEPTED}


class Reading(Aggregate):
    """Keeps the owner, the establishment asked, and the state."""

    TOPIC = "reading"

    class Created(Aggregate.Created):
        TOPIC = "reading.created"

    class Requested(Created):
        TOPIC = "reading.requested"
        identity_id: UUID
        study_id: UUID
        from_site: str
        to_site: str
        ordinal: int
        question: str
        due: int | None

    class Accepted(Aggregate.Event):
        TOPIC = "reading.accepted"
        identity_id: UUID
        study_id: UUID
        by: str

    class Declined(Aggregate.Event):
        TOPIC = "reading.declined"
        identity_id: UUID
        study_id: UUID
        reason: str

    class Reported(Aggregate.Event):
        TOPIC = "reading.reported"
        identity_id: UUID
        study_id: UUID
        by: str
        report_uid: str
        conclusion: str

    @classmethod
    def request(
        cls,
        ids: Ids,
        *,
        identity_id: UUID,
        study_id: UUID,
        from_site: str,
        to_site: str,
        ordinal: int,
        question: str,
        due: int | None,
    ) -> "Reading":
        """Ask a site for the ``ordinal``-th time; ``due`` in microseconds since 1970, UTC. Raises SameSite (R1)."""
        if from_site == to_site:
            raise SameSite(f"{from_site} cannot ask itself: name the establishment that is to read")
        new = cls.create_id(ids, study_id, to_site, ordinal)
        return cls(new, identity_id, study_id, from_site, to_site, ordinal, question, due)

    @staticmethod
    def create_id(ids: Ids, study_id: UUID, to_site: str, ordinal: int) -> UUID:
        """The reading's id. ``ordinal`` counts how often this site was asked to read this study, from 1."""
        return ids.of("reading", str(study_id), to_site, str(ordinal))

    @event(Requested)
    def __init__(
        self,
        id: UUID,
        identity_id: UUID,
        study_id: UUID,
        from_site: str,
        to_site: str,
        ordinal: int,
        question: str,
        due: int | None,
    ) -> None:
        self.identity_id = identity_id
        self.study_id = study_id
        self.to_site = to_site
        self.progress = Progress.REQUESTED

    @property
    def is_open(self) -> bool:
        """Whether an answer is still expected."""
        return self.progress in OPEN

    def accept(self, *, by: str) -> None:
        """Take the study to read; ``by``: RPPS number. Raises ReadingAnswered (R5)."""
        if self.progress is not Progress.REQUESTED:
            raise ReadingAnswered(f"reading {self.id} is {self.progress} already: see its history")
        self._accepted(self.identity_id, self.study_id, by)

    @event(Accepted)
    def _accepted(self, identity_id: UUID, study_id: UUID, by: str) -> None:
        self.progress = Progress.ACCEPTED

    def decline(self, *, reason: str) -> None:
        """Decline, or give back an accepted reading. Raises ReadingAnswered (R5), ReadingNeedsReason (R7)."""
        if not self.is_open:
            raise ReadingAnswered(f"reading {self.id} is {self.progress} already: see its history")
        if not reason.strip():
            raise ReadingNeedsReason(f"reading {self.id} is not declined without a reason: give one")
        self._declined(self.identity_id, self.study_id, reason.strip())

    @event(Declined)
    def _declined(self, identity_id: UUID, study_id: UUID, reason: str) -> None:
        self.progress = Progress.DECLINED

    def report(self, *, by: str, report_uid: str, conclusion: str) -> None:
        """Give the report. Raises ReadingNotAccepted (R6)."""
        if self.progress is not Progress.ACCEPTED:
            raise ReadingNotAccepted(f"reading {self.id} is {self.progress}: only an accepted one is reported")
        self._reported(self.identity_id, self.study_id, by, report_uid, conclusion)

    @event(Reported)
    def _reported(self, identity_id: UUID, study_id: UUID, by: str, report_uid: str, conclusion: str) -> None:
        self.progress = Progress.REPORTED
