"""What tables of refusals are made of: a region with a marked person, and ways to provoke each rule there."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from domain.commands.accesses import OpenAccess
from domain.commands.identities import Register
from domain.commands.orders import PlaceOrder
from domain.commands.readings import RequestReading
from domain.commands.studies import ReceiveStudy
from domain.errors import RuleBroken
from domain.work import Command, Work
from tests.fakes.region import CLINICIAN, Region, received, rules_in_force
from tests.fakes.weighing import EVERYBODY

PERSON: dict[str, str | None] = {
    "family": "MARKEDFAMILY",
    "given": "MARKEDGIVEN",
    "birth_date": "1913-02-28",
    "birth_place": "33063",
}
LOCAL_ID, WORDS, MATRICULE, TEST_OID = "MARKED-ID", "marked words", "279035121518989", "1.2.250.1.213.1.4.10"
MARKED = (*map(str, PERSON.values()), LOCAL_ID, WORDS, MATRICULE[:13])


class World(Region):
    """A region with a person whose every trait and word is marked."""

    def __init__(self) -> None:
        super().__init__()
        rules_in_force(self, **EVERYBODY)
        self.marie = self.known(LOCAL_ID)

    def known(self, local_id: str, assigner: str = "CHB", **stated: str) -> UUID:
        """A person with the marked traits."""
        answer = self.ask(Register(assigner=assigner, local_id=local_id, stated=PERSON | stated))
        return UUID(answer.result["identity"])

    @property
    def other(self) -> UUID:
        """A second such person."""
        return self.known(LOCAL_ID + "-2")

    def pair(self, *said: Callable[..., Command]) -> dict[str, Any]:
        """Two identities of which all this was said; what is to be said next."""
        return self._said(self.marie, self.other, said)

    def alike(self, *said: Callable[..., Command]) -> dict[str, Any]:
        """Two who agree in all strict traits, of which all this was said; what is to be said next."""
        one, other = (self.known(f"{LOCAL_ID}-{number}", sex="F") for number in (4, 5))
        return self._said(one, other, said)

    def _said(self, one: UUID, other: UUID, said: Iterable[Callable[..., Command]]) -> dict[str, Any]:
        pair: dict[str, Any] = {"one": one, "other": other, "reason": WORDS}
        for command in said:
            self.ask(command(**pair))
        return pair

    def study(self, site: str = "CHB", **change: Any) -> UUID:
        """Marie's study."""
        return UUID(self.receive(site, local_id=LOCAL_ID, stated=PERSON, **change).result["study"])

    @staticmethod
    def again() -> ReceiveStudy:
        """Marie's next study, from the same site."""
        return received(local_id=LOCAL_ID, stated=PERSON)

    def order(self, *steps: Callable[[UUID], Command], **change: Any) -> UUID:
        """Marie's order, and what became of it."""
        order = UUID(self.ask(self.order_of(**change)).result["order"])
        for step in steps:
            self.ask(step(order))
        return order

    def order_of(self, **change: Any) -> PlaceOrder:
        """An order for Marie, not yet placed."""
        stated: dict[str, Any] = {"site": "CHB", "ordered_by": CLINICIAN, "modality": "CT", "question": WORDS}
        return PlaceOrder(identity=self.marie, **{**stated, **change})

    def reading(self, *steps: Callable[[UUID], Command], study: UUID | None = None) -> UUID:
        """CHP is asked to read Marie's study, and what it answered."""
        asked = RequestReading(study=study or self.study(), from_site="CHB", to_site="CHP", question=WORDS)
        reading = UUID(self.ask(asked).result["reading"])
        for step in steps:
            self.ask(step(reading))
        return reading

    def emergency(self, *, minutes_ago: int = 0) -> UUID:
        """An emergency access of the clinician's."""
        ask = OpenAccess(identity=self.marie, rpps=CLINICIAN, reason=WORDS, emergency=True)
        access = UUID(self.ask(ask).result["access"])
        self.clock.now += timedelta(minutes=minutes_ago)  # type: ignore[attr-defined]  # the clock is a FixedClock
        return access

    def after(self, first: Command, ask: Command) -> Command:
        """What is asked once the first command was."""
        self.ask(first)
        return ask


class Provoked(NamedTuple):
    """How a refusal is provoked: its class, words of its message, and who asks what."""

    rule: type[RuleBroken]
    words: str
    ask: Callable[[World], Command]


@dataclass(frozen=True)
class Directly:
    """Asks an aggregate, where no command gets as far as its rule."""

    refused: Callable[[], object]

    def decide(self, work: Work) -> None:
        """Raises what the aggregate raises."""
        self.refused()
