"""What operators see of a version before they promote it: what would differ, and what the promotion would do."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from krypton.views import lag
from projections.identity_index import whole
from tests.integration.live_cli import CommandLine
from tests.integration.ruled_world import RuledWorld

pytestmark = pytest.mark.live
IDENTITIES = "identity_index"


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RuledWorld]:
    made = RuledWorld(installed_url, tmp_path)
    monkeypatch.setattr(lag, "lacks", made.lacks)
    yield made
    made.close()


@pytest.fixture
def line(world: RuledWorld, tmp_path: Path) -> CommandLine:
    """The command line of that ledger; nobody answers for Kafka."""
    given = {
        "KRYPTON_DATABASE": world.url,
        "KRYPTON_KAFKA": "127.0.0.1:1",
        "KRYPTON_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
        "KRYPTON_TEST_INSTALLATION": "1",
    }
    return CommandLine(tmp_path, tuple(given.items()))


@pytest.fixture
def matched(world: RuledWorld) -> RuledWorld:
    """Three pairs that the rules of matching@1 join, and one that they put to a human; version 2 is ready."""
    world.matching(1)
    for number in range(3):
        for site in ("CHA", "CHB"):
            world.register(site, str(number), birth_date=f"1970-01-0{number + 2}")
    world.register("CHC", "9", birth_place="")
    world.work(IDENTITIES)
    world.build(IDENTITIES, matching=1)
    return world


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The schemas of which a whole region was decided."""
    found: list[str] = []
    real: Callable[..., Any] = whole.found

    def count(connection: Any, schema: str, *given: Any) -> Any:
        found.append(schema)
        return real(connection, schema, *given)

    monkeypatch.setattr(whole, "found", count)
    return found


@pytest.mark.usefixtures("matched")
def test_a_listing_decides_a_region_once_though_it_lists_nothing(line: CommandLine, decided: list[str]) -> None:
    """A page past the end; that the versions differ is told by their rows."""
    past = line.run("views", "diff", IDENTITIES, "--list", "--offset", 99, "--json")
    assert (past.code, json.loads(past.out), decided) == (1, [], [f"{IDENTITIES}_v2"])
    assert "nothing to list here, yet they differ" in past.err
    decided.clear()
    rows = line.run("views", "diff", IDENTITIES, "--rows", "statement", "--json")
    assert (rows.code, json.loads(rows.out), decided) == (1, [], [])
