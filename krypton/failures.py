"""Turns the error of a failed command into a message and an exit code.

Imported only then: it names the errors of every part.

1 refused by a rule · 2 wrong usage · 3 not found · 4 a service is unreachable. Never a traceback for what a user did;
a traceback means a defect of Krypton.
"""

import errno
from concurrent.futures.process import BrokenProcessPool

import eventsourcing.persistence
import psycopg2

from domain.errors import (
    ClockDiffers,
    Contended,
    LedgerAltered,
    NotFound,
    OffsetGap,
    RuleBroken,
    SealBroken,
    StoreAway,
    WrongMasterKey,
)
from krypton.errors import ServiceUnavailable, SettingsWrong, unanswered
from schemas.codec import NotAnEvent
from schemas.registry import UnknownSchema

NO_TEXT = "surrogates not allowed"
"""Python's reason for bytes of an argument that were no UTF-8; what was typed is never repeated."""
REFUSED, USAGE, NOT_FOUND, UNREACHABLE = 1, 2, 3, 4


def told(error: Exception) -> tuple[str, int] | None:
    """Sentence and exit code; None for a defect of Krypton. A file with several errors has a line for each."""
    match error:
        case RuleBroken():
            return "\n".join(f"refused: {one} ({one.rule})" for one in (error, *error.others)), REFUSED
        case LedgerAltered() | OffsetGap():
            return f"refused: {error}", REFUSED
        case NotAnEvent() | UnknownSchema() | SealBroken():
            return f"refused: an event cannot be read ({error}); see krypton audit verify", REFUSED
        case UnicodeEncodeError() if error.reason == NO_TEXT:
            return "usage: something typed, or read from a file, is no text that UTF-8 can hold", USAGE
        case OSError() if error.errno == errno.ENOSPC:
            return "unavailable: no space is left on the disk: free some, then run the same command again", UNREACHABLE
        case OSError() if error.filename is not None and error.strerror:
            what = "name another file or folder, or give this user the right to it"
            return f"usage: {error.filename} cannot be read or written ({error.strerror}): {what}", USAGE
        case NotFound():
            return f"not found: {error}", NOT_FOUND
        case SettingsWrong() | WrongMasterKey():
            return f"settings: {error}", USAGE
        case BrokenProcessPool():
            what = "memory may have run out: run the same command again, where little else runs"
            return f"unavailable: a process that this command had started was ended ({what})", UNREACHABLE
        case ServiceUnavailable() | Contended() | StoreAway():
            return f"unavailable: {error}", UNREACHABLE
        case ClockDiffers():
            return f"unavailable: {error} ({error.rule})", UNREACHABLE
        case eventsourcing.persistence.OperationalError():
            return f"unavailable: {error}; see krypton dev status", UNREACHABLE
        case psycopg2.errors.UndefinedTable() | psycopg2.errors.UndefinedColumn():
            return "unavailable: the tables are not there yet, or an earlier program's: run krypton init", UNREACHABLE
        case psycopg2.OperationalError():
            return f"unavailable: {unanswered(error)}", UNREACHABLE
    return None
