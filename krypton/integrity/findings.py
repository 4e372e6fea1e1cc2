"""What can be wrong with the ledger's two logs: kinds, and one finding."""

from dataclasses import dataclass
from enum import StrEnum


class Log(StrEnum):
    """Where it is wrong. BOTH: alike in the two, or nothing signed tells which of them is right."""

    EVENT_STORE = "event_store"
    KAFKA = "kafka"
    BOTH = "both"
    CHECKPOINTS = "checkpoints"


class Kind(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    MISSING = "missing"
    EXTRA = "extra"
    REORDERED = "reordered"
    TRUNCATED = "truncated tail"
    FORGED = "forged checkpoint"
    UNSIGNED = "no checkpoint"
    VERSION_GAP = "version gap"
    VERSION_REPEATED = "version repeated"
    COMMAND_REPEATED = "repeated command"
    COMMAND_ALTERED = "command altered"
    HEADER = "header altered"
    PARTITION = "wrong partition"


@dataclass(frozen=True, order=True)
class Difference:
    """One finding. ``detail``: a sentence for whoever looks into it; it holds ids, never names."""

    position: int
    log: Log
    kind: Kind
    detail: str
