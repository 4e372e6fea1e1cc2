"""The sender of a policy, on an outbox in memory: what one defect does to the others, and what it keeps."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import OperationalError

from adapters.outbox.outbox import RETRY_S, Child, Entry, Outbox
from domain.askers import Asker
from domain.errors import Contended, OrderStillWanted, OrderUnchanged, RuleBroken, StoreAway, WrongMasterKey
from domain.notices import Notice
from domain.ports import Answer
from domain.work import Command, Envelope
from krypton.policies.deliverer import Deliverer
from krypton.policies.looker import Found
from krypton.policies.sender import AT_A_TIME, Execute, Executed, Sender
from policies.all import POLICIES
from policies.policy import Due, Kind, Policy

ORDER = {"order": str(UUID(int=5))}
DONE = Answer((7,), {}, Asker("system:test", None))


class MemoryOutbox:
    """Entries that are due now, and what became of each."""

    policy = "expiry"

    def __init__(self, *entries: Entry) -> None:
        self.left = list(entries)
        self.became: dict[UUID, str] = {}
        self.led_to: list[Child] = []

    @contextmanager
    def claim(self, kinds: Sequence[str], _: int, limit: int, does: str | None = None) -> Iterator[Any]:
        taken = [entry for entry in self.left if entry.kind in kinds and does in (None, entry.does)][:limit]
        yield SimpleNamespace(
            entries=taken,
            hold=lambda: None,
            done=self._done,
            refused=lambda entry, code, children: self._refuse(entry, code, children),
            failed=lambda entry, code: self._settle(entry, f"failed {code}"),
            postponed=lambda entry, at: self._settle(entry, f"postponed {at}"),
            became=lambda entry, children: self._settle(entry, f"became {len(children)}"),
        )

    def _done(self, entry: Entry, _: object = (), __: str = "", children: Sequence[Child] = ()) -> None:
        self.led_to += children
        self._settle(entry, "done")

    def _refuse(self, entry: Entry, code: str, children: Sequence[Child]) -> None:
        self.led_to += children
        self._settle(entry, f"refused {code}")

    def _settle(self, entry: Entry, how: str) -> bool:
        self.left.remove(entry)
        self.became[entry.id] = how
        return entry.attempts >= len(RETRY_S)


class Broken:
    """Takes the second notice alone."""

    def __init__(self) -> None:
        self.asked: list[UUID] = []

    def deliver(self, notice: Notice) -> None:
        self.asked.append(notice.id)
        if len(self.asked) == 1:
            raise UnicodeEncodeError("ascii", "é", 0, 1, "a defect that nobody foresaw")


def entry(kind: Kind, does: str, body: Mapping[str, Any], attempts: int = 0) -> Entry:
    return Entry(uuid4(), kind.value, does, dict(body), 1, uuid4(), attempts)


def order(number: int, attempts: int = 0) -> Entry:
    return entry(Kind.COMMAND, "expire_order", {"order": str(UUID(int=number))}, attempts)


def sender(
    outbox: MemoryOutbox,
    lookups: Any = None,
    execute: Execute = lambda asked: [DONE] * len(asked),
    reachable: Callable[[], object] = lambda: None,
    policy: Policy | None = None,
) -> Sender:
    kept, now = cast(Outbox, outbox), lambda: datetime(2026, 1, 1, tzinfo=UTC)
    return Sender(
        kept,
        execute,
        now,
        policy=policy or POLICIES["expiry"],
        lookups=lookups or {},
        deliverer=Deliverer(kept, Broken(), now),
        reachable=reachable,
        head=lambda: 7,
    )


def test_a_notice_that_cannot_be_delivered_for_any_reason_holds_no_other_up() -> None:
    one, other = (entry(Kind.DELIVERY, "emergency_awaits_review", {"access": str(n)}) for n in range(2))
    outbox = MemoryOutbox(one, other)
    sending = sender(outbox)
    while sending.once():
        pass
    assert outbox.became == {one.id: "failed UnicodeEncodeError", other.id: "done"}


def test_a_notice_is_taken_to_its_receiver_while_more_commands_wait_than_are_asked_at_a_time() -> None:
    """Who supervises emergencies hears of one that ran out, however many run out with it."""
    notice = entry(Kind.DELIVERY, "emergency_awaits_review", {"access": "1"})
    outbox = MemoryOutbox(*(order(number) for number in range(2 * AT_A_TIME)), notice)
    assert sender(outbox).once()
    assert (notice.id in outbox.became, len(outbox.left)) == (True, AT_A_TIME)


@pytest.mark.parametrize("body", [{}, {"order": 5}, {"order": None}, {"order": "five"}])
def test_an_entry_that_no_command_can_be_made_of_holds_no_other_up(body: dict[str, Any]) -> None:
    one, other = entry(Kind.COMMAND, "expire_order", body), entry(Kind.COMMAND, "expire_order", ORDER)
    outbox = MemoryOutbox(one, other)
    sender(outbox).once()
    assert outbox.became[other.id] == "done"
    assert outbox.became[one.id].startswith("failed unreadable: ")


def fails_for(poison: UUID, wrong: Exception) -> Execute:
    """A ledger that takes no batch with one command in it."""

    def execute(asked: Sequence[tuple[Command, Envelope]]) -> Sequence[Executed]:
        if poison in {by.command_id for _, by in asked}:
            raise wrong
        return [DONE] * len(asked)

    return execute


@pytest.mark.parametrize("wrong", [OperationalError("value too large"), Contended("8 times"), ValueError("a defect")])
def test_a_command_that_alone_always_fails_holds_no_other_up(wrong: Exception) -> None:
    """Though its error is that of a server that is away: the server answers."""
    one, poison, other = (order(number) for number in range(3))
    outbox = MemoryOutbox(one, poison, other)
    sender(outbox, execute=fails_for(poison.id, wrong)).once()
    assert outbox.became == {one.id: "done", poison.id: f"failed {type(wrong).__name__}", other.id: "done"}


def test_a_command_that_fails_by_itself_is_parked_in_the_end_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    last = order(1, attempts=len(RETRY_S))
    sender(MemoryOutbox(last), execute=fails_for(last.id, OperationalError("value too large"))).once()
    (told,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert f"expiry: command {last.id} failed for the last time and is parked (OperationalError)" in told.getMessage()


@pytest.mark.parametrize("kind", [Kind.COMMAND, Kind.LOOKUP])
@pytest.mark.parametrize(
    "wrong", [OperationalError("no answer"), StoreAway("a token was pulled out"), WrongMasterKey("not in the file yet")]
)
def test_what_is_away_for_everybody_is_no_failure(kind: Kind, wrong: Exception) -> None:
    """A server, and the master key."""

    def away(*_: Any) -> Any:
        raise wrong

    outbox = MemoryOutbox(*(entry(kind, "expire_order", ORDER) for _ in range(2)))
    with pytest.raises(type(wrong)):
        sender(outbox, execute=away, lookups={"expire_order": away}, reachable=away).once()
    assert outbox.became == {}


def test_a_lookup_that_alone_always_fails_holds_no_other_up() -> None:
    one, poison, other = (entry(Kind.LOOKUP, "match", {"identity": str(n)}) for n in range(3))

    def look(entries: Sequence[Entry]) -> Found:
        if poison in entries:
            raise OperationalError("statement timeout")
        return {found.id: () for found in entries}

    outbox = MemoryOutbox(one, poison, other)
    sender(outbox, lookups={"match": look}).once()
    assert outbox.became == {one.id: "became 0", poison.id: "failed OperationalError", other.id: "became 0"}


def test_however_many_must_wait_for_one_lookup_another_goes_on() -> None:
    """Keys of erased people are destroyed while rows of a thousand others wait for a rebuild."""
    waiting = [entry(Kind.LOOKUP, "waits", {"identity": str(n)}) for n in range(1_000)]
    last = entry(Kind.LOOKUP, "goes", {"identity": "last"})
    outbox = MemoryOutbox(*waiting, last)
    sender(outbox, lookups={"waits": lambda _: {}, "goes": lambda found: {one.id: () for one in found}}).once()
    assert outbox.became == {last.id: "became 0"}


def test_a_timer_that_comes_too_early_is_asked_again_at_its_end() -> None:
    """A clock that was put back, or another machine's."""
    early = order(1)
    outbox = MemoryOutbox(early)
    sender(outbox, execute=lambda _: [OrderStillWanted("may still be made", not_before=9)]).once()
    assert outbox.became == {early.id: "postponed 9"}


