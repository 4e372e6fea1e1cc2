"""What tests of a view share: hospitals with patients, link events of any history, and rows folded in memory."""

from collections.abc import Iterable
from typing import Any, TypedDict
from uuid import UUID

from domain.commands.directory import EnrollSite
from domain.commands.doses import ReceivedDose
from domain.commands.identities import Register
from domain.held import HUMAN
from domain.ports import Answer
from projections.engine.projection import Projection
from schemas.event import LedgerEvent
from schemas.registry import registry
from tests.fakes.ledger import MemoryLedger
from tests.fakes.region import received
from tests.fakes.rows import MemoryRows


class Hospitals(MemoryLedger):
    """A ledger with three enrolled hospitals. Ids come back as ``str``, as projections see them."""

    def __init__(self) -> None:
        super().__init__()
        for code in ("CHA", "CHB", "CHC"):
            self.ask(EnrollSite(code=code, name=f"Hospital {code}"))

    def register(self, assigner: str, local_id: str, family: str = "Fictif") -> str:
        """One local identity."""
        command = Register(assigner=assigner, local_id=local_id, stated=_stated(family, "1970-01-02"))
        return str(self.ask(command).result["identity"])

    def receive(
        self,
        site: str,
        local_id: str,
        study_uid: str,
        *doses: ReceivedDose,
        family: str = "Fictif",
        birth_date: str = "1970-01-02",
    ) -> Answer:
        """One batch of a study of that patient, with its dose reports."""
        stated = _stated(family, birth_date)
        return self.ask(received(site, study_uid, local_id=local_id, stated=stated, instances=1, doses=doses))


def _stated(family: str, birth_date: str) -> dict[str, str | None]:
    return {"family": family, "given": "Camille", "birth_date": birth_date, "sex": "F", "birth_place": "13055"}


class Sides(TypedDict):
    """The two sides of a link command."""

    one: UUID
    other: UUID


def pair(one: str, other: str) -> Sides:
    """The two sides of a link command: ``Merge(**pair(a, b), reason=…)``."""
    return {"one": UUID(one), "other": UUID(other)}


def link_event(position: int, registered: dict[str, int], verb: str, rule: str = HUMAN) -> LedgerEvent:
    """A link event of any history, even one that no aggregate would let happen.

    ``registered``: the two sides, each with its registration position.
    """
    (low, low_registered), (high, high_registered) = sorted(registered.items())
    data: dict[str, Any] = {
        "low": low,
        "high": high,
        "low_registered": low_registered,
        "high_registered": high_registered,
        "recorded_at": position,
        "actor": "system:test",
        "reason": "because",
        "rule": rule,
    }
    return LedgerEvent(position, f"link.{verb}", low, 1, data)


def of_topics(view: Projection, events: Iterable[LedgerEvent]) -> list[LedgerEvent]:
    """The events of the view's topics, in ledger order."""
    types = {event_type for topic in view.topics for event_type in registry().topics()[topic]}
    return [event for event in events if event.type in types]


def folded(view: Projection, events: Iterable[LedgerEvent]) -> MemoryRows:
    """The view's rows after these events, with those that its rules alone make."""
    rows = MemoryRows(view.tables)
    for key, row in view.seeds():
        rows.put(key, row)
    for event in events:
        view.apply(event, rows)
    return rows
