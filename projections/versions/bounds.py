"""How much memory a rebuilding process may take, and what that lets it keep: rows, keys, what it fetches.

The shares follow what was measured in ADR 15: a row takes 3.7 kB, with its line for COPY and what is made on the way;
a key of the vault 240 bytes; the interpreter and its libraries take 100 MiB before the first event.
"""

from dataclasses import dataclass
from typing import Final

MIB: Final = 1 << 20
BASE_MIB: Final = 100
LEAST_MIB: Final = 160
DEFAULT_MIB: Final = 1_200
ROW_BYTES: Final = 3_700
KEY_BYTES: Final = 240
FETCH_BYTES: Final = 2 * MIB  # a larger fetch makes nothing quicker


@dataclass(frozen=True)
class Bounds:
    """What one process keeps. ``rows``: of the partition being folded; others are spilled to PostgreSQL.

    ``away_bytes``: for each table, to know which rows are spilled; ``keys``: of the vault; ``fetch_bytes``: of Kafka,
    twice.
    """

    rows: int
    away_bytes: int
    keys: int
    fetch_bytes: int

    @staticmethod
    def within(mib: int) -> "Bounds":
        """What fits into so many MiB, at least ``LEAST_MIB``: three quarters for rows, a tenth for keys."""
        left = (max(mib, LEAST_MIB) - BASE_MIB) * MIB
        return Bounds(
            rows=left * 3 // 4 // ROW_BYTES,
            away_bytes=left // 128,
            keys=left // 10 // KEY_BYTES,
            fetch_bytes=min(FETCH_BYTES, left // 64),
        )


USUAL: Final = Bounds.within(DEFAULT_MIB)
