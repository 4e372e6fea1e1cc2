"""Conflicts of one study: what was received second and says otherwise, and what was decided of it.

The rules (S) are those of ``domain.aggregates.study``.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from domain.errors import ConflictSettled


@dataclass(frozen=True)
class Conflict:
    """What was received second: where from, which instance or event, and whose it says it is.

    ``stated``: what it says of the person, where that differs; as ``ReceivedPatient`` has it.
    """

    site: str
    uid: str
    digest: str | None
    other_identity_id: UUID
    other_study_uid: str
    stated: dict[str, Any] | None
    kind: str = ""


@dataclass
class Conflicts:
    """Those of a study by id; None: settled. ``accepted``: report UID to the digests of its accepted contents."""

    study_id: UUID
    found: dict[UUID, Conflict | None] = field(default_factory=dict)
    accepted: dict[str, list[str]] = field(default_factory=dict)

    def id_of(self, kind: str, said: Conflict) -> UUID:
        """The same conflict always has the same one."""
        return uuid5(self.study_id, f"{kind}|{said.uid}|{said.digest or said.other_identity_id}")

    def claims(self, irradiation_event: str, identity_id: UUID) -> bool:
        """Whether it is on record that the study and one of that identity claim an irradiation event."""
        return uuid5(self.study_id, f"event|{irradiation_event}|{identity_id}") in self.found

    def still_open(self, conflict_id: UUID) -> Conflict:
        """What it is about. Raises ConflictSettled (S5)."""
        if (conflict := self.found.get(conflict_id)) is None:
            raise ConflictSettled(
                f"no open conflict {conflict_id} on study {self.study_id}: see krypton study conflicts list"
            )
        return conflict

    def accept(self, conflict_id: UUID) -> None:
        """What came second stands."""
        said, self.found[conflict_id] = self.found.get(conflict_id), None
        if said and said.kind == "report" and said.digest:
            self.accepted.setdefault(said.uid, []).append(said.digest)

    def dismiss(self, conflict_id: UUID) -> None:
        """What came first stands."""
        self.found[conflict_id] = None
