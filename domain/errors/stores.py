"""Errors of stores, of the ledger, and of those to whom something is delivered: no rule refused anything."""

from eventsourcing.persistence import IntegrityError, OperationalError


class NotDelivered(Exception):
    """A notice was not taken. The message is a code, and holds nothing of the notice."""


class NotFound(LookupError):
    """What a command or query names is not in the ledger."""


class CommandRepeated(Exception):
    """The command id is already stored: return the first answer."""


class SealBroken(Exception):
    """Sealed bytes cannot be decrypted: altered, or moved to another event."""


class KeyBroken(SealBroken):
    """A row of the vault holds no key of its subject: it was altered, or belongs to another. Other rows are as good."""


class WrongMasterKey(Exception):
    """None of the master keys that this process was given wrapped what it is to open: no row is at fault."""


class Contended(Exception):
    """Other writers were first several times in a row: nothing was written; retry."""


class TablesBehind(Exception):
    """What decisions look up does not go as far as the log: let it catch up, then ask again."""


class LedgerAltered(Exception):
    """Two copies of the ledger, or a copy and its signed tree, differ: which, and where. Nothing was written."""


# What a view's store says to the stream processor that feeds it
class PartitionLost(Exception):
    """Another worker has applied records of this partition and owns it now: this worker must stop."""


class OffsetGap(Exception):
    """Records are missing before this one: nothing was applied, and nothing may be."""


class StoreAway(Exception):
    """The database is unavailable: nothing was applied; retry the same batch."""


# What the event store says to a writer
class KeysLost(IntegrityError):
    """A key that sealed the events is not in the vault: its server crashed. Nothing was written; seal them again."""


class ClockDiffers(OperationalError):
    """This machine's clock and the event store's differ by more than the bound: nothing was written; set the clocks."""

    rule = "T1"
