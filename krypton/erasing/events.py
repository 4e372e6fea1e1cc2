"""Reads all events of one type from the event store; sealed fields stay sealed. For types of which there are few."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from krypton.bootstrap import Krypton

PAGE: Final = 1_000


def events(ours: Krypton, event_type: str) -> Iterator[Mapping[str, Any]]:
    """The fields of each, in ledger order."""
    last = 0
    while page := ours.ledger.recorder.select_notifications(last + 1, PAGE, topics=(event_type,)):
        for one in page:
            yield ours.codec.decode(one.state, one.originator_version, unseal=False)[1]
        last = page[-1].id


def recorded_at(ours: Krypton, position: int) -> int:
    """When the event at a position was recorded: µs since 1970, UTC."""
    (one,) = ours.ledger.recorder.select_notifications(position, 1)
    return int(ours.codec.decode(one.state, one.originator_version, unseal=False)[1]["recorded_at"])
