"""A removal that takes long does not hold the sender up, and is not begun twice."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event

import pytest

from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.erasing.background import InBackground
from krypton.settings import Settings
from tests.waiting import WITHIN_S, until


@pytest.fixture
def ours(tmp_path: Path) -> Krypton:
    return Krypton(Settings(tmp_path), Addresses("nowhere:1", "postgresql://nowhere"))


def test_it_goes_on_while_the_sender_asks_again(ours: Krypton) -> None:
    begun: list[Mapping[str, int]] = []
    end = Event()

    def remove(_: Krypton, causes: Mapping[str, int]) -> Mapping[str, Sequence[str]]:
        begun.append(causes)
        assert end.wait(WITHIN_S)
        return dict.fromkeys(causes, ("a study",))

    background = InBackground(remove, wait_s=0.01)
    assert background.removed(ours, {"one": 1}) == {}
    assert background.removed(ours, {"one": 1, "other": 2}) == {}
    assert begun == [{"one": 1}]
    end.set()
    found: dict[str, Sequence[str]] = {}

    def done() -> bool:
        found.update(background.removed(ours, {"one": 1, "other": 2}))
        return found.keys() == {"one", "other"}

    until(done, "both are removed")


def test_what_stopped_it_is_told_and_then_it_is_begun_again(ours: Krypton) -> None:
    wrong: list[Exception] = [OSError("the disk"), OSError("the disk")]

    def remove(_: Krypton, causes: Mapping[str, int]) -> Mapping[str, Sequence[str]]:
        if wrong:
            raise wrong.pop()
        return dict.fromkeys(causes, ())

    background = InBackground(remove, wait_s=WITHIN_S)
    for _ in range(2):
        with pytest.raises(OSError, match="the disk"):
            background.removed(ours, {"one": 1})
    assert background.removed(ours, {"one": 1}) == {"one": ()}
