"""Which records of Kafka the relay wrote: those that are, header for header, what it makes of a stored event.

Another program may write records that look alike, and a forged position must not be taken for the relay's own.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from schemas.codec import NotAnEvent
from schemas.registry import UnknownSchema
from streams.relay.outgoing import Addresser, Stored

HIGHEST: Final = 2**63 - 1
MOST_DIGITS: Final = len(str(HIGHEST))
Place = tuple[str, int]
"""Topic and partition."""


class End(NamedTuple):
    """The last own record of a partition: its ledger position and its ``ce_id``."""

    position: int
    event: str


class Foreign(NamedTuple):
    """A record after the relay's own end. ``event``: its ``ce_id``, if in all else it is what a relay writes."""

    topic: str
    partition: int
    offset: int
    event: str

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition} offset {self.offset}"


class Store(Protocol):
    """The event store."""

    def rows_at(self, positions: Sequence[int]) -> dict[int, Stored]:
        """The events at these positions; absent where the store has none."""


def judged(records: Sequence[Any], store: Store, addresser: Addresser) -> tuple[dict[Place, list[End]], list[Foreign]]:
    """The own records of each partition, and the foreign ones after the last. ``records``: in order of their offsets.

    Raises the store's errors.
    """
    stated = [_position(record) for record in records]
    rows = store.rows_at([position for position in stated if position])
    own: dict[Place, list[End]] = {}
    foreign: dict[Place, list[Foreign]] = {}
    for record, position in zip(records, stated, strict=True):
        place = record.topic, record.partition
        if (row := rows.get(position)) and _is_written_as(record, row, addresser):
            own.setdefault(place, []).append(End(position, f"{row.aggregate_id}/{row.version}"))
            foreign.pop(place, None)
        else:
            foreign.setdefault(place, []).append(Foreign(*place, record.offset, _whole(record, position, addresser)))
    return own, [one for some in foreign.values() for one in some]


def _whole(record: Any, position: int, addresser: Addresser) -> str:
    """The ``ce_id`` of a record that is what a relay makes of some event, of whatever store; empty for any other."""
    try:
        subject, _, version = dict(record.headers)["ce_id"].decode().partition("/")
        stored = Stored(position, str(UUID(subject)), int(version), record.value or b"")
    except (KeyError, ValueError, AttributeError):
        return ""
    possible = position and stored.version <= HIGHEST
    return f"{subject}/{version}" if possible and _is_written_as(record, stored, addresser) else ""


def _is_written_as(record: Any, stored: Stored, addresser: Addresser) -> bool:
    try:
        own = addresser.outgoing(stored)
    except (NotAnEvent, UnknownSchema):
        return False
    place = own.topic, own.partition, own.key, own.value
    return place == (record.topic, record.partition, record.key, record.value) and own.headers == list(record.headers)


def _position(record: Any) -> int:
    """The position that a record states; 0 if it states none that a store can have."""
    digits = dict(record.headers).get("position") or b""
    position = int(digits) if digits.isdigit() and len(digits) <= MOST_DIGITS else 0
    return position if position <= HIGHEST else 0
