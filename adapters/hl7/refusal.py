"""Why a message is refused, and where in it the cause is: what its answer says. Source: HL7 v2.5, 2.15.5, ERR."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Verdict(StrEnum):
    """HL7 table 0008: what became of a message."""

    ACCEPTED = "AA"
    ERROR = "AE"
    """Its content is refused."""
    REJECTED = "AR"
    """It is no message that is taken from this sender."""


class Condition(IntEnum):
    """HL7 table 0357: what kind of error it is."""

    ACCEPTED = 0
    SEGMENT_SEQUENCE = 100
    FIELD_MISSING = 101
    DATA_TYPE = 102
    NOT_IN_TABLE = 103
    UNSUPPORTED_TYPE = 200
    UNSUPPORTED_EVENT = 201
    UNSUPPORTED_PROCESSING = 202
    UNSUPPORTED_VERSION = 203
    UNKNOWN_KEY = 204
    DUPLICATE_KEY = 205
    INTERNAL = 207


WORDS = {
    Condition.ACCEPTED: "Message accepted",
    Condition.SEGMENT_SEQUENCE: "Segment sequence error",
    Condition.FIELD_MISSING: "Required field missing",
    Condition.DATA_TYPE: "Data type error",
    Condition.NOT_IN_TABLE: "Table value not found",
    Condition.UNSUPPORTED_TYPE: "Unsupported message type",
    Condition.UNSUPPORTED_EVENT: "Unsupported event code",
    Condition.UNSUPPORTED_PROCESSING: "Unsupported processing id",
    Condition.UNSUPPORTED_VERSION: "Unsupported version id",
    Condition.UNKNOWN_KEY: "Unknown key identifier",
    Condition.DUPLICATE_KEY: "Duplicate key identifier",
    Condition.INTERNAL: "Application internal error",
}
"""Their names in that table."""


@dataclass(frozen=True)
class Place:
    """A field of a message: ``sequence`` counts the segments of that name, from 1; ``field`` 0: the whole segment."""

    segment: str
    field: int = 0
    sequence: int = 1

    def __str__(self) -> str:
        """As ERR-2 writes it."""
        return f"{self.segment}^{self.sequence}" + (f"^{self.field}" if self.field else "")


class Refused(Exception):
    """A message that is not taken. The text says what to do, and quotes nothing of the message."""

    def __init__(self, place: Place, condition: Condition, text: str, verdict: Verdict = Verdict.ERROR) -> None:
        super().__init__(text)
        self.place, self.condition, self.verdict = place, condition, verdict


def rejected(field: int, condition: Condition, text: str) -> Refused:
    """Of a field of MSH."""
    return Refused(Place("MSH", field), condition, text, Verdict.REJECTED)
