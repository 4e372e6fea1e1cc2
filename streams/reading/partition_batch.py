"""Computes the partitions of many keys at once: murmur2 over a column of keys, a hundred times as fast as one by one.

``tests/unit/test_partition_batch.py`` checks that it equals ``streams.broker.partition.murmur2``.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streams.broker.partition import MULTIPLIER, SEED, murmur2

UUID_BYTES: Final = 36  # a uuid as text, the key of nearly all events
POSITIVE: Final = 0x7FFFFFFF
TIMES: Final = np.uint32(MULTIPLIER)
Words = NDArray[np.uint32]


def partitions_of(keys: Sequence[bytes], count: int) -> list[int]:
    """The partition of each key in a topic of ``count``, as ``streams.broker.partition.partition_of`` has it."""
    found: list[int] = (hashes_of(keys) % count).tolist()
    return found


def hashes_of(keys: Sequence[bytes]) -> NDArray[np.int64]:
    """The hash of each key, without its highest bit: a topic's partition is its remainder."""
    if set(map(len, keys)) == {UUID_BYTES}:
        return _hashes(np.frombuffer(b"".join(keys), "<u4").reshape(len(keys), -1))
    return np.fromiter((murmur2(key) & POSITIVE for key in keys), np.int64, len(keys))


def _hashes(words: Words) -> NDArray[np.int64]:
    """The hashes of rows of words; what a product has above 32 bits is dropped."""
    value: Words = np.full(len(words), SEED ^ UUID_BYTES, np.uint32)
    for word in words.T:
        value = value * TIMES ^ _folded(word * TIMES, 24) * TIMES
    value = _folded(_folded(value, 13) * TIMES, 15)
    return value.astype(np.int64) & POSITIVE


def _folded(value: Words, bits: int) -> Words:
    return value ^ value >> np.uint32(bits)
