"""Kill -9 between every two steps of the policy engine: nothing is lost, and nothing is done twice."""

import base64
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest

from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.policies import looker as looker_module
from krypton.policies import sender as sender_module
from krypton.services import policies
from krypton.settings import Settings
from krypton.views import lag
from policies.all import POLICIES
from projections.declared import VIEWS
from streams.broker.topics import PARTITIONS
from tests.fakes.topic import records
from tests.forked import SERVER
from tests.integration.policy_world import INDEX, PolicyWorld, made
from tests.waiting import WITHIN_S

pytestmark = [pytest.mark.live, pytest.mark.fault]
PAIRS, ROUNDS = 4, 60
FEW = {sender_module: 1, looker_module: 3}  # so that there is a step before and after which others were taken
PASSED = "passed"
STEPS = ("folded", "stored", "claimed", "looked", "executed", "noted", "settled")
"""In the order in which one registration passes them; each is told before the next thing is done."""


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    """Pairs who agree in all strict traits, and nobody has matched them."""
    world = made(installed_url, tmp_path, monkeypatch)
    world.in_force()
    for number in range(PAIRS):
        for site in ("CHA", "CHB"):
            world.register(site, str(number), birth_date=f"1970-01-{number + 2:02}")
    yield world
    world.close()


def engine(url: str, home: Path, kill_at: str, passes: int) -> None:
    """In a process of its own: the index's worker, and the policy's processor and sender, in turn; killed at a step."""
    passed: list[str] = []

    def step(name: str) -> None:
        passed.append(name)
        (home / PASSED).write_text(" ".join(passed))
        if passed.count(kill_at) > passes:
            os.kill(os.getpid(), signal.SIGKILL)

    pytest.MonkeyPatch().setattr(lag, "lacks", lambda *_: "")  # no Kafka here, and the index has read all
    for module, few in FEW.items():
        pytest.MonkeyPatch().setattr(module, "AT_A_TIME", few)
    settings = Settings(home, database=url, test_given=True, master_key_base64=base64.b64encode(bytes(32)).decode())
    ours = Krypton(settings, Addresses("127.0.0.1:1", url))
    index, fold = ours.view(INDEX), policies.store(ours, "matching", step)
    sender = policies.sender(ours, "matching", step)
    for _ in range(ROUNDS):
        index.apply(records(ours.ledger, VIEWS[INDEX].make().topics, PARTITIONS))
        fold.apply(records(ours.ledger, POLICIES["matching"].topics, PARTITIONS))
        step("stored")
        sender.once()


@pytest.mark.parametrize("passes", [0, 2])
@pytest.mark.parametrize("kill_at", STEPS)
def test_what_a_kill_left_undone_is_done_once(world: PolicyWorld, tmp_path: Path, kill_at: str, passes: int) -> None:
    before = world.head()
    process = SERVER.Process(target=engine, args=(world.url, tmp_path, kill_at, passes))
    process.start()
    process.join(WITHIN_S)
    assert process.exitcode == -signal.SIGKILL
    passed = (tmp_path / PASSED).read_text().split()
    assert (passed[-1], passed.count(kill_at)) == (kill_at, passes + 1)
    _assert_left(world, kill_at, passes)
    world.take_over()
    world.react()
    merged = [event.position for event in world.history(before) if event.type == "link.merged"]
    assert len(merged) == PAIRS
    assert world.outbox("state", "state NOT IN ('done')") == []
    noted = [position for (positions,) in world.outbox("positions", "kind = 'command'") for position in positions]
    assert set(merged) <= set(noted)
    assert len(noted) == len(set(noted))


def _assert_left(world: PolicyWorld, kill_at: str, passes: int) -> None:
    """Each pass stops where its step is: what was told before it is kept, and what comes after it is not there."""
    lookups = world.outbox("state", "kind = 'lookup' AND state = 'done'")
    done = world.outbox("positions", "kind = 'command' AND state = 'done'")
    if kill_at == "looked":  # told before the commands are kept: those of earlier passes are there alone
        assert bool(lookups) == bool(passes)
    if kill_at in ("claimed", "executed", "noted"):  # of one command at a time, those of earlier passes are noted
        assert len(done) == passes
    if kill_at == "settled":  # told once it is kept
        assert len(done) == passes + 1


def test_several_senders_at_once_do_nothing_twice(world: PolicyWorld) -> None:
    world.work(INDEX)
    world.fold("matching")
    before = world.head()
    senders = [policies.sender(world.ours, "matching") for _ in range(3)]
    for sender in senders:
        sender.once()  # each learns where the index is
    for _ in range(6):
        threads = [Thread(target=sender.once) for sender in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WITHIN_S)
        world.work(INDEX)
    world.send("matching")
    assert world.types(before)["link.merged"] == PAIRS
    assert world.outbox("state", "state <> 'done'") == []


def deliver(url: str, home: Path, kill_at: str) -> None:
    """In a process of its own: the sender of notices, killed at a step."""

    def step(name: str) -> None:
        if name == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    settings = Settings(home, database=url, test_given=True, master_key_base64=base64.b64encode(bytes(32)).decode())
    policies.sender(Krypton(settings, Addresses("127.0.0.1:1", url)), "emergency", step).once()


@pytest.mark.parametrize("kill_at", ["delivering", "delivered"])
def test_a_notice_is_told_though_its_sender_was_killed_and_is_one_to_who_gets_it(
    world: PolicyWorld, tmp_path: Path, kill_at: str
) -> None:
    ident = str(uuid4())
    world.query(
        """INSERT INTO policies.outbox
        (id, policy, version, kind, does, body, cause, correlation_id, place, due_at, try_at, state, attempts) VALUES
        (%s, 'emergency', 1, 'delivery', 'emergency_awaits_review', '{"access": "1"}', 1, %s, 0, 0, 0, 'waiting', 0)""",
        ident,
        ident,
    )
    process = SERVER.Process(target=deliver, args=(world.url, tmp_path, kill_at))
    process.start()
    process.join(WITHIN_S)
    assert process.exitcode == -signal.SIGKILL
    assert world.outbox("state", "policy = 'emergency'") == [("waiting",)]
    world.send("emergency")
    assert world.outbox("state", "policy = 'emergency'") == [("done",)]
    assert [file.name for file in (tmp_path / "notices").iterdir()] == [f"{ident}.json"]
