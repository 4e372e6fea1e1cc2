"""Whoever was split off by mistake was nobody: once that is taken back, nobody is known by them, and no rule thinks
of them.
"""

from contextlib import suppress
from uuid import UUID

import pytest

from domain.aggregates.identity import Identity
from domain.commands.accesses import OpenAccess
from domain.commands.identities import AttachIns
from domain.commands.splits import Split, UndoSplit
from domain.errors import EvidenceGone
from tests.fakes.region import RADIOLOGIST, Region, rules_in_force
from tests.fakes.weighing import ALIKE
from tests.unit.test_link import merge


class Mistaken(Region):
    """A desk of CHP split somebody off, said that it was Alex, and took that back; Alex is of CHB, and never was
    at CHP.
    """

    def __init__(self) -> None:
        super().__init__()
        rules_in_force(self)
        other = {"family": "AUTRE", "given": "Zoé", "birth_date": "1960-06-06"}
        came = self.receive("CHP", stated={**other}).result
        split = Split(identity=UUID(came["identity"]), studies=(UUID(came["study"]),), reason="two", stated=ALIKE)
        self.nobody = UUID(self.ask(split).result["other"])
        self.alex = self.register("CHB", **ALIKE)

    def undo(self) -> None:
        """Nothing stays with whoever was split off."""
        assert self.ask(UndoSplit(identity=self.nobody, reason="the desk was wrong")).result["keeps"] == []

    def decision(self) -> str:
        """Whether CHP may read of Alex."""
        asked = OpenAccess(identity=self.alex, rpps=RADIOLOGIST, reason="second opinion")
        return str(self.ask(asked).result["decision"])


@pytest.fixture
def region() -> Mistaken:
    return Mistaken()


@pytest.mark.parametrize("rule", ["strict", "human"])
def test_nobody_lets_an_establishment_into_a_strangers_record(region: Mistaken, rule: str) -> None:
    """ADR 55: the site would get their images as well."""
    region.undo()
    assert region.decision() == "denied"
    with suppress(EvidenceGone):
        region.ask(merge(region.nobody, region.alex, rule))
    assert region.decision() == "denied"


def test_what_a_clerk_stated_of_nobody_is_not_known_any_more(region: Mistaken) -> None:
    region.ask(AttachIns(identity=region.nobody, matricule="1800333063012" + f"{97 - 1800333063012 % 97:02}"))
    region.undo()
    held = region.find(Identity, region.nobody)
    assert held is not None
    assert (any(held.traits.values()), held.ins) == (False, None)


def test_no_rule_joins_nobody_with_anybody(region: Mistaken) -> None:
    region.undo()
    assert isinstance(region.refusal(merge(region.nobody, region.alex, "strict")), EvidenceGone)
