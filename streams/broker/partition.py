"""Computes the Kafka partition of a key (murmur2, as in the Java client).

The partition of a key is stored state: a view's rows and the position of its partition belong together. So the hash is
implemented here and no client library's default decides it.
"""

import struct

SEED = 0x9747B28C
MULTIPLIER = 0x5BD1E995
MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """MurmurHash2 of ``data`` (32 bits, unsigned), equal to ``org.apache.kafka.common.utils.Utils.murmur2``."""
    length = len(data)
    words = length >> 2
    value = SEED ^ length
    for word in struct.unpack_from(f"<{words}I", data):
        word = word * MULTIPLIER & MASK
        value = (value * MULTIPLIER & MASK) ^ ((word ^ word >> 24) * MULTIPLIER & MASK)
    if tail := data[words << 2 :]:
        value = (value ^ int.from_bytes(tail, "little")) * MULTIPLIER & MASK
    value = (value ^ value >> 13) * MULTIPLIER & MASK
    return value ^ value >> 15


def partition_of(key: bytes, count: int) -> int:
    """The partition of a key in a topic of ``count`` partitions; a count never changes (``streams.broker.topics``)."""
    return (murmur2(key) & 0x7FFFFFFF) % count
