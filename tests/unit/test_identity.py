"""Identities: what an assigner says of a person, how sure it is, and what an erasure leaves."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.aggregates.identity import Identity
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
from domain.identity_flags import FLAGS
from domain.identity_status import Status
from domain.work import Work
from tests.fakes.erasing import Erase
from tests.fakes.ids import IDS
from tests.fakes.region import Region

MATRICULE, TEST_OID = "279035121518989", "1.2.250.1.213.1.4.10"
OTHER = "2790351215190" + f"{97 - 2790351215190 % 97:02}"
HIS_OWN = "1790351215189" + f"{97 - 1790351215189 % 97:02}"


@pytest.fixture
def region() -> Region:
    return Region()


@pytest.fixture
def identity(region: Region) -> UUID:
    """Known with all strict traits."""
    return region.register(given="Zoé", birth_date="1979-03-05", sex="F", birth_place="51215")


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
        "birth_place": "51215",
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


def test_another_matricule_takes_back_what_rested_on_the_first_and_says_so(region: Region, identity: UUID) -> None:
    """I11: what was checked on a document stays checked."""
    for before, after in ((Status.QUAL, Status.VALI), (Status.RECUP, Status.PROV)):
        region.ask(attach(identity))
        region.ask(status(identity, before))
        answer = region.ask(replace(attach(identity), matricule=OTHER))
        assert (held(region, identity).status, answer.result["status"]) == (after, after)
        assert region.history()[-1].data["reason"] == "another matricule was attached"


def test_the_same_matricule_again_changes_nothing(region: Region, identity: UUID) -> None:
    """I11: fetched again from INSi; only where it was got in another way is that noted, and takes nothing back."""
    region.ask(attach(identity))
    region.ask(status(identity, Status.QUAL))
    assert not region.ask(attach(identity)).positions
    before = region.head()
    region.ask(replace(attach(identity), mode="CARD"))
    assert region.types(before) == ["identity.ins_attached"]
    assert held(region, identity).status is Status.QUAL


@pytest.mark.parametrize(
    ("trait", "value", "said"),
    [
        ("family", "INCONNU", "family name"),
        ("given", "BÉBÉ", "given name"),
        ("birth_date", "1900-01-01", "birth date"),
        ("birth_date", None, "birth date"),
        ("sex", None, "sex"),
        ("birth_place", "99999", "birth place"),
        ("birth_place", None, "birth place"),
    ],
)
def test_a_qualified_identity_has_all_strict_traits(
    region: Region, identity: UUID, trait: str, value: str | None, said: str
) -> None:
    """I4: one that says nothing is not known."""
    region.ask(attach(identity))
    region.ask(Correct(identity=identity, stated={trait: value}, reason="not known"))
    refusal = region.refusal(status(identity, Status.QUAL))
    assert (type(refusal), f"has no {said}" in str(refusal)) == (StatusNotAllowed, True)
    region.ask(status(identity, Status.RECUP))


DOUBTFUL, REPLACED = "ins_doubtful", "ins_replaced"


@pytest.mark.parametrize(
    ("trait", "value", "said"),
    [
        ("sex", "M", "another sex"),
        ("birth_date", "2004-03-05", "another year of birth"),
        ("birth_date", "1979-07-05", "another month of birth"),
    ],
)
def test_a_matricule_that_contradicts_the_traits_is_flagged_until_they_agree(
    region: Region, identity: UUID, trait: str, value: str, said: str
) -> None:
    """I12: a parent's, or a spouse's; whichever of the two is stated first."""
    fits = held(region, identity).traits[trait]
    region.ask(Correct(identity=identity, stated={trait: value}, reason="as the papers say"))
    region.ask(attach(identity))
    assert DOUBTFUL in held(region, identity).flags
    assert said in region.history()[-1].data["reason"]
    region.ask(Correct(identity=identity, stated={trait: fits}, reason="misread"))
    assert DOUBTFUL not in held(region, identity).flags
    region.ask(Correct(identity=identity, stated={trait: value}, reason="no, it was right"))
    region.ask(DetachIns(identity=identity, reason="the mother's"))
    assert held(region, identity).flags == set()


@pytest.mark.parametrize(
    ("trait", "value"), [("sex", "I"), ("birth_date", "1979-00-00"), ("birth_date", "1900-01-01"), ("given", "Léa")]
)
def test_a_matricule_contradicts_nothing_that_is_not_known(
    region: Region, identity: UUID, trait: str, value: str
) -> None:
    """I12."""
    region.ask(Correct(identity=identity, stated={trait: value}, reason="as the papers say"))
    region.ask(attach(identity))
    assert held(region, identity).flags == set()


CONTRADICTS = [("sex", "M"), ("birth_date", "2004-03-05"), ("birth_date", "1979-07-05")]


@pytest.mark.parametrize(("trait", "value"), CONTRADICTS)
def test_no_identity_is_qualified_by_a_matricule_that_contradicts_it(
    region: Region, identity: UUID, trait: str, value: str
) -> None:
    """I4, I12: whoever asks is told what to do. That it was retrieved may be said all the same."""
    region.ask(Correct(identity=identity, stated={trait: value}, reason="as the papers say"))
    assert region.ask(attach(identity)).result["flags"] == [DOUBTFUL]
    refusal = region.refusal(status(identity, Status.QUAL))
    assert type(refusal) is StatusNotAllowed
    for what in ("flagged ins_doubtful", "with INSi", "clear the flag", "detach the matricule", "correct the traits"):
        assert what in str(refusal)
    region.ask(status(identity, Status.RECUP))


@pytest.mark.parametrize("settle", ["clear", "correct", "detach"])
def test_once_the_doubt_is_settled_the_identity_is_qualified(region: Region, identity: UUID, settle: str) -> None:
    """I4: in each of the ways that the refusal names; a detached matricule is attached again."""
    region.ask(Correct(identity=identity, stated={"sex": "M"}, reason="as the papers say"))
    region.ask(attach(identity))
    match settle:
        case "clear":
            region.ask(ClearFlag(identity=identity, flag=DOUBTFUL, reason="INSi says the same"))
        case "correct":
            region.ask(Correct(identity=identity, stated={"sex": "F"}, reason="misread"))
        case _:
            region.ask(DetachIns(identity=identity, reason="the husband's"))
            region.ask(replace(attach(identity), matricule=HIS_OWN))
    assert held(region, identity).flags == set()
    region.ask(status(identity, Status.QUAL))


def test_what_a_clerk_settled_is_asked_afresh_only_once_a_trait_that_the_matricule_tells_is_another(
    region: Region, identity: UUID
) -> None:
    """I12."""
    region.ask(Correct(identity=identity, stated={"sex": "M"}, reason="as the papers say"))
    region.ask(attach(identity))
    region.ask(ClearFlag(identity=identity, flag=DOUBTFUL, reason="INSi says the same"))
    region.ask(Correct(identity=identity, stated={"used_name": "AUTRE", "family": "FICTIF"}, reason="married"))
    region.ask(replace(attach(identity), mode="CARD"))
    assert held(region, identity).flags == set()
    region.ask(Correct(identity=identity, stated={"birth_date": "1979-03-06"}, reason="misread"))
    assert held(region, identity).flags == {DOUBTFUL}


def test_a_doubt_that_a_clerk_raised_ends_with_the_matricule_and_with_no_other_correction(
    region: Region, identity: UUID
) -> None:
    """I12: nobody but the clerk knows why."""
    region.ask(attach(identity))
    region.ask(flag(identity, DOUBTFUL))
    region.ask(Correct(identity=identity, stated={"birth_date": "1979-03-06"}, reason="misread"))
    assert held(region, identity).flags == {DOUBTFUL}
    region.ask(DetachIns(identity=identity, reason="of somebody else"))
    assert held(region, identity).flags == set()


@pytest.mark.parametrize(("trait", "value"), CONTRADICTS)
def test_a_qualified_identity_that_is_corrected_to_contradict_its_matricule_is_provisional_and_flagged(
    region: Region, identity: UUID, trait: str, value: str
) -> None:
    """I3, I12: another identity was checked than is stated now."""
    region.ask(attach(identity))
    region.ask(status(identity, Status.QUAL))
    region.ask(Correct(identity=identity, stated={trait: value}, reason="as the papers say"))
    assert (held(region, identity).status, held(region, identity).flags) == (Status.PROV, {DOUBTFUL})


@pytest.mark.parametrize("doubt", [DOUBTFUL, REPLACED])
@pytest.mark.parametrize(
    ("before", "after"),
    [(Status.QUAL, Status.VALI), (Status.VALI, Status.VALI), (Status.RECUP, Status.RECUP), (Status.PROV, Status.PROV)],
)
def test_a_clerk_who_doubts_the_matricule_takes_back_that_it_is_qualified(
    region: Region, identity: UUID, doubt: str, before: Status, after: Status
) -> None:
    """I4: the papers were seen all the same."""
    region.ask(attach(identity))
    if before is not Status.PROV:
        region.ask(status(identity, before))
    region.ask(flag(identity, doubt))
    assert held(region, identity).status is after


def test_a_matricule_that_took_the_place_of_another_is_flagged_until_a_clerk_says_which_is_right(
    region: Region, identity: UUID
) -> None:
    """I11, I4."""
    region.ask(attach(identity))
    region.ask(status(identity, Status.QUAL))
    answer = region.ask(replace(attach(identity), matricule=OTHER))
    assert answer.result == {"identity": str(identity), "status": "VALI", "flags": [REPLACED]}
    assert "ins_replaced" in str(region.refusal(status(identity, Status.QUAL)))
    region.ask(ClearFlag(identity=identity, flag=REPLACED, reason="INSi knows the second"))
    region.ask(status(identity, Status.QUAL))
    before = region.head()
    region.ask(replace(attach(identity), matricule=OTHER, mode="CARD"))
    assert region.types(before) == ["identity.ins_attached"]
    assert held(region, identity).status is Status.QUAL


def test_the_first_matricule_that_comes_back_settles_nothing(region: Region, identity: UUID) -> None:
    """I11: two systems state one each, and nobody but a clerk knows which is right."""
    for number in (MATRICULE, OTHER, MATRICULE):
        region.ask(replace(attach(identity), matricule=number))
    assert held(region, identity).flags == {REPLACED}
    region.ask(ClearFlag(identity=identity, flag=REPLACED, reason="INSi knows the first"))
    region.ask(replace(attach(identity), matricule=OTHER))
    assert held(region, identity).flags == {REPLACED}


def test_a_matricule_that_was_detached_is_not_replaced_by_the_next_one(region: Region, identity: UUID) -> None:
    """I11: somebody said that it is another person's."""
    for number in (MATRICULE, OTHER):
        region.ask(replace(attach(identity), matricule=number))
    region.ask(DetachIns(identity=identity, reason="of somebody else"))
    assert held(region, identity).flags == set()
    region.ask(attach(identity))
    assert held(region, identity).flags == set()


