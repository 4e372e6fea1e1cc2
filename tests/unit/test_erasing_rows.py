"""When rows may be overwritten: once no process can open what was sealed under the key, and all opened is read."""

from uuid import UUID

import pytest

from adapters.vault.postgres import FRESH_S
from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.erasing.rows import Destroyed
from krypton.settings import Settings
from tests.fakes.region import Region
from tests.fakes.vault import MemoryVault


class Clock:
    """Seconds that a test lets pass."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def region() -> Region:
    return Region()


def test_a_key_may_be_used_for_seconds_and_what_came_by_then_is_waited_for(
    region: Region, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ours = Krypton(Settings(tmp_path_factory.mktemp("home")), Addresses("nowhere:1", "postgresql://nowhere"))
    vault, clock = MemoryVault(), Clock()
    vars(ours).update(ledger=region, vault=vault)
    one, other = (str(UUID(int=n)) for n in (1, 2))
    vault.prepare((), {one, other})
    destroyed = Destroyed(clock)
    assert destroyed.long_since(ours, [one]) == {}
    vault.destroy(one)
    assert destroyed.long_since(ours, [one]) == {}
    clock.now = FRESH_S
    region.register(local_id="meanwhile")
    upto = region.head()
    assert destroyed.long_since(ours, [one, other]) == {}
    clock.now += 0.1
    assert destroyed.long_since(ours, [one, other]) == {one: upto}
    region.register(local_id="later")
    assert destroyed.long_since(ours, [one]) == {one: upto}
    destroyed.forget([one])
    assert destroyed.long_since(ours, [one]) == {}
