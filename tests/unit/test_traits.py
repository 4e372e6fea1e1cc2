"""Can two statements of traits be of one person? Asked where one assigner used one number twice."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadTraits
from domain.traits import (
    TRAITS,
    can_be_one_person,
    completed,
    corrected,
    names_agree,
    received_traits,
    refuse_mistyped_id,
    traits,
    words,
)

Stated = dict[str, str | None]
NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


def person(name: str, birth_date: str | None = None) -> Stated:
    """``FAMILY^Given``, as DICOM writes it."""
    family, _, given_name = name.partition("^")
    return {"family": family, "given": given_name or None, "birth_date": birth_date}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GÉRARD^Zoé", "GERARD^Zoe"),
        ("KRIŽ^Gilead", "KRIZ^GILEAD"),
        ("LE-GOFF^Anne-Marie", "LE GOFF^Anne Marie"),
        ("DE L'ÉPINE^Jeanne", "de l epine^JEANNE"),
        ("DE LA TOUR^Jeanne", "TOUR^Jeanne"),
        ("LE^Van Anh", "LE^Van Anh"),
        ("DURAND^Marie", "durand^marie"),
        ("DURAND^Marie", "MARIE^Durand"),
        ("DURAND-PETIT^Marie", "PETIT^Marie"),
        ("DURAND^Marie", "DURAND^M"),
        ("DURAND^Marie Louise", "DURAND^Marie"),
        ("MARTINEZ^Paul", "MARTINES^Paul"),
        ("DURAND^", "DURAND^Marie"),
        ("^Marie", "DURAND^Marie"),
        ("آدم^كوري", "آدم^كوري"),
    ],
)
def test_spellings_of_one_name_agree(one: str, other: str) -> None:
    """Accents, hyphens, apostrophes, case, order, initials, one letter wrong, a part not known; either way round."""
    assert names_agree(person(one), person(other))
    assert names_agree(person(other), person(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("DURAND^Marie", "DURAND^Paul"),
        ("DURAND^Marie", "MARTIN^Marie"),
        ("DURAND^Marie", "PAUL^Durand"),
        ("DURAND^M", "DURAND^Paul"),
        ("LI^Wei", "LU^Wei"),
        ("DE LA TOUR^Marie", "DE LA RUE^Marie"),
        ("D'ARC^Jeanne", "DURAND^Jeanne"),
    ],
)
def test_names_of_different_persons_do_not_agree(one: str, other: str) -> None:
    """One part alike is not enough, nor half a swap."""
    assert not names_agree(person(one), person(other))
    assert not names_agree(person(other), person(one))


def test_a_used_name_stands_for_the_family_name() -> None:
    """Married, and written by the name used."""
    born = person("DURAND^Marie") | {"used_name": "PETIT"}
    assert names_agree(born, person("PETIT^Marie"))


def test_a_further_first_name_stands_for_the_given_name() -> None:
    """Called by the second of three."""
    assert names_agree(person("DURAND^Louise") | {"first_names": "Marie Louise Anne"}, person("DURAND^Marie"))


REAL_COLLISIONS = {
    "four people under 4018119567876617": [
        person("Maessen^Aytac", "1958-04-21"),
        person("Križ^Gilead", "1923-09-30"),
        person("OpenREM^PulseData", "2018-01-01"),
        person("OpenREM^MultiRDSR", "1958-01-05"),
    ],
    "two people without birth dates": [person("OpenREM^Billy"), person("OpenREM^Denilson")],
    "one without a birth date": [person("Alexander^Alberto", "1986-09-12"), person("Anon^Ymous")],
}


@pytest.mark.parametrize("people", REAL_COLLISIONS.values(), ids=REAL_COLLISIONS.keys())
def test_people_found_under_one_number_in_real_files_stay_apart(people: list[Stated]) -> None:
    """Each pair, either way round: nothing but name and birth date says so."""
    together = [
        (a, b) for i, a in enumerate(people) for j, b in enumerate(people) if i != j and can_be_one_person(a, b)
    ]
    assert together == []


def test_a_birth_date_that_agrees_speaks_for_one_person_whatever_the_name() -> None:
    """Married and divorced, adopted, or a name typed into the wrong field: the number and the date say the same."""
    assert can_be_one_person(person("DURAND^Marie", "1980-01-02"), person("MARTIN^Jeanne", "1980-01-02"))


def test_twins_under_one_number_are_not_told_apart_by_traits_alone() -> None:
    """Same number, same birth date: that is for a human; across numbers nothing is ever joined here."""
    assert can_be_one_person(person("DURAND^Marie", "1980-01-02"), person("DURAND^Paul", "1980-01-02"))


def test_a_birth_date_that_differs_does_not_part_one_name() -> None:
    """A typing error in a date is far more likely: it is flagged, not split."""
    assert can_be_one_person(person("DURAND^Marie", "1980-01-02"), person("DURAND^Marie", "1980-02-01"))


@pytest.mark.parametrize("missing", [None, ""])
def test_a_missing_birth_date_speaks_for_nothing(missing: str | None) -> None:
    """Two unknowns are not an agreement."""
    assert not can_be_one_person(person("DURAND^Marie", missing), person("MARTIN^Paul", missing))


@pytest.mark.parametrize(("one", "other"), [("", ""), ("", "MARTIN^Paul"), ("DURAND^", "^Marie")])
def test_where_no_name_can_be_compared_birth_dates_decide(one: str, other: str) -> None:
    """Two that differ are two persons; one that is not known says nothing."""
    assert not can_be_one_person(person(one, "1950-01-01"), person(other, "1980-01-01"))
    assert can_be_one_person(person(one, "1950-01-01"), person(other))


NAMES = st.text(alphabet="ABCDÉÈÇ -'", max_size=12)
DATES = st.sampled_from((None, "1980-01-02", "1950-01-01"))
PEOPLE = st.fixed_dictionaries({"family": NAMES, "given": NAMES, "birth_date": DATES})


@given(PEOPLE, PEOPLE)
def test_comparing_does_not_depend_on_which_came_first(one: Stated, other: Stated) -> None:
    """Else two sites would get two answers."""
    assert can_be_one_person(one, other) == can_be_one_person(other, one)


@given(PEOPLE)
def test_everybody_can_be_themselves(one: Stated) -> None:
    """Whatever is missing."""
    assert can_be_one_person(one, dict(one))


@given(PEOPLE, PEOPLE)
def test_what_was_added_is_not_added_again(known: Stated, stated: Stated) -> None:
    """What is said again changes nothing, so that no event follows."""
    whole = completed(known, stated)
    assert completed(whole, stated) == whole


def test_a_trait_that_nobody_states_is_not_added() -> None:
    """Not even as one that is not known: nothing would have changed."""
    assert completed({"family": "DURAND"}, received_traits(NOW, family="DURAND")) == {"family": "DURAND"}


def test_words_are_bare_capitals() -> None:
    """What names are compared by."""
    assert words("d'Ärc-le  Goff") == {"D", "ARC", "LE", "GOFF"}


# What may be stated


def test_traits_are_complete_and_unknown_ones_are_none() -> None:
    """Blank is unknown."""
    assert traits(NOW, family=" DURAND ", given="", sex="F") == {
        **dict.fromkeys(TRAITS),
        "family": "DURAND",
        "sex": "F",
    }


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"family": "D", "birth_date": "1980-02-30"}, "birth date is not a date"),
        ({"family": "D", "birth_date": "02/03/1980"}, "write it YYYY-MM-DD"),
        ({"family": "D", "birth_date": "19800203"}, "write it YYYY-MM-DD"),
        ({"family": "D", "birth_date": "2061-03-14"}, "birth date is in the future: check the year"),
        ({"family": "D", "birth_date": "2026-01-06"}, "birth date is in the future"),
        ({"family": "D", "birth_date": "1849-12-31"}, "birth date is before 1850"),
        ({"family": "12345!!"}, "family has no letter"),
        ({"family": "-"}, "family has no letter"),
        ({"family": "DURAND", "given": "..."}, "given has no letter"),
        ({"family": "DURAND2"}, "family holds a digit or a sign that no name has"),
        ({"family": "DURAND", "given": "Marie;Zoé"}, "given holds a digit or a sign"),
        ({"family": "DUR\ufffdND"}, "family holds a digit or a sign"),
        ({"family": "DURAND", "used_name": "PET_T"}, "used_name holds a digit or a sign"),
        ({"family": "DURAND", "first_names": "Marie 2"}, "first_names holds a digit or a sign"),
        ({"family": "D" * 257}, "more than 256 characters"),
        ({"family": "D", "birth_place": "3A004"}, "such as 13055 or 2A004"),
        ({"family": "D", "sex": "X"}, "sex is not one of M, F, I"),
        ({"family": "D", "birth_place": "Pau"}, "not an INSEE code"),
        ({"sex": "F"}, "give at least one"),
        ({"family": "D", "shoe_size": "42"}, "no such trait: shoe_size"),
    ],
)
def test_traits_that_cannot_be_are_refused_with_what_to_do(stated: Stated, message: str) -> None:
    """I1."""
    with pytest.raises(BadTraits, match=message):
        traits(NOW, **stated)


@pytest.mark.parametrize(
    "name",
    [
        "D'ALMEIDA", "D’Almeida", "LE-GOFF", "TOUR (DE LA)", "St. Pierre", "CŒURET", "آدم", "Gal·la", "Nguyễn Thị",
        "e\u0301te\u0301", "O`BRIEN", "李",
    ],
)  # fmt: skip
def test_what_names_hold_beside_letters_is_taken(name: str) -> None:
    """Apostrophes and hyphens of any keyboard, brackets, points, letters of any script, accents that stand alone."""
    assert traits(NOW, family=name)["family"] == name


@pytest.mark.parametrize("born", ["1850-01-01", "1900-01-01", "1950-12-31", "2026-01-05"])
def test_birth_dates_from_1850_to_today_are_taken(born: str) -> None:
    """Also those that stand for a date of which only the year is known."""
    assert traits(NOW, family="D", birth_date=born)["birth_date"] == born


def test_a_child_born_where_the_day_has_begun_already_is_not_of_the_future() -> None:
    """In Bordeaux it is tomorrow before it is in UTC, and in Nouméa long before."""
    evening = NOW.replace(hour=22, minute=30)
    assert traits(evening, family="D", birth_date="2026-01-06")["birth_date"] == "2026-01-06"
    with pytest.raises(BadTraits, match="in the future"):
        traits(evening, family="D", birth_date="2026-01-07")


def test_a_correction_is_checked_in_what_it_states_alone() -> None:
    """A device named the person COMPRESSED2, which nobody may type; the birth date can be corrected all the same."""
    known = received_traits(NOW, family="COMPRESSED2")
    assert corrected(NOW, known, birth_date="1980-02-03") == {**known, "birth_date": "1980-02-03"}
    with pytest.raises(BadTraits, match="family holds a digit"):
        corrected(NOW, known, family="COMPRESSED3")
    with pytest.raises(BadTraits, match="give at least one"):
        corrected(NOW, known, family="")


@pytest.mark.parametrize("local_id", [" 123", "123 ", "\u00a0123", "123\u200b", "\ufeff123"])
def test_a_local_id_with_blanks_around_it_or_signs_unseen_is_refused(local_id: str) -> None:
    """I1: with them it would be another id, which nobody finds."""
    with pytest.raises(BadTraits, match="a blank at its start or end"):
        refuse_mistyped_id(local_id)
    refuse_mistyped_id("12 3")


@pytest.mark.parametrize("field", ["family", "birth_date", "sex", "birth_place"])
def test_a_refusal_never_quotes_what_was_typed(field: str) -> None:
    """It may be a name in the wrong box."""
    with pytest.raises(BadTraits) as refused:
        traits(NOW, **{"given": "Zoé", field: "ZZMARKEDNAME", "sex": "ZZMARKEDNAME"})
    assert "ZZMARKEDNAME" not in str(refused.value)


def test_corsican_birth_places_are_insee_codes() -> None:
    """2A and 2B."""
    assert traits(NOW, family="D", birth_place="2A004")["birth_place"] == "2A004"


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("birth_date", "0"),
        ("birth_date", "1980-13-01"),
        ("birth_date", "2061-03-14"),
        ("birth_date", "1800-01-01"),
        ("sex", "O"),
        ("birth_place", "Pau"),
    ],
)
def test_what_a_device_sent_and_cannot_be_is_taken_as_not_known(field: str, sent: str) -> None:
    """No study is refused over a trait."""
    received = received_traits(NOW, family="DURAND", **{field: sent})
    assert (received[field], received["family"]) == (None, "DURAND")


def test_a_name_is_taken_as_a_device_sent_it() -> None:
    """Also one that nobody may type: it tells people apart who came in under one number."""
    assert received_traits(NOW, family="12345!!")["family"] == "12345!!"


def test_a_device_may_send_no_name_at_all() -> None:
    """Emergencies."""
    assert received_traits(NOW) == dict.fromkeys(TRAITS)


@pytest.mark.parametrize("trait", ["family", "given", "used_name", "first_names"])
def test_a_control_character_in_a_typed_trait_is_refused(trait: str) -> None:
    """I1: no database keeps a NUL; the message names the trait, never its value."""
    with pytest.raises(BadTraits, match=f"{trait}: holds a control character"):
        traits(NOW, **{"family": "FICTIF", "given": "Alix", trait: "FIC\0TIF"})


def test_a_control_character_in_a_received_trait_is_a_space() -> None:
    """No study is refused over a trait."""
    assert received_traits(NOW, family="FIC\0TIF", given="A\tB")["family"] == "FIC TIF"
