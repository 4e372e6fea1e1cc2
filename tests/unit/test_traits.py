"""Traits that a person may state, and what is kept of what a device sent."""

from datetime import UTC, datetime

import pytest

from domain.errors import BadTraits
from domain.traits import TRAITS, corrected, received_traits, refuse_mistyped_id, traits, words

Stated = dict[str, str | None]
NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


def test_words_are_bare_capitals() -> None:
    """What names are searched for in a text."""
    assert words("d'Ärc-le  Gœff") == {"D", "ARC", "LE", "GOEFF"}


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
        ({"family": "D", "birth_place": "3A004"}, "such as 13055, 2A004 or 99109"),
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


@pytest.mark.parametrize("born", ["1950-00-00", "1950-03-00", "1950-31-00", "1950-42-30", "2026-00-00", "2026-01-00"])
def test_a_birth_date_may_be_known_in_part_or_by_a_lunar_calendar(born: str) -> None:
    """RNIV: where the papers say no more."""
    assert traits(NOW, family="D", birth_date=born)["birth_date"] == born
    assert received_traits(NOW, family="D", birth_date=born)["birth_date"] == born


@pytest.mark.parametrize(
    ("born", "message"),
    [
        ("1950-00-12", "birth date is not a date"),
        ("0000-00-00", "birth date is not a date"),
        ("1950-13-00", "birth date is not a date"),
        ("1950-43-01", "birth date is not a date"),
        ("1950-31-31", "birth date is not a date"),
        ("1950-02-30", "with 00 for what is not known of it"),
        ("2027-00-00", "in the future"),
        ("2026-02-00", "in the future"),
        ("1849-00-00", "before 1850"),
    ],
)
def test_a_part_of_a_birth_date_that_cannot_be_is_refused(born: str, message: str) -> None:
    """I1: a day without its month says nothing; the year is always known."""
    with pytest.raises(BadTraits, match=message):
        traits(NOW, family="D", birth_date=born)
    assert received_traits(NOW, family="D", birth_date=born)["birth_date"] is None


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


@pytest.mark.parametrize("code", ["2A004", "2B033", "20004", "13205", "75056", "99109", "97105"])
def test_birth_places_of_today_and_of_then_are_taken(code: str) -> None:
    """Corsica before and after 1976, arrondissements and cities, abroad, overseas."""
    assert traits(NOW, family="D", birth_place=code)["birth_place"] == code


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
