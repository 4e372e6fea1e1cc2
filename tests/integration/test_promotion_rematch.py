"""Identity case 27: a rematch of hundreds of records runs to the end, goes on where it stopped, and says how far it is.

On PostgreSQL, with batches as they are outside of tests.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from krypton.views import promote, raise_due
from tests.integration.policy_world import INDEX, PolicyWorld, made
from tests.integration.test_promotion_decides import Killed, killed_after
from tests.integration.test_promotion_foreseen import still_due

pytestmark = pytest.mark.live
MERGED = "link.merged"
PAIRS = raise_due.BATCH + 20
"""More than one batch."""
Told = list[tuple[str, int, int]]


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    """Pairs that nobody matched yet, and an index that was made with rules which join each."""
    world = made(installed_url, tmp_path, monkeypatch)
    world.unmatched_pairs(f"{1930 + number // 12}-{number % 12 + 1:02}-02" for number in range(PAIRS))
    yield world
    world.close()


def raised(told: Told) -> list[tuple[int, int]]:
    """How far it said that decisions were raised, of how many."""
    return [(done, total) for what, done, total in told if what == "decisions raised"]


def test_case_27_a_rematch_runs_to_the_end_and_says_how_far_it_is(world: PolicyWorld) -> None:
    told: Told = []
    before = world.head()
    done = promote.promote(world.ours, INDEX, 2, "system:test", tell=lambda *how: told.append(how))
    world.react("matching")
    assert done["decided"] == {"merged": PAIRS}
    assert world.types(before)[MERGED] == PAIRS
    assert raised(told) == [(raise_due.BATCH, PAIRS), (PAIRS, PAIRS)]
    assert ("identities decided", 2 * PAIRS, 2 * PAIRS) in told
    assert still_due(world) == 0


def test_case_27_a_rematch_that_was_killed_between_two_batches_is_finished_by_the_next_command(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.head()
    with monkeypatch.context() as patched:
        killed_after(patched, raise_due.BATCH, raise_due, "_envelope")
        with pytest.raises(Killed):
            promote.promote(world.ours, INDEX, 2, "system:test")
    assert world.types(before)[MERGED] == raise_due.BATCH
    told: Told = []
    assert promote.settle(world.ours, tell=lambda *how: told.append(how)) == {}
    world.react("matching")
    assert raised(told)[-1] == (PAIRS, PAIRS)
    assert world.types(before)[MERGED] == PAIRS
    assert still_due(world) == 0
