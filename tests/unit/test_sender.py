"""The sender of a policy, on an outbox in memory: what one defect does to the others, and what it keeps."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from adapters.outbox.outbox import Entry, Outbox
from domain.ports import Answer, Notice
from krypton.policies.sender import Sender
from policies.policy import Kind

ORDER = {"order": str(UUID(int=5))}


class MemoryOutbox:
    """Entries that are due now, and what became of each."""

    policy = "expiry"

    def __init__(self, *entries: Entry) -> None:
        self.left = list(entries)
        self.became: dict[UUID, str] = {}

    @contextmanager
    def claim(self, kinds: Sequence[str], _: int, limit: int) -> Iterator[Any]:
        taken = [entry for entry in self.left if entry.kind in kinds][:limit]
        yield SimpleNamespace(
            entries=taken,
            done=lambda entry, *_: self._settle(entry, "done"),
            refused=lambda entry, code: self._settle(entry, f"refused {code}"),
            failed=lambda entry, code: self._settle(entry, f"failed {code}"),
        )

    def _settle(self, entry: Entry, how: str) -> None:
        self.left.remove(entry)
        self.became[entry.id] = how


class Broken:
    """Takes the second notice alone."""

    def __init__(self) -> None:
        self.asked: list[UUID] = []

    def deliver(self, notice: Notice) -> None:
        self.asked.append(notice.id)
        if len(self.asked) == 1:
            raise UnicodeEncodeError("ascii", "é", 0, 1, "a defect that nobody foresaw")


def entry(kind: Kind, does: str, body: Mapping[str, Any]) -> Entry:
    return Entry(uuid4(), kind.value, does, dict(body), 1, uuid4(), 0)


def sender(outbox: MemoryOutbox, notices: Any = None, lookups: Any = None) -> Sender:
    return Sender(
        cast(Outbox, outbox),
        lambda asked: [Answer((7,), {})] * len(asked),
        lambda: datetime(2026, 1, 1, tzinfo=UTC),
        lookups=lookups or {},
        notices=notices or Broken(),
    )


def test_a_notice_that_cannot_be_delivered_for_any_reason_holds_no_other_up() -> None:
    one, other = (entry(Kind.DELIVERY, "emergency_awaits_review", {"access": str(n)}) for n in range(2))
    outbox = MemoryOutbox(one, other)
    sending = sender(outbox)
    while sending.once():
        pass
    assert outbox.became == {one.id: "failed UnicodeEncodeError", other.id: "done"}


@pytest.mark.parametrize("body", [{}, {"order": 5}, {"order": None}, {"order": "five"}])
def test_an_entry_that_no_command_can_be_made_of_holds_no_other_up(body: dict[str, Any]) -> None:
    one, other = entry(Kind.COMMAND, "expire_order", body), entry(Kind.COMMAND, "expire_order", ORDER)
    outbox = MemoryOutbox(one, other)
    sender(outbox).once()
    assert outbox.became[other.id] == "done"
    assert outbox.became[one.id].startswith("failed unreadable: ")
