"""Loads signed checkpoints (Kafka topic, tile folder, file) and verifies their signatures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.notary.folder import TileFolder
from adapters.notary.keys import SignatureWrong, verified_checkpoint
from domain.errors import LedgerAltered, NotFound
from domain.proofs.note import NUMBER, NotANote, Note, VerifierKey, parse, parse_many
from krypton.bootstrap import Krypton


@dataclass(frozen=True)
class Head:
    """One checkpoint (a tree head). ``forged`` explains what is wrong with the signature; empty if it is valid.

    ``size``: number of leaves; if the note is unreadable, the size of the checkpoint before it. ``where``: where it was
    found.
    """

    size: int
    root: bytes
    where: str
    forged: str = ""


@dataclass(frozen=True)
class Heads:
    """Checkpoints sorted by size."""

    every: Sequence[Head]

    @property
    def signed(self) -> list[Head]:
        """The checkpoints with a valid signature."""
        return [head for head in self.every if not head.forged]

    def also(self, others: Sequence[Head]) -> "Heads":
        """These checkpoints plus others; duplicates (same size and root) are dropped."""
        known = {(head.size, head.root) for head in self.signed}
        new = [head for head in others if (head.size, head.root) not in known]
        return Heads(sorted([*self.every, *new], key=_order))


def heads_of(found: Iterable[tuple[str, str]], key: VerifierKey | None) -> Heads:
    """Parse checkpoints and verify each with the log's key. ``found``: text and where it was found; duplicates are
    dropped.

    Raises NotFound if there are checkpoints but no key to verify them with.
    """
    heads: dict[tuple[int, bytes, str], Head] = {}
    size = 0
    for where, content in found:
        if key is None:
            raise NotFound(f"a key to verify {where} with: give --key, as krypton audit checkpoint --key shows it")
        head = _head(content, where, key, size)
        size = head.size
        heads.setdefault((head.size, head.root, head.forged), head)
    return Heads(sorted(heads.values(), key=_order))


def _order(head: Head) -> tuple[int, bool]:
    return head.size, bool(head.forged)


def _head(content: str, where: str, key: VerifierKey, size: int) -> Head:
    try:
        checkpoint = verified_checkpoint(parse(content), key)
    except (NotANote, SignatureWrong) as wrong:
        return Head(_claimed_size(content, size), b"", where, str(wrong))
    return Head(checkpoint.size, checkpoint.root, where)


def _claimed_size(content: str, size: int) -> int:
    """The tree size on the note's second line, without checking a signature; ``size`` if it is not a number."""
    lines = content.split("\n")
    return int(lines[1]) if len(lines) > 2 and NUMBER.fullmatch(lines[1]) else size


def kept(note: Note, where: str, key: VerifierKey) -> Head:
    """The checkpoint that a verification starts from. Raises LedgerAltered if the log's key did not sign it."""
    try:
        checkpoint = verified_checkpoint(note, key)
    except SignatureWrong as wrong:
        raise LedgerAltered(f"{where} cannot be trusted: {wrong}") from None
    return Head(checkpoint.size, checkpoint.root, where)


def published(ours: Krypton, topic: str) -> list[tuple[str, str]]:
    """The checkpoints on a Kafka topic. Raises KafkaError."""
    from streams.broker import checkpoints  # who reads the log's folder alone needs no Kafka client

    raw = checkpoints.read(ours.addresses.kafka, topic)
    return [(f"checkpoint {at} on {topic}", note.decode(errors="replace")) for at, note in enumerate(raw)]


def in_folder(folder: Path) -> list[tuple[str, str]]:
    """The checkpoint file in the tile folder."""
    raw = TileFolder(folder).checkpoint_bytes()
    return [] if raw is None else [(f"the checkpoint in {folder}", raw.decode(errors="replace"))]


def in_file(file: Path) -> list[tuple[str, str]]:
    """The checkpoints in a file, which may hold several. Raises NotFound."""
    return [(f"a checkpoint in {file}", note.format()) for note in notes_in(file)]


def notes_in(file: Path) -> list[Note]:
    """The signed notes in a file. Raises NotFound if it holds none."""
    try:
        found = parse_many(file.read_text())
    except (OSError, UnicodeDecodeError):
        raise NotFound(f"{file} cannot be read: give a file of signed checkpoints") from None
    except NotANote as wrong:
        raise NotFound(f"{file} holds no signed checkpoints: {wrong}") from None
    if not found:
        raise NotFound(f"{file} holds no signed checkpoints")
    return found
