"""Many partitions at once are those that the single function gives, which all stored records rest on."""

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from streams.broker.partition import partition_of
from streams.reading.partition_batch import partitions_of

COUNTS = st.integers(1, 12)


@given(st.lists(st.uuids().map(lambda one: str(one).encode()), max_size=50), COUNTS)
def test_uuids(keys: list[bytes], count: int) -> None:
    assert partitions_of(keys, count) == [partition_of(key, count) for key in keys]


@given(st.lists(st.binary(min_size=36, max_size=36), max_size=50), COUNTS)
def test_any_bytes_as_long_as_a_uuid(keys: list[bytes], count: int) -> None:
    assert partitions_of(keys, count) == [partition_of(key, count) for key in keys]


@given(st.lists(st.binary(max_size=80), max_size=20), COUNTS)
def test_keys_of_any_length(keys: list[bytes], count: int) -> None:
    assert partitions_of(keys, count) == [partition_of(key, count) for key in keys]


def test_keys_that_only_together_are_as_long_as_uuids() -> None:
    keys = [b"a" * 35, b"b" * 37, str(uuid4()).encode()]
    assert partitions_of(keys, 8) == [partition_of(key, 8) for key in keys]
