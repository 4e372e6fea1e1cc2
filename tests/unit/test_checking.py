"""A check comes near the live version, or says that it does not."""

from collections.abc import Callable
from itertools import repeat

import pytest

from krypton.views import check
from krypton.views.check import NEAR, NeverNear


def steps(*left: int) -> Callable[[], int]:
    return iter(left).__next__


def test_rounds_go_on_until_little_is_left() -> None:
    check._come_near(steps(90_000, 9_000, NEAR - 1))


def test_a_live_version_that_runs_away_ends_the_check() -> None:
    with pytest.raises(NeverNear, match="check again when fewer events arrive"):
        check._come_near(repeat(NEAR).__next__)
