"""Ids made with the region's secret: uuids of version 8, one for each name, and none that a name gives without it."""

import hmac
from hashlib import sha256
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import Ids
from tests.fakes.ids import IDS, SECRET

names = st.lists(st.text(max_size=8).filter(lambda text: text.isprintable()), max_size=4)


def test_an_id_is_the_first_bytes_of_the_hmac_with_version_and_variant_of_rfc_9562() -> None:
    """Worked out here once more, by hand; stored state, so it never changes."""
    digest = bytearray(hmac.new(SECRET, b"8:identity3:CHB3:1231:1", sha256).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    made = IDS.of("identity", "CHB", "123", "1")
    assert made == UUID(bytes=bytes(digest))
    assert (made.version, made.variant) == (8, RFC_4122)


@given(names, names)
def test_other_names_are_another_id_and_the_same_names_the_same(one: list[str], other: list[str]) -> None:
    """Wherever one name ends and the next begins."""
    assert (IDS.of("study", *one) == IDS.of("study", *other)) == (one == other)
    assert IDS.of("study", *one) != IDS.of("dose", *one)


def test_another_regions_ids_are_others() -> None:
    assert Ids(bytes(32)).of("identity", "CHB", "1", "1") != IDS.of("identity", "CHB", "1", "1")


def test_a_secret_that_could_be_tried_out_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer than 32 bytes"):
        Ids(bytes(31))
