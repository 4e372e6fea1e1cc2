"""Identities: what an assigner says of a person, how sure it is, and what an erasure leaves."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.aggregates.identity import FLAGS, Identity, Status
from domain.commands.identities import (
    AttachIns,
    ClearFlag,
    Correct,
    DetachIns,
    Flag,
    Register,
    SetStatus,
)
from domain.errors import (
    AlreadyRegistered,
    BadIns,
    BadTraits,
    Erased,
    FlagUnchanged,
    NotFound,
    NothingToCorrect,
    StatusNotAllowed,
    UnknownSite,
)
from tests.fakes.erasing import Erase
from tests.fakes.ids import IDS
from tests.fakes.region import Region

MATRICULE, TEST_OID = "279035121518989", "1.2.250.1.213.1.4.10"


@pytest.fixture
def region() -> Region:
    return Region()


@pytest.fixture
def identity(region: Region) -> UUID:
    """Known with a name, a birth date and a sex."""
    return region.register(given="Zoé", birth_date="1979-03-05", sex="F")


def held(region: Region, identity: UUID) -> Identity:
    found = region.find(Identity, identity)
    assert found is not None
    return found


def attach(identity: UUID) -> AttachIns:
    return AttachIns(identity=identity, matricule=MATRICULE, oid=TEST_OID)


def status(identity: UUID, wanted: Status) -> SetStatus:
    return SetStatus(identity=identity, status=wanted, reason="document seen")


def flag(identity: UUID, name: str) -> Flag:
    return Flag(identity=identity, flag=name, reason="seen at the desk")


# Registering


def test_an_identity_is_registered_as_provisional_with_all_its_traits(region: Region, identity: UUID) -> None:
    """Unknown traits are there, and None."""
    (event,) = region.history(region.start)
    assert (event.type, event.aggregate_id, event.data["source"]) == ("identity.registered", str(identity), "register")
    assert event.data["traits"] == {
        "family": "FICTIVE",
        "given": "Zoé",
        "birth_date": "1979-03-05",
        "sex": "F",
        "birth_place": None,
        "used_name": None,
        "first_names": None,
    }
    assert held(region, identity).status is Status.PROV


def test_the_id_of_an_identity_is_made_of_its_assigner_and_local_id(region: Region) -> None:
    """The same number of another assigner is another identity."""
    assert region.register("CHB", "7") == Identity.create_id(IDS, "CHB", "7") != region.register("CHP", "7")


def test_a_local_id_is_registered_once(region: Region, identity: UUID) -> None:
    """I2: the refusal names the identity, not the number."""
    refusal = region.refusal(Register(assigner="CHB", local_id="1", stated={"family": "AUTRE"}))
    assert type(refusal) is AlreadyRegistered
    assert str(identity) in str(refusal)


def test_only_an_enrolled_establishment_gives_out_local_ids(region: Region) -> None:
    """S1: with the command that enrolls it."""
    refusal = region.refusal(Register(assigner="CHX", local_id="1", stated={"family": "FICTIVE"}))
    assert type(refusal) is UnknownSite
    assert "krypton site enroll CHX" in str(refusal)


def test_an_impossible_trait_is_refused(region: Region) -> None:
    """I1."""
    stated: dict[str, str | None] = {"family": "FICTIVE", "birth_date": "1979-02-30"}
    assert type(region.refusal(Register(assigner="CHB", local_id="1", stated=stated))) is BadTraits


# Correcting


def test_a_correction_changes_what_it_names_and_keeps_the_rest(region: Region, identity: UUID) -> None:
    """The event says which traits changed, and holds all of them."""
    region.ask(Correct(identity=identity, stated={"birth_place": "64445"}, reason="birth certificate"))
    corrected = region.history()[-1].data
    assert corrected["changed"] == ["birth_place"]
    assert (corrected["traits"]["birth_place"], corrected["traits"]["given"]) == ("64445", "Zoé")


def test_a_correction_that_changes_nothing_is_refused(region: Region, identity: UUID) -> None:
    """I3."""
    assert type(region.refusal(Correct(identity=identity, stated={"sex": "F"}, reason="same"))) is NothingToCorrect


@pytest.mark.parametrize(
    ("trait", "value"),
    [("family", "AUTRE"), ("given", "Léa"), ("birth_date", "1979-03-06"), ("sex", "M"), ("birth_place", "64445")],
)
def test_a_corrected_strict_trait_takes_a_validated_status_back(
    region: Region, identity: UUID, trait: str, value: str
) -> None:
    """I3: it was another identity that had been checked."""
    region.ask(status(identity, Status.VALI))
    region.ask(Correct(identity=identity, stated={trait: value}, reason="typing error"))
    assert held(region, identity).status is Status.PROV


def test_a_corrected_used_name_leaves_the_status(region: Region, identity: UUID) -> None:
    """I3: it is no strict trait."""
    region.ask(status(identity, Status.VALI))
    region.ask(Correct(identity=identity, stated={"used_name": "AUTRE"}, reason="married"))
    assert held(region, identity).status is Status.VALI


# Status


@pytest.mark.parametrize("wanted", [Status.RECUP, Status.QUAL])
def test_a_status_that_says_retrieved_needs_an_ins(region: Region, identity: UUID, wanted: Status) -> None:
    """I4."""
    assert type(region.refusal(status(identity, wanted))) is StatusNotAllowed
    region.ask(attach(identity))
    region.ask(status(identity, wanted))
    assert held(region, identity).status is wanted


@pytest.mark.parametrize("doubt", ["DOUT", "FICT"])
@pytest.mark.parametrize("before", [Status.VALI, Status.RECUP, Status.QUAL])
def test_a_doubt_takes_any_status_to_provisional(region: Region, identity: UUID, doubt: str, before: Status) -> None:
    """I4 (EXI SI 09)."""
    region.ask(attach(identity))
    region.ask(status(identity, before))
    region.ask(flag(identity, doubt))
    assert held(region, identity).status is Status.PROV


@pytest.mark.parametrize("doubt", ["DOUT", "FICT"])
def test_while_in_doubt_no_status_is_raised_and_no_ins_is_attached(region: Region, identity: UUID, doubt: str) -> None:
    """I4: until the flag is cleared."""
    region.ask(flag(identity, doubt))
    for command in (status(identity, Status.VALI), attach(identity)):
        assert type(region.refusal(command)) is StatusNotAllowed
    region.ask(ClearFlag(identity=identity, flag=doubt, reason="document seen"))
    assert region.ask(status(identity, Status.VALI)).positions


@pytest.mark.parametrize(("first", "second"), [("DOUT", "FICT"), ("FICT", "DOUT")])
def test_doubtful_and_fictitious_exclude_each_other(region: Region, identity: UUID, first: str, second: str) -> None:
    """I4 (EXI SI 09)."""
    region.ask(flag(identity, first))
    assert type(region.refusal(flag(identity, second))) is StatusNotAllowed


def test_a_status_that_holds_already_is_refused(region: Region, identity: UUID) -> None:
    """I4: nothing to do."""
    assert type(region.refusal(status(identity, Status.PROV))) is StatusNotAllowed


# INS


@pytest.mark.parametrize(
    ("before", "after"), [(Status.QUAL, Status.VALI), (Status.RECUP, Status.PROV), (Status.VALI, Status.VALI)]
)
def test_a_detached_ins_takes_down_what_rested_on_it(
    region: Region, identity: UUID, before: Status, after: Status
) -> None:
    """I4: what was checked on a document stays checked."""
    region.ask(attach(identity))
    region.ask(status(identity, before))
    region.ask(DetachIns(identity=identity, reason="of somebody else"))
    assert held(region, identity).status is after


def test_no_ins_can_be_detached_where_there_is_none(region: Region, identity: UUID) -> None:
    """I4."""
    assert type(region.refusal(DetachIns(identity=identity, reason="?"))) is StatusNotAllowed


def test_a_matricule_with_a_wrong_key_is_refused_and_not_quoted(region: Region, identity: UUID) -> None:
    """I5."""
    refusal = region.refusal(replace(attach(identity), matricule="279035121518988"))
    assert type(refusal) is BadIns
    assert "279035121518988" not in str(refusal)


# Flags


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_is_set_once_and_cleared_once(region: Region, identity: UUID, name: str) -> None:
    """I6."""
    clear = ClearFlag(identity=identity, flag=name, reason="resolved")
    assert type(region.refusal(clear)) is FlagUnchanged
    region.ask(flag(identity, name))
    assert type(region.refusal(flag(identity, name))) is FlagUnchanged
    region.ask(clear)
    assert type(region.refusal(clear)) is FlagUnchanged


def test_an_unknown_flag_is_refused_with_the_known_ones(region: Region, identity: UUID) -> None:
    """I6."""
    refusal = region.refusal(flag(identity, "ODD"))
    assert type(refusal) is FlagUnchanged
    assert "DOUT, FICT, HOMA" in str(refusal)


# Erasing


@pytest.fixture
def erased(region: Region, identity: UUID) -> UUID:
    """Erased, and its key destroyed, as the erasure policy does."""
    region.ask(Erase(identity=identity, reason="request of the person"))
    region.vault.destroy(str(identity))
    return identity


@pytest.mark.parametrize(
    "late",
    [
        lambda i: Correct(identity=i, stated={"family": "FICTIVE"}, reason="?"),
        lambda i: attach(i),
        lambda i: Erase(identity=i, reason="again"),
    ],
    ids=["correct", "attach", "erase"],
)
def test_nothing_personal_is_added_to_an_erased_identity(region: Region, erased: UUID, late: Any) -> None:
    """I7: and it is erased once."""
    assert type(region.refusal(late(erased))) is Erased


def test_an_erased_identity_still_loads_and_shows_what_happened(region: Region, erased: UUID) -> None:
    """Its history stays; what named the person reads ``[erased]``."""
    assert held(region, erased).erased
    first, last = region.history(region.start)
    assert (first.data["traits"], first.data["local_id"], first.data["assigner"]) == ("[erased]", "[erased]", "CHB")
    assert last.type == "identity.erased"


def test_a_study_sent_under_an_erased_persons_number_makes_a_new_identity(region: Region, erased: UUID) -> None:
    """Nothing is added to what was erased (I7), and nothing is refused to the modality."""
    answer = region.receive(local_id="1")
    assert answer.result["identity"] == str(Identity.create_id(IDS, "CHB", "1", 2)) != str(erased)


@pytest.mark.parametrize(
    "command",
    [
        Correct(identity=uuid4(), stated={"sex": "F"}, reason="?"),
        status(uuid4(), Status.VALI),
        attach(uuid4()),
        DetachIns(identity=uuid4(), reason="?"),
        flag(uuid4(), "DOUT"),
        ClearFlag(identity=uuid4(), flag="DOUT", reason="?"),
        Erase(identity=uuid4(), reason="?"),
    ],
    ids=lambda c: type(c).__name__,
)
def test_an_identity_that_nobody_registered_is_not_found(region: Region, command: Any) -> None:
    """For each command."""
    assert type(region.refusal(command)) is NotFound
