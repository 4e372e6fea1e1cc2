"""Rows of the event store in columns, as they are read in bulk: each column is one string of bytes, in row order."""

from typing import NamedTuple


class Columns(NamedTuple):
    """Positions, versions (8 bytes each) and lengths of the stored bytes (4) are signed and big-endian; an aggregate
    has 16.

    ``types``: a newline between two, none in an empty page. Stored bytes that are too many to be read in bulk are left
    out of ``states``: then it is shorter than the sum of ``sizes``.
    """

    positions: bytes
    aggregates: bytes
    versions: bytes
    types: bytes
    sizes: bytes
    states: bytes
