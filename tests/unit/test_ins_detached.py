"""Matricules that a clerk detached, and that the next message, or the next study, states again."""

from typing import Any
from uuid import UUID

import pytest

from domain.aggregates.identity import Identity
from domain.commands.announced import AnnouncedPatient, AnnouncePatient, Matricule
from domain.commands.identities import AttachIns, ClearFlag, DetachIns
from domain.commands.links import Merge
from domain.commands.received_patient import ReceivedPatient
from domain.errors import EvidenceGone
from domain.identity_status import Status
from tests.fakes.ids import IDS
from tests.fakes.region import Region, received, rules_in_force
from tests.fakes.weighing import ALIKE, NOBODY, TEST_OID, matricule

REPLACED = "ins_replaced"


@pytest.fixture
def region() -> Region:
    """Two numbers of an establishment, which knows both people under one matricule."""
    made = Region()
    rules_in_force(made, **NOBODY)
    made.persons("a", "z")
    made.ask(AttachIns(identity=known(made, "a").id, matricule=matricule(), oid=TEST_OID))
    say(made)
    return made


def known(region: Region, number: str = "z") -> Identity:
    found = region.find(Identity, Identity.create_id(IDS, "CHB", number))
    assert found is not None
    return found


def say(region: Region, **change: Any) -> str:
    """The establishment states who bears the number, qualified under the matricule."""
    stated = {"matricule": Matricule(number=matricule(), oid=TEST_OID), "status": Status.QUAL, **change}
    patient = AnnouncedPatient(local_id="z", stated=ALIKE, **stated)
    content = str(region.head())
    return str(region.ask(AnnouncePatient(site="CHB", content=content, patient=patient)).result["outcome"])


def detach(region: Region) -> None:
    region.ask(DetachIns(identity=known(region).id, reason="the sister's"))


def by_number(region: Region) -> Merge:
    return Merge(
        one=known(region, "a").id, other=known(region).id, reason="one number", rule="sure", rule_version=1, score=1.0
    )


def test_one_that_a_clerk_detached_and_a_message_states_again_is_in_doubt_until_a_clerk_settles_it(
    region: Region,
) -> None:
    """I11: it is attached, for the establishment says so; nobody is qualified by it, and no rule merges."""
    detach(region)
    assert say(region) == "in_doubt"
    assert (known(region).status, known(region).flags) == (Status.VALI, {REPLACED})
    assert region.history()[-1].data["reason"] == "the matricule was detached before"
    assert type(region.refusal(by_number(region))) is EvidenceGone
    region.ask(ClearFlag(identity=known(region).id, flag=REPLACED, reason="INSi knows it"))
    assert (say(region), known(region).status) == ("known", Status.QUAL)
    assert region.ask(by_number(region)).result["outcome"] == "merged"


def test_a_message_settles_no_doubt_by_taking_the_matricule_off_and_stating_it_again(region: Region) -> None:
    """I11."""
    detach(region)
    for _ in range(2):
        assert say(region) == "in_doubt"
        say(region, matricule=None, without_matricule=True, status=None)
        assert known(region).flags == set()


def test_what_the_establishment_took_off_itself_it_may_state_again(region: Region) -> None:
    """Nobody else doubted it."""
    say(region, matricule=None, without_matricule=True, status=None)
    assert (say(region), known(region).status, known(region).flags) == ("known", Status.QUAL, set())


def test_a_clerk_who_attaches_again_what_was_detached_has_looked_it_up(region: Region) -> None:
    """What the establishment says afterwards is in no doubt, nor once it takes it off itself."""
    detach(region)
    region.ask(AttachIns(identity=known(region).id, matricule=matricule(), oid=TEST_OID))
    assert (say(region), known(region).flags) == ("known", set())
    say(region, matricule=None, without_matricule=True, status=None)
    assert say(region) == "known"


def test_another_one_than_was_detached_is_in_no_doubt(region: Region) -> None:
    """I11; the one that was detached is, also where it comes long after."""
    detach(region)
    other = Matricule(number=matricule("002"), oid=TEST_OID)
    assert say(region, matricule=other) == "known"
    say(region, matricule=None, without_matricule=True, status=None)
    assert say(region) == "in_doubt"


def test_one_that_was_detached_and_a_device_sends_again_is_left_out(region: Region) -> None:
    """I9: a device knows no more than it was told."""
    detach(region)
    before = region.head()
    sent = received(local_id="z", stated=dict(ALIKE))
    patient = ReceivedPatient(local_id="z", issuer=None, stated=sent.patient.stated, ins=matricule(), ins_oid=TEST_OID)
    answer = region.ask(type(sent)(**{**vars(sent), "patient": patient}))
    assert UUID(answer.result["identity"]) == known(region).id
    assert region.types(before) == ["identity.flagged", "study.arrived"]
    assert (known(region).ins, known(region).flags) == (None, {"ins_left_out"})
