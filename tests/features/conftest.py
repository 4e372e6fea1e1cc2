"""The world that features act in: a real Ledger in memory, and whatever was refused last."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pytest_bdd import given, parsers, then

from domain.commands.directory import EnrollSite
from domain.commands.identities import Register
from domain.errors import NotFound, RuleBroken
from domain.ledger import Command
from domain.ports import Answer
from tests.fakes.ledger import FixedClock, MemoryLedger

FEATURES = Path(__file__).parents[2] / "features"


class World:
    """A ledger, the identities that scenarios speak of by name, the last answer and the last refusal."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.identities: dict[str, UUID] = {}
        self.answer: Answer | None = None
        self.refusal: RuleBroken | NotFound | None = None

    def ask(self, command: Command, actor: str = "system:test") -> Answer | None:
        """Execute; a refusal is kept for the step that speaks of it."""
        assert self.refusal is None, f"nobody looked at the refusal: {self.refusal}"
        self.answer = None
        try:
            self.answer = self.ledger.ask(command, actor)
        except (RuleBroken, NotFound) as refusal:
            self.refusal = refusal
        return self.answer

    def let_pass(self, time: timedelta) -> None:
        """Move the ledger's clock on."""
        clock = self.ledger.clock
        assert isinstance(clock, FixedClock)
        clock.now += time

    def enroll(self, *codes: str) -> None:
        """Establishments named by their codes."""
        for code in codes:
            if self.ledger.directory().site(code) is None:
                self.ledger.ask(EnrollSite(code=code, name=f"Hospital {code}"))

    def register(self, name: str, assigner: str, local_id: str, **stated: str) -> UUID:
        """One local identity, known to later steps by ``name``."""
        self.enroll(assigner)
        command = Register(assigner=assigner, local_id=local_id, stated={"family": "Fictif", **stated})
        self.identities[name] = UUID(self.ledger.ask(command).result["identity"])
        return self.identities[name]


@pytest.fixture
def world() -> Iterator[World]:
    """A new world; the scenario fails on a refusal that no step looked at."""
    made = World()
    yield made
    assert made.refusal is None, f"nobody looked at the refusal: {made.refusal}"


@given(parsers.re(r"(?:the establishments? )(?P<codes>[A-Z0-9-]+(?:(?:, | and )[A-Z0-9-]+)*) (?:is|are) enrolled"))
def enrolled(world: World, codes: str) -> None:
    world.enroll(*codes.replace(" and ", ", ").split(", "))


@then(parsers.parse("the ledger refuses with {error}, rule {rule}"))
def refused(world: World, error: str, rule: str) -> None:
    refusal, world.refusal = world.refusal, None
    assert isinstance(refusal, RuleBroken), "nothing was refused"
    assert (type(refusal).__name__, refusal.rule) == (error, rule)


@then(parsers.parse("the ledger knows nothing of that"))
def not_found(world: World) -> None:
    refusal, world.refusal = world.refusal, None
    assert isinstance(refusal, NotFound)


@then("the ledger accepts")
def accepted(world: World) -> None:
    assert world.refusal is None, f"refused: {world.refusal}"
    assert world.answer is not None, "nothing was asked"
