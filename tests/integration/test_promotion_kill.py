"""Kill -9 at random moments of promoting and rolling back: nothing half done is left, and nothing is done twice."""

import base64
import random
import re
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.settings import Settings
from krypton.views import lag, promote
from projections.identity_index.view import IdentityIndex
from tests.forked import SERVER
from tests.integration.ruled_world import RuledWorld
from tests.waiting import WITHIN_S

pytestmark = pytest.mark.live
VIEW, PAIRS, KILLS = "identity_index", 25, 10
LONGEST_S = 0.4  # into a switch


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RuledWorld]:
    made = RuledWorld(installed_url, tmp_path)
    monkeypatch.setattr(lag, "lacks", made.lacks)
    made.matching(1)
    for number in range(PAIRS):
        for site in ("CHA", "CHB"):
            made.register(site, str(number), birth_date=f"1970-01-{number + 2:02}")
    made.work(VIEW)
    made.build(VIEW, matching=1)
    yield made
    made.close()


def switch(url: str, home: Path, promotes: bool, ready: Event) -> None:
    """In a process of its own: promote version 2, or go back."""
    settings = Settings(home, database=url, test_given=True, master_key_base64=base64.b64encode(bytes(32)).decode())
    ours = Krypton(settings, Addresses("127.0.0.1:1", url))
    pytest.MonkeyPatch().setattr(lag, "lacks", lambda *_: "")  # no Kafka here, and every version has read all
    ours.ledger.rules()  # connect first, so that what is killed is the switching
    ready.set()
    if promotes:
        promote.promote(ours, VIEW, 2, "system:test")
    else:
        promote.rollback(ours, VIEW, "system:test")


def live(world: RuledWorld) -> list[int]:
    found = world.query("SELECT version FROM views.view_version WHERE view = %s AND state = 'live'", VIEW)
    return [version for (version,) in found]


def shown(world: RuledWorld) -> set[str]:
    """The versions' schemas that the readers' SQL views look into: one, or readers see a mix."""
    found = world.query("SELECT definition FROM pg_views WHERE schemaname = %s", VIEW)
    assert len(found) == len(IdentityIndex.tables.tables)
    return {version for (definition,) in found for version in re.findall(rf"{VIEW}_v\d+", definition)}


def test_ten_kills_leave_one_live_version_an_event_per_switch_and_each_decision_once(
    world: RuledWorld, tmp_path: Path
) -> None:
    before, chance = world.head(), random.Random(20260105)  # the same moments each time, as far as can be
    for _ in range(KILLS):
        ready = SERVER.Event()
        process = SERVER.Process(target=switch, args=(world.url, tmp_path, live(world) == [1], ready))
        process.start()
        assert ready.wait(WITHIN_S)
        time.sleep(chance.uniform(0, LONGEST_S))  # the moment of the kill
        process.kill()
        process.join()
        assert len(live(world)) == 1
        assert shown(world) == {f"{VIEW}_v{live(world)[0]}"}
        seen = world.query("SELECT count(*) FROM identity_index.match_model")
        assert seen == [(live(world)[0] - 1,)]  # what readers see is that version's
        world.work(VIEW)  # as workers do all the time: a switch is settled once what was decided before it is read
    if live(world) == [1]:
        world.promote(VIEW, 2)
    assert promote.settle(world.ours) == {}
    found = world.types(before)
    switches = dict(world.query("SELECT what, count(*) FROM views.switch GROUP BY 1"))
    assert {"promoted": found["view.promoted"], "rolled_back": found.get("view.rolled_back", 0)} == {
        "promoted": switches["promoted"],
        "rolled_back": switches.get("rolled_back", 0),
    }
    assert found["link.merged"] == PAIRS
    assert world.query("SELECT count(*) FROM views.switch WHERE settled_at IS NULL") == [(0,)]
