"""I8: what stays readable of an erasure tells nothing of the person."""

import pytest

from domain.errors import UnfitGround
from domain.grounds import reference

TRAITS = {
    "family": "DE LA FICTIF",
    "given": "Zoé",
    "birth_date": "1979-03-05",
    "used_name": "Fictif Durand",
    "first_names": "ZOE",
}


@pytest.mark.parametrize(
    "said",
    [
        "asked for by the person",
        "  court order 12 of 2026-11-25 ",
        "demande de la personne, RGPD art. 17, dossier 2026/00123",
        'registered twice, "test" record',
        "dossier 47110",
        "dossier 14711",
    ],
)
def test_a_ground_in_words_is_taken(said: str) -> None:
    assert reference(said, [TRAITS], ["4711"]) == said.strip()


@pytest.mark.parametrize(
    "said",
    [
        "asked for by Mme FICTIF",
        "zoe asked for it",
        "FICTIF-DURAND of CHB",
        "file FICTIFDURAND/2",
        "of FIC\u200bTIF",
        "of 4711",
        "of IPP4711",
        "4711bis",
        "born 1979-03-05",
        "née le 5/3/1979",
        "née le 05031979",
        "née le 5 mars 1979",
        "née le 5 MARS 79",
        "born March 5th, 1979",
        "born 5-Mar-1979",
        "born 790305",
        "matricule 2 79 03 33063 215 189",
        "279033306321518",
        "",
        "x" * 201,
    ],
)
def test_a_ground_that_tells_of_the_person_is_refused(said: str) -> None:
    """In whatever case, accents and order of figures."""
    with pytest.raises(UnfitGround) as refused:
        reference(said, [TRAITS], ["4711"])
    assert said.strip() == "" or said not in str(refused.value)


def test_one_whose_traits_are_not_known_is_erased_all_the_same() -> None:
    assert reference("asked for", [{}], ["1"]) == "asked for"
