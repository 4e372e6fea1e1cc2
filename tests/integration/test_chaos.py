"""A minute of chaos: nothing acknowledged is lost, nothing is done twice, and every view says so."""

from pathlib import Path

import pytest

from tests.chaos.run import chaos
from tests.integration.stubborn_sender import LEAVES_SOCKETS

pytestmark = [
    pytest.mark.live,
    pytest.mark.fault,
    pytest.mark.timeout(2_400),
    pytest.mark.filterwarnings(LEAVES_SOCKETS),
]

SECONDS, SEED = 60.0, 7


def test_a_minute_of_chaos_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """The faults of ``tests.chaos.faults`` that one seed draws; others are for ``make chaos``.

    In the end one thing of each kind is taken away: the checker that found nothing before must name each.
    """
    report = chaos(tmp_path, SECONDS, SEED, print, see=True)
    assert report.commands > 0
    assert report.images > 0
    assert report.findings == []
