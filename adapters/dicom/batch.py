"""Groups received instances of one study, person and sender into batches, each recorded by one command.

A batch closes when every association that contributed to it has ended and nothing followed for a moment (some devices
open one association per image), when nothing arrived for a quiet period, or when it is large or old enough. There is
never one command per image.
"""

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from threading import Lock
from uuid import UUID, uuid5

from adapters.dicom.attributes import Instance, Patient
from adapters.dicom.documents import Document
from adapters.dicom.spool import Name
from domain.commands.studies import ReceivedPatient, ReceiveStudy

COMMANDS = UUID("b1d3c0a4-7c52-5f0e-8f3e-6a4d2f1b9e05")  # namespace of batches' command ids: stored, never change it
NEVER = float("inf")


@dataclass(frozen=True)
class Limits:
    """When a batch closes. Times in seconds; ``instances`` and ``open_batches`` bound the memory used."""

    quiet_s: float = 2.0
    linger_s: float = 0.5  # after the last association: the next one may already be connecting
    longest_s: float = 60.0
    instances: int = 2_000
    open_batches: int = 50


@dataclass(frozen=True)
class Held:
    """One new instance waiting in the spool."""

    name: Name
    instance: Instance
    document: Document | None = None


@dataclass(frozen=True)
class Batch:
    """A closed batch: the command, its id, and the pending instances it consists of."""

    site: str
    actor: str
    command_id: UUID
    command: ReceiveStudy
    names: tuple[Name, ...]


@dataclass(frozen=True)
class Key:
    """Instances with the same key form a batch. The person as sent is part of it: persons are never mixed."""

    site: str
    actor: str
    study_uid: str
    patient: Patient

    @staticmethod
    def of(held: Held) -> "Key":
        """The key of one instance."""
        return Key(held.name.site, held.name.actor, held.instance.study_uid, held.instance.patient)


@dataclass
class OpenBatch:
    """A batch that still grows. It keeps only what the command needs of each instance."""

    key: Key
    opened_at: float
    accession: str | None = None
    started_at: str | None = None
    description: str | None = None
    names: list[Name] = field(default_factory=list)
    series: Counter[str] = field(default_factory=Counter)
    modality: dict[str, str | None] = field(default_factory=dict)
    documents: list[Document] = field(default_factory=list)
    feeders: set[Hashable] = field(default_factory=set)
    closes_at: float = NEVER

    def add(self, held: Held) -> None:
        """Add one instance."""
        instance = held.instance
        self.accession = self.accession or instance.accession
        self.started_at = self.started_at or instance.started_at
        self.description = self.description or instance.description
        self.names.append(held.name)
        self.series[instance.series_uid] += 1
        self.modality[instance.series_uid] = self.modality.get(instance.series_uid) or instance.modality
        if held.document:
            self.documents.append(held.document)

    def close(self) -> Batch:
        """The command. Its id derives from site, study and instances: a repeat is harmless."""
        root = root_of(name.digest for name in self.names)
        patient = self.key.patient
        command = ReceiveStudy(
            site=self.key.site,
            patient=ReceivedPatient(
                local_id=patient.local_id,
                issuer=patient.issuer,
                stated={
                    "family": patient.family,
                    "given": patient.given,
                    "birth_date": patient.birth_date,
                    "sex": patient.sex,
                },
            ),
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
            doses=[d.dose for d in self.documents if d.dose],
        )
        command_id = uuid5(COMMANDS, f"{self.key.site}|{self.key.study_uid}|{root}")
        return Batch(self.key.site, self.key.actor, command_id, command, tuple(self.names))


def root_of(digests: Iterable[str]) -> str:
    """Hex of the SHA-256 over the sorted SHA-256 digests (their bytes) of a batch's instances."""
    return hashlib.sha256(b"".join(sorted(bytes.fromhex(d) for d in digests))).hexdigest()


class Batches:
    """The open batches of one process. Thread-safe. The caller passes times of a monotonic clock."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = Lock()
        self._open: dict[Key, OpenBatch] = {}

    def add(self, held: Held, *, feeder: Hashable, now: float) -> list[Batch]:
        """Add an instance to its batch; ``feeder``: the association that brought it. Returns the batches that are now
        full.
        """
        key = Key.of(held)
        with self._lock:
            batch = self._open.setdefault(key, OpenBatch(key, now))
            batch.add(held)
            batch.feeders.add(feeder)
            batch.closes_at = min(now + self._limits.quiet_s, batch.opened_at + self._limits.longest_s)
            full = [key] if len(batch.names) >= self._limits.instances else []
            if len(self._open) - len(full) > self._limits.open_batches:
                full.append(next(k for k in self._open if k not in full))  # the one opened first
            return [self._open.pop(k).close() for k in full]

    def end(self, feeder: Hashable, *, now: float) -> None:
        """An association has ended: batches that wait for no other association close soon."""
        with self._lock:
            for batch in self._open.values():
                if feeder in batch.feeders:
                    batch.feeders.discard(feeder)
                    if not batch.feeders:
                        batch.closes_at = min(batch.closes_at, now + self._limits.linger_s)

    def due(self, *, now: float) -> list[Batch]:
        """Close and return the batches that are due."""
        with self._lock:
            due = [key for key, batch in self._open.items() if batch.closes_at <= now]
            return [self._open.pop(key).close() for key in due]

    def close_all(self) -> list[Batch]:
        """Close and return all batches."""
        return self.due(now=NEVER)
