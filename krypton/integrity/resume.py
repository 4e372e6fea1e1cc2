"""Where ``audit verify --since`` begins: with the tree of a checkpoint that is believed, and the event it ends with.

The tree is taken from the tiles, which prove nothing by themselves: it must have the root of every signed checkpoint of
that size, whoever kept it, and its last entry must be the last leaf. Where the tiles do not show that, all is verified
from the begin: the checkpoint is then one of those on the way, and what contradicts it is named.
"""

from dataclasses import dataclass, field
from pathlib import Path

from domain.errors import LedgerAltered
from domain.proofs.merkle import Tree
from domain.proofs.note import Checkpoint
from krypton.integrity.checkpoints import Heads
from krypton.integrity.signed_tree import UNREADABLE, SignedTree


@dataclass(frozen=True)
class Start:
    """What a walk goes on from: the tree so far, and its last event's position and entry; as made, nothing."""

    tree: Tree = field(default_factory=Tree)
    position: int = 0
    entry: bytes = b""


def start_of(log: Path, heads: Heads, since: int) -> Start:
    """Where to begin: nowhere, or after the checkpoint that is believed. Raises LedgerAltered where there is none.

    ``log``: the folder of the tiles; ``since``: size of the checkpoint's tree, in leaves.
    """
    if not since:
        return Start()
    roots = {head.root for head in heads.signed if head.size == since}
    if not roots:
        raise LedgerAltered(
            f"no signed checkpoint of {since} events is on Kafka or in {log}: give --since a file with one, or verify "
            "from the begin, without --since"
        )
    proven = SignedTree.open(log, Checkpoint("", since, roots.pop()))
    if proven is None or roots:
        return Start()
    try:
        tree, entry = proven.folder.tree(), proven.entry(since - 1)
    except UNREADABLE:
        return Start()
    return Start(tree, proven.last_position, entry) if entry and tree.root() == proven.root else Start()
