"""W1: who asks stands in clear on every topic, so it is an id with its scheme."""

import pytest

from domain.actors import ROLES, Caller, Role
from domain.errors import BadActor
from domain.work import Envelope


@pytest.mark.parametrize("actor", ["rpps:10101201233", "aet:CHB_PACS", "aet:CT BAYONNE 2", "system:cli", "clerk:chb-1"])
def test_an_id_with_its_scheme_is_taken_as_it_is(actor: str) -> None:
    assert Envelope(actor).stamp(0)["actor"] == actor


@pytest.mark.parametrize(
    "actor",
    [
        "",
        "Dr Jean Essai",
        "rpps:Jean Essai",
        "rpps:101012012335",
        "RPPS:10101201233",
        "aet:",
        "aet: PACS",
        "aet:SEVENTEEN_LETTERS",
        "system:Jean Essai",
        "system:" + "x" * 65,
        "patient:CHB|123",
        "clerk:Jean Essai",
        "mailto:jean.essai@chb.example",
        "system:cli\n",
    ],
)
def test_anything_else_is_refused_without_repeating_it(actor: str) -> None:
    with pytest.raises(BadActor) as refused:
        Envelope(actor)
    assert "Jean" not in str(refused.value)
    assert "write rpps: and the number" in str(refused.value)


def test_the_scheme_tells_the_role() -> None:
    patient = "patient:6f1c1c2e-0b1a-5c3e-9a0c-4b6a35d1e8f2"
    assert [Caller(who).role for who in ("rpps:10101201233", patient, "clerk:chb-1", "aet:CHB_PACS")] == [
        Role.PROFESSIONAL,
        Role.PATIENT,
        Role.CLERK,
        Role.SERVICE,
    ]
    assert {*ROLES.values()} == {*Role}


def test_only_a_professional_has_an_rpps_number() -> None:
    assert (Caller("rpps:10101201233").rpps, Caller("clerk:10101201233").rpps) == ("10101201233", None)
