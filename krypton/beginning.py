"""Where ``audit verify --since`` begins: with the tree of a checkpoint that is believed."""

from dataclasses import dataclass
from pathlib import Path

from adapters.notary.folder import TileFolder
from domain.errors import LedgerAltered
from domain.proofs import leaf
from domain.proofs.merkle import Tree
from krypton.heads import Heads
from krypton.signed_tree import UNREADABLE


@dataclass(frozen=True)
class Start:
    """What a walk goes on from: the tree so far, and the position of its last event."""

    tree: Tree
    position: int


def start_of(log: Path, heads: Heads, since: int) -> Start:
    """Where to begin: nowhere, or after the checkpoint that is believed. Raises LedgerAltered.

    ``log``: the folder of the tiles; ``since``: size of the checkpoint's tree.
    """
    if not since:
        return Start(Tree(), 0)
    folder = TileFolder(log, since)
    known = {head.root for head in heads.signed if head.size == since}
    try:
        tree = folder.tree()
        position = leaf.position_of(folder.entry(since - 1))
    except UNREADABLE:
        tree, position = Tree(), 0
    if tree.root() not in known:
        raise LedgerAltered(
            f"no tree of {since} leaves with a signed checkpoint is in {log}: verify from the begin, without --since"
        )
    return Start(tree, position)
