"""Makes inclusion and consistency proofs from the tile folder, and cosigns checkpoints as a witness.

Needs neither database nor Kafka.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters import durable
from adapters.notary.folder import TileFolder
from adapters.notary.keys import SignatureWrong, SigningKey, verified_checkpoint
from domain.errors import LedgerAltered, NotFound
from domain.proofs.inclusion import ConsistencyProof, InclusionProof
from domain.proofs.merkle import ProofWrong, consistency_proof, inclusion_proof, root_from
from domain.proofs.note import Checkpoint, NotANote, Note, VerifierKey, parse
from domain.proofs.tiles import DamagedTile

LAST: Final = ".last"
"""Ending of the file beside a witness's key that holds the last checkpoint it cosigned."""


@dataclass(frozen=True)
class Prover:
    """Makes proofs for the tree of one signed checkpoint."""

    folder: TileFolder
    note: Note
    head: Checkpoint

    @staticmethod
    def open(folder: Path, key: VerifierKey) -> "Prover":
        """A prover for the folder's checkpoint. Raises NotFound if nothing was signed yet, LedgerAltered."""
        try:
            note = TileFolder(folder).checkpoint()
        except NotANote as wrong:
            raise LedgerAltered(f"the checkpoint in {folder} is damaged ({wrong}): krypton audit checkpoint") from None
        if note is None:
            raise NotFound(
                f"a checkpoint in {folder}: krypton audit checkpoint signs one, or start krypton serve notary"
            )
        try:
            head = verified_checkpoint(note, key)
        except SignatureWrong as wrong:
            raise LedgerAltered(f"the checkpoint in {folder}: {wrong}") from None
        return Prover(TileFolder(folder, head.size), note, head)

    def as_of(self, note: Note, key: VerifierKey) -> "Prover":
        """A prover for an earlier checkpoint, possibly cosigned. Raises LedgerAltered, NotFound."""
        try:
            head = verified_checkpoint(note, key)
        except SignatureWrong as wrong:
            raise LedgerAltered(f"the checkpoint proves nothing: {wrong}") from None
        if head.size > self.head.size:
            raise NotFound(f"a tree of {head.size} events in {self.folder.root}: it holds {self.head.size}")
        if self._head(head.size) != head:
            raise LedgerAltered(
                f"the checkpoint of {head.size} events is signed, but does not match the tree in {self.folder.root}: "
                "one of the two is forged"
            )
        return Prover(self.folder, note, head)

    def inclusion(self, position: int) -> InclusionProof:
        """Proof that the event at a position is in the ledger. Raises NotFound, DamagedTile."""
        index = self.folder.index_of(position) if self.head.size else None
        if index is None or index >= self.head.size:
            raise NotFound(
                f"position {position} in the signed tree of {self.head.size} events: no event was stored there, or it "
                "is not signed yet (krypton audit checkpoint)"
            )
        hashes = inclusion_proof(self.folder.node, index, self.head.size)
        return InclusionProof(index, tuple(hashes), self.note, self.folder.entry(index))

    def consistency(self, first: int, second: int | None = None) -> ConsistencyProof:
        """Proof that the tree of ``second`` leaves (default: all) extends the tree of ``first``. Raises NotFound."""
        second = self.head.size if second is None else second
        if not 0 <= first <= second <= self.head.size:
            raise NotFound(f"trees of {first} and {second} events: sizes go up to {self.head.size}, the smaller first")
        hashes = consistency_proof(self.folder.node, first, second)
        return ConsistencyProof(self._head(first), self._head(second), tuple(hashes))

    def _head(self, size: int) -> Checkpoint:
        return Checkpoint(self.head.origin, size, root_from(self.folder.node, size))


@dataclass(frozen=True)
class Witness:
    """Cosigns the checkpoints of one log; each must extend the last one it cosigned.

    The last checkpoint is stored in a file next to the witness's key, before the cosignature is returned.
    """

    key: SigningKey
    key_file: Path

    @property
    def seen(self) -> Path:
        """The file with the last cosigned checkpoint."""
        return self.key_file.with_name(self.key_file.name + LAST)

    def cosign(self, note: Note, log: VerifierKey, tiles: Path, at_s: int) -> Note:
        """The note with the witness's signature. ``tiles``: source of the proof; ``at_s``: now, seconds since 1970,
        UTC.

        Raises LedgerAltered if the log did not sign it, or if its tree does not extend the last one.
        """
        try:
            head = verified_checkpoint(note, log)
        except SignatureWrong as wrong:
            raise LedgerAltered(f"the checkpoint is not cosigned: {wrong}") from None
        if self.seen.exists():
            self._check(verified_checkpoint(parse(self.seen.read_text()), log), head, tiles)
        durable.write(self.seen, note.format().encode())
        return note.signed_also([self.key.cosign(note.text, at_s)])

    def _check(self, last: Checkpoint, head: Checkpoint, tiles: Path) -> None:
        if head.size < last.size:
            raise LedgerAltered(
                f"the checkpoint is of {head.size} events, and one of {last.size} events was cosigned already"
            )
        try:
            node = TileFolder(tiles, head.size).node
            hashes = consistency_proof(node, last.size, head.size)
            ConsistencyProof(last, head, tuple(hashes)).check()
        except DamagedTile as damaged:
            raise LedgerAltered(f"the checkpoint is not cosigned: its tiles are damaged ({damaged})") from None
        except ProofWrong as wrong:
            raise LedgerAltered(f"the checkpoint is not cosigned: {wrong}") from None
