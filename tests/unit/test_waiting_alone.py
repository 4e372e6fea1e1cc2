"""What waits of one identity alone may be postponed and assigned, as long as it waits."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.aggregates.identity import Identity
from domain.commands.consents import Oppose
from domain.commands.identities import AttachIns, ClearFlag
from domain.commands.reviews import Alone, Assign, Postpone
from domain.commands.splits import Split
from domain.errors import NothingWaits
from tests.fakes.region import Region
from tests.fakes.weighing import ALIKE, TEST_OID, matricule


@pytest.fixture
def region() -> Region:
    return Region()


def known(region: Region, identity: UUID) -> Identity:
    found = region.find(Identity, identity)
    assert found is not None
    return found


def split_off(region: Region) -> UUID:
    """Somebody who was taken out of an identity that refuses consultation."""
    study = UUID(region.receive(local_id="1", stated=dict(ALIKE)).result["study"])
    mixed = Identity.create_id(region.ids, "CHB", "1")
    region.ask(Oppose(identity=mixed, reason="so it was said"))
    return UUID(region.ask(Split(identity=mixed, studies=(study,), reason="two people")).result["other"])


def test_who_was_split_off_waits_alone_until_somebody_says_whose_the_statements_are(region: Region) -> None:
    """The pair waits for its number beside it."""
    other = split_off(region)
    assert known(region, other).flags == {"collision", "statements_of_two"}
    region.ask(Assign(what=Alone(identity=other), assigned_to="clerk:c1", reason="knows the file"))
    region.ask(Postpone(what=Alone(identity=other), until=region.clock() + timedelta(days=3), reason="papers awaited"))
    assert known(region, other).deferred["collision"].assigned_to == "clerk:c1"
    region.ask(ClearFlag(identity=other, flag="statements_of_two", reason="the first one's"))
    assert type(region.refusal(Assign(what=Alone(identity=other), assigned_to="clerk:c2", reason="?"))) is NothingWaits


def test_another_matricule_over_one_that_waits_already_ends_that_it_was_postponed(region: Region) -> None:
    """L10: it is another doubt. The same one again, got in another way, is none."""
    (one,) = region.persons("1")

    def attach(position: str, **change: str) -> None:
        region.ask(AttachIns(identity=one, matricule=matricule(position), oid=TEST_OID, **change))

    for position in ("001", "002"):
        attach(position)
    region.ask(Postpone(what=Alone(identity=one), until=region.clock() + timedelta(days=300), reason="papers awaited"))
    region.ask(Assign(what=Alone(identity=one), assigned_to="clerk:c1", reason="knows the file"))
    attach("002", mode="CARD")
    assert known(region, one).deferred["doubtful-number"].assigned_to == "clerk:c1"
    attach("003")
    assert (known(region, one).deferred, known(region, one).flags) == ({}, {"ins_replaced"})
