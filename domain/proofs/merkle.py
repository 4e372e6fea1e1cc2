"""The Merkle tree of RFC 9162: hashing, appending, inclusion and consistency proofs, and their verification.

Section 2.1 of RFC 9162 (the same tree as in RFC 6962): a leaf's hash is SHA-256 of 0x00 and the entry, a node's is
SHA-256 of 0x01 and its two children; the left subtree of n leaves holds the largest power of two below n. Hashes are 32
bytes. Nodes are named (level, index): the root of the complete subtree over leaves ``index << level`` to ``(index + 1)
<< level``. Verification needs only its arguments: neither database, nor Kafka, nor tiles.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256().digest()
"""The root of a tree without leaves (RFC 9162 §2.1.1)."""

WIDTH: Final = 256
"""Hashes in a full tile (C2SP tlog-tiles): the tree grows by tiles of eight levels."""

Node = Callable[[int, int], bytes]
"""(level, index) to the hash of a complete subtree."""

OnTile = Callable[[int, int, Sequence[bytes]], None]
"""Called with each full tile: its tile level, its index in that level, and its 256 hashes."""


class ProofWrong(ValueError):
    """A proof does not lead to the root: what was checked, and against what."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash of one entry (§2.1.1)."""
    return sha256(b"\0" + entry).digest()


def leaf_hashes(entries: Sequence[bytes]) -> list[bytes]:
    """Hashes of many entries."""
    return [sha256(b"\0" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of a node (§2.1.1)."""
    return sha256(b"\1" + left + right).digest()


def row_above(row: Sequence[bytes]) -> list[bytes]:
    """The parents of a row of hashes; a last one without a sibling has none."""
    pairs = iter(row)
    return [sha256(b"\1" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)]


class Tree:
    """An append-only tree that keeps only hashes not yet in full tiles: at most 255 per tile level.

    ``tails[level]``: the hashes of tile level ``level`` after its last full tile.
    """

    def __init__(self, size: int = 0, tails: Sequence[Sequence[bytes]] = ()) -> None:
        """``size`` in leaves; the tails as they were at that size."""
        self.size = size
        self.tails = [list(tail) for tail in tails] or [[]]

    def append(self, hashes: Sequence[bytes], on_tile: OnTile | None = None) -> None:
        """Add leaf hashes, in order."""
        self.tails[0] += hashes
        self.size += len(hashes)
        level = 0
        while level < len(self.tails) and len(self.tails[level]) >= WIDTH:
            self._cut_tiles(level, on_tile)
            level += 1

    def _cut_tiles(self, level: int, on_tile: OnTile | None) -> None:
        tail = self.tails[level]
        if level + 1 == len(self.tails):
            self.tails.append([])
        above = self.tails[level + 1]
        whole = len(tail) - len(tail) % WIDTH
        first = (self.size >> 8 * (level + 1)) - whole // WIDTH
        for number, at in enumerate(range(0, whole, WIDTH)):
            tile = tail[at : at + WIDTH]
            above.append(_top(tile))
            if on_tile:
                on_tile(level, first + number, tile)
        self.tails[level] = tail[whole:]

    def root(self) -> bytes:
        """The root of all leaves so far (§2.1.1)."""
        below: bytes | None = None
        for tail in self.tails:
            for peak in reversed(_peaks(tail)):
                below = peak if below is None else node_hash(peak, below)
        return EMPTY_ROOT if below is None else below


def _top(row: Sequence[bytes]) -> bytes:
    """Of a power of two of hashes."""
    while len(row) > 1:
        row = row_above(row)
    return row[0]


def _peaks(row: Sequence[bytes]) -> list[bytes]:
    """The roots of the largest complete subtrees over a row, from the left."""
    found: list[bytes] = []
    while row:
        if len(row) % 2:
            found.append(row[-1])
        row = row_above(row)
    return found[::-1]


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes (§2.1.1)."""
    tree = Tree()
    tree.append(hashes)
    return tree.root()


def root_from(node: Node, size: int) -> bytes:
    """The root of the first ``size`` leaves of a larger tree, from its nodes."""
    return _range(node, 0, size) if size else EMPTY_ROOT


def _range(node: Node, start: int, end: int) -> bytes:
    """The root over leaves ``start`` to ``end``, where ``start`` is a multiple of a power of two not below the size."""
    pieces: list[tuple[int, int]] = []
    while start < end:
        level = (end - start).bit_length() - 1
        pieces.append((level, start >> level))
        start += 1 << level
    below = node(*pieces[-1])
    for piece in reversed(pieces[:-1]):
        below = node_hash(node(*piece), below)
    return below


def _split(size: int) -> int:
    """The largest power of two below ``size`` (which is above 1)."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_proof(node: Node, index: int, size: int) -> list[bytes]:
    """Proof that leaf ``index`` is in the tree of ``size`` leaves (§2.1.3.1): at most ceil(log2 size) hashes.

    Raises ValueError if the leaf is not in the tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}: the index is below the size")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(_range(node, middle, end))
            end = middle
        else:
            proof.append(_range(node, start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(node: Node, first: int, second: int) -> list[bytes]:
    """Proof that the tree of ``second`` leaves extends that of ``first`` (§2.1.4.1); empty in trivial cases.

    Raises ValueError if the first is larger.
    """
    if not 0 <= first <= second:
        raise ValueError(f"a tree of {second} leaves does not begin with {first}: give the smaller size first")
    if first in (0, second):
        return []
    proof: list[bytes] = []
    start, end, is_known = 0, second, True
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            proof.append(_range(node, middle, end))
            end = middle
        else:
            proof.append(_range(node, start, middle))
            start, is_known = middle, False
    if not is_known:
        proof.append(_range(node, start, end))
    return proof[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Verify that a hash is leaf ``index`` of the tree with that root (§2.1.3.2). Raises ProofWrong."""
    if not 0 <= index < size:
        raise ProofWrong(f"leaf {index} cannot be in a tree of {size} leaves")
    at, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise ProofWrong(f"the proof of leaf {index} is longer than a tree of {size} leaves is high")
        if at & 1 or at == last:
            found = node_hash(step, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, step)
        at, last = at >> 1, last >> 1
    if last or found != root:
        raise ProofWrong(f"leaf {index} is not in the tree of {size} leaves with root {root.hex()}")


def verify_consistency(first: int, second: int, old: bytes, new: bytes, proof: Sequence[bytes]) -> None:
    """Verify that the tree with root ``new`` extends the one with root ``old`` (§2.1.4.2). Raises ProofWrong."""
    if not 0 <= first <= second:
        raise ProofWrong(f"a tree of {second} leaves cannot begin with one of {first}")
    if first in (0, second):
        known = (first == second and old == new) or (first == 0 and old == EMPTY_ROOT)
        if proof or not known:
            raise ProofWrong(
                f"trees of {first} and {second} leaves: nothing to prove, yet roots or proof say otherwise"
            )
        return
    if not _climbs(first, second, old, new, proof):
        raise ProofWrong(f"the tree of {second} leaves does not begin with that of {first}: the ledger was rewritten")


def _climbs(first: int, second: int, old: bytes, new: bytes, proof: Sequence[bytes]) -> bool:
    steps = [old, *proof] if first & (first - 1) == 0 else list(proof)
    if not steps:
        return False
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    found_old = found_new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            found_old, found_new = node_hash(step, found_old), node_hash(step, found_new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found_new = node_hash(found_new, step)
        at, last = at >> 1, last >> 1
    return last == 0 and found_old == old and found_new == new
