"""``audit verify`` with a process that reads ahead finds the same, also where that process dies."""

from collections.abc import Iterator
from typing import Any

import pytest

from krypton.devstack.stack import Stack
from krypton.integrity import ahead
from krypton.integrity.ahead import Ahead
from krypton.integrity.findings import Kind, Log
from krypton.services import notary
from streams.reading.windows import Prepared
from tests.integration.live_ledger import LiveLedger, live_ledger
from tests.integration.proof_world import altered, krypton, relay_all, verdict

pytestmark = pytest.mark.live

EVENTS = 600
AT = 300
FLIP = f"UPDATE ledger.ledger_events SET state = set_byte(state, 90, (get_byte(state, 90) + 1) % 256) WHERE id = {AT}"


@pytest.fixture(scope="module")
def ledger(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveLedger]:
    """All relayed and signed."""
    with live_ledger(stack, tmp_path_factory.mktemp("ahead")) as made:
        made.register(EVENTS)
        relay_all(made)
        notary.sign_now(krypton(made))
        yield made


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each window, whether the other process had prepared it; there is one, however few events there are."""
    told: list[bool] = []
    asked = Ahead.window

    def window(self: Ahead, start: int, end: int) -> Any:
        assert self._pipe is not None
        if not self._has_begun and not self._pipe.closed:
            self._pipe.poll(None)  # it is not waited for in life
        rows = asked(self, start, end)
        told.append(isinstance(rows, Prepared))
        return rows

    monkeypatch.setattr(ahead, "LEAST_EVENTS", 0)
    monkeypatch.setattr(ahead, "LEAST_CORES", 1)
    monkeypatch.setattr(Ahead, "window", window)
    return told


def test_a_whole_ledger_is_whole(ledger: LiveLedger, prepared: list[bool]) -> None:
    found = verdict(krypton(ledger))
    assert (found.difference, found.events, found.waiting, found.unsigned) == (None, EVENTS + 1, 0, 0)
    assert all(prepared)


def test_an_altered_event_is_named(ledger: LiveLedger, prepared: list[bool]) -> None:
    with altered(ledger, FLIP):
        found = verdict(krypton(ledger)).difference
    assert found
    assert (found.position, found.log, found.kind) == (AT, Log.EVENT_STORE, Kind.CHANGED)
    assert all(prepared)


def test_without_the_other_process_all_is_read_here(
    ledger: LiveLedger, prepared: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = Ahead.__enter__

    def killed(self: Ahead) -> Ahead:
        self._process.kill()
        self._process.join()
        return begun(self)

    monkeypatch.setattr(Ahead, "__enter__", killed)
    assert verdict(krypton(ledger)).events == EVENTS + 1
    assert not any(prepared)
