"""A page of the event store: its rows, their hashes in the tree, and what Kafka must hold of them.

All of it is worked out column by column (``streams.reading.text_columns``): a step per row is left for what differs in
length, and for SHA-256.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import Final, NamedTuple, overload

import numpy as np

from domain.proofs.columns import Columns
from streams.reading.bundle import Tails
from streams.reading.record_tails import TIME, Expected, Kind, Place, after_value, before_values, by_partition
from streams.reading.text_columns import Numbers, Text, cut, decimals, digits_of, hexadecimal, times, uuids, woven
from streams.relay.outgoing import ENDS, ENDS_OF_A_TIME

Row = tuple[bytes, bytes]
"""The first four lines of an event's entry (``domain.proofs.leaf``), and its stored bytes."""

LEAST_BYTES: Final = 15  # of an event: the schema's number, a time, an actor and an id
LEAF: Final = b"\0"  # a leaf's hash is that of this byte and its entry (RFC 9162 §2.1.1)
DIGEST_BYTES: Final = 32
DIGEST_CHARS: Final = 2 * DIGEST_BYTES
MOST_DIGITS: Final = 20
SEVENS: Final = ((0x7F007F007F007F, 1), (0x3FFF00003FFF, 2), (0xFFFFFFF, 4))
"""How groups of seven bits are put together: every other group moves by so many bits."""


class NotAsWritten(ValueError):
    """A row is not as the ledger writes them."""


class Page(Sequence[Row]):
    """Rows, and what is known of them. ``expected``: what each partition must hold, in order."""

    def __init__(
        self,
        positions: Sequence[int] = (),
        entries: Sequence[bytes] = (),
        values: Sequence[bytes] = (),
        expected: Mapping[Place, Expected] | None = None,
    ) -> None:
        """``entries``: what is hashed as leaves; ``values``: the stored bytes."""
        self.positions = positions
        self.expected = expected or {}
        self._entries = entries
        self._values = values

    @cached_property
    def leaves(self) -> Sequence[bytes]:
        """Their hashes in the tree."""
        return [sha256(entry).digest() for entry in self._entries]

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | Sequence[Row]:
        if isinstance(at, slice):
            return [self[number] for number in range(*at.indices(len(self)))]
        return self._entries[at][len(LEAF) : -DIGEST_CHARS], self._values[at]


class _Table(NamedTuple):
    """What is read of each row, and its text, column by column."""

    kinds: Sequence[Kind]
    positions: Numbers
    versions: Numbers
    subjects: Text
    times: Text
    values: Sequence[bytes]


def page(columns: Columns, known: Mapping[bytes, Kind]) -> Page | None:
    """The rows of these columns; None if one of them is not as the ledger writes it: each is to be looked at then."""
    if not columns.positions:
        return Page()
    try:
        table = _table(columns, known)
        subjects = cut(table.subjects)
        each = zip(table.kinds, subjects, table.values, strict=True)
        keys = [subject if kind.plain else kind.key_of(value) for kind, subject, value in each]
    except (LookupError, ValueError):
        return None
    entries, headers = _texts(table)
    tails = Tails(before_values(keys, table.values), table.values, headers)
    expected = by_partition(table.kinds, keys, tails)
    return Page(table.positions.tolist(), entries, table.values, expected)


def _table(columns: Columns, known: Mapping[bytes, Kind]) -> _Table:
    """Raises LookupError, ValueError: a row is not as the ledger writes it."""
    positions, versions = (np.frombuffer(raw, ">i8").astype(np.int64) for raw in (columns.positions, columns.versions))
    sizes = np.frombuffer(columns.sizes, ">i4").astype(np.int64)
    ends = np.cumsum(sizes)
    begins = ends - sizes
    kinds = [known[event_type] for event_type in columns.types.split(b"\n")]
    are_all = len(kinds) == len(positions) and ends[-1] == len(columns.states)
    if not are_all or min(positions.min(), versions.min()) < 1 or sizes.min() < LEAST_BYTES:
        raise NotAsWritten
    written = times(_recorded(columns.states, begins))
    values = [columns.states[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
    return _Table(kinds, positions, versions, uuids(columns.aggregates), written, values)


def _recorded(states: bytes, begins: Numbers) -> Numbers:
    """When events were recorded, microseconds since 1970 (UTC): varints of eight bytes (``first_long``)."""
    found = np.frombuffer(states, np.uint8)[begins[:, None] + np.arange(TIME.start, TIME.stop)]
    eight = found.view("<u8")[:, 0]
    if (eight & ENDS != ENDS_OF_A_TIME).any() or (eight & 1).any():
        raise NotAsWritten  # before 1978, or after 3111
    for mask, bits in SEVENS:
        eight = eight & mask | (eight & mask << 8 * bits) >> bits
    micros: Numbers = (eight >> 1).astype(np.int64)
    return micros


def _texts(table: _Table) -> tuple[list[bytes], list[bytes]]:
    """What is hashed as each row's leaf, and the headers of its record.

    They are written together for rows of one kind whose positions are equally long, and so are their versions.
    """
    entries, headers = [b""] * len(table.kinds), [b""] * len(table.kinds)
    digests = hexadecimal(b"".join([sha256(value).digest() for value in table.values]), DIGEST_BYTES)
    numbers = np.array([kind.number for kind in table.kinds])
    alike = (numbers * MOST_DIGITS + digits_of(table.positions)) * MOST_DIGITS + digits_of(table.versions)
    for one in np.unique(alike):
        rows = np.flatnonzero(alike == one)
        kind, subject = table.kinds[rows[0]], table.subjects[rows]
        position, version = decimals(table.positions[rows]), decimals(table.versions[rows])
        lines = (LEAF, position, b"\n%b\n" % kind.ce_type[1], subject, b"\n", version, b"\n", digests[rows])
        after = after_value(kind, position, subject, version, table.times[rows])
        for row, entry, header in zip(rows.tolist(), woven(lines), after, strict=True):
            entries[row], headers[row] = entry, header
    return entries, headers
