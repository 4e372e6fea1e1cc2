"""Why a message is refused, and where in it the cause is: what its answer says. Source: HL7 v2.5, 2.15.5, ERR."""

from collections.abc import Sequence
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
    """A field of a message, or a part of it. All count from 1, ``sequence`` the segments of that name; 0: the whole."""

    segment: str
    field: int = 0
    sequence: int = 1
    repetition: int = 0
    component: int = 0

    def __str__(self) -> str:
        """As ERR-2 writes it."""
        parts = [self.segment, self.sequence, self.field, self.repetition, self.component]
        while not parts[-1]:
            parts.pop()
        return "^".join(str(part or "") for part in parts)


class Refused(Exception):
    """A message that is not taken. The text says what to do, and quotes nothing of the message.

    ``places``: where the cause is, the first of them in ``place``.
    """

    def __init__(
        self,
        place: Place,
        condition: Condition,
        text: str,
        verdict: Verdict = Verdict.ERROR,
        others: Sequence[Place] = (),
    ) -> None:
        super().__init__(text)
        self.places = (place, *others)
        self.place, self.condition, self.verdict = place, condition, verdict

    @property
    def rule(self) -> str:
        """Of the ledger, where that refused; else empty."""
        return str(getattr(self.__cause__, "rule", ""))


def rejected(field: int, condition: Condition, text: str) -> Refused:
    """Of a field of MSH."""
    return Refused(Place("MSH", field), condition, text, Verdict.REJECTED)
