"""Record batches that are followed byte by byte: what is passed is exactly what was expected, and nothing is lost."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.event import Record
from streams.reading import bundle as batches
from tests.fakes.bundles import bundle, packed, unpacked

TOPIC = "krypton.links"
AT_OFFSET = 40


def record(number: int, value: bytes = b"value", position: bytes | None = None) -> Record:
    headers = [(f"name{n}", b"content") for n in range(9)]
    headers[7] = ("position", b"%d" % number if position is None else position)
    return Record(TOPIC, 0, AT_OFFSET + number, b"key", value, tuple(headers))


def records(count: int, value: bytes = b"value") -> list[Record]:
    return [record(number, value) for number in range(1, count + 1)]


def tails(some: list[Record]) -> batches.Tails:
    """Each record from its key's length on, cut out of a batch of its own: into pieces."""
    found = batches.Tails([], [], [])
    for one in some:
        content = packed([one])
        _, begin = batches._varint(content, batches.RECORDS_AT)
        begin += 3  # attributes, time 0, place 0
        value = content.rindex(one.value)
        pieces = content[begin:value], one.value, content[value + len(one.value) :]
        for pile, piece in zip(found, pieces, strict=True):
            pile.append(piece)  # type: ignore[attr-defined]
    return found


@given(st.integers(1, 300), st.integers(0, 20_000))
def test_all_of_a_batch_is_passed_where_all_of_it_is_expected(count: int, size: int) -> None:
    held = records(count, b"v" * size)
    found = bundle(held)
    assert found.follow(tails(held)) == count
    assert found.is_done


def test_what_follows_the_last_expected_record_stays() -> None:
    held = records(5)
    found = bundle(held)
    assert found.follow(tails(held[:3])) == 3
    assert found.records() == held[3:]


def test_expected_records_beyond_the_batch_are_left_to_the_next_one() -> None:
    held = records(5)
    found = bundle(held[:3])
    assert found.follow(tails(held)) == 3
    assert bundle(held[3:]).follow(tails(held), 3) == 2


CHANGES: dict[str, Callable[[Record], Record]] = {
    "key": lambda one: one._replace(key=b"kex"),
    "no key": lambda one: one._replace(key=None),  # type: ignore[arg-type]
    "value": lambda one: one._replace(value=b"valuf"),
    "longer value": lambda one: one._replace(value=b"value1"),
    "header": lambda one: one._replace(headers=(*one.headers[:8], ("name8", b"contenu"))),
    "header's name": lambda one: one._replace(headers=(*one.headers[:8], ("name9", b"content"))),
    "null header": lambda one: one._replace(headers=(*one.headers[:8], ("name8", None))),  # type: ignore[arg-type]
    "one header more": lambda one: one._replace(headers=(*one.headers, ("more", b""))),
    "no headers": lambda one: one._replace(headers=()),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_it_stops_at_the_first_record_that_is_another_one(change: Callable[[Record], Record]) -> None:
    held = records(5)
    altered = [*held[:2], change(held[2]), *held[3:]]
    found = bundle(altered)
    assert found.follow(tails(held)) == 2
    assert found.records() == altered[2:]


def test_a_record_whose_front_holds_what_is_expected_is_another_one() -> None:
    """What is compared begins at the key, wherever else the same bytes stand."""
    expected = tails(records(1))
    forged = Record(TOPIC, 0, AT_OFFSET, b"longer " + b"".join(*zip(*expected, strict=True)), b"", ())
    assert bundle([forged]).follow(expected) == 0


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_batch_that_is_cut_off_is_passed_by_no_more_than_it_holds(cut: int) -> None:
    held = records(2)
    content = packed(held)[:-cut]
    found = batches.Bundle(content, AT_OFFSET, AT_OFFSET + 2, lambda _: [])
    assert found.follow(tails(held)) == 1


def test_records_before_an_offset_are_skipped_and_those_from_an_end_on_are_not_told() -> None:
    held = records(6)
    found = batches.Bundle(packed(held), held[0].offset, held[4].offset, lambda _: [])
    found.skip_to(held[2].offset)
    assert (found.begin, found.end) == (held[2].offset, held[4].offset)
    assert found.follow(tails(held[2:])) == 2
    assert found.is_done


@pytest.mark.parametrize("number", [1, 2**62, 10**18])
def test_the_next_records_position_is_read(number: int) -> None:
    assert bundle([record(1, position=b"%d" % number)]).position() == number


@pytest.mark.parametrize("written", [b"", b"0", b"-1", b"+1", b" 1", b"01", b"1_0", b"9" * 20, b"x"])
def test_a_position_that_the_relay_does_not_write_is_none(written: bytes) -> None:
    assert bundle([record(1, position=written)]).position() is None


@pytest.mark.parametrize("change", ["null header", "one header more", "no headers"])
def test_a_record_of_other_headers_has_no_position(change: str) -> None:
    assert bundle([CHANGES[change](record(1))]).position() is None


@given(st.binary(max_size=80))
def test_no_bytes_of_a_record_end_in_an_error(junk: bytes) -> None:
    found = batches.Bundle(packed(records(1))[: batches.RECORDS_AT] + junk, AT_OFFSET, AT_OFFSET + 1, lambda _: [])
    assert found.follow(tails(records(1))) == 0
    assert found.position() is None


def test_a_compressed_batch_is_not_followed() -> None:
    held = records(3)
    assert batches.is_plain(packed(held))
    assert not batches.is_plain(packed(held, compression=1))
    assert unpacked(packed(held, compression=1), TOPIC, 0) == held
