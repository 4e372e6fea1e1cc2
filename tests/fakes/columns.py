"""Rows in columns, as the event store gives them in bulk."""

from collections.abc import Sequence
from uuid import UUID

from adapters.eventstore.scan import Row
from domain.proofs.columns import Columns
from domain.proofs.leaf import lines_of

TYPE_CHARS = 64


def columns_of(rows: Sequence[Row], most: int = 1 << 20) -> Columns:
    """``most``: bytes of an event that are read in bulk."""
    lines = [lines_of(heading) for heading, _ in rows]
    numbers = [[int(line[at]).to_bytes(8, "big", signed=True) for line in lines] for at in (0, 3)]
    positions, versions = map(b"".join, numbers)
    return Columns(
        positions,
        b"".join(UUID(aggregate.decode()).bytes for _, _, aggregate, _ in lines),
        versions,
        b"\n".join(event_type.decode()[:TYPE_CHARS].encode() for _, event_type, _, _ in lines),
        b"".join(len(stored).to_bytes(4, "big") for _, stored in rows),
        b"".join(stored for _, stored in rows if len(stored) <= most),
    )
