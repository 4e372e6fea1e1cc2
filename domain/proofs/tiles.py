"""The tree as static files: tile paths and contents as in C2SP tlog-tiles.

A tile holds up to 256 hashes of one tile level (level 0: leaf hashes; level l: roots of full tiles below). A bundle
holds the entries of one level-0 tile, each preceded by its length as a big-endian uint16.
"""

from collections.abc import Callable, Sequence
from typing import Final

from domain.proofs.merkle import HASH_BYTES, WIDTH, Node, row_above

CHECKPOINT: Final = "checkpoint"
ENTRIES: Final = "entries"
MOST_ENTRY_BYTES: Final = 0xFFFF


class DamagedTile(ValueError):
    """A tile or bundle does not have the content its name promises: which, and what to do."""


def path(level: int | str, index: int, width: int = WIDTH) -> str:
    """The path of a tile, relative to the log's prefix; level ``entries`` is that of a bundle.

    Index 1234067 is ``x001/x234/067``; ``width`` below 256 makes the path of a partial tile.
    """
    digits = f"{index:03d}"
    digits = digits.zfill(len(digits) + -len(digits) % 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    number = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
    return f"tile/{level}/{number}" + (f".p/{width}" if width < WIDTH else "")


def width_at(size: int, level: int, index: int) -> int:
    """How many hashes a tile has in a tree of ``size`` leaves; 0 if there is no such tile."""
    return max(0, min(WIDTH, (size >> 8 * level) - index * WIDTH))


def split_hashes(content: bytes, width: int, name: str) -> list[bytes]:
    """The hashes of a tile. Raises DamagedTile."""
    if len(content) != width * HASH_BYTES:
        raise DamagedTile(f"{name} holds {len(content)} bytes, not {width} hashes: rebuild the tiles")
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as a bundle. Raises ValueError if one is too long."""
    if any(len(entry) > MOST_ENTRY_BYTES for entry in entries):
        raise ValueError(f"an entry is longer than {MOST_ENTRY_BYTES} bytes")
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def split_entries(content: bytes, width: int, name: str) -> list[bytes]:
    """The entries of a bundle. Raises DamagedTile."""
    found: list[bytes] = []
    at = 0
    while at < len(content):
        end = at + 2 + int.from_bytes(content[at : at + 2], "big")
        found.append(content[at + 2 : end])
        at = end
    if at != len(content) or len(found) != width:
        raise DamagedTile(f"{name} does not hold {width} complete entries: rebuild the tiles")
    return found


class Pyramid:
    """All eight rows of hashes that follow from a tile, its own row included."""

    __slots__ = ("rows",)

    def __init__(self, hashes: Sequence[bytes]) -> None:
        self.rows: list[Sequence[bytes]] = [hashes]
        while len(self.rows[-1]) > 1:
            self.rows.append(row_above(self.rows[-1]))


PyramidAt = Callable[[int, int], Pyramid]
"""(tile level, index) to the tile's rows."""


def node_of(pyramid: PyramidAt) -> Node:
    """Nodes of the tree, from its tiles."""

    def node(level: int, index: int) -> bytes:
        tile_level, row = divmod(level, 8)
        tile, column = divmod(index, WIDTH >> row)
        return pyramid(tile_level, tile).rows[row][column]

    return node
