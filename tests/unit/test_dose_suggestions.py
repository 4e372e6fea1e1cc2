"""Proposals for the mapping: by how alike names are, where one act is clearly meant, and never applied."""

import pytest

from domain.dose_acts import DoseActs
from domain.dose_suggestions import Suggestion, suggestions
from tests.unit.test_dose_acts import shipped
from tests.unit.test_level_documents import built

TEXTS = (built(2011), built(2019))


def proposed(modality: str, protocol: str, mapping: DoseActs | None = None) -> Suggestion:
    (found,) = suggestions({(modality, protocol): 12}, mapping or shipped(), TEXTS)
    return found


@pytest.mark.parametrize(
    ("modality", "protocol", "act"),
    [
        ("DX", "RACHIS LOMBAIRE DE PROFIL 90kV", "Lumbar spine lateral"),
        ("CR", "Rachis lomb. profil", "Lumbar spine lateral"),
        ("DX", "THORAXE PA", "Chest PA"),
        ("DX", "BASSIN DE FACE", "Pelvis AP"),
        ("DX", "Abdomen sans prep", "Abdomen, plain"),
        ("CT", "THORAX_ABDO_PELVIS", "Chest-abdomen-pelvis"),
        ("CT", "Encephale std", "Brain"),
    ],
)
def test_an_act_is_proposed_that_is_called_alike(modality: str, protocol: str, act: str) -> None:
    assert proposed(modality, protocol).act == act


@pytest.mark.parametrize(
    ("modality", "protocol"),
    [("DX", "Thorax"), ("DX", "Genou face"), ("DX", "90kV"), ("DX", "1"), ("MG", "Thorax PA"), ("XA", "FL - Ang")],
)
def test_where_none_is_clearly_meant_nothing_is_proposed(modality: str, protocol: str) -> None:
    """A chest may be PA, AP or lateral; a knee is no act; an act of another modality is another."""
    found = proposed(modality, protocol)
    assert (found.act, found.likeness) == (None, None)


def test_without_a_mapping_the_words_of_the_texts_are_known() -> None:
    assert proposed("DX", "Rachis dorsal de profil", DoseActs()).act == "Thoracic spine lateral"


def test_what_only_says_how_an_exposure_is_made_is_in_no_name() -> None:
    assert proposed("DX", "Rachis Lombaire_PROFIL 90kV-0,9mAs").name == "rachis lombaire profil"


def test_the_most_frequent_come_first() -> None:
    found = suggestions({("DX", "A"): 1, ("DX", "B"): 9, ("CT", "C"): 9}, DoseActs(), TEXTS)
    assert [(one.modality, one.protocol) for one in found] == [("CT", "C"), ("DX", "B"), ("DX", "A")]
