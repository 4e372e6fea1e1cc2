"""What a rebuild may keep follows from the memory it may take; and which rows are put away is never forgotten."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krypton.errors import SettingsWrong
from krypton.settings import Settings
from projections.versions.away import Away
from projections.versions.bounds import BASE_MIB, DEFAULT_MIB, KEY_BYTES, LEAST_MIB, MIB, ROW_BYTES, Bounds

TABLES = 5  # of the view that has most of them at work in one partition


@pytest.mark.parametrize("mib", [LEAST_MIB, 256, DEFAULT_MIB, 16_384])
def test_all_that_is_kept_is_within_the_bound(mib: int) -> None:
    kept = Bounds.within(mib)
    taken = kept.rows * ROW_BYTES + kept.keys * KEY_BYTES + TABLES * kept.away_bytes + 2 * kept.fetch_bytes
    assert BASE_MIB * MIB + taken <= mib * MIB


def test_more_memory_keeps_more_of_everything_but_fetches() -> None:
    few, many = Bounds.within(LEAST_MIB), Bounds.within(DEFAULT_MIB)
    assert few.rows < many.rows
    assert few.keys < many.keys
    assert few.away_bytes < many.away_bytes
    assert Bounds.within(2 * DEFAULT_MIB).fetch_bytes == many.fetch_bytes


def test_the_setting_is_read_and_one_that_no_process_keeps_within_is_refused() -> None:
    assert Settings.read({}, Path()).rebuild_mib == DEFAULT_MIB
    assert Settings.read({"KRYPTON_REBUILD_MIB": "256"}, Path()).rebuild_mib == 256
    for given_mib in ("159", "0", "-1", "1.5", "much"):
        with pytest.raises(SettingsWrong, match=r"KRYPTON_REBUILD_MIB is .*: it must be a whole number from 160"):
            Settings.read({"KRYPTON_REBUILD_MIB": given_mib}, Path())


keys = st.tuples(st.text(max_size=8)) | st.tuples(st.integers(), st.text(max_size=3))


@given(st.lists(keys, max_size=200), st.integers(1, 64))
def test_a_key_that_was_noted_is_told_however_small_the_filter_is(noted: list[tuple[object, ...]], size: int) -> None:
    away = Away(size)
    away.note(noted)
    assert bool(away) is bool(noted)
    assert all(map(away.may_hold, noted))


def test_few_others_are_told_and_none_before_a_key_is_noted() -> None:
    away = Away(1 << 13)
    assert not any(away.may_hold((n,)) for n in range(1_000))
    away.note((f"noted {n}",) for n in range(1_300))  # 50 bits for each
    assert sum(away.may_hold((f"another {n}",)) for n in range(20_000)) < 40
