"""Whether a view shows all up to a position: also where Kafka lost what the relay had brought there."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from krypton.views import lag
from streams.relay import log_end
from streams.relay.log_end import Hint, Tail
from streams.relay.own_records import End

PLACE = "krypton.identities", 0


class Asked:
    """A region whose relay noted ten events, all of one partition; an index that has read some of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, there: int, read: int) -> None:
        """``there``: how many of them lie on Kafka now."""
        tail = Tail({PLACE: End(there, "an/event")}, [], {PLACE: there}, {}, {PLACE: there})
        monkeypatch.setattr(lag, "Rows", lambda _: SimpleNamespace(hint=lambda: Hint(10, {PLACE: 10})))
        monkeypatch.setattr(log_end, "read", lambda *_: tail)
        monkeypatch.setattr(lag, "_acknowledged", lambda _: 10)
        monkeypatch.setattr(lag, "offsets_at", lambda _, names, position: {PLACE: min(there, position - 1)})
        monkeypatch.setattr(lag, "_behind_of", lambda _, view, version, ends: max(0, ends[PLACE] - read))
        self.ours: Any = SimpleNamespace(addresses=SimpleNamespace(kafka=""), snapshot=lambda: nullcontext(None))

    def lacks(self) -> str:
        return lag.lacks(self.ours, "identity_index", 10, 0, 1)


def test_a_view_lacks_what_kafka_lost_whatever_the_relay_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has read further than the topic reaches, and four events are not in it."""
    asked = Asked(monkeypatch, there=5, read=6)
    assert "the relay has not copied up to position 10 yet" in asked.lacks()
    assert lag.offsets_behind(asked.ours, ["krypton.identities"], 10) is None


def test_a_view_that_has_read_all_lacks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Asked(monkeypatch, there=10, read=10).lacks() == ""


def test_a_view_that_has_not_read_all_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "identity_index is not up to date" in Asked(monkeypatch, there=10, read=6).lacks()
