"""The Study aggregate: one imaging study under one local identity.

Its id is made from the identity and the study UID.

S1  The site is an enrolled establishment.
S2  A batch adds something new; what was recorded before stays.
S3  Nothing is added to a withdrawn study, and it is withdrawn once. It goes to whom it is of as any other, for its dose
    counts, and stays hidden.
S4  A study is reassigned only to an identity that does not have it yet.
S5  A conflict is settled once: accepted (what came second stands) or dismissed (what came first does). What came in
    with other content never changes the study by itself.
S6  A study that moves by hand loses no protection in silence. Where the identity that it leaves refuses what the other
    does not, for itself or another of its person, or is under a legal hold that the other is not under, whoever moves
    it says whether that protects both from now on, as after a split (I18), or the former alone.
Source: DICOM PS3.3 A.1 (study, series, instance); IHE RAD patient information reconciliation.
"""

from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.errors import AlreadyThere, NothingNew, StudyWithdrawn
from domain.ids import Ids
from domain.study_conflicts import Conflict, Conflicts

SENDERS: Final = ("aet:", "service:")
"""Begin the actor of what a device or a program sent (W1); an archive that an operator imports has another."""


class Study(Aggregate):
    """Keeps the owner, when it was made, whether a device sent it, its reports, and whether it was withdrawn; read
    models keep the counts.
    """

    TOPIC = "study"

    class Created(Aggregate.Created):
        TOPIC = "study.created"

    class Arrived(Created):
        TOPIC = "study.arrived"
        identity_id: UUID
        study_uid: str
        site: str
        accession: str | None
        started_at: str | None
        modalities: list[str]
        description: str | None
        series: list[dict[str, Any]]
        instances: int
        root: str

        def apply(self, aggregate: Any) -> None:
            """Note whether a device or a program sent it: the envelope of a stored event tells."""
            aggregate.by_device = str(vars(self).get("actor", "")).startswith(SENDERS)

    class Extended(Aggregate.Event):
        TOPIC = "study.extended"
        identity_id: UUID
        study_uid: str
        modalities: list[str]
        series: list[dict[str, Any]]
        instances: int
        root: str

    class ReportAdded(Aggregate.Event):
        TOPIC = "study.report_added"
        identity_id: UUID
        study_uid: str
        report_uid: str
        kind: str
        title: str | None
        unread: str | None

    class Reassigned(Aggregate.Event):
        TOPIC = "study.reassigned"
        identity_id: UUID
        to_identity_id: UUID
        study_uid: str
        reason: str

    class Withdrawn(Aggregate.Event):
        TOPIC = "study.withdrawn"
        identity_id: UUID
        study_uid: str
        reason: str

    class ConflictFound(Aggregate.Event):
        TOPIC = "study.conflict_found"
        identity_id: UUID
        study_uid: str
        conflict_id: UUID
        site: str
        kind: str
        differing: list[str]
        instances: int
        uid: str
        digest: str | None
        other_identity_id: UUID
        other_study_uid: str
        stated: dict[str, Any] | None

    class ConflictAccepted(Aggregate.Event):
        TOPIC = "study.conflict_accepted"
        identity_id: UUID
        study_uid: str
        conflict_id: UUID
        reason: str

    class ConflictDismissed(Aggregate.Event):
        TOPIC = "study.conflict_dismissed"
        identity_id: UUID
        study_uid: str
        conflict_id: UUID
        reason: str

    @staticmethod
    @lru_cache(10_000)  # a command asks for it several times
    def create_id(ids: Ids, identity_id: UUID, study_uid: str) -> UUID:
        """The study's id: the same study UID under two identities is two studies, so that records never mix."""
        return ids.of("study", str(identity_id), study_uid)

    @event(Arrived)
    def __init__(
        self,
        id: UUID,
        identity_id: UUID,
        study_uid: str,
        site: str,
        accession: str | None,
        started_at: str | None,
        modalities: list[str],
        description: str | None,
        series: list[dict[str, Any]],
        instances: int,
        root: str,
    ) -> None:
        self.identity_id = identity_id
        self.study_uid = study_uid
        self.numbers = {accession} if accession else set()
        self.started_at = started_at
        self.by_device = False
        self.reports: set[str] = set()
        self.withdrawn = False
        self.conflicts = Conflicts(id)

    def extend(self, *, modalities: list[str], series: list[dict[str, Any]], instances: int, root: str) -> None:
        """Add newly received instances: counts per series of this batch alone, and the root of their digests.

        Raises NothingNew (S2), StudyWithdrawn (S3).
        """
        self._refuse_if_withdrawn()
        if instances < 1:
            raise NothingNew(f"study {self.id} holds all of this batch already: nothing to add")
        self._extended(self.identity_id, self.study_uid, modalities, series, instances, root)

    @event(Extended)
    def _extended(
        self,
        identity_id: UUID,
        study_uid: str,
        modalities: list[str],
        series: list[dict[str, Any]],
        instances: int,
        root: str,
    ) -> None:
        pass

    def add_report(self, *, report_uid: str, kind: str, title: str | None, unread: str | None = None) -> None:
        """Add a report by its SOP Instance UID; ``unread``: why no dose could be read of a dose report.

        Raises NothingNew (S2), StudyWithdrawn (S3).
        """
        self._refuse_if_withdrawn()
        if report_uid in self.reports:
            raise NothingNew(f"study {self.id} has report {report_uid} already: nothing to add")
        self._report_added(self.identity_id, self.study_uid, report_uid, kind, title, unread)

    @event(ReportAdded)
    def _report_added(
        self, identity_id: UUID, study_uid: str, report_uid: str, kind: str, title: str | None, unread: str | None
    ) -> None:
        self.reports.add(report_uid)

    def reassign(self, *, to_identity_id: UUID, reason: str) -> None:
        """State that the study belongs to another identity; one that was withdrawn stays hidden (S3).

        Raises AlreadyThere (S4).
        """
        if to_identity_id == self.identity_id:
            raise AlreadyThere(f"study {self.id} is of identity {to_identity_id} already: nothing to do")
        self._reassigned(self.identity_id, to_identity_id, self.study_uid, reason)

    def give_back(self, *, to_identity_id: UUID, reason: str) -> None:
        """State that the study is again whose it was before a split; one that was withdrawn stays hidden (I16)."""
        self._reassigned(self.identity_id, to_identity_id, self.study_uid, reason)

    @event(Reassigned)
    def _reassigned(self, identity_id: UUID, to_identity_id: UUID, study_uid: str, reason: str) -> None:
        self.identity_id = to_identity_id

    def withdraw(self, *, reason: str) -> None:
        """Hide the study from readers; the events stay. Raises StudyWithdrawn (S3)."""
        self._refuse_if_withdrawn()
        self._withdrawn(self.identity_id, self.study_uid, reason)

    @event(Withdrawn)
    def _withdrawn(self, identity_id: UUID, study_uid: str, reason: str) -> None:
        self.withdrawn = True

    def find_conflict(self, *, kind: str, instances: int, differing: list[str], said: Conflict) -> UUID:
        """Record that something came in that says otherwise; the same conflict again changes nothing.

        Also of a withdrawn study: somebody may have to know.
        """
        conflict_id = self.conflicts.id_of(kind, said)
        if conflict_id not in self.conflicts.found:
            self._conflict_found(
                self.identity_id,
                self.study_uid,
                conflict_id,
                said.site,
                kind,
                differing,
                instances,
                said.uid,
                said.digest,
                said.other_identity_id,
                said.other_study_uid,
                said.stated,
            )
        return conflict_id

    @event(ConflictFound)
    def _conflict_found(
        self,
        identity_id: UUID,
        study_uid: str,
        conflict_id: UUID,
        site: str,
        kind: str,
        differing: list[str],
        instances: int,
        uid: str,
        digest: str | None,
        other_identity_id: UUID,
        other_study_uid: str,
        stated: dict[str, Any] | None,
    ) -> None:
        self.conflicts.found[conflict_id] = Conflict(
            site, uid, digest, other_identity_id, other_study_uid, stated, kind
        )

    def settle(self, *, conflict_id: UUID, accept: bool, reason: str) -> Conflict:
        """Decide a conflict; returns what it was about. Raises ConflictSettled (S5)."""
        conflict = self.conflicts.still_open(conflict_id)
        settled = self._conflict_accepted if accept else self._conflict_dismissed
        settled(self.identity_id, self.study_uid, conflict_id, reason)
        return conflict

    @event(ConflictAccepted)
    def _conflict_accepted(self, identity_id: UUID, study_uid: str, conflict_id: UUID, reason: str) -> None:
        self.conflicts.accept(conflict_id)

    @event(ConflictDismissed)
    def _conflict_dismissed(self, identity_id: UUID, study_uid: str, conflict_id: UUID, reason: str) -> None:
        self.conflicts.dismiss(conflict_id)

    def _refuse_if_withdrawn(self) -> None:
        if self.withdrawn:
            raise StudyWithdrawn(f"study {self.id} was withdrawn: see its history")
