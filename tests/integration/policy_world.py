"""A ledger under matching rules and its policies, without Kafka: records come straight from the event store."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from domain.commands.rules import PublishRules
from domain.commands.views import Promoted
from domain.times import micros
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.policies.fold import no_step
from krypton.policies.sender import Sender
from krypton.services import policies
from krypton.views import lag
from policies.all import POLICIES
from policies.policy import Policy
from policies.priors import SEND
from projections.engine.store import ViewStore
from projections.versions import rebuild, versions
from streams.broker.topics import PARTITIONS
from tests.fakes.topic import records
from tests.fakes.weighing import document
from tests.integration.ruled_world import RuledWorld
from tests.waiting import until

INDEX = "identity_index"


def in_force(ours: Krypton) -> None:
    """Put the matching rules of tests in force on a ledger that nobody uses yet: its index is made again by them."""
    ours.execute(PublishRules(document=document()), Envelope("system:test"))
    projection = ours.projection_with(INDEX, {"matching": 1}, 2)
    started = rebuild.begin(ours.addresses.database, projection, {})
    rebuild.finish(ours.addresses.database, projection, started)
    versions.promote(ours.addresses.database, INDEX, 2, "system:test")
    promoted = Promoted(view=INDEX, version=2, former=1, rules={"matching": 1})
    ours.execute(promoted, Envelope("system:test"))  # as promote.promote does, which needs a relay


class PolicyWorld(RuledWorld):
    """Three hospitals; ``in_force`` puts matching rules in force."""

    def __init__(self, url: str, home: Path) -> None:
        super().__init__(url, home)
        self.folds: dict[str, ViewStore] = {}
        self.senders: dict[str, Sender] = {}

    def in_force(self) -> None:
        """Publish the matching rules of tests, and promote a version of the index that was built with them."""
        self.matching(1)
        self._decide_by(1)

    def shipped_in_force(self) -> None:
        """The same with the rules that ship."""
        self.shipped(2)
        self._decide_by(2)

    def unmatched_pairs(self, birth_dates: Iterable[str]) -> None:
        """A pair of each birth date whom nobody matched yet, and a version 2 of the index by rules that join each."""
        self.matching(1)
        for number, birth_date in enumerate(birth_dates):
            for site in ("CHA", "CHB"):
                self.register(site, str(number), birth_date=birth_date)
        self.react("matching")
        self.build(INDEX, matching=1)

    def _decide_by(self, version: int) -> None:
        self.work(INDEX)
        self.promote(INDEX, self.build(INDEX, matching=version))

    def fold(self, *names: str, step: Callable[[str], None] = no_step) -> None:
        """What the policies' processors do."""
        for name in names or POLICIES:
            if name not in self.folds:
                self.folds[name] = policies.store(self.ours, name, step)
            self.folds[name].apply(records(self.ours.ledger, POLICIES[name].topics, PARTITIONS))

    def send(self, *names: str) -> None:
        """What the policies' senders do, as long as there is anything, with the views up to date."""
        for name in names or POLICIES:
            if name not in self.senders:
                self.senders[name] = policies.sender(self.ours, name)
            until(lambda name=name: self._sent(name), f"{name} done")  # type: ignore[misc]

    def _sent(self, name: str) -> bool:
        self.work(INDEX)
        if name == "sharing":
            self.work("patient_record")
            self.work("cumulative_dose")
        self.senders[name].once()
        now = micros(self.ours.ledger.clock())
        due = f"state = 'waiting' AND policy = '{name}' AND try_at <= {now} AND does <> '{SEND}'"
        return not self.outbox("id", due)  # priors are sent by the DICOM service

    def react(self, *names: str) -> None:
        """Fold and send until nothing happens any more."""
        while True:
            head = self.head()
            self.fold(*names)
            self.send(*names)
            self.work(INDEX)
            if self.head() == head:
                return

    @staticmethod
    def policy(name: str) -> Policy:
        """The policy of that name."""
        return POLICIES[name]

    def take_over(self) -> None:
        """Go on where another process stopped, as workers do when they get its partitions."""
        for store in (*self.stores.values(), *self.folds.values()):
            store.positions()

    def outbox(self, columns: str = "*", where: str = "true") -> list[tuple[Any, ...]]:
        """Entries, in order."""
        return self.query(f"SELECT {columns} FROM policies.outbox WHERE {where} ORDER BY due_at, place, cause, id")

    def close(self) -> None:
        """Give all connections back."""
        for store in self.folds.values():
            store.close()
        super().close()


def made(url: str, home: Path, patch: pytest.MonkeyPatch) -> PolicyWorld:
    """A new world."""
    world = PolicyWorld(url, home)
    patch.setattr(lag, "lacks", world.lacks)
    return world
