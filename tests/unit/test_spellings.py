"""Under what a name is found: what is stored and what is sought are folded by one rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.matching.sounds import sound
from domain.matching.spellings import LONGEST, family_spellings, folded, given_spellings


@pytest.mark.parametrize(
    ("family", "used", "whole", "in_part"),
    [
        ("Dupont", None, {"DUPONT"}, set()),
        ("de la Tour", None, {"DELATOUR"}, {"LATOUR", "TOUR"}),
        ("TOUR (DE LA)", None, {"TOURDELA", "DELATOUR"}, {"TOUR", "TOURDE"}),
        ("Martin-Dupont", "Exemple", {"MARTINDUPONT", "EXEMPLE"}, {"MARTIN", "DUPONT"}),
        ("MARTIN ép. DURAND", None, {"MARTINEPDURAND", "MARTIN", "DURAND"}, {"MARTINEP", "EP", "EPDURAND"}),
        ("Dupont", "Dupont", {"DUPONT"}, set()),
        ("St-Exemple", None, {"SAINTEXEMPLE"}, {"ST", "EXEMPLE"}),
        ("Cœur d’Essai", None, {"COEURDESSAI"}, {"COEUR", "COEURD", "DESSAI", "ESSAI"}),
        ("d\u02bcEssai", None, {"DESSAI"}, {"ESSAI"}),
        ("Иванов", None, {"ИВАНОВ"}, set()),
        ("INCONNU", None, {"INCONNU"}, set()),
        ("--", None, set(), set()),
        (None, None, set(), set()),
    ],
)
def test_a_family_name_is_found_whole_and_by_each_run_of_its_words(
    family: str | None, used: str | None, whole: set[str], in_part: set[str]
) -> None:
    found = family_spellings(family, used)
    assert {each.name for each in found if each.whole} == whole
    assert {each.name for each in found if not each.whole} == in_part
    assert all(each.sound == sound(each.name) for each in found)


def test_a_given_name_is_found_by_each_of_the_list_and_by_its_parts() -> None:
    found = given_spellings("Jean-Pierre", "Jean-Pierre, Louis Anne")
    assert {(each.name, each.whole) for each in found} == {
        *(("JEANPIERRE", True), ("JEAN", False), ("PIERRE", False), ("LOUIS", True), ("ANNE", True)),
    }
    assert given_spellings("Bébé", None)[0].name == "BEBE"


@given(st.text(), st.text())
def test_whatever_is_stored_is_found_by_what_it_is_stored_as(family: str, given_name: str) -> None:
    """And a spelling fits into an index, however long the text."""
    for name, found in ((family, family_spellings(family, None)), (given_name, given_spellings(given_name, None))):
        spellings = {each.name for each in found}
        assert folded(name) in spellings or folded(name) == ""
        assert all(0 < len(each) <= LONGEST for each in spellings)
        assert len(spellings) == len(found)
