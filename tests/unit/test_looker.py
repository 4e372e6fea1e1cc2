"""Lookups beside the commands that they become: made while these are executed, a batch ahead and no more."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from threading import enumerate as enumerate_threads
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg2
import pytest

from adapters.outbox.outbox import Child, Entry, Outbox
from domain.askers import Asker
from domain.ports import Answer
from krypton.policies import held
from krypton.policies import looker as looker_module
from krypton.policies.looker import Ahead, Faced, Found, Looker
from krypton.policies.sender import Asked, Sender
from policies.all import POLICIES
from policies.policy import Due, Kind
from tests.waiting import WITHIN_S, until

BATCHES = 4
DONE = Answer((7,), {}, Asker("system:test", None))


class SharedOutbox:
    """Entries that two threads claim: each lookup becomes one command."""

    policy = "matching"

    def __init__(self, *entries: Entry) -> None:
        self._lock = Lock()
        self.left = list(entries)
        self.heard = 0
        """How often a holder said that it is there."""

    @contextmanager
    def claim(self, kind: str, _: int, limit: int, does: str | None = None) -> Iterator[Any]:
        with self._lock:
            taken = [entry for entry in self.left if entry.kind == kind][:limit]
        gone, new = list[Entry](), list[Entry]()

        def became(entry: Entry, children: Sequence[Child]) -> None:
            gone.append(entry)
            new.extend(Entry(c.id, c.kind, c.does, c.body, 1, uuid4(), 0) for c in children)

        yield SimpleNamespace(entries=taken, done=lambda entry, *_: gone.append(entry), became=became, hold=self.hold)
        with self._lock:
            self.left = [entry for entry in self.left if entry not in gone] + new

    def hold(self) -> None:
        self.heard += 1

    def next_due(self, *_: Any, **__: Any) -> None:
        return None

    def prune(self, _: int) -> None:
        pass

    def close(self) -> None:
        pass


def now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


class Both:
    """A sender and a looker, each in its thread, of which each lookup is a batch; ``order``: what was begun and ended.

    No command is done before ``go`` is set.
    """

    def __init__(self, lookups: int) -> None:
        self.outbox = waiting(lookups)
        self.order: list[str] = []
        self.asked: list[int] = []
        self.go, self.stop = Event(), Event()
        self._wake, look = Event(), Event()
        ahead = Ahead(self._wake.set)
        sending = Sender(
            cast(Outbox, self.outbox),
            self._execute,
            now,
            policy=POLICIES["matching"],
            lookups={},
            deliverer=None,
            reachable=lambda: None,
            head=lambda: 7,
            ahead=ahead,
        )
        looking = Looker(cast(Outbox, self.outbox), {"match": self._look}, now, lambda: None)
        self._threads = [
            Thread(target=sending.run, args=(self.stop, self._wake)),
            Thread(target=looking.run, args=(self.stop, look, ahead)),
        ]

    def __enter__(self) -> "Both":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go.set()
        self.stop.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(WITHIN_S)

    def _look(self, entries: Sequence[Entry]) -> Found:
        self.order.append("looked")
        order = {"order": str(UUID(int=5))}
        return {one.id: [(0, Due(Kind.COMMAND, "expire_order", order))] for one in entries}

    def _execute(self, asked: Sequence[Asked]) -> list[Answer]:
        self.order.append("asked")
        self.asked.append(len(asked))
        self.go.wait(WITHIN_S)
        self.order.append("done")
        return [DONE] * len(asked)


def waiting(lookups: int) -> SharedOutbox:
    entries = (Entry(uuid4(), Kind.LOOKUP, "match", {"identity": str(n)}, 1, uuid4(), 0) for n in range(lookups))
    return SharedOutbox(*entries)


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looker_module, "AT_A_TIME", 1)


@pytest.mark.usefixtures("one_by_one")
def test_the_next_lookups_are_made_while_commands_are_executed_and_no_further() -> None:
    with Both(BATCHES) as both:
        until(lambda: both.order.count("looked") == 2, "a second lookup while the first one's command is executed")
        assert "done" not in both.order
        both.go.set()
        until(lambda: not both.outbox.left, "all are done")
    looked = [place for place, what in enumerate(both.order) if what == "looked"]
    asked = [both.order[:place].count("asked") for place in looked]
    assert all(commands >= lookup - 1 for lookup, commands in enumerate(asked))


def test_all_that_a_batch_of_lookups_becomes_is_executed_together() -> None:
    """Else the next lookups would wait for the first part of it."""
    with Both(looker_module.AT_A_TIME) as both:
        both.go.set()
        until(lambda: not both.outbox.left, "all are done")
    assert both.asked == [looker_module.AT_A_TIME]


def test_where_no_more_lookups_wait_who_comes_next_is_looked_up_after_the_commands() -> None:
    """So that the view may have read them: a twin who comes then finds the merge that is to be taken back."""
    ahead = Ahead()
    ahead.raised()
    ahead.taken(ahead.so_far())
    assert ahead.wait(0, more=True)
    assert not ahead.wait(0, more=False)
    ahead.done(ahead.so_far())
    assert ahead.wait(0, more=False)


def test_commands_that_were_raised_meanwhile_are_not_taken_for_done() -> None:
    ahead = Ahead()
    before = ahead.so_far()
    ahead.raised()
    ahead.taken(before)
    ahead.done(before)
    assert not ahead.wait(0, more=True)
    assert not ahead.wait(0, more=False)


def test_who_executes_them_is_woken() -> None:
    woken: list[bool] = []
    Ahead(lambda: woken.append(True)).raised()
    assert woken


class Facing:
    """``AtOnce`` that says what it is told to."""

    def __init__(self, *faced: Faced) -> None:
        self._faced = list(faced)

    def once(self, _: Any) -> Faced:
        return self._faced.pop(0)


@pytest.mark.usefixtures("one_by_one")
def test_lookups_of_a_backlog_rest_until_it_is_answered_or_nobody_answers_it() -> None:
    """What rests is asked about again, and keeps no command from being executed."""
    outbox, made = waiting(3), list[int]()

    def look(entries: Sequence[Entry]) -> Found:
        made.append(len(entries))
        return {one.id: () for one in entries}

    facing = Facing(Faced.RESTS, Faced.RESTS, Faced.ANSWERED, Faced.ONE_BY_ONE)
    looking = Looker(cast(Outbox, outbox), {"match": look}, now, lambda: None, at_once=facing)
    told = [(looking.once(), looking.rests, looking.raised) for _ in range(4)]
    resting, answered = (False, True, False), (True, False, True)
    assert told == [(True, False, False), resting, resting, answered]
    assert made == [1]
    looking.once()
    assert made == [1, 1]


def test_the_claim_is_held_while_a_view_takes_its_time_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database ends a holder that says nothing: the same batch would be looked up again without end."""
    monkeypatch.setattr(held, "EVERY_S", 0.01)
    outbox = waiting(3)
    during: list[int] = []

    def look(entries: Sequence[Entry]) -> Found:
        until(lambda: outbox.heard > 1, "its holder is heard")
        during.append(outbox.heard)
        return {one.id: () for one in entries}

    assert Looker(cast(Outbox, outbox), {"match": look}, now, lambda: None).once()
    assert (outbox.left, len(during)) == ([], 1)
    assert "claim" not in {thread.name for thread in enumerate_threads()}


def test_a_claim_that_is_lost_meanwhile_ends_no_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written to it raises what there is to be told."""
    monkeypatch.setattr(held, "EVERY_S", 0.01)
    asked = Event()

    def lost() -> None:
        asked.set()
        raise psycopg2.OperationalError

    with held.kept(lost):
        assert asked.wait(WITHIN_S)
