"""Father and son of one name bear one number: whose is what comes in without a birth date, and what comes after it."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from uuid import UUID

import pytest

from domain.aggregates.identity import Identity
from domain.commands.announced import AnnouncedPatient, AnnouncePatient
from domain.commands.conflicts import AcceptConflict
from domain.commands.identities import Correct
from domain.commands.links import Merge
from domain.commands.received_patient import ReceivedPatient
from domain.commands.studies import ReceivedConflict
from domain.errors import AlreadyRegistered, KeyMissing
from domain.ins import key_of
from tests.fakes.erasing import Erase
from tests.fakes.region import Region, dose, exposure, received
from tests.fakes.weighing import TEST_OID

Stated = dict[str, str | None]
Arrived = Callable[..., int]
SITE, NUMBER = "CHB", "7"
JEAN: Stated = {"family": "FICTIF", "given": "JEAN", "sex": "M"}
FATHER, SON = {**JEAN, "birth_date": "1950-01-02"}, {**JEAN, "birth_date": "1981-06-20"}
NAMELESS: list[Stated] = [{}, {"family": "INCONNU"}, {"birth_date": "1900-01-01"}, {"sex": "M"}, {"family": "FICTIF"}]


@pytest.fixture
def region() -> Region:
    return Region()


@pytest.fixture
def arrived(region: Region) -> Arrived:
    """As whom of those who bear the number a study comes in. Father and son are there already, as 1 and 2."""
    studies = count(1)

    def arrived(stated: Stated, study: int | None = None, ins: str | None = None) -> int:
        command = received(study_uid=f"2.25.{study or next(studies)}", local_id=NUMBER, stated=stated)
        patient = replace(command.patient, ins=ins, ins_oid=TEST_OID if ins else None)
        found = region.ask(replace(command, patient=patient)).result["identity"]
        return next(n for n in range(1, 99) if str(Identity.create_id(region.ids, SITE, NUMBER, n)) == found)

    assert (arrived(FATHER), arrived(SON)) == (1, 2)
    return arrived


def merged(region: Region, one: int, other: int, even_though: tuple[str, ...] = ()) -> None:
    ids = [Identity.create_id(region.ids, SITE, NUMBER, ordinal) for ordinal in (one, other)]
    region.ask(Merge(one=ids[0], other=ids[1], reason="it was theirs", even_though=even_though))


def matricule(number: str) -> str:
    return f"{number}{key_of(number):02}"


HIS, THE_SONS = matricule("1500133063001"), matricule("1810633063002")


@pytest.mark.parametrize("stated", [JEAN, *NAMELESS], ids=str)
def test_what_may_be_of_either_is_one_persons_however_often_it_comes(arrived: Arrived, stated: Stated) -> None:
    assert {arrived(stated) for _ in range(4)} == {3}
    assert (arrived(FATHER), arrived(SON)) == (1, 2)


@pytest.mark.parametrize("more", [{"birth_place": "63220"}, {"first_names": "JEAN PAUL"}, {"sex": None}], ids=str)
def test_whoever_is_told_whole_is_found_beside_one_who_may_be_either(arrived: Arrived, more: Stated) -> None:
    assert arrived(JEAN) == 3
    assert (arrived({**FATHER, **more}), arrived({**SON, **more}), arrived(JEAN)) == (1, 2, 3)


def test_nobody_joins_one_who_may_be_either(arrived: Arrived, region: Region) -> None:
    """A grandson is somebody new, a slip in the father's date is his, and a date that is corrected is nobody's."""
    arrived(JEAN)
    assert arrived({**JEAN, "birth_date": "2005-05-05"}) == 4
    assert arrived({**JEAN, "birth_date": "1950-02-01"}) == 1
    changed = AnnouncedPatient(local_id=NUMBER, stated={**JEAN, "birth_date": "1963-07-07"})
    with pytest.raises(AlreadyRegistered):
        region.ask(AnnouncePatient(site=SITE, patient=changed, content="", corrects=True))


@pytest.mark.parametrize("whose", [1, 2])
def test_once_a_clerk_said_whose_it_was_the_next_one_may_be_eithers_again(
    arrived: Arrived, region: Region, whose: int
) -> None:
    arrived(JEAN)
    merged(region, whose, 3)
    assert [arrived(JEAN), arrived(JEAN)] == [4, 4]
    assert [arrived({**one, "birth_place": "63220"}) for one in (FATHER, SON)] == [1, 2]


def test_where_a_clerk_said_that_all_are_one_it_is_theirs(arrived: Arrived, region: Region) -> None:
    merged(region, 1, 2, even_though=("birth_date",))
    assert arrived(JEAN) == 1


@pytest.mark.parametrize("ends", ["merged", "erased"])
def test_who_may_be_either_stays_so_when_those_two_are_one_or_one_is_erased(
    arrived: Arrived, region: Region, ends: str
) -> None:
    arrived(JEAN)
    if ends == "merged":
        merged(region, 1, 2, even_though=("birth_date",))
    else:
        region.ask(Erase(identity=Identity.create_id(region.ids, SITE, NUMBER, 1), reason="a file in error"))
    whole = [{**SON, "birth_place": "63220"}, {**SON, "first_names": "JEAN PAUL"}, {**SON, "sex": None}, SON]
    assert {arrived(one) for one in whole} == {2}
    assert arrived({**JEAN, "birth_date": "2005-05-05"}) == 4


def test_a_clerk_who_gives_one_who_may_be_either_the_traits_of_the_father_takes_nobody_from_him(
    arrived: Arrived, region: Region
) -> None:
    arrived(JEAN)
    third = Identity.create_id(region.ids, SITE, NUMBER, 3)
    region.ask(Correct(identity=third, stated=FATHER, reason="it is the father"))
    assert [arrived({**FATHER, **more}) for more in ({}, {"birth_place": "63220"}, {"sex": None})] == [1, 1, 1]


def test_a_matricule_keeps_apart_what_may_be_of_either(arrived: Arrived) -> None:
    """What came in without one is not his whose matricule comes in next."""
    sent = [None, HIS, THE_SONS, None, HIS, THE_SONS]
    assert [arrived(JEAN, ins=each) for each in sent] == [3, 4, 5, 3, 4, 5]


def test_of_either_it_is_who_is_known_by_the_matricule_that_is_sent(arrived: Arrived) -> None:
    assert (arrived(FATHER, ins=HIS), arrived(SON, ins=THE_SONS)) == (1, 2)
    assert [arrived(JEAN, ins=each) for each in (THE_SONS, HIS, None)] == [2, 1, 3]


@pytest.mark.parametrize("stated", [JEAN, *NAMELESS], ids=str)
def test_a_dose_report_without_a_birth_date_is_of_the_study_whose_uid_it_has(
    arrived: Arrived, region: Region, stated: Stated
) -> None:
    images = region.receive(study_uid="2.25.900", local_id=NUMBER, stated=FATHER).result
    report = dose("2.25.901", exposure("2.25.902", dlp_mgycm=100.0))
    answer = region.receive(
        study_uid="2.25.900", local_id=NUMBER, stated=stated, modality="SR", root="22" * 32, doses=(report,)
    ).result
    assert (answer["study"], answer["outcome"]) == (images["study"], "extended")
    assert arrived(stated) == 3


@pytest.mark.parametrize(("lost", "found"), [(1, None), (2, 1)])
def test_a_lost_key_stops_nobody_who_bore_the_number_before(
    arrived: Arrived, region: Region, lost: int, found: int | None
) -> None:
    """What comes in for whoever bears it behind them may be of who cannot be read."""
    del region.memory_vault.keys[str(Identity.create_id(region.ids, SITE, NUMBER, lost))]
    with nullcontext() if found else pytest.raises(KeyMissing):
        assert arrived(FATHER) == found
    with pytest.raises(KeyMissing):
        arrived(SON)


@pytest.mark.parametrize(
    "later", [JEAN, {**JEAN, "sex": None}, {"family": "FICTIF"}, {}, {"family": "Fictif"}], ids=str
)
@pytest.mark.parametrize("joined", [False, True])
def test_what_comes_later_of_a_study_of_one_who_may_be_either_is_of_that_study(
    arrived: Arrived, region: Region, later: Stated, joined: bool
) -> None:
    assert arrived(JEAN, study=900) == 3
    if joined:
        merged(region, 1, 3)
    assert arrived(later, study=900) == 3


def test_an_accepted_conflict_gives_the_study_to_whom_it_named(arrived: Arrived, region: Region) -> None:
    """A clerk said meanwhile whose that one is."""
    other: Stated = {"family": "INVENTE", "given": "PAUL"}
    study = UUID(region.receive(study_uid="2.25.900", local_id="8", stated=other).result["study"])
    second = ReceivedConflict(
        patient=ReceivedPatient(local_id=NUMBER, issuer=None, stated=JEAN),
        study_uid="2.25.900",
        differing=["PatientID", "PatientName"],
        instances=1,
        uid="2.25.900.1",
        digest="ab" * 32,
    )
    region.receive(study_uid="2.25.900", local_id="8", stated=other, instances=1, root="33" * 32, conflicts=(second,))
    (event,) = [e for e in region.history() if e.type == "study.conflict_found"]
    merged(region, 2, 3)
    accepted = AcceptConflict(study=study, conflict=UUID(event.data["conflict_id"]), reason="seen")
    named = str(Identity.create_id(region.ids, SITE, NUMBER, 3))
    assert region.ask(accepted).result["identity"] == event.data["other_identity_id"] == named
