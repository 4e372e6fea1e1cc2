"""How long an event may be.

B1  An event has at most 8,323,072 bytes: no topic takes a longer record, and the relay, which leaves none out, could
    send nothing after it.
"""

from collections.abc import Iterable

from domain.errors import EventTooLong

MOST_BYTES = (8 << 20) - (64 << 10)
"""Of an event as it is stored: a topic's largest record, less key and headers."""


def check_sizes(states: Iterable[bytes]) -> None:
    """Of events as they are to be stored. Raises EventTooLong (B1)."""
    if (longest := max(map(len, states), default=0)) > MOST_BYTES:
        raise EventTooLong.of(longest, MOST_BYTES)
