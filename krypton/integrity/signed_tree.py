"""Looks up the signed entry for a position in the tiles, and proves it with a checkpoint.

Where the two logs differ, the signed tree shows which one was altered. Tiles prove nothing by themselves: each answer
is checked against the signed root.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from adapters.notary.folder import TileFolder
from domain.proofs import leaf
from domain.proofs.merkle import ProofWrong, inclusion_proof, leaf_hash, root_from, verify_inclusion
from domain.proofs.note import Checkpoint
from domain.proofs.tiles import DamagedTile
from krypton.integrity.checkpoints import Head

TRIED = 10
UNREADABLE = (DamagedTile, OSError, ValueError, LookupError)


@dataclass(frozen=True)
class SignedTree:
    """The tiles under a checkpoint whose signature was verified."""

    folder: TileFolder
    root: bytes
    last_position: int

    @staticmethod
    def open(folder: Path, checkpoint: Checkpoint) -> "SignedTree | None":
        """The signed tree for a checkpoint; None if tiles are missing or do not match it."""
        if not checkpoint.size:
            return None
        tiles = TileFolder(folder, checkpoint.size)
        try:
            if root_from(tiles.node, checkpoint.size) != checkpoint.root:
                return None
            tree = SignedTree(tiles, checkpoint.root, 0)
            last = tree.entry(checkpoint.size - 1)
        except UNREADABLE:
            return None
        return SignedTree(tiles, checkpoint.root, leaf.position_of(last)) if last else None

    @staticmethod
    def of(folder: Path, heads: Sequence[Head]) -> "SignedTree | None":
        """The signed tree for the largest verified checkpoint that the tiles match; only the last few are tried."""
        for head in heads[: -TRIED - 1 : -1]:
            if found := SignedTree.open(folder, Checkpoint("", head.size, head.root)):
                return found
        return None

    def covers(self, position: int) -> bool:
        """Whether the checkpoint covers a position, including positions without an event."""
        return position <= self.last_position

    def entry(self, index: int) -> bytes | None:
        """The entry of a leaf; None if the tiles do not prove it."""
        try:
            found = self.folder.entry(index)
            proof = inclusion_proof(self.folder.node, index, self.folder.size)
            verify_inclusion(index, self.folder.size, leaf_hash(found), proof, self.root)
        except (ProofWrong, *UNREADABLE):
            return None
        return found

    def entry_at(self, position: int) -> bytes | None:
        """The entry at a position; None if there was no event or the tiles prove nothing."""
        try:
            index = self.folder.index_of(position)
        except UNREADABLE:
            return None
        return None if index is None else self.entry(index)

    def holds_none_at(self, position: int) -> bool:
        """Whether it is proven that a position had no event: its neighbours are adjacent leaves."""
        try:
            if not self.covers(position) or self.folder.index_of(position) is not None:
                return False
            after = self.folder.index_after(position)
        except UNREADABLE:
            return False
        beside = [self.entry(index) for index in (after - 1, after) if index >= 0]
        return all(beside)

    def same_until(self, size: int) -> bytes | None:
        """The root of the first ``size`` leaves; None if the tiles cannot tell."""
        try:
            return root_from(self.folder.node, size)
        except UNREADABLE:
            return None


def entry_of(heading: bytes, stored: bytes) -> bytes:
    """The tree entry of a row of the event store."""
    return heading + sha256(stored).hexdigest().encode()
