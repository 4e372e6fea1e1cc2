"""The erasure of many whose retention is over is requested by one command: it may be killed, and goes on."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.commands.erasures import CancelErasure, HoldErasure
from domain.work import Envelope
from krypton.erasing import lapsed, many
from projections.declared import VIEWS
from tests.fakes.region import received
from tests.forked import SERVER
from tests.integration.policy_world import PolicyWorld
from tests.integration.test_erasure_followed import connected
from tests.waiting import WITHIN_S

pytestmark = [pytest.mark.live, pytest.mark.fault]
PEOPLE, AT_A_TIME = 5, 2
LIST = "list 2026"


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    """People whose last exam was in 2001, and one of this year."""
    few(monkeypatch)
    made = PolicyWorld(installed_url, tmp_path)
    for number in range(PEOPLE + 1):
        stated: dict[str, str | None] = {"family": "FICTIVE", "birth_date": "1950-01-01"}
        came = received("CHA", f"2.25.{number + 1}", local_id=f"9021{number}", stated=stated)
        made.ask(replace(came, started_at="2001-02-03T10:00:00" if number < PEOPLE else None))
    for view in VIEWS:
        made.work(view)
    yield made
    made.close()


def few(patch: pytest.MonkeyPatch) -> None:
    """Few at a time, so that there is a step before and after which others were taken."""
    patch.setattr(many, "AT_A_TIME", AT_A_TIME)
    patch.setattr(lapsed, "PAGE", AT_A_TIME + 1)


def ask(ours: Any, command_id: UUID, reference: str = LIST, *, check: bool = False) -> dict[str, Any]:
    """What the command does."""
    by = Envelope("operator:one", command_id)
    return many.request(ours, lapsed.to_request(ours, many.asked_before(ours, by)), reference, by, check=check)


def requests(world: PolicyWorld) -> list[str]:
    """Whose erasure was requested, each time."""
    return [event.data["identity_id"] for event in world.history() if event.type == "erasure.requested"]


def requesting(url: str, home: Path, command_id: UUID, batches: int) -> None:
    """In a process of its own: killed once so many batches are stored."""
    few(pytest.MonkeyPatch())
    ours, left = connected(url, home), batches
    execute = ours.ledger.execute_many

    def counted(asked: Any) -> Any:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return execute(asked)

    vars(ours.ledger).update(execute_many=counted)
    ask(ours, command_id)


@pytest.mark.parametrize("batches", [0, 1, 2])
@pytest.mark.parametrize("same_id", [True, False])
def test_a_command_that_was_killed_goes_on_with_who_is_left(
    world: PolicyWorld, tmp_path: Path, batches: int, same_id: bool
) -> None:
    """Under the same id it answers as if it had not been killed."""
    first = uuid4()
    process = SERVER.Process(target=requesting, args=(world.url, tmp_path, first, batches))
    process.start()
    process.join(WITHIN_S)
    assert process.exitcode == -signal.SIGKILL
    assert len(requests(world)) == batches * AT_A_TIME
    told = ask(world.ours, first if same_id else uuid4())
    assert (told["requested"], told["refused"]) == (PEOPLE if same_id else PEOPLE - batches * AT_A_TIME, [])
    assert len(requests(world)) == len(set(requests(world))) == PEOPLE
    if same_id:
        assert ask(world.ours, first) == told
    assert ask(world.ours, uuid4()) == {"requested": 0, "positions": [], "refused": []}


def test_a_check_says_what_would_be_answered_and_writes_nothing(world: PolicyWorld) -> None:
    """Also who would be refused: here the reference holds their number."""
    before, reference = world.head(), "list of 90212"
    checked = ask(world.ours, uuid4(), reference, check=True)
    assert world.head() == before
    done = ask(world.ours, uuid4(), reference)
    assert checked["to_request"] == done["requested"] == PEOPLE - 1
    assert checked["refused"] == done["refused"]
    (refused,) = done["refused"]
    assert "say it without" in refused["reason"]
    assert refused["identity"] not in requests(world)


def test_who_is_held_or_requested_is_left_out_and_who_was_cancelled_is_asked_again(world: PolicyWorld) -> None:
    ask(world.ours, uuid4())
    held, cancelled, *_ = map(UUID, requests(world))
    world.ours.execute(CancelErasure(identity=held, reason="a case"), Envelope("operator:one"))
    world.ours.execute(HoldErasure(identity=held, reference="TJ"), Envelope("operator:one"))
    world.ours.execute(CancelErasure(identity=cancelled, reason="looked at again"), Envelope("operator:one"))
    assert ask(world.ours, uuid4())["requested"] == 1
    assert requests(world)[PEOPLE:] == [str(cancelled)]
