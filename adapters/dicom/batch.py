"""Gathers the received instances of one study, person and sender, which become one command: never one per image.

``adapters.inbox.batches`` says when a batch closes. Some devices open one association per image.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from adapters.dicom.attributes import Instance, Patient
from adapters.dicom.documents import Document
from adapters.dicom.rdsr.gathered import Gathered
from adapters.dicom.rdsr.images import Irradiated
from adapters.inbox.batches import Batch
from adapters.inbox.spool import Name
from adapters.inbox.whose import Borne
from domain.commands.received_patient import ReceivedPatient
from domain.commands.studies import ReceivedConflict, ReceiveStudy

COMMANDS = UUID("b1d3c0a4-7c52-5f0e-8f3e-6a4d2f1b9e05")  # namespace of batches' command ids: stored, never change it


@dataclass(frozen=True)
class Held:
    """One new instance waiting in the spool. ``irradiated``: the dose that an image states."""

    name: Name
    instance: Instance
    document: Document | None = None
    second: "Second | None" = None
    irradiated: Irradiated | None = None

    @property
    def key(self) -> "Key":
        """What its batch has in common: one that came once more goes with the first, whose study it is about."""
        of = self.second.first if self.second else self.instance
        return Key(self.name.site, self.name.actor, of.study_uid, of.patient)


@dataclass(frozen=True)
class Second:
    """Of an instance whose SOP Instance UID is held with other content: the first one, and what differs."""

    first: Instance
    differing: tuple[str, ...]


@dataclass(frozen=True)
class Key:
    """Instances with the same key form a batch. The person as sent is part of it: persons are never mixed."""

    site: str
    actor: str
    study_uid: str
    patient: Patient


@dataclass
class StudyBatch:
    """``adapters.inbox.batches.OpenBatch`` of instances: keeps of each only what the command needs."""

    key: Key
    accession: str | None = None
    started_at: str | None = None
    description: str | None = None
    names: list[Name] = field(default_factory=list)
    series: Counter[str] = field(default_factory=Counter)
    modality: dict[str, str | None] = field(default_factory=dict)
    documents: list[Document] = field(default_factory=list)
    seconds: list[Held] = field(default_factory=list)
    doses: Gathered = field(default_factory=Gathered)

    def add(self, held: Held) -> None:
        """Add one instance."""
        if held.second:
            self.seconds.append(held)
            return
        instance = held.instance
        self.accession = self.accession or instance.accession
        self.started_at = self.started_at or instance.started_at
        self.description = self.description or instance.description
        self.names.append(held.name)
        self.series[instance.series_uid] += 1
        self.modality[instance.series_uid] = self.modality.get(instance.series_uid) or instance.modality
        if held.document:
            self.documents.append(held.document)
        if held.irradiated:
            self.doses.add(held.irradiated, instance.sop_uid)

    def close(self) -> Batch:
        """The command. Its id derives from site, study and instances: a repeat is harmless."""
        root = root_of(name.digest for name in self.names)
        names = (*self.names, *(held.name for held in self.seconds))
        command = ReceiveStudy(
            site=self.key.site,
            patient=received(self.key.patient),
            study_uid=self.key.study_uid,
            accession=self.accession,
            started_at=self.started_at,
            description=self.description,
            modalities=sorted({m for m in self.modality.values() if m}),
            series=[
                {"series_uid": uid, "modality": self.modality[uid], "instances": self.series[uid]}
                for uid in sorted(self.series)
            ],
            instances=len(self.names),
            root=root,
            reports=[d.report for d in self.documents],
            doses=[*(d.dose for d in self.documents if d.dose), *self.doses.received(self.key.study_uid)],
            conflicts=_conflicts(self.seconds),
        )
        asked = root_of(name.digest for name in names)
        command_id = uuid5(COMMANDS, f"{self.key.site}|{self.key.study_uid}|{asked}")
        people = {self.key.patient, *(held.instance.patient for held in self.seconds)}
        borne = tuple(one for patient in people for one in borne_by(self.key.site, patient))
        return Batch(self.key.site, self.key.actor, command_id, command, names, borne)


def _conflicts(seconds: Iterable[Held]) -> list[ReceivedConflict]:
    """One conflict for all that say the same of whose and in which study they are; one for each dose report."""
    groups: dict[tuple[Any, ...], list[Held]] = {}
    for held in seconds:
        dose = held.name.uid if held.document and held.document.dose else None
        groups.setdefault((held.instance.patient, held.instance.study_uid, dose), []).append(held)
    return [
        ReceivedConflict(
            patient=received(patient),
            study_uid=study_uid,
            differing=sorted({name for held in group if held.second for name in held.second.differing}),
            instances=len(group),
            uid=group[0].name.uid,
            digest=group[0].name.digest,
            reports=dose is not None,
        )
        for (patient, study_uid, dose), group in groups.items()
    ]


def received(patient: Patient) -> ReceivedPatient:
    """The person as commands take it."""
    return ReceivedPatient(
        local_id=patient.local_id,
        issuer=patient.issuer,
        stated={
            "family": patient.family,
            "given": patient.given,
            "birth_date": patient.birth_date,
            "sex": patient.sex,
        },
        ins=patient.ins,
        ins_oid=patient.ins_oid,
    )


def borne_by(site: str, patient: Patient) -> set[Borne]:
    """The number of a person as sent, and who may have given it out: the sender's site, or whom the sender names."""
    return {Borne(assigner, patient.local_id) for assigner in (site, patient.issuer or site)}


def root_of(digests: Iterable[str]) -> str:
    """Hex of the SHA-256 over the sorted SHA-256 digests (their bytes) of a batch's instances."""
    return hashlib.sha256(b"".join(sorted(bytes.fromhex(d) for d in digests))).hexdigest()
