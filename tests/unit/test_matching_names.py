"""Names in a form in which their spellings meet, and different names do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.matching.folding import words
from domain.matching.given_names import given_names
from domain.matching.names import both, name
from domain.matching.sounds import sound

SAME_FAMILY = [
    ("CŒURET", "COEURET"),
    ("Lœw", "LOEW"),
    ("Weiß", "WEISS"),
    ("Ærø", "AERO"),
    ("D'Almeida", "DALMEIDA"),
    ("d’Almeida", "D ALMEIDA"),
    ("Le Goff", "LEGOFF"),
    ("LeGoff", "LE-GOFF"),
    ("DE LA TOUR", "TOUR (DE LA)"),
    ("de La Tour", "DELATOUR"),
    ("MARTIN-DUPONT", "Martin Dupont"),
    ("MARTIN--DUPONT", "MARTINDUPONT"),
    ("ST PIERRE", "Saint-Pierre"),
    ("DUP0NT", "DUPONT"),
    ("  Noël ", "NOEL"),
]
OTHER_FAMILY = [("MARTIN MARTIN", "MARTIN"), ("DUPONT", "DUPOND"), ("LEFEBVRE", "LEFEVRE"), ("LE", "LA")]
NOT_KNOWN = [
    "",
    " ",
    "-",
    "...",
    "INCONNU",
    "Inconnue",
    "X",
    "xxx",
    "12345",
    "BÉBÉ DE FICTIVE",
    "Bébé",
    "N/A",
    "?",
    None,
]
ALIKE = [
    ("DUPONT", "DUPOND"),
    ("PHILIPPE", "FILIPE"),
    ("THIBAULT", "THIBAUT"),
    ("CATHERINE", "KATERINE"),
    ("LEFEBVRE", "LEFEBVRES"),
    ("GAUTIER", "GAUTHIER"),
]


@pytest.mark.parametrize(("one", "other"), SAME_FAMILY)
def test_spellings_of_one_family_name_meet(one: str, other: str) -> None:
    found = name(one), name(other)
    assert found[0]
    assert found[1]
    assert found[0].whole == found[1].whole


@pytest.mark.parametrize(("one", "other"), OTHER_FAMILY)
def test_another_family_name_stays_another(one: str, other: str) -> None:
    found = name(one), name(other)
    assert found[0]
    assert found[1]
    assert found[0].whole != found[1].whole


@pytest.mark.parametrize("text", NOT_KNOWN)
def test_a_placeholder_is_not_known(text: str | None) -> None:
    assert name(text) is None
    assert given_names(text, None) is None


@pytest.mark.parametrize(
    ("family", "used", "birth", "married"),
    [
        ("DURAND ÉP. MARTIN", None, "DURAND", "MARTIN"),
        ("MARTIN née DURAND", None, "DURAND", "MARTIN"),
        ("Née Durand", "MARTIN", "DURAND", "MARTIN"),
        ("DURAND épouse MARTIN", "MARTIN", "DURAND", "MARTIN"),
        ("DURAND", "Durand", "DURAND", None),
        ("INCONNUE", "MARTIN", None, "MARTIN"),
        ("DURAND", "SANS", "DURAND", None),
        ("DURAND ÉP. MARTIN", "PATIENT", "DURAND", "MARTIN"),
        ("SANS", "MARTIN", "SANS", "MARTIN"),
        ("EP", None, "EP", None),
    ],
)
def test_a_field_that_holds_birth_and_married_name_is_taken_apart(
    family: str, used: str | None, birth: str | None, married: str | None
) -> None:
    found = both(family, used)
    assert tuple(each and each.whole for each in found) == (birth, married)


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_what_sounds_alike_has_one_code(one: str, other: str) -> None:
    assert sound(one) == sound(other)


@pytest.mark.parametrize(("one", "other"), [("MARTIN", "MOREAU"), ("LUCAS", "LEO"), ("JEAN", "PAUL")])
def test_what_sounds_otherwise_has_another_code(one: str, other: str) -> None:
    assert sound(one) != sound(other)


def test_the_order_of_a_compound_given_name_counts() -> None:
    one, other = given_names("Anne-Marie", None), given_names("MARIE ANNE", None)
    assert one
    assert other
    assert (one.whole, other.whole) == ("ANNEMARIE", "MARIEANNE")


def test_the_list_keeps_hyphenated_names_whole() -> None:
    found = given_names(None, "Anne-Marie Claude, Zoé")
    assert found
    assert (found.whole, found.listed) == ("ANNEMARIE", ("ANNEMARIE", "CLAUDE", "ZOE"))


def test_a_newborn_has_the_given_name_of_the_list_once_there_is_one() -> None:
    found = given_names("BÉBÉ", "Lætitia Rose")
    assert found
    assert found.whole == "LAETITIA"


@given(st.text())
def test_any_text_folds_and_folding_twice_changes_nothing(text: str) -> None:
    once = words(text)
    assert words(" ".join(once)) == once
    found = name(text)
    again = name(" ".join(once)) if found else None
    assert found == again
    given_names(text, text)


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1))
def test_every_word_has_a_sound(word: str) -> None:
    assert sound(word)
