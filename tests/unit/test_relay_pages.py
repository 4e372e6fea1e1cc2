"""How the relay gathers events: those that come together share a page, and one that comes alone waits for nothing."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streams.relay import relay
from streams.relay.lease import Lease
from streams.relay.log_end import There
from streams.relay.outbox import Outbox
from streams.relay.outgoing import Stored
from streams.relay.outlet import Outlet
from streams.relay.relay import GATHER_MANY_S, GATHER_S, IDLE_S, MANY, Relay


class World:
    """A clock that goes on as somebody waits, and an event store where an event is stored at each of these times."""

    def __init__(self, arrivals: Sequence[float], page_s: float = 0.001) -> None:
        self.now, self.at_end = 0.0, True
        self.pages: list[tuple[float, list[int]]] = []
        self._arrivals = arrivals
        self._page_s = page_s

    def monotonic(self) -> float:
        return self.now

    def is_set(self) -> bool:
        return sum(len(events) for _, events in self.pages) == len(self._arrivals)

    def page(self, after: int) -> list[Stored]:
        new = [n for n, at in enumerate(self._arrivals, 1) if at <= self.now and n > after]
        if new:
            self.pages.append((self.now, new))
        self.now += self._page_s
        return [Stored(n, "", 1, b"") for n in new]

    def note(self, *_: Any, **__: Any) -> None: ...

    def wait(self, timeout_s: float) -> bool:
        """Of the event store where it is for ``IDLE_S``: until something is stored. Else of the relay itself."""
        coming = [at for at in self._arrivals if at > self.now]
        if timeout_s == IDLE_S and not self._waits():
            self.now = min([self.now + timeout_s, *coming])
        elif timeout_s != IDLE_S:
            self.now += timeout_s
        return False

    def _waits(self) -> bool:
        sent = sum(len(events) for _, events in self.pages)
        return any(at <= self.now for at in self._arrivals[sent:])


def pages(monkeypatch: pytest.MonkeyPatch, arrivals: Sequence[float]) -> list[tuple[float, list[int]]]:
    """When each page was read, and the positions of its events."""
    world = World(arrivals)
    monkeypatch.setattr(relay, "time", world)
    ours = Relay("", "", cast(Any, world))
    monkeypatch.setattr(ours, "_deliver", lambda *_: {})
    held = cast(Lease, SimpleNamespace(holds=lambda: True))
    ours._copy(held, cast(Outbox, world), cast(Outlet, None), There({("krypton.studies", 0): 0}, {}), {}, 0)
    return world.pages


def test_an_event_that_comes_alone_is_sent_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [0.0, 0.1, 0.2, 0.2 + 2 * GATHER_S]
    assert pages(monkeypatch, alone) == [(at, [n]) for n, at in enumerate(alone, 1)]


def test_events_that_come_one_after_the_other_share_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is sent at once; those that follow it closely wait for each other, and no longer than that."""
    close = [1.0, 1.002, 1.003, 1.0075, 1.0125]
    found = pages(monkeypatch, close)
    assert [events for _, events in found] == [[1], [2, 3, 4], [5]]
    assert [at for at, _ in found] == pytest.approx([1.0, 1.0 + GATHER_S, 1.0 + 2 * GATHER_S])


def test_after_many_events_more_are_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under load a page costs more than its events; what comes after few again waits no longer than before."""
    many = [1.0] * MANY
    after = [1.0 + GATHER_S, 1.0 + 2 * GATHER_S]
    few = 1.0 + GATHER_MANY_S + 0.001
    found = pages(monkeypatch, [*many, *after, few])
    assert [len(events) for _, events in found] == [MANY, len(after), 1]
    assert [at for at, _ in found] == pytest.approx([1.0, 1.0 + GATHER_MANY_S, 1.0 + GATHER_MANY_S + GATHER_S])