class Insists(Policy):
    """A policy of which each refusal leads to a lookup, and each command that failed at first."""

    name, version, topics = "expiry", 1, ()

    def react(self, event: Any) -> Iterable[Due]:
        return ()

    def refused(self, does: str, body: Mapping[str, Any], refusal: RuleBroken) -> Iterable[Due]:
        return [Due(Kind.LOOKUP, f"after {does}", {"order": body["order"], "rule": refusal.rule})]

    def done_late(self, does: str, body: Mapping[str, Any]) -> Iterable[Due]:
        return [Due(Kind.LOOKUP, f"after {does}", {"order": body["order"]})]


@pytest.mark.parametrize(("policy", "wanted"), [(Insists(), ["after expire_order"]), (POLICIES["expiry"], [])])
def test_the_policy_itself_says_what_a_refusal_leads_to(policy: Policy, wanted: list[str]) -> None:
    """Once the view has read all that the ledger held by then; where the policy says nothing, nothing follows."""
    one = order(1)
    outbox = MemoryOutbox(one)
    sender(outbox, execute=lambda asked: [OrderUnchanged("it was presented")] * len(asked), policy=policy).once()
    assert [(child.does, child.cause) for child in outbox.led_to] == [(name, 7) for name in wanted]
    assert outbox.became[one.id].startswith("refused ")


@pytest.mark.parametrize(("failed", "wanted"), [(True, ["after expire_order"]), (False, [])])
def test_the_policy_itself_says_what_a_command_leads_to_that_failed_at_first(failed: bool, wanted: list[str]) -> None:
    outbox = MemoryOutbox(order(1)._replace(failed_before=failed))
    sender(outbox, policy=Insists()).once()
    assert [(child.does, child.cause) for child in outbox.led_to] == [(name, 7) for name in wanted]
