"""Types of the differences that a verification reports: kind, log concerned, position, detail."""

from dataclasses import dataclass
from enum import StrEnum


class Log(StrEnum):
    """What is wrong. BOTH: the two logs agree with each other but not with the signed tree, or no signature decides.

    DECISION_TABLES: no log, but what decisions look up, which is made from the event store.
    """

    EVENT_STORE = "event_store"
    KAFKA = "kafka"
    BOTH = "both"
    CHECKPOINTS = "checkpoints"
    VAULT = "vault"
    DECISION_TABLES = "decision_tables"


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
    FORGED_RECORD = "forged record"
    TRANSACTION = "end of a transaction"
    HEADER = "header altered"
    PARTITION = "wrong partition"
    KEY_MISSING = "key missing"
    KEY_BROKEN = "key broken or swapped"
    KEY_BACK = "destroyed key is back"
    DECISION_TABLE = "decision table differs"


@dataclass(frozen=True, order=True)
class Difference:
    """One difference found. ``detail``: a sentence for the investigator; it contains ids, never names."""

    position: int
    log: Log
    kind: Kind
    detail: str
