"""``audit export``: writes all events about a person to files that can be verified offline, without Krypton.

The files: events as stored, byte for byte; the same as JSON lines and as Avro container files with their schemas; the
proof that each is in the signed tree; the checkpoint; and ``verify.py``, which checks everything. Fields that name the
person stay sealed unless asked for: then they are in a separate file, which no proof covers. Events not yet covered by
the latest checkpoint are left out and counted.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adapters.eventstore.histories import StoredEvent
from adapters.notary.folder import TileFolder
from adapters.notary.keys import verified_checkpoint
from domain.actors import Caller
from domain.errors import LedgerAltered
from domain.proofs import leaf
from domain.proofs.merkle import inclusion_proof
from domain.proofs.note import Checkpoint, Note, VerifierKey
from domain.times import iso
from krypton.auditing import export_files
from krypton.auditing.asking import answering
from krypton.auditing.replayed import Past
from krypton.auditing.withheld import Withheld
from krypton.bootstrap import Krypton
from krypton.erasing import exports
from krypton.errors import ServiceUnavailable
from krypton.integrity.keys import verifier_key
from krypton.integrity.signed_tree import SignedTree

Document = dict[str, Any]
LOOK_AGAIN_S: Final = 0.2


class FolderNotEmpty(Exception):
    """The target folder is not empty: nothing was written."""


@dataclass(frozen=True)
class Signed:
    """The log at its latest checkpoint."""

    note: Note
    key: VerifierKey
    checkpoint: Checkpoint
    tree: SignedTree

    def proven(self, event: StoredEvent) -> Document:
        """The event's leaf and the proof that it is in the tree. Raises LedgerAltered."""
        index = self.tree.folder.index_of(event.position)
        entry = leaf.entry(event.position, event.type, event.aggregate_id, event.version, event.state)
        if index is None or self.tree.entry(index) != entry:
            raise LedgerAltered(
                f"the event store's event at position {event.position} is not the one that was signed: nothing was "
                "exported; see krypton audit verify"
            )
        steps = inclusion_proof(self.tree.folder.node, index, self.tree.folder.size)
        return {"position": event.position, "index": index, "proof": [step.hex() for step in steps]}


def export(
    ours: Krypton,
    ref: str,
    folder: Path,
    caller: Caller,
    *,
    unsealed: bool,
    wait_s: float = 0.0,
    whole: bool = False,
    reach: Callable[[int, int], None] = lambda *_: None,
) -> Document:
    """Write the export, and say what it holds. ``wait_s``: how long to wait for a checkpoint that covers all there is;
    ``reach``: told how many of how many events are proven.

    Raises FolderNotEmpty, LedgerAltered, ServiceUnavailable (nothing was signed yet), and as ``answering`` does.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FolderNotEmpty(f"{folder} is not empty: give a new folder for the export")
    with answering(ours, caller, "audit.export", ref, accesses=True, whole=whole, unsealed=unsealed) as (past, allowed):
        shown = Withheld.of(past.identities, past.events).left(past.stored)
        signed = latest(ours, past.stored[-1].position, wait_s)
        covered = [event for event in shown if signed.tree.covers(event.position)]
        proofs = []
        for event in covered:
            proofs.append(signed.proven(event))
            reach(len(proofs), len(covered))
        written = _Export(ours, past, signed, covered, proofs).files(unsealed)
    summary = {
        "identity": allowed.identity,
        "identities": sorted(past.identities),
        "events": len(covered),
        "not_yet_signed": len(shown) - len(covered),
        "withheld": len(past.stored) - len(shown),
        "log": signed.checkpoint.origin,
        "size": signed.checkpoint.size,
        "root": signed.checkpoint.root.hex(),
        "asked_by": caller.actor,
        "access_position": allowed.position,
        "unsealed": unsealed,
    }
    named = _named(ours, past) if unsealed else ()
    noted = exports.note(ours.settings.home, folder, named, caller.actor, allowed.position) if named else None
    export_files.write(folder, written, summary)
    if noted:
        exports.written(ours, noted, past.position)
    return {"folder": str(folder), **summary}


def _named(ours: Krypton, past: Past) -> frozenset[str]:
    """Whom the opened fields may name: the person, and everybody under whose key some were sealed; not who was erased.

    Who is erased between the replay and the export's last file is among them (``exports.written``).
    """
    latest = ours.codec.registry.latest
    whose = past.identities.union(*(ours.codec.whose_keys(latest[one.type], one.data) for one in past.events))
    return whose - past.unnamed


def latest(ours: Krypton, position: int, wait_s: float = 0.0) -> Signed:
    """The log at its latest checkpoint; waits a while until it covers a position. Raises ServiceUnavailable."""
    deadline = time.monotonic() + wait_s
    while True:
        found = _signed(ours)
        if (found and found.tree.covers(position)) or time.monotonic() > deadline:
            break
        time.sleep(LOOK_AGAIN_S)
    if found is None:
        raise ServiceUnavailable(
            f"nothing is signed yet in {ours.settings.log_folder}, or its key {ours.settings.log_key} is not here: "
            "export where the notary runs"
        )
    return found


def _signed(ours: Krypton) -> Signed | None:
    key = verifier_key(ours.settings)
    note = TileFolder(ours.settings.log_folder).checkpoint()
    if key is None or note is None:
        return None
    checkpoint = verified_checkpoint(note, key)
    tree = SignedTree.open(ours.settings.log_folder, checkpoint)
    return None if tree is None else Signed(note, key, checkpoint, tree)


@dataclass(frozen=True)
class _Export:
    """The content to write, computed before anything is written."""

    ours: Krypton
    past: Past
    signed: Signed
    covered: Sequence[StoredEvent]
    proofs: Sequence[Document]

    def files(self, unsealed: bool) -> dict[str, bytes]:
        """Path in the folder to content."""
        events = [export_files.event_line(self.ours.codec.schema_of(one.state), one) for one in self.covered]
        files = {
            "checkpoint": self.signed.note.format().encode(),
            "log.key": f"{self.signed.key.format()}\n".encode(),
            "events.jsonl": export_files.json_lines(events),
            "proofs.jsonl": export_files.json_lines(self.proofs),
            **{f"stored/{one.position}.bin": one.state for one in self.covered},
            **export_files.by_schema(self.ours.codec.registry, self.covered),
        }
        if unsealed:
            files[exports.UNSEALED] = export_files.json_lines(self._opened())
        return files

    def _opened(self) -> list[Document]:
        """Decrypted sealed fields by position; ``[erased]`` if the key was destroyed."""
        covered = {event.position for event in self.covered}
        schemas = self.ours.codec.registry.latest
        return [
            {
                "position": event.position,
                "recorded_at": iso(event.data["recorded_at"]),
                "type": event.type,
                "fields": {name: event.data[name] for name in schemas[event.type].sealed},
            }
            for event in self.past.events
            if event.position in covered and schemas[event.type].sealed
        ]
