"""Where ``audit verify --since`` resumes: the tree at a trusted checkpoint, and the last event it covers.

The tree is loaded from the tiles, which prove nothing by themselves: its root must equal the root of every signed
checkpoint of that size, and its last entry must hash to the last leaf. If the tiles do not match, verification starts
at the first event; the checkpoint is then checked on the way and any contradiction is reported.
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
    """The state that a verification resumes from: tree, position and entry of its last event; by default the start of
    the ledger.
    """

    tree: Tree = field(default_factory=Tree)
    position: int = 0
    entry: bytes = b""


def start_of(log: Path, heads: Heads, since: int) -> Start:
    """Where to resume: the start of the ledger, or after a trusted checkpoint. Raises LedgerAltered if there is none.

    ``log``: the folder of the tiles; ``since``: size of the checkpoint's tree, in leaves.
    """
    if not since:
        return Start()
    roots = {head.root for head in heads.signed if head.size == since}
    if not roots:
        raise LedgerAltered(
            f"no signed checkpoint of {since} events is on Kafka or in {log}: give --since a file with one, or verify "
            "from the start, without --since"
        )
    proven = SignedTree.open(log, Checkpoint("", since, roots.pop()))
    if proven is None or roots:
        return Start()
    try:
        tree, entry = proven.folder.tree(), proven.entry(since - 1)
    except UNREADABLE:
        return Start()
    return Start(tree, proven.last_position, entry) if entry and tree.root() == proven.root else Start()
