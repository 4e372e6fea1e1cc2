"""A receiver that takes longer than the database waits for who says nothing: told once, it holds up notices alone."""

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from adapters.outbox import outbox
from domain.notices import Notice
from krypton.policies import held
from krypton.services import policies
from postgres.session import connect
from tests.integration.policy_world import PolicyWorld, made
from tests.waiting import WITHIN_S, until

pytestmark = [pytest.mark.live, pytest.mark.fault]
ENTRY = """INSERT INTO policies.outbox
(id, policy, version, kind, does, body, cause, correlation_id, place, due_at, try_at, state, attempts) VALUES
(%s, 'alerts', 1, %s, %s, %s, 1, gen_random_uuid(), 0, 0, 0, 'waiting', 0) RETURNING id"""
NOTICE = ("delivery", "dose_alert_raised", '{"site": "CHA"}')
JUDGED = ("command", "judge_person", '{"identity": "%s", "why": "corrected"}')


class Slow:
    """Takes a notice once the database has ended a session that held a claim as long, and said nothing."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.taken: list[str] = []

    def deliver(self, notice: Notice) -> None:
        with closing(connect(self._url, "silent", settings=outbox.SESSION)) as silent, silent.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            ((pid,),) = cursor.fetchall()
            until(lambda: not self._is_there(pid), "an end of the session that says nothing")
        self.taken.append(str(notice.id))

    def _is_there(self, pid: int) -> bool:
        with closing(psycopg2.connect(self._url)) as other, other.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", (pid,))
            return bool(cursor.fetchall() == [(1,)])


@pytest.fixture
def world(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    world = made(installed_url, tmp_path, monkeypatch)
    yield world
    world.close()


def test_what_a_slow_receiver_took_is_noted_and_does_not_come_to_it_again(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(outbox.SESSION, "idle_in_transaction_session_timeout", "3s")
    monkeypatch.setattr(held, "EVERY_S", 0.1)
    ident, slow = str(uuid4()), Slow(world.url)
    monkeypatch.setattr(policies, "notices", lambda _: slow)
    world.query(ENTRY, ident, *NOTICE)
    sender = policies.sender(world.ours, "alerts")
    assert sender.once()
    assert (slow.taken, world.outbox("state")) == ([ident], [("done",)])


def test_one_who_never_answers_is_given_up_and_tried_again_later(
    world: PolicyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "EVERY_S", 0.01)
    monkeypatch.setattr(held, "LONGEST_S", 0.05)
    ident, given_up = str(uuid4()), list[Any]()

    class Silent:
        def deliver(self, _: Notice) -> None:
            until(lambda: given_up, "the sender gave it up")

    monkeypatch.setattr(policies, "notices", lambda _: Silent())
    world.query(ENTRY, ident, *NOTICE)
    assert policies.sender(world.ours, "alerts").once()
    given_up.append(True)
    assert world.outbox("state, attempts, error") == [("waiting", 1, "too slow")]


def test_people_are_judged_while_a_receiver_thinks(world: PolicyWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    thought, asked, stop = Event(), Event(), Event()

    class Thinking:
        def deliver(self, _: Notice) -> None:
            asked.set()
            thought.wait()

    monkeypatch.setattr(policies, "notices", lambda _: Thinking())
    monkeypatch.setattr(policies, "SWITCH_S", sys.getswitchinterval())
    identity = world.register("CHA")
    running = Thread(target=policies.run, args=(world.ours, ["alerts"], stop))
    running.start()
    try:
        world.query(ENTRY, str(uuid4()), *NOTICE)
        assert asked.wait(WITHIN_S)
        kind, does, body = JUDGED
        world.query(ENTRY, str(uuid4()), kind, does, body % identity)
        until(lambda: ("command", "done") in world.outbox("kind, state"), "she is judged")
        assert sorted(world.outbox("kind, state")) == [("command", "done"), ("delivery", "waiting")]
        thought.set()
        until(lambda: ("delivery", "done") in world.outbox("kind, state"), "the notice is noted")
    finally:
        thought.set()
        stop.set()
        running.join()
