"""Writes values as text, a column of rows at a time: numpy's loops take a twentieth of the time of one step per row.

A column is an array of one row per value and one byte per character, so all values of a column are equally long.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Text = NDArray[np.uint8]
Numbers = NDArray[np.int64]

ZERO: Final = ord("0")
POWERS: Final = 10 ** np.arange(19, dtype=np.int64)
UUID_GROUPS: Final = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))  # of hexadecimal digits
UUID_CHARS: Final = 36
DASH: Final = ord("-")
TIME_CHARS: Final = 26


def digits_of(values: Numbers) -> Numbers:
    """How many digits each value has; all are above zero."""
    return np.searchsorted(POWERS, values, side="right")


def decimals(values: Numbers) -> Text:
    """Values that have as many digits as the first one."""
    digits = digits_of(values[:1])[0]
    return (values[:, None] // POWERS[:digits][::-1] % 10 + ZERO).astype(np.uint8)


def uuids(raw: bytes) -> Text:
    """Each 16 bytes as a uuid."""
    digits = hexadecimal(raw, 16)
    text = np.full((len(digits), UUID_CHARS), DASH, np.uint8)
    for dashes, (begin, end) in enumerate(UUID_GROUPS):
        text[:, begin + dashes : end + dashes] = digits[:, begin:end]
    return text


def hexadecimal(raw: bytes, width: int) -> Text:
    """Each ``width`` bytes as digits."""
    return np.frombuffer(raw.hex().encode(), np.uint8).reshape(-1, 2 * width)


def times(micros: Numbers) -> Text:
    """Microseconds since 1970 (UTC), of the years 1 to 9999, as ``streams.relay.outgoing.rfc3339`` writes them."""
    letters = np.datetime_as_string(micros.view("datetime64[us]"), unit="us").view(np.uint32)
    text = letters.reshape(len(micros), -1)[:, : TIME_CHARS + 1].astype(np.uint8)  # its strings have more room
    text[:, TIME_CHARS] = ord("Z")
    return text


def woven(parts: Sequence[bytes | Text]) -> list[bytes]:
    """The text of each row: of all parts, side by side. Bytes are the same in each row."""
    rows = next(len(part) for part in parts if not isinstance(part, bytes))
    one = b"".join(part if isinstance(part, bytes) else bytes(part.shape[1]) for part in parts)
    text, at = np.tile(np.frombuffer(one, np.uint8), (rows, 1)), 0
    for part in parts:
        width = len(part) if isinstance(part, bytes) else part.shape[1]
        if not isinstance(part, bytes):
            text[:, at : at + width] = part
        at += width
    return cut(text)


def cut(text: Text) -> list[bytes]:
    """The text of each row."""
    found: list[bytes] = text.view(f"V{text.shape[1]}")[:, 0].tolist()
    return found
