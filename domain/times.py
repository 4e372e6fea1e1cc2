"""Converts between ledger times (microseconds since 1970, UTC) and ISO 8601 text."""

from datetime import UTC, datetime, timedelta
from typing import overload

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """Microseconds since 1970, UTC; ``moment`` has a time zone."""
    return (moment - EPOCH) // timedelta(microseconds=1)


@overload
def iso(at: int) -> str: ...
@overload
def iso(at: None) -> None: ...
def iso(at: int | None) -> str | None:
    """Microseconds since 1970 as ISO 8601 with ``Z``; None stays None."""
    return None if at is None else (EPOCH + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")
