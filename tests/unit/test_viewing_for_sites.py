"""Whose studies an establishment's own system may find and fetch: decided per person, and on record (X20)."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.actors import Caller
from domain.commands.consents import Grant, LiftOpposition, Oppose, Revoke
from domain.commands.judging import REFUSALS
from domain.commands.links import Merge, Unmerge
from domain.commands.orders import CancelOrder, PerformOrder, PlaceOrder, PresentOrder, ResultOrder, ScheduleOrder
from domain.commands.viewings import View
from domain.consent_statements import Scope
from domain.work import Envelope
from tests.fakes.erasing import Erase
from tests.fakes.region import CLINICIAN, Region

PACS = "aet:CHP_PACS"
TASKS = ("study.find", "study.retrieve")


class Ward:
    """CHB knows Marie; CHP's PACS asks."""

    def __init__(self) -> None:
        self.region = Region()
        self.marie = self.region.register("CHB", "M-1")
        self.orders: tuple[UUID, ...] = ()

    def order(self) -> UUID:
        """An exam of hers is ordered at CHB."""
        asked = PlaceOrder(identity=self.marie, site="CHB", ordered_by=CLINICIAN, modality="CT", question="why")
        order = UUID(self.region.ask(asked).result["order"])
        self.orders = (*self.orders, order)
        return order

    def presented(self) -> UUID:
        """It is brought to CHP."""
        order = self.order()
        self.region.ask(PresentOrder(order=order, site="CHP"))
        return order

    def asks(self, site: str | None = "CHP", task: str = "study.retrieve", actor: str = PACS) -> dict[str, Any]:
        """What the ledger answers."""
        caller = Caller(actor, "C-MOVE", site)
        view = View(caller=caller, task=task, identity=self.marie, orders=self.orders)
        return dict(self.region.execute(view, Envelope(actor)).result)

    def ground(self, **more: Any) -> str:
        """On which ground, or by which rule it is refused."""
        said = self.asks(**more)
        return str(said["ground"] if said["decision"] == "viewed" else said["rule"])


@pytest.fixture
def ward() -> Ward:
    """See ``Ward``."""
    return Ward()


@pytest.mark.parametrize("task", TASKS)
def test_an_establishment_that_knows_the_person_may_ask_and_it_is_on_record(ward: Ward, task: str) -> None:
    assert ward.ground(site="CHB", task=task) == "care_team"
    event = ward.region.history()[-1]
    assert event.type == "access.viewed"
    kept = ("identity_id", "role", "kind", "ground", "site", "purpose", "reason", "rule", "actor")
    assert [event.data[name] for name in kept] == [
        *(str(ward.marie), "service", task, "care_team", "CHB", "HOPERAT", "C-MOVE", "X20", PACS)
    ]


@pytest.mark.parametrize("task", TASKS)
def test_one_that_does_not_is_refused_and_it_is_on_record(ward: Ward, task: str) -> None:
    assert ward.ground(task=task) == "X20"
    event = ward.region.history()[-1]
    assert (event.type, event.data["rule"], event.data["kind"]) == ("access.view_refused", "X20", task)
    assert REFUSALS["X20"]


def test_a_system_of_no_establishment_is_refused(ward: Ward) -> None:
    assert ward.ground(site=None) == "X20"


def test_an_order_that_is_open_there_is_a_ground(ward: Ward) -> None:
    order = ward.presented()
    assert ward.ground() == "order"
    ward.region.ask(ScheduleOrder(order=order, site="CHP", at=datetime(2026, 2, 1, 12, tzinfo=UTC), accession="A1"))
    assert ward.ground() == "order"


def test_an_order_that_is_open_elsewhere_is_none(ward: Ward) -> None:
    ward.order()
    assert ward.ground() == "X20"


def test_an_order_for_somebody_else_is_none(ward: Ward) -> None:
    order, paul = ward.presented(), ward.region.register("CHB", "P-1")
    ward.marie, ward.orders = paul, (order,)
    assert ward.ground() == "X20"


def reported(order: UUID) -> list[Any]:
    """The exam was made and read."""
    return [PerformOrder(order=order, study_uid="1.2.3"), ResultOrder(order=order, report_uid="1.2.4")]


def cancelled(order: UUID) -> list[Any]:
    """It is not wanted any more."""
    return [CancelOrder(order=order, reason="recovered")]


@pytest.mark.parametrize("end", [reported, cancelled])
def test_an_order_that_is_over_is_no_ground_any_more(ward: Ward, end: Callable[[UUID], list[Any]]) -> None:
    order = ward.presented()
    for command in end(order):
        ward.region.ask(command)
    assert ward.ground() == "X20"


def test_a_merge_makes_the_person_known_and_its_end_unknown(ward: Ward) -> None:
    pair: dict[str, Any] = {"one": ward.marie, "other": ward.region.register("CHP", "M-9"), "reason": "same person"}
    ward.region.ask(Merge(**pair))
    assert ward.ground() == "care_team"
    ward.region.ask(Unmerge(**pair))
    assert ward.ground() == "X20"


@pytest.mark.parametrize("party", ["everyone", "site:CHP"])
def test_an_opposition_refuses_it_until_it_is_lifted(ward: Ward, party: str) -> None:
    ward.presented()
    ward.region.ask(Oppose(identity=ward.marie, party=party))
    assert ward.ground() == "X5"
    ward.region.ask(LiftOpposition(identity=ward.marie, party=party))
    assert ward.ground() == "order"


def test_an_opposition_to_another_party_or_to_feeding_does_not(ward: Ward) -> None:
    ward.presented()
    ward.region.ask(Oppose(identity=ward.marie, party="site:CHA"))
    ward.region.ask(Oppose(identity=ward.marie, scope=Scope.FEED, reason="a relative works there"))
    said = ward.asks()
    assert said["ground"] == "order"
    assert [party for _, _, party, _ in said["feeding"]] == ["everyone"]


def test_what_a_consent_to_the_establishment_leaves_out_is_left_out_while_it_holds(ward: Ward) -> None:
    ward.presented()
    ward.region.ask(Grant(identity=ward.marie, party="site:CHP", exclusions=["study:1.2.3"]))
    assert ward.asks()["exclusions"] == ["study:1.2.3"]
    ward.region.ask(Revoke(identity=ward.marie, party="site:CHP"))
    assert ward.asks()["exclusions"] == []


def test_a_consent_alone_is_no_ground(ward: Ward) -> None:
    ward.region.ask(Grant(identity=ward.marie, party="site:CHP"))
    assert ward.ground() == "X20"


def test_an_erased_person_has_no_studies(ward: Ward) -> None:
    ward.presented()
    ward.region.ask(Erase(identity=ward.marie, reason="error: asked in writing"))
    assert ward.ground(site="CHB") == "X14"
    assert ward.ground() == "X14"


@pytest.mark.parametrize("actor", ["rpps:10101201233", "clerk:c1", "operator:o1", "auditor:a1"])
def test_only_systems_ask_so(ward: Ward, actor: str) -> None:
    assert ward.ground(site=None, actor=actor) == "W2"
