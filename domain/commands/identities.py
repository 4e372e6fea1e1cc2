"""Commands on local identities: register, correct, status, INS, flags."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain import ins
from domain.aggregates.establishment import CODE
from domain.aggregates.identity import Identity
from domain.commands.directory import is_enrolled
from domain.errors import AlreadyRegistered, UnknownSite
from domain.identity_status import Status
from domain.ids import Ids
from domain.ins_doubt import doubts
from domain.traits import corrected, refuse_mistyped_id, traits
from domain.work import Work


@dataclass(frozen=True, kw_only=True)
class Register:
    """Register a person under the assigner's local id. ``stated``: traits by name, see ``domain.traits``.

    ``ins``: the matricule, if it was retrieved together with the traits; ``ins_oid``: its OID, without one that of the
    installation's NIR.
    """

    assigner: str
    local_id: str
    stated: Mapping[str, str | None]
    ins: str | None = None
    ins_oid: str | None = None

    def touches(self, ids: Ids) -> tuple[UUID, ...]:
        """The identity it creates."""
        return (Identity.create_id(ids, self.assigner, self.local_id),)

    def decide(self, work: Work) -> dict[str, Any]:
        """Registers it as provisional. Raises UnknownSite (S1), AlreadyRegistered (I2), Erased (I7), BadTraits (I1),
        BadIns (I5), OtherAuthority (I9).
        """
        if not is_enrolled(work, self.assigner):
            if not CODE.fullmatch(self.assigner):  # whatever stands there may be a name: it is not quoted
                raise UnknownSite("the assigner is no code of an establishment: look it up with krypton site list")
            raise UnknownSite(
                f"no establishment {self.assigner} is enrolled: krypton site enroll {self.assigner} --name …"
            )
        refuse_mistyped_id(self.local_id)
        new_id = Identity.create_id(work.ids, self.assigner, self.local_id)
        if known := work.find(Identity, new_id):
            known.refuse_if_erased()  # "correct it" would lead nowhere
            raise AlreadyRegistered(
                f"{self.assigner} registered that id already, as identity {known.id}: correct it instead"
            )
        stated = traits(work.now, **self.stated)
        new = work.add(Identity(new_id, self.assigner, self.local_id, 1, stated, "register"))
        if self.ins:
            oid = self.ins_oid or work.authorities.default
            checked = ins.matricule(self.ins, oid, work.authorities)
            new.attach_ins(matricule=checked, oid=oid, mode="INSI")
        return {"identity": str(new.id)}


@dataclass(frozen=True, kw_only=True)
class Correct:
    """Correct traits; those not given stay."""

    identity: UUID
    stated: Mapping[str, str | None]
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises NothingToCorrect (I3), BadTraits (I1), Erased (I7)."""
        held = work.get(Identity, self.identity)
        held.refuse_if_erased()  # before its traits are looked at: it has none
        held.refuse_if_unreadable()
        held.correct(traits=corrected(work.now, held.traits, **self.stated), reason=self.reason)
        return {"identity": str(self.identity)}


@dataclass(frozen=True, kw_only=True)
class SetStatus:
    """Change the identity's reliability status."""

    identity: UUID
    status: Status
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises StatusNotAllowed (I4)."""
        work.get(Identity, self.identity).set_status(status=self.status, reason=self.reason)
        return {"identity": str(self.identity)}


@dataclass(frozen=True, kw_only=True)
class AttachIns:
    """Attach the national identity. ``oid``: without one, that of the installation's NIR; ``mode``: how it was
    retrieved (``INSI``, ``CARD``, ``DATAMATRIX``).
    """

    identity: UUID
    matricule: str
    oid: str | None = None
    mode: str = "INSI"

    def decide(self, work: Work) -> dict[str, Any]:
        """The status where it fell: another matricule was attached before (I11); the flags by which the new one is in
        doubt (I11, I12). Raises BadIns (I5), OtherAuthority (I9), StatusNotAllowed (I4), Erased (I7).
        """
        oid = self.oid or work.authorities.default
        checked = ins.matricule(self.matricule, oid, work.authorities)
        held = work.get(Identity, self.identity)
        status, flags = held.status, {*held.flags}
        held.attach_ins(matricule=checked, oid=oid, mode=self.mode)
        told: dict[str, Any] = {"status": str(held.status)} if held.status is not status else {}
        if new := doubts(held.flags - flags):
            told["flags"] = new
        return {"identity": str(self.identity), **told}


@dataclass(frozen=True, kw_only=True)
class DetachIns:
    """Detach the national identity: it is not this person's."""

    identity: UUID
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises StatusNotAllowed (I4)."""
        work.get(Identity, self.identity).detach_ins(reason=self.reason)
        return {"identity": str(self.identity)}


@dataclass(frozen=True, kw_only=True)
class Flag:
    """Set a flag on the identity (``FLAGS`` of the aggregate)."""

    identity: UUID
    flag: str
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises FlagUnchanged (I6), StatusNotAllowed (I4)."""
        work.get(Identity, self.identity).flag(flag=self.flag, reason=self.reason)
        return {"identity": str(self.identity)}


@dataclass(frozen=True, kw_only=True)
class ClearFlag:
    """Clear a flag."""

    identity: UUID
    flag: str
    reason: str

    def decide(self, work: Work) -> dict[str, Any]:
        """Raises FlagUnchanged (I6)."""
        work.get(Identity, self.identity).clear_flag(flag=self.flag, reason=self.reason)
        return {"identity": str(self.identity)}
