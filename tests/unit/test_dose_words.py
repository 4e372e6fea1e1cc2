"""What of a dose report is sealed, and what is read of events that were written before there were more words."""

from typing import Any

from domain.dose_words import NOT_STATED, OF_EXPOSURE, parted, words_of
from tests.fakes.region import Region, dose, exposure, received


def test_age_weight_operator_and_procedure_are_sealed_with_the_words_of_the_device() -> None:
    """None of it stands in clear beside the doses."""
    patient = {"age_days": 2_400, "weight_kg": 21.5, "size_cm": None, "pregnant": None}
    said = {"patient": patient, "operator": "Essai^Manip", "procedure_code": "CCAM:ZBQK002"}
    shot = exposure("1.8.1", target_region_code="SCT:51185008", filters="Copper")
    device, (clear,), words = parted({"model": "One", "station": "CT1"}, [shot], [], said)
    assert (device, words["patient"], words["operator"]) == ({"model": "One"}, patient, "Essai^Manip")
    assert words["exposures"][0]["target_region_code"] == "SCT:51185008"
    assert not {"target_region_code", "filters", "protocol"} & clear.keys()


def test_what_is_not_said_is_null() -> None:
    _, _, words = parted({}, [exposure("1.8.1")], [])
    assert {name: words[name] for name in NOT_STATED} == NOT_STATED


def test_an_event_of_before_is_read_with_nulls_for_the_words_that_came_later() -> None:
    """And with those that it has."""
    words: dict[str, Any] = {"device": {}, "not_understood": ["x"], "exposures": [{"protocol": "Thorax"}]}
    read = words_of({"words": words, "exposures": [{}]})
    assert (read["exposures"][0]["protocol"], read["not_understood"]) == ("Thorax", ["x"])
    assert (read["exposures"][0]["filters"], read["procedure"], read["patient"]) == (None, None, NOT_STATED["patient"])


def test_the_words_of_an_erased_person_are_null() -> None:
    (said,) = words_of({"words": "[erased]", "exposures": [{}]})["exposures"]
    assert said == dict.fromkeys((*OF_EXPOSURE, "organ_doses"))


def test_what_a_report_says_is_in_its_event() -> None:
    """Numbers in clear, words sealed: this ledger holds the key."""
    region = Region()
    came = dose("1.9.1", exposure("1.8.1", ssde_mgy=7.5, technique={"kvp": 120.0}, template="10013", plane="single"))
    came.said["study_description"] = "Thorax"
    came.warnings.append("sum_differs:dlp_mgycm")
    came.tolerances["unit_spelling"] = 2
    region.ask(received(study_uid="1.2.1", doses=(came,)))
    told = region.history()[-1].data
    (shot,) = told["exposures"]
    assert (shot["ssde_mgy"], shot["technique"], shot["template"], shot["plane"]) == (
        7.5,
        {"kvp": 120.0},
        "10013",
        "single",
    )
    assert (told["source"], told["warnings"], told["tolerances"]) == (
        "report",
        ["sum_differs:dlp_mgycm"],
        {"unit_spelling": 2},
    )
    assert told["words"]["study_description"] == "Thorax"
