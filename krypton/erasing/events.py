"""Reads all events of one type from the event store; sealed fields stay sealed. For types of which there are few."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from krypton.bootstrap import Krypton

PAGE: Final = 1_000


def pages(ours: Krypton, event_type: str, after: int = 0) -> Iterator[tuple[int, list[Mapping[str, Any]]]]:
    """The fields of each behind a position, in ledger order and in pages: with each the position that it ends at."""
    while page := ours.ledger.recorder.select_notifications(after + 1, PAGE, topics=(event_type,)):
        after = page[-1].id
        yield after, [ours.codec.decode(one.state, one.originator_version, unseal=False)[1] for one in page]


def recorded_at(ours: Krypton, position: int) -> int:
    """When the event at a position was recorded: µs since 1970, UTC."""
    (one,) = ours.ledger.recorder.select_notifications(position, 1)
    return int(ours.codec.decode(one.state, one.originator_version, unseal=False)[1]["recorded_at"])
