"""Reads and writes the signed log as a folder of tiles, entry bundles and a checkpoint (C2SP tlog-tiles).

Any web server can serve the folder as static files. Next to ``checkpoint`` and ``tile/`` it has ``lock``, held by the
one notary that writes. A checkpoint is written after the tiles it needs, each file atomically: the folder is a valid
log at every moment. All but the signature can be rebuilt from the event store.
"""

import fcntl
import shutil
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from adapters import durable
from domain.proofs import leaf, tiles
from domain.proofs.merkle import WIDTH, Node, Tree
from domain.proofs.note import NotANote, Note, parse

HELD: Final = 4_096  # tiles kept in memory: about 33 KB each with all their rows; a million leaves have 3,923
HELD_BUNDLES: Final = 256


class FolderBusy(Exception):
    """Another notary writes to the folder."""


@dataclass
class TileFolder:
    """Reads the log at a given size. Raises DamagedTile if a file is missing or truncated."""

    root: Path
    size: int = 0
    _pyramids: OrderedDict[tuple[int, int], tiles.Pyramid] = field(default_factory=OrderedDict, repr=False)
    _bundles: OrderedDict[int, list[bytes]] = field(default_factory=OrderedDict, repr=False)
    _firsts: dict[int, int] = field(default_factory=dict, repr=False)

    def checkpoint(self) -> Note | None:
        """The latest signed checkpoint. Raises NotANote if the file is not a note."""
        if (raw := self.checkpoint_bytes()) is None:
            return None
        try:
            return parse(raw.decode())
        except UnicodeDecodeError:
            raise NotANote("a note is UTF-8 text") from None

    def checkpoint_bytes(self) -> bytes | None:
        """The content of the checkpoint file; None if there is none."""
        try:
            return (self.root / tiles.CHECKPOINT).read_bytes()
        except FileNotFoundError:
            return None

    @property
    def node(self) -> Node:
        """Nodes of the tree."""
        return tiles.node_of(self._pyramid)

    def tile(self, level: int, index: int) -> list[bytes]:
        """The hashes of a tile, as wide as in a tree of ``size``."""
        width = tiles.width_at(self.size, level, index)
        content, held, name = self._content(level, index, width)
        return tiles.split_hashes(content, held, name)[:width]

    def entry(self, index: int) -> bytes:
        """The entry of a leaf."""
        number, at = divmod(index, WIDTH)
        return self._bundle(number)[at]

    def tree(self) -> Tree:
        """The tree of ``size`` leaves, ready to grow."""
        tails = []
        level = 0
        while level == 0 or self.size >> 8 * level:
            index, width = divmod(self.size >> 8 * level, WIDTH)
            tails.append(self.tile(level, index) if width else [])
            level += 1
        return Tree(self.size, tails)

    def index_of(self, position: int) -> int | None:
        """The leaf at a ledger position, by binary search; None if there is none."""
        index = self.index_after(position - 1)
        found = index < self.size and leaf.position_of(self.entry(index)) == position
        return index if found else None

    def index_after(self, position: int) -> int:
        """The first leaf after a ledger position, by binary search; ``size`` if there is none."""
        bundles = range((self.size - 1) // WIDTH + 1)
        number = bisect_right(bundles, position, key=self._first) - 1
        if number < 0:
            return 0
        return number * WIDTH + bisect_right(self._bundle(number), position, key=leaf.position_of)

    def _first(self, number: int) -> int:
        """The position of a bundle's first entry; cached, because every search asks for some of the same."""
        if (first := self._firsts.get(number)) is None:
            first = self._firsts[number] = leaf.position_of(self._bundle(number)[0])
        return first

    def _bundle(self, number: int) -> list[bytes]:
        if number in self._bundles:
            self._bundles.move_to_end(number)
            return self._bundles[number]
        width = tiles.width_at(self.size, 0, number)
        content, held, name = self._content(tiles.ENTRIES, number, width)
        made = self._bundles[number] = tiles.split_entries(content, held, name)[:width]
        if len(self._bundles) > HELD_BUNDLES:
            self._bundles.popitem(last=False)
        return made

    def _pyramid(self, level: int, index: int) -> tiles.Pyramid:
        if held := self._pyramids.get((level, index)):
            self._pyramids.move_to_end((level, index))
            return held
        made = self._pyramids[level, index] = tiles.Pyramid(self.tile(level, index))
        if len(self._pyramids) > HELD:
            self._pyramids.popitem(last=False)
        return made

    def _content(self, level: int | str, index: int, width: int) -> tuple[bytes, int, str]:
        """A tile's bytes, width and name; if the partial tile is gone, the start of the full one."""
        for held in dict.fromkeys((width, WIDTH)):
            name = tiles.path(level, index, held)
            try:
                return (self.root / name).read_bytes(), held, name
            except FileNotFoundError:
                continue
        raise tiles.DamagedTile(f"{tiles.path(level, index, width)} is missing in {self.root}: rebuild the tiles")


class TileWriter:
    """The only writer of a folder. Raises FolderBusy."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self._lock = (root / "lock").open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise FolderBusy(f"another notary writes to {root}: only one may") from None
        self._entries: list[bytes] = []
        self._files: dict[Path, bytes] = {}
        self._over: list[Path] = []
        self.tree = Tree()

    def close(self) -> None:
        """Release the lock."""
        self._lock.close()

    def begin(self, folder: TileFolder | None) -> None:
        """Continue from the folder at its size; None: start a new log and ignore what is there."""
        self._files.clear()
        self._over.clear()
        if folder is None:
            shutil.rmtree(self.root / "tile", ignore_errors=True)
            self.tree, self._entries = Tree(), []
            return
        self.tree = folder.tree()
        held = folder.size % WIDTH
        self._entries = [folder.entry(index) for index in range(folder.size - held, folder.size)]

    def append(self, entries: Sequence[bytes], hashes: Sequence[bytes]) -> None:
        """Add entries with their leaf hashes; nothing is written before ``flush``."""
        held = self._entries
        held += entries
        first = self.tree.size // WIDTH
        whole = len(held) - len(held) % WIDTH
        for number, at in enumerate(range(0, whole, WIDTH), start=first):
            self._full(tiles.ENTRIES, number, tiles.bundle(held[at : at + WIDTH]))
        self._entries = held[whole:]
        self.tree.append(hashes, lambda level, index, tile: self._full(level, index, b"".join(tile)))

    def flush(self) -> None:
        """Write all tiles of a tree of this size. Raises OSError."""
        files = self._files
        for level, tail in enumerate(self.tree.tails):
            if tail:
                files[self._partial(level, len(tail))] = b"".join(tail)
        if self._entries:
            files[self._partial(tiles.ENTRIES, len(self._entries))] = tiles.bundle(self._entries)
        durable.write_all(files)
        for folder in self._over:
            shutil.rmtree(folder, ignore_errors=True)
        self._files.clear()
        self._over.clear()

    def publish(self, note: Note) -> None:
        """Write a checkpoint as the latest one; its tiles must be flushed. Raises OSError."""
        durable.write(self.root / tiles.CHECKPOINT, note.format().encode())

    def _full(self, level: int | str, index: int, content: bytes) -> None:
        path = self.root / tiles.path(level, index)
        self._files[path] = content
        self._over.append(path.with_name(path.name + ".p"))

    def _partial(self, level: int | str, width: int) -> Path:
        index = self.tree.size // WIDTH if level == tiles.ENTRIES else self.tree.size >> 8 * (int(level) + 1)
        return self.root / tiles.path(level, index, width)
