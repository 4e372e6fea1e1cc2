"""What several threads ask at once is stored together, and each is answered as if it had asked alone."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from uuid import uuid4

import pytest

from domain.commands.identities import Register
from domain.errors import AlreadyRegistered, StoreAway
from domain.ports import Answer
from domain.work import Envelope
from krypton.services import together
from krypton.services.together import Together
from tests.fakes.region import Region
from tests.waiting import WITHIN_S, until

AWAY = StoreAway("the database is away")


def registration(number: int) -> Register:
    return Register(assigner="CHB", local_id=str(number), stated={"family": "FICTIVE"})


class Slow(Region):
    """Stores the first command once it is told to; notes how many it stores at a time. ``fails``: what it raises."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.sizes = Event(), list[int]()
        self.fails: list[Exception] = []
        self.away: Exception | None = None

    def execute_many(self, asked: Sequence[Any]) -> list[Any]:
        self.sizes.append(len(asked))
        if len(self.sizes) == 1:
            assert self.go.wait(WITHIN_S)
        elif self.fails:
            raise self.fails.pop()
        return super().execute_many(asked)

    def reach(self) -> None:
        """See ``Together``."""
        if self.away:
            raise self.away


def at_once(ledger: Slow, numbers: Sequence[int], pool: ThreadPoolExecutor) -> tuple[Together, list[Any]]:
    """The first is being stored while the others come, in their order."""
    asked = Together(ledger, ledger.reach)
    waiting = [pool.submit(asked.execute, registration(numbers[0]), Envelope())]
    until(lambda: ledger.sizes == [1], "the first is being stored")
    for place, number in enumerate(numbers[1:], 1):
        waiting.append(pool.submit(asked.execute, registration(number), Envelope()))
        until(lambda place=place: len(asked._waiting) == place, "the next one waits")  # type: ignore[misc]
    ledger.go.set()
    return asked, waiting


def test_whoever_comes_while_one_is_stored_is_stored_with_the_others_in_one_transaction() -> None:
    ledger = Slow()
    with ThreadPoolExecutor(6) as pool:
        _, waiting = at_once(ledger, range(6), pool)
        answers = [each.result(60) for each in waiting]
    assert ledger.sizes == [1, 5]
    places = [position for answer in answers for position in answer.positions]
    assert places == sorted(places)
    assert len(places) == 6
    assert ledger.types()[-6:] == ["identity.registered"] * 6


def test_no_more_are_stored_at_a_time_than_are_bearable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "MOST", 2)
    ledger = Slow()
    with ThreadPoolExecutor(6) as pool:
        _, waiting = at_once(ledger, range(6), pool)
        assert all(each.result(60).positions for each in waiting)
    assert ledger.sizes == [1, 2, 2, 1]


def test_a_refusal_is_told_to_who_is_refused_alone() -> None:
    ledger = Slow()
    with ThreadPoolExecutor(4) as pool:
        _, waiting = at_once(ledger, (1, 2, 1, 3), pool)
        first, second, refused, last = (each.exception(60) or each.result() for each in waiting)
    assert isinstance(refused, AlreadyRegistered)
    assert all(isinstance(one, Answer) for one in (first, second, last))


def test_a_defect_that_one_command_meets_holds_no_other_up() -> None:
    ledger = Slow()
    ledger.fails = [ValueError("a defect"), ValueError("a defect")]  # of all together, and of the first one alone
    with ThreadPoolExecutor(4) as pool:
        _, waiting = at_once(ledger, range(4), pool)
        first, defect, *others = (each.exception(60) or each.result() for each in waiting)
    assert isinstance(defect, ValueError)
    assert all(isinstance(one, Answer) for one in (first, *others))


def test_while_the_ledger_is_away_nobody_is_answered_and_it_is_asked_once() -> None:
    ledger = Slow()
    ledger.fails, ledger.away = [AWAY], AWAY
    with ThreadPoolExecutor(4) as pool:
        asked, waiting = at_once(ledger, range(4), pool)
        assert waiting[0].result(60).positions
        assert [each.exception(60) for each in waiting[1:]] == [AWAY] * 3
        assert ledger.sizes == [1, 3]
        assert asked.execute(registration(9), Envelope()).positions


def test_a_command_id_that_was_answered_is_answered_again_and_says_so() -> None:
    ledger = Slow()
    ledger.go.set()
    asked, by = Together(ledger, ledger.reach), Envelope(command_id=uuid4())
    first, again = (asked.execute(registration(1), by) for _ in range(2))
    assert (first.repeated, again.repeated, again == first) == (False, True, True)
