"""A search that names no patient is a list of those alone whom the ledger shows its caller, and they are on record."""

from typing import Any
from uuid import UUID

import pytest

from domain.actors import Caller
from domain.commands.accesses import OpenAccess
from domain.commands.consents import Grant, Oppose
from domain.commands.directory import Suspend
from domain.commands.links import Merge
from domain.commands.orders import PlaceOrder, PresentOrder
from domain.commands.study_listings import ListStudies
from domain.consent_statements import Scope
from domain.errors import ReasonMissing, UnfitReason
from domain.work import Envelope
from tests.fakes.erasing import Erase
from tests.fakes.region import CLINICIAN, RADIOLOGIST, Region

DOCTOR, PACS = f"rpps:{RADIOLOGIST}", "aet:CHP_PACS"


class Ward:
    """Marie and Anne of CHP, and their radiologist."""

    def __init__(self) -> None:
        self.region = Region()
        self.marie, self.anne = (self.region.register("CHP", number) for number in ("M-1", "A-1"))
        self.accesses: tuple[UUID, ...] = ()
        self.orders: tuple[UUID, ...] = ()

    def open(self, identity: UUID) -> None:
        """The radiologist asks for somebody's record."""
        asked = OpenAccess(identity=identity, rpps=RADIOLOGIST, reason="follow-up")
        self.accesses = (*self.accesses, UUID(self.region.ask(asked, DOCTOR).result["access"]))

    def lists(self, *people: UUID, actor: str = DOCTOR, **caller: Any) -> dict[str, Any]:
        """What the ledger answers to a search that may show these."""
        asked = ListStudies(
            caller=Caller(actor, **({"reason": "planning"} | caller)),
            task="study.search",
            shown=people or (self.marie, self.anne),
            accesses=self.accesses,
            orders=self.orders,
        )
        return dict(self.region.execute(asked, Envelope(actor)).result)

    def recorded(self) -> list[str]:
        """Who was on the last list."""
        event = self.region.history()[-1]
        assert event.type == "access.listed"
        return list(event.data["identities"])


@pytest.fixture
def ward() -> Ward:
    """See ``Ward``."""
    return Ward()


def test_those_alone_are_listed_to_whom_an_access_is_open(ward: Ward) -> None:
    ward.open(ward.marie)
    told = ward.lists()
    assert (told["decision"], told["withheld"]) == ("listed", [str(ward.anne)])
    assert told["sites"] == {str(ward.marie): "CHP"}
    assert ward.recorded() == [str(ward.marie)]


def test_the_care_team_alone_opens_nothing_to_a_professional(ward: Ward) -> None:
    """X18 names people of a worklist so; a search has no work to be done."""
    assert ward.lists()["sites"] == {}
    assert ward.recorded() == []


def test_an_opposition_and_an_erasure_withhold(ward: Ward) -> None:
    for one in (ward.marie, ward.anne):
        ward.open(one)
    ward.region.ask(Oppose(identity=ward.marie))
    ward.region.ask(Erase(identity=ward.anne, reason="error: asked in writing"))
    assert sorted(ward.lists()["withheld"]) == sorted([str(ward.marie), str(ward.anne)])


def test_the_erased_identity_of_somebody_who_lives_under_another_is_withheld(ward: Ward) -> None:
    ward.region.ask(Merge(one=ward.marie, other=ward.anne, reason="same person"))
    ward.open(ward.marie)
    assert ward.lists()["sites"].keys() == {str(ward.marie), str(ward.anne)}
    ward.region.ask(Erase(identity=ward.anne, reason="error: asked in writing"))
    assert ward.lists()["sites"].keys() == {str(ward.marie)}


def test_what_leaves_out_studies_is_told_by_identity(ward: Ward) -> None:
    ward.region.ask(Grant(identity=ward.marie, party=DOCTOR, exclusions=["study:1.2.3"]))
    ward.region.ask(Oppose(identity=ward.anne, scope=Scope.FEED, reason="a relative works there"))
    for one in (ward.marie, ward.anne):
        ward.open(one)
    told = ward.lists()
    assert told["exclusions"] == {str(ward.marie): ["study:1.2.3"]}
    assert [party for _, _, party, _ in told["feeding"][str(ward.anne)]] == ["everyone"]


def test_a_reason_names_nobody_who_is_found_and_tells_of_nobody_else(ward: Ward) -> None:
    """X15."""
    ward.open(ward.marie)
    with pytest.raises(UnfitReason):
        ward.lists(reason="for M-1")
    assert ward.lists(reason="for A-1")["decision"] == "listed"
    with pytest.raises(ReasonMissing):
        ward.lists(reason=None)


@pytest.mark.parametrize("actor", ["clerk:c1", "operator:o1", "auditor:a1", "rpps:10101209999"])
def test_who_may_not_search_is_refused_on_record(ward: Ward, actor: str) -> None:
    assert ward.lists(actor=actor)["decision"] == "refused"
    assert ward.region.history()[-1].type == "access.view_refused"


def test_a_suspended_professional_is_refused(ward: Ward) -> None:
    ward.open(ward.marie)
    ward.region.ask(Suspend(rpps=RADIOLOGIST, reason="left"))
    assert (ward.lists()["decision"], ward.lists()["rule"]) == ("refused", "X4")


def test_a_program_lists_those_of_its_establishment(ward: Ward) -> None:
    other = ward.region.register("CHB", "B-1")
    told = ward.lists(ward.marie, other, actor=PACS, site="CHP")
    assert (told["sites"], told["withheld"]) == ({str(ward.marie): "CHP"}, [str(other)])
    assert ward.lists(actor=PACS)["rule"] == "X20"


def test_an_order_lets_a_program_in_where_the_care_team_placed_it_and_not_where_it_did_itself(ward: Ward) -> None:
    other = ward.region.register("CHB", "B-1")

    def ordered(by: str) -> UUID:
        asked = PlaceOrder(identity=other, site=by, ordered_by=CLINICIAN, modality="CT", question="why")
        return UUID(ward.region.ask(asked).result["order"])

    ward.orders = (ordered("CHP"),)
    assert ward.lists(other, actor=PACS, site="CHP")["sites"] == {}
    ward.orders = (ordered("CHB"),)
    assert ward.lists(other, actor=PACS, site="CHP")["sites"] == {}
    ward.region.ask(PresentOrder(order=ward.orders[0], site="CHP"))
    assert ward.lists(other, actor=PACS, site="CHP")["sites"] == {str(other): "CHP"}
