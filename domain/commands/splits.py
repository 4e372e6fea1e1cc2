"""The command that takes apart an identity which holds two people: some of its studies become another identity's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from domain.aggregates.identity import Identity
from domain.aggregates.study import Study
from domain.commands.received_patient import ReceivedPatient, under_number
from domain.commands.studies import move
from domain.errors import NothingToSplit, SamePerson
from domain.ids import Ids
from domain.same_number import can_be_one_person
from domain.traits import received_traits, traits
from domain.work import Work
from domain.worklist import MAY_BE_MIXED, NUMBER_OF_TWO

SPLIT: Final = "split"


@dataclass(frozen=True, kw_only=True)
class Split:
    """Give studies of an identity to a new one under the same number, flagged ``collision``; their doses follow.

    ``stated``: what is known of the other person; nothing at first, maybe. A merge of the two takes it back.
    """

    identity: UUID
    studies: tuple[UUID, ...]
    reason: str
    stated: Mapping[str, str | None] = field(default_factory=dict)

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """The identity and the studies."""
        return self.identity, *self.studies

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NothingToSplit (I14), SamePerson (I15), BadTraits (I1), StudyWithdrawn (S3), Erased (I7), NotFound."""
        mixed = work.get(Identity, self.identity)
        mixed.refuse_if_erased()
        studies = [work.get(Study, study) for study in dict.fromkeys(self.studies)]
        if not studies:
            raise NothingToSplit("no study is named: krypton identity split REF lists those of the identity")
        for study in studies:
            if study.identity_id != mixed.id:
                raise NothingToSplit(f"study {study.id} is not of identity {mixed.id}: name its own studies alone")
        other = self._registered(work, mixed)
        for study in studies:
            move(work, study, other.id, self.reason)
        for flag in (one for one in MAY_BE_MIXED if one in mixed.flags):
            mixed.clear_flag(flag=flag, reason=self.reason)
        return {"identity": str(mixed.id), "other": str(other.id), "studies": [str(study.id) for study in studies]}

    def _registered(self, work: Work, mixed: Identity) -> Identity:
        mixed.refuse_if_unreadable()
        stated = traits(work.now, **self.stated) if self.stated else received_traits(work.now)
        if self.stated and can_be_one_person(mixed.traits, stated):
            raise SamePerson(
                f"what is stated of the other person may be said of identity {mixed.id}, too: correct that one first, "
                "or state what tells the two apart"
            )
        number = ReceivedPatient(local_id=mixed.local_id, issuer=None, stated={})
        ordinal = len([*under_number(work, mixed.assigner, number)]) + 1
        new_id = Identity.create_id(work.ids, mixed.assigner, mixed.local_id, ordinal)
        other = work.add(Identity(new_id, mixed.assigner, mixed.local_id, ordinal, stated, SPLIT))
        other.flag(flag=NUMBER_OF_TWO, reason=self.reason)
        return other
