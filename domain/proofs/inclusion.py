"""Self-contained proofs as text: inclusion of one event (C2SP tlog-proof), and consistency of two trees.

An inclusion proof carries its event's entry as ``extra``: it proves nothing until it hashes to the proven leaf, which
``InclusionProof.check`` verifies. A holder of the event's bytes hashes them and finds the digest in the entry.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from domain.proofs import leaf, note
from domain.proofs.merkle import HASH_BYTES, ProofWrong, leaf_hash, verify_consistency, verify_inclusion

FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
OLD: Final = "old "
"""First line of a consistency proof (C2SP tlog-witness, add-checkpoint)."""

MOST_HASHES: Final = 63


class NotAProof(ValueError):
    """The text is not a proof: what is wrong with it."""


@dataclass(frozen=True)
class InclusionProof:
    """Proves that an event is a leaf of a signed tree. ``checkpoint``: the signed note; verify its signature
    separately.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: note.Note
    entry: bytes

    def format(self) -> str:
        """The proof as text."""
        lines = [FIRST_LINE, f"extra {_text(self.entry)}", f"index {self.index}", *map(_text, self.hashes)]
        return "\n".join([*lines, "", self.checkpoint.format()])

    def check(self) -> leaf.Entry:
        """The entry that is proven to be in the tree. Raises ProofWrong, NotANote, NotAnEntry."""
        head = note.checkpoint_of(self.checkpoint.text)
        verify_inclusion(self.index, head.size, leaf_hash(self.entry), self.hashes, head.root)
        return leaf.parse(self.entry)


def parse_inclusion(content: str) -> InclusionProof:
    """Parse a proof. Raises NotAProof, NotANote."""
    proof, _, checkpoint = content.partition("\n\n")
    first, *lines = proof.split("\n")
    if first != FIRST_LINE or len(lines) < 2:
        raise NotAProof(f"a proof starts with the line {FIRST_LINE}, the entry and the index")
    entry, index = _after(lines[0], "extra "), _after(lines[1], "index ")
    if not note.NUMBER.fullmatch(index) or len(lines) > 2 + MOST_HASHES:
        raise NotAProof("a proof names the index of a leaf in decimal, and at most 63 hashes")
    return InclusionProof(int(index), tuple(map(_hash, lines[2:])), note.parse(checkpoint), _bytes(entry))


@dataclass(frozen=True)
class ConsistencyProof:
    """Proves that a tree extends a smaller one."""

    first: note.Checkpoint
    second: note.Checkpoint
    hashes: tuple[bytes, ...]

    def check(self) -> None:
        """Raises ProofWrong."""
        if self.first.origin != self.second.origin:
            raise ProofWrong(f"two logs: {self.first.origin} and {self.second.origin}")
        one, other = self.first, self.second
        verify_consistency(one.size, other.size, one.root, other.root, self.hashes)

    def format(self, signed: str) -> str:
        """In the request format for witnesses (C2SP tlog-witness, add-checkpoint). ``signed``: the larger checkpoint's
        note.
        """
        return "\n".join([f"{OLD}{self.first.size}", *map(_text, self.hashes), "", signed])


@dataclass(frozen=True)
class Growth:
    """A parsed consistency proof: it states only the smaller tree's size; the reader must know its root."""

    size: int
    hashes: tuple[bytes, ...]
    checkpoint: note.Note

    def after(self, first: note.Checkpoint) -> ConsistencyProof:
        """The proof between a checkpoint the reader kept and this one. Raises NotAProof, NotANote."""
        if first.size != self.size:
            raise NotAProof(f"the proof starts at {self.size} events, but the checkpoint is of {first.size}")
        return ConsistencyProof(first, note.checkpoint_of(self.checkpoint.text), self.hashes)


def parse_consistency(content: str) -> Growth:
    """Parse the output of ``ConsistencyProof.format``. Raises NotAProof, NotANote."""
    proof, _, checkpoint = content.partition("\n\n")
    first, *lines = proof.split("\n")
    size = _after(first, OLD)
    if not note.NUMBER.fullmatch(size) or len(lines) > MOST_HASHES:
        raise NotAProof("a proof names the size of the smaller tree in decimal, and at most 63 hashes")
    if "\n\n" not in checkpoint:
        raise NotAProof("its checkpoint is not signed: request a proof to a signed one, in a file")
    return Growth(int(size), tuple(map(_hash, lines)), note.parse(checkpoint))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _after(line: str, begin: str) -> str:
    if not line.startswith(begin):
        raise NotAProof(f"a line that starts with {begin!r} is missing")
    return line.removeprefix(begin)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotAProof("a line is not base64") from None


def _hash(text: str) -> bytes:
    found = _bytes(text)
    if len(found) != HASH_BYTES:
        raise NotAProof("a line is not the base64 of a hash of 32 bytes")
    return found
