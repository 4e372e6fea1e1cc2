"""The notary: follows the event store in position order, grows the ledger's Merkle tree, and signs what it sees.

A checkpoint is signed at least every 10 s while events come in and every 1,000 events (in a burst: every 768, which
fills tiles to the brim), after the tiles it needs are on disk. It goes to the folder and to ``krypton.checkpoints``.

Never two trees: whatever was signed before (the folder's checkpoint, and the last one on Kafka) is a promise that the
tree must keep when it reaches that size. A broken promise ends the notary; it says what differs, and signs nothing.
The tree is rebuilt from the event store whenever the folder is gone or damaged.
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
BURST: Final = 768  # three full tiles: below 1,000, and no partial tile of leaves has to be written for it
PAGE: Final = 4 * BURST


@dataclass
class Notary:
    """One notary on one folder. ``publish`` makes notes known; what it does not take is offered again."""

    writer: TileWriter
    key: SigningKey
    publish: Callable[[Sequence[Note]], None]
    clock: Callable[[], float] = time.monotonic
    after: int = 0
    signed: int = 0
    _promises: dict[int, tuple[bytes, str]] = field(default_factory=dict)
    _owed: list[Note] = field(default_factory=list)
    _signed_at: float = 0.0

    @property
    def size(self) -> int:
        """Leaves of the tree."""
        return self.writer.tree.size

    def resume(self, published: Note | None) -> None:
        """Go on from the folder. ``published``: the last checkpoint known elsewhere. Raises LedgerAltered."""
        self._signed_at = self.clock()
        own = self._held()
        for note, where in ((own, "the folder's last checkpoint"), (published, "the last published checkpoint")):
            if note:
                promise = self._checkpoint(note, where)
                self._promise(promise, where)
        folder = self._folder(own)
        if folder:
            self._check_earlier(folder)
        self.writer.begin(folder)
        self.after = leaf.position_of(folder.entry(folder.size - 1)) if folder and folder.size else 0
        self.signed = self.size
        if own and folder:
            self._owed = [] if published and published.text == own.text else [own]

    def add(self, rows: Sequence[Row]) -> None:
        """Take in the next events, in order; sign what is due. Raises LedgerAltered, OSError."""
        at = 0
        while at < len(rows):
            step = min(self._room(), len(rows) - at)
            self._append(rows[at : at + step])
            at += step
            if not self._promises and self.size - self.signed >= BURST:
                self.sign()

    def caught_up(self) -> None:
        """The event store holds no more just now: sign what waits for a while. Raises LedgerAltered, OSError."""
        if self._promises:
            size, (_, where) = max(self._promises.items())
            raise LedgerAltered(
                f"the event store holds {self.size} events, and {where} is of {size}: its end is missing, nothing is "
                "signed; restore it with krypton restore event-store"
            )
        if self.size > self.signed and self.clock() - self._signed_at >= EVERY_S:
            self.sign()
        self._offer()

    def sign(self) -> Note:
        """A checkpoint of the tree as it is: tiles first, then the checkpoint, then the word. Raises OSError."""
        text = Checkpoint(self.key.name, self.size, self.writer.tree.root()).text()
        note = Note(text, (self.key.sign(text),))
        self.writer.flush()
        self.writer.publish(note)
        self.signed, self._signed_at = self.size, self.clock()
        self._owed.append(note)
        self._offer()
        return note

    def _append(self, rows: Sequence[Row]) -> None:
        entries = [heading + sha256(stored).hexdigest().encode() for heading, stored in rows]
        self.writer.append(entries, leaf_hashes(entries))
        self.after = leaf.position_of(rows[-1][0])
        self._keep_promises()

    def _room(self) -> int:
        """How many leaves until the tree is to be signed, or a promise looked at."""
        stops = [self.size - self.size % BURST + BURST, *(size for size in self._promises if size > self.size)]
        return min(stops) - self.size

    def _promise(self, promise: Checkpoint, where: str) -> None:
        root, other = self._promises.setdefault(promise.size, (promise.root, where))
        if root != promise.root:
            raise LedgerAltered(f"{where} and {other}, both of {promise.size} events, have other roots: one is forged")

    def _keep_promises(self) -> None:
        if (promise := self._promises.pop(self.size, None)) and promise[0] != self.writer.tree.root():
            raise LedgerAltered(
                f"the first {self.size} events of the event store are not those of {promise[1]}: the ledger was "
                "rewritten, nothing is signed; krypton audit verify names the first difference"
            )

    def _check_earlier(self, folder: TileFolder) -> None:
        """Hold the folder's tree to the promises that it has grown past. Raises LedgerAltered."""
        for size in [size for size in self._promises if size <= folder.size]:
            root, where = self._promises.pop(size)
            if root_from(folder.node, size) != root:
                raise LedgerAltered(
                    f"the first {size} leaves in {self.writer.root} are not those of {where}: one of the two is "
                    "forged, nothing is signed; krypton audit verify tells which"
                )

    def _offer(self) -> None:
        if self._owed:
            try:
                self.publish(self._owed)
            except KafkaError as away:
                log.warning("%d checkpoint(s) wait for Kafka (%s)", len(self._owed), type(away).__name__)
                return
            self._owed = []

    def _held(self) -> Note | None:
        try:
            return TileFolder(self.writer.root).checkpoint()
        except NotANote:
            log.warning("the checkpoint in %s is damaged: building the tree anew", self.writer.root)
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
        """The folder as of its checkpoint; None where the tree must be built anew from the event store."""
        if own is None:
            return None
        promise = self._checkpoint(own, "the folder's last checkpoint")
        folder = TileFolder(self.writer.root, promise.size)
        try:
            if root_from(folder.node, promise.size) == promise.root and self._ends_whole(folder):
                return folder
        except (DamagedTile, ValueError):
            pass
        log.warning("the tiles in %s are not those of their checkpoint: building the tree anew", self.writer.root)
        return None

    @staticmethod
    def _ends_whole(folder: TileFolder) -> bool:
        """Whether the entries that are gone on from hash to the leaves."""
        held = range(folder.size - (folder.size % WIDTH or 1), folder.size)
        return all(leaf_hashes([folder.entry(index)])[0] == folder.node(0, index) for index in held)
