"""The inbox with an inlet of another kind, lines of text: what holds for DICOM instances holds for messages."""

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from adapters.inbox.abandoned import abandoned
from adapters.inbox.batches import Batch, Batches, Limits
from adapters.inbox.desk import Desk, Kept, open_desk
from adapters.inbox.recorder import Executes, Recorder
from adapters.inbox.refusal import Refused
from adapters.inbox.spool import Form, Name, Spool
from domain.ports import Answer
from domain.work import A, Command, Envelope, Work
from tests.unit.test_dicom_crash import Died, dies_at, nothing_is_pending, unlock

MESSAGES = UUID("00000000-0000-5000-8000-000000000001")
SITE, ACTOR = "CHB", "system:test"
STEPS = (
    "written",
    "pending",
    "claimed",
    "settled",
    "written ahead",
    "executed",
    "filed",
    "synced",
    "released",
    "forgotten",
)


@dataclass(frozen=True)
class Send:
    """The command that messages become."""

    texts: tuple[str, ...]

    def decide(self, work: Work) -> dict[str, Any] | None:
        """Nothing: the ledger of this test only counts."""


@dataclass(frozen=True)
class Message:
    """One message; those of one channel go together."""

    name: Name
    text: str

    @property
    def key(self) -> Hashable:
        return self.text.partition(":")[0]


@dataclass
class Channel:
    """The messages of one channel, gathered."""

    held: list[Message] = field(default_factory=list)

    def add(self, item: Message) -> None:
        self.held.append(item)

    def close(self) -> Batch:
        names = tuple(message.name for message in self.held)
        asked = uuid5(MESSAGES, "|".join(sorted(name.digest for name in names)))
        return Batch(SITE, ACTOR, asked, Send(tuple(message.text for message in self.held)), names)


class Messages:
    """The inlet."""

    def read_back(self, desk: Desk, name: Name) -> Message:
        text = desk.spool.claim(name.site, name.uid).read_text()
        if not text:
            raise Refused("an empty message")
        return Message(name, text)

    def begin(self, item: Message) -> Channel:
        return Channel()

    def owner(self, result: Mapping[str, Any]) -> str | None:
        return None

    def erased(self, ledger: Executes, result: Mapping[str, Any]) -> bool:
        return False


class Ledger:
    """Answers a repeated command as the first time."""

    def __init__(self) -> None:
        self.stored: dict[UUID, Command] = {}

    def execute(self, command: Command, by: Envelope) -> Answer:
        self.stored.setdefault(by.command_id, command)
        return Answer((), {})

    def find(self, cls: type[A], aggregate_id: UUID) -> A | None:
        return None

    def texts(self) -> list[str]:
        return sorted(text for one in self.stored.values() if isinstance(one, Send) for text in one.texts)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str | None:
    return digest_of(path.read_text()) if path.exists() else None


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", Form("messages", ".txt", file_digest), room=0)


def take(desk: Desk, text: str) -> Message | None:
    """Keep a message; its uid is what stands before the blank."""
    name = Name.new(SITE, ACTOR, uid=text.split()[0].replace(":", "-"), digest=digest_of(text))
    return Message(name, text) if desk.keep(name, [text.encode()]) is Kept.NEW else None


def receive(spool: Spool, ledger: Ledger, texts: list[str], step: Any = lambda _: None) -> None:
    desk = open_desk(spool, step)
    try:
        batches, recorder = Batches(Messages().begin, Limits(items=2)), Recorder(desk, ledger, Messages())
        for text in texts:
            if message := take(desk, text):
                for batch in batches.add(message, feeder=None, now=0):
                    recorder.record(batch)
        for batch in batches.close_all():
            recorder.record(batch)
    finally:
        unlock(desk)


TEXTS = ["adt:1 admitted", "adt:2 transferred", "orm:1 ordered", "adt:3 discharged"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("times", [1, 2])
def test_whatever_step_a_process_dies_at_each_message_is_recorded_once(spool: Spool, step: str, times: int) -> None:
    ledger = Ledger()
    with pytest.raises(Died):
        receive(spool, ledger, TEXTS, dies_at(step, times))
    for desk in abandoned(spool):
        recorder = Recorder(desk, ledger, Messages())
        for batch in recorder.recover():
            recorder.record(batch)
        unlock(desk)
    receive(spool, ledger, TEXTS)
    assert ledger.texts() == sorted(TEXTS)
    assert nothing_is_pending(spool)


def test_messages_of_one_channel_are_one_command(spool: Spool) -> None:
    ledger = Ledger()
    receive(spool, ledger, TEXTS[:3])
    assert sorted(len(one.texts) for one in ledger.stored.values() if isinstance(one, Send)) == [1, 2]


def test_a_uid_with_other_text_is_pending_beside_the_first(spool: Spool) -> None:
    desk = open_desk(spool)
    assert take(desk, "adt:1 admitted")
    assert take(desk, "adt:1 dismissed") is None
    assert sorted(desk.path(name).read_text() for name in desk.pending()) == ["adt:1 admitted", "adt:1 dismissed"]
    assert desk.spool.claim(SITE, "adt-1").read_text() == "adt:1 admitted"
    unlock(desk)