@dataclass(frozen=True)
class AttachedThen:
    """As a program of before attached one matricule over another: it set no flag."""

    identity: UUID

    def decide(self, work: Work) -> dict[str, Any]:
        """Two events, and no more."""
        known = work.get(Identity, self.identity)
        for number in (MATRICULE, OTHER):
            known._ins_attached(matricule=number, oid=TEST_OID, mode="INSI")
        return {}


def test_what_a_program_of_before_attached_is_read_as_it_was_said(region: Region, identity: UUID) -> None:
    """I11: nothing is flagged afterwards that was not then; the next matricule is."""
    region.ask(AttachedThen(identity))
    assert (held(region, identity).ins, held(region, identity).flags) == (f"{TEST_OID}|{OTHER}", set())
    region.ask(status(identity, Status.QUAL))
    region.ask(attach(identity))
    assert (held(region, identity).status, held(region, identity).flags) == (Status.VALI, {REPLACED})


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


def test_the_number_of_an_erased_identity_is_not_registered_again(region: Region, erased: UUID) -> None:
    """I7: and nobody is told to correct what cannot be corrected."""
    refusal = region.refusal(Register(assigner="CHB", local_id="1", stated={"family": "AUTRE"}))
    assert (type(refusal), str(erased) in str(refusal)) == (Erased, True)
    assert "register the person under a new local id" in str(refusal)


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
