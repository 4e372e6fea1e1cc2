"""A minute of chaos: nothing acknowledged is lost, nothing is done twice, and every view says so."""

import secrets
from pathlib import Path

import pytest

from tests.chaos.run import chaos
from tests.integration.stubborn_sender import LEAVES_SOCKETS

pytestmark = [pytest.mark.live, pytest.mark.fault, pytest.mark.timeout(900), pytest.mark.filterwarnings(LEAVES_SOCKETS)]

SECONDS = 60.0


def test_a_minute_of_chaos_loses_and_repeats_nothing(tmp_path: Path, random_seed: int) -> None:
    """Every fault of ``tests.chaos.faults``, as the seed says, which is shown where the test fails.

    In the end one thing of each kind is taken away: the checker that found nothing before must name each.
    """
    print(f"make chaos SECONDS={SECONDS:.0f} SEED={random_seed}")
    report = chaos(tmp_path, SECONDS, random_seed, print, see=True)
    assert report.commands > 0
    assert report.images > 0
    assert report.findings == []


@pytest.fixture
def random_seed() -> int:
    """Another one each time: what one run does not meet, another does."""
    return secrets.randbelow(10_000)
