"""What an outlet does with the offsets that Kafka answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from kafka.future import Future

from streams.relay import outlet as module
from streams.relay.lease import Lease
from streams.relay.outgoing import Outgoing
from streams.relay.outlet import Outlet, Undelivered

PLACE = "krypton.studies", 3
EVENT = Outgoing(12, *PLACE, b"key", b"value", [], 0)


class Holds(Lease):
    """A lease that lasts."""

    def __init__(self) -> None:
        """No session behind it."""

    def holds(self) -> bool:
        return True


class Written:
    """Kafka's answer."""

    def __init__(self, offset: int) -> None:
        self.offset = offset


class Broker:
    """A producer whose broker gives these offsets, one after the other."""

    def __init__(self, offsets: Iterator[int]) -> None:
        self._offsets = offsets

    def fence(self) -> None:
        """Nobody else writes."""

    def send(self, *_: Any) -> Future:
        return Future().success(Written(next(self._offsets)))

    def flush(self, timeout: float) -> None:
        """All is acknowledged."""


def outlet(monkeypatch: pytest.MonkeyPatch, *offsets: int) -> Outlet:
    """One whose broker gives these offsets."""
    monkeypatch.setattr(module, "FencedProducer", lambda *_, **__: Broker(iter(offsets)))
    return Outlet("127.0.0.1:1", Holds())


def test_a_tail_that_was_lost_before_the_first_event_of_a_partition_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The partition ended after offset 9: the next event cannot come to lie at 7."""
    made = outlet(monkeypatch, 7)
    made.goes_on({PLACE: 10})
    with pytest.raises(Undelivered, match=r"krypton\.studies-3 lost records: it ends at offset 7 now"):
        made.deliver([EVENT], lambda: True)


def test_events_after_the_end_are_delivered_and_a_loss_between_them_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program may have written before the first."""
    made = outlet(monkeypatch, 11, 12, 12)
    made.goes_on({PLACE: 10})
    made.deliver([EVENT, EVENT], lambda: True)
    with pytest.raises(Undelivered, match="lost records"):
        made.deliver([EVENT], lambda: True)


def test_the_first_event_of_an_empty_partition_is_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    made = outlet(monkeypatch, 0)
    made.goes_on({PLACE: 0})
    made.deliver([EVENT], lambda: True)
