"""The notary: follows the event store in position order, grows the ledger's Merkle tree, and signs checkpoints.

While events come in, a checkpoint is signed at least every 10 s and every 1,000 events (in bursts every 768, which
fills tiles completely), after its tiles are on disk. It is written to the folder and to ``krypton.checkpoints``.

The log never forks: the tree must match every earlier checkpoint (the one in the folder and the last one on Kafka) when
it reaches that size. On a mismatch the notary reports it, signs nothing and stops. If the folder is missing or damaged,
the tree is rebuilt from the event store.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from kafka.errors import KafkaError

from adapters.eventstore.scan import Row
from adapters.notary.folder import TileFolder, TileWriter
from adapters.notary.keys import SignatureWrong, SigningKey, verified_checkpoint
from domain.errors import LedgerAltered
from domain.proofs import leaf
from domain.proofs.merkle import WIDTH, leaf_hashes, root_from
from domain.proofs.note import Checkpoint, NotANote, Note
from domain.proofs.tiles import DamagedTile

log = logging.getLogger(__name__)

EVERY_S: Final = 5.0
BURST: Final = 768  # three full tiles: below 1,000, and no partial leaf tile is written
PAGE: Final = 4 * BURST


@dataclass
class Notary:
    """A notary for one folder. ``publish`` sends notes to Kafka; notes that it fails to send are retried."""

    writer: TileWriter
    key: SigningKey
    publish: Callable[[Sequence[Note]], None]
    clock: Callable[[], float] = time.monotonic
    after: int = 0
    signed: int = 0
    _earlier: dict[int, tuple[bytes, str]] = field(default_factory=dict)
    _unpublished: list[Note] = field(default_factory=list)
    _signed_at: float = 0.0

    @property
    def size(self) -> int:
        """Number of leaves of the tree."""
        return self.writer.tree.size

    def resume(self, published: Note | None) -> None:
        """Continue from the folder. ``published``: the last checkpoint on Kafka. Raises LedgerAltered."""
        self._signed_at = self.clock()
        own = self._held()
        for note, where in ((own, "the folder's last checkpoint"), (published, "the last published checkpoint")):
            if note:
                checkpoint = self._checkpoint(note, where)
                self._expect(checkpoint, where)
        folder = self._folder(own)
        if folder:
            self._check_earlier(folder)
        self.writer.begin(folder)
        self.after = leaf.position_of(folder.entry(folder.size - 1)) if folder and folder.size else 0
        self.signed = self.size
        if own and folder:
            self._unpublished = [] if published and published.text == own.text else [own]

    def add(self, rows: Sequence[Row]) -> None:
        """Add the next events, in order; sign when due. Raises LedgerAltered, OSError."""
        at = 0
        while at < len(rows):
            step = min(self._room(), len(rows) - at)
            self._append(rows[at : at + step])
            at += step
            if not self._earlier and self.size - self.signed >= BURST:
                self.sign()

    def caught_up(self) -> None:
        """Call when the event store has no more events: signs leaves that have waited long enough. Raises
        LedgerAltered, OSError.
        """
        if self._earlier:
            size, (_, where) = max(self._earlier.items())
            raise LedgerAltered(
                f"the event store holds {self.size} events, but {where} covers {size}: the end is missing, nothing is "
                "signed; restore it with krypton restore event-store"
            )
        if self.size > self.signed and self.clock() - self._signed_at >= EVERY_S:
            self.sign()
        self._publish_waiting()

    def sign(self) -> Note:
        """Sign a checkpoint of the current tree: write tiles, then the checkpoint, then publish it. Raises OSError."""
        text = Checkpoint(self.key.name, self.size, self.writer.tree.root()).text()
        note = Note(text, (self.key.sign(text),))
        self.writer.flush()
        self.writer.publish(note)
        self.signed, self._signed_at = self.size, self.clock()
        self._unpublished.append(note)
        self._publish_waiting()
        return note

    def _append(self, rows: Sequence[Row]) -> None:
        entries = [heading + sha256(stored).hexdigest().encode() for heading, stored in rows]
        self.writer.append(entries, leaf_hashes(entries))
        self.after = leaf.position_of(rows[-1][0])
        self._check_due()

    def _room(self) -> int:
        """How many leaves until the tree must be signed or compared with an earlier checkpoint."""
        stops = [self.size - self.size % BURST + BURST, *(size for size in self._earlier if size > self.size)]
        return min(stops) - self.size

    def _expect(self, checkpoint: Checkpoint, where: str) -> None:
        root, other = self._earlier.setdefault(checkpoint.size, (checkpoint.root, where))
        if root != checkpoint.root:
            raise LedgerAltered(
                f"{where} and {other}, both of {checkpoint.size} events, have different roots: one is forged"
            )

    def _check_due(self) -> None:
        if (checkpoint := self._earlier.pop(self.size, None)) and checkpoint[0] != self.writer.tree.root():
            raise LedgerAltered(
                f"the first {self.size} events of the event store are not those of {checkpoint[1]}: the ledger was "
                "rewritten, nothing is signed; krypton audit verify names the first difference"
            )

    def _check_earlier(self, folder: TileFolder) -> None:
        """Compare the folder's tree with the earlier checkpoints of its size or smaller. Raises LedgerAltered."""
        for size in [size for size in self._earlier if size <= folder.size]:
            root, where = self._earlier.pop(size)
            if root_from(folder.node, size) != root:
                raise LedgerAltered(
                    f"the first {size} leaves in {self.writer.root} are not those of {where}: one of the two is "
                    "forged, nothing is signed; krypton audit verify shows which"
                )

    def _publish_waiting(self) -> None:
        if self._unpublished:
            try:
                self.publish(self._unpublished)
            except KafkaError as away:
                log.warning("%d checkpoint(s) wait for Kafka (%s)", len(self._unpublished), type(away).__name__)
                return
            self._unpublished = []

    def _held(self) -> Note | None:
        try:
            return TileFolder(self.writer.root).checkpoint()
        except NotANote:
            log.warning("the checkpoint in %s is damaged: rebuilding the tree", self.writer.root)
            return None

    def _checkpoint(self, note: Note, where: str) -> Checkpoint:
        try:
            return verified_checkpoint(note, self.key.verifier)
        except SignatureWrong as wrong:
            raise LedgerAltered(
                f"{where} is not signed with this log's key ({wrong}): bring back the key, or start a new log in a new "
                "folder under a new origin"
            ) from None

    def _folder(self, own: Note | None) -> TileFolder | None:
        """The folder at its checkpoint; None if the tree must be rebuilt from the event store."""
        if own is None:
            return None
        checkpoint = self._checkpoint(own, "the folder's last checkpoint")
        folder = TileFolder(self.writer.root, checkpoint.size)
        try:
            if root_from(folder.node, checkpoint.size) == checkpoint.root and self._last_entries_match(folder):
                return folder
        except (DamagedTile, ValueError):
            pass
        log.warning("the tiles in %s do not match their checkpoint: rebuilding the tree", self.writer.root)
        return None

    @staticmethod
    def _last_entries_match(folder: TileFolder) -> bool:
        """Whether the entries of the last, partial bundle hash to their leaves."""
        held = range(folder.size - (folder.size % WIDTH or 1), folder.size)
        return all(leaf_hashes([folder.entry(index)])[0] == folder.node(0, index) for index in held)
