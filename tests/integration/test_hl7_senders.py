"""Many senders of HL7 messages at once, on a real ledger: stored together, and each as if it had been alone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest

from domain.aggregates.identity import Identity
from krypton.devstack.stack import Stack
from tests.fakes.hl7 import Answered, message, mrg, pid
from tests.integration.audit_world import audit_world
from tests.integration.test_hl7_queries_live import Hospitals
from tests.waiting import WITHIN_S

pytestmark = pytest.mark.live
SENDERS, MESSAGES = 8, 12
NAMES = [f"FICTIVE{letter}" for letter in "ABCDEFGHIJKL"]


@pytest.fixture(scope="module")
def region(stack: Stack) -> Iterator[Hospitals]:
    with audit_world(stack) as world:
        yield Hospitals(world)


def said(region: Hospitals, raw: bytes) -> Answered:
    """The answer to a message."""
    return Answered(region.desk.answer(raw))


def known(region: Hospitals, number: str) -> Identity:
    ledger = region.world.krypton.ledger
    found = ledger.find(Identity, Identity.create_id(ledger.ids, "CHB", number))
    assert found is not None
    return found


def corrections(number: str) -> list[bytes]:
    """A patient is announced, and corrected again and again; in the end another number is given up for theirs."""
    whole = [
        message("A31" if place else "A28", f"{number}-{place}", pid(number, name=f"{name}^MARIE^^^^^L"))
        for place, name in enumerate(NAMES)
    ]
    other = message("A28", f"{number}-other", pid(f"{number}-2", name=f"{NAMES[-1]}^MARIE^^^^^L"))
    return [
        *whole,
        other,
        message("A40", f"{number}-merge", pid(number, name=f"{NAMES[-1]}^MARIE^^^^^L"), mrg(f"{number}-2")),
    ]


def test_each_senders_messages_take_effect_in_its_order_and_repeated_they_write_nothing(region: Hospitals) -> None:
    numbers = [uuid4().hex[:12] for _ in range(SENDERS)]
    ready, before = Barrier(SENDERS), region.world.head

    def sends(number: str) -> list[str]:
        ready.wait(WITHIN_S)
        return [said(region, raw).verdict for raw in corrections(number)]

    with ThreadPoolExecutor(SENDERS) as pool:
        assert [*pool.map(sends, numbers)] == [["AA"] * (MESSAGES + 2)] * SENDERS
        head = region.world.head
        for number in numbers:
            corrected = [
                event.data["traits"]["family"]
                for event in region.since(before)
                if event.aggregate_id == str(known(region, number).id) and "traits" in event.data
            ]
            assert corrected == NAMES
        assert [*pool.map(sends, numbers)] == [["AA"] * (MESSAGES + 2)] * SENDERS
    assert region.world.head == head


def test_of_two_messages_with_one_id_at_one_moment_one_is_stored_and_the_other_is_told_so(region: Hospitals) -> None:
    for _ in range(10):
        number, ready = uuid4().hex[:12], Barrier(2)
        two = [message("A28", number, pid(f"{number}-{n}")) for n in range(2)]

        def sends(raw: bytes, ready: Barrier = ready) -> Answered:
            ready.wait(WITHIN_S)
            return said(region, raw)

        with ThreadPoolExecutor(2) as pool:
            answers = [*pool.map(sends, two)]
        assert sorted(answer.verdict for answer in answers) == ["AA", "AE"]
        refused = next(answer for answer in answers if answer.verdict == "AE")
        assert (refused.place, refused.condition) == ("MSH-10", "205")
        ledger = region.world.krypton.ledger
        ids = [Identity.create_id(ledger.ids, "CHB", f"{number}-{n}") for n in range(2)]
        assert sum(ledger.find(Identity, one) is not None for one in ids) == 1


def test_a_message_that_is_refused_takes_nobody_elses_along(region: Hospitals) -> None:
    numbers, ready = [uuid4().hex[:12] for _ in range(SENDERS)], Barrier(SENDERS)

    def sends(each: tuple[int, str]) -> str:
        place, number = each
        ready.wait(WITHIN_S)
        change = {"f7": "20990101"} if place % 2 else {}
        return said(region, message("A28", number, pid(number, **change))).verdict

    with ThreadPoolExecutor(SENDERS) as pool:
        assert [*pool.map(sends, enumerate(numbers))] == ["AA", "AE"] * (SENDERS // 2)
    assert all(known(region, number) for number in numbers[::2])
