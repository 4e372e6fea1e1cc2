"""A study's doses as a FHIR bundle: the sums that dose show has, and nothing that nobody knows."""

import json
from typing import Any

import pytest

from domain.dose_reports import CORRECTS, READ_AGAIN
from domain.errors import NotFound
from krypton.faces.dose.exams import exams
from krypton.faces.dose.standards.fhir import bundle
from tests.fakes.doses_shown import ALL, CASES, INS, PATIENT, PERSON, STUDY, exposure, report, shown

ABSENT = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}],
}


def observations(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        entry["resource"]
        for entry in bundle(found, STUDY)["entry"]
        if entry["resource"]["resourceType"] == "Observation"
    ]


def doses(observation: dict[str, Any]) -> dict[str, float]:
    """By its unit, each dose of an observation."""
    told = [one["valueQuantity"] for one in observation["component"] if "valueQuantity" in one]
    return {one["code"]: one["value"] for one in told}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_all_observations_together_have_the_sums_of_the_study(case: dict[str, Any]) -> None:
    (exam,) = exams(case)
    units = {"dlp_mgycm": "mGy.cm", "dap_mgycm2": "mGy.cm2", "activity_mbq": "MBq"}
    for quantity, unit in units.items():
        told = [doses(one)[unit] for one in observations(case) if unit in doses(one)]
        assert (sum(told) if told else None) == exam.doses.get(quantity)


def test_each_procedure_and_device_is_an_observation_of_its_own() -> None:
    told = {one["valueString"] for one in observations(ALL)}
    assert told == {
        "Computerized tomography: CT Dose Length Product Total = 0.3 mGy.cm",
        "Projection X-Ray: Dose Area Product Total = 12.5 mGy.cm2, Dose (RP) Total = 2 mGy",
        "Mammography: Accumulated Average Glandular Dose, left = 1.25 mGy",
        "Radiopharmaceutical Administration: Administered activity = 154 MBq",
    }
    assert len(observations(CASES["two devices"])) == 2


def test_what_is_not_known_is_no_zero_and_no_time_is_made_up() -> None:
    (nothing,) = observations(CASES["nothing known"])
    assert (doses(nothing), nothing["valueString"]) == ({}, "Projection X-Ray: no total dose is known")
    assert nothing["effectiveDateTime"] == "2024-03-01"  # its report's: a time of day needs an offset there
    first = observations(ALL)[0]
    assert first["effectiveDateTime"] == "2024-03-01T09:00:00.000+01:00"
    undated = shown([exposure("1.8", "CT", "CT", "none")], [])
    assert observations(undated)[0]["_effectiveDateTime"] == ABSENT


def test_a_ct_of_which_its_ctdivol_alone_is_known_has_no_total_dose() -> None:
    """A mean over a scanned length adds up to nothing; nobody says that no dose is known."""
    (told,) = observations(shown([exposure("1.8", "CT", "CT", "none", ctdivol_mgy=9.0, source="image")], []))
    assert told["valueString"] == "Computerized tomography: no total dose is known"


def test_what_such_a_procedure_is_expected_to_state_and_nobody_knows_has_a_reason() -> None:
    for name, code in (("nothing known", "113722"), ("implausible alone", "113813")):
        (told,) = observations(CASES[name])
        absent = [one["code"]["coding"][0]["code"] for one in told["component"] if "dataAbsentReason" in one]
        assert absent == [code]
        assert doses(told) == {}


def test_glandular_doses_of_two_breasts_are_not_added_up() -> None:
    (told,) = observations(CASES["two breasts"])
    sums = {
        one["code"].get("text"): one["valueQuantity"]["value"] for one in told["component"] if "valueQuantity" in one
    }
    meaning = "Accumulated Average Glandular Dose"
    assert sums == {f"{meaning}, left": pytest.approx(2.6), f"{meaning}, right": pytest.approx(1.3)}


def test_a_sum_over_some_exposures_and_doses_of_images_say_so() -> None:
    (partly,) = observations(CASES["implausible"])
    assert [one["text"] for one in partly["note"]] == [
        "CT Dose Length Product Total: of 2 of 3 exposures; of the others it is not known."
    ]
    marked = [one["valueString"] for one in observations(ALL) if "Image headers" in str(one.get("note"))]
    assert marked == ["Radiopharmaceutical Administration: Administered activity = 154 MBq"]


def test_the_patient_has_the_numbers_of_each_assigner() -> None:
    (who,) = (one["resource"] for one in bundle(ALL, STUDY)["entry"] if one["resource"]["resourceType"] == "Patient")
    assert [(one.get("assigner", {}).get("display"), one["value"]) for one in who["identifier"]] == [
        (None, f"urn:uuid:{PERSON}"),
        ("CHA", "L1"),
    ]


def test_only_dose_reports_are_named_as_its_source() -> None:
    sources = [[one["value"] for one in told.get("identifier", [])] for told in observations(ALL)]
    assert sorted(sources) == [[], ["urn:oid:1.9.1"], ["urn:oid:1.9.2"], ["urn:oid:1.9.3"]]


def test_nothing_of_an_erased_person_is_told() -> None:
    assert "[erased]" not in json.dumps(bundle(CASES["erased"], STUDY))


def test_the_same_study_has_the_same_ids_and_another_one_none_of_them() -> None:
    assert bundle(ALL, STUDY) == bundle(ALL, STUDY)
    with pytest.raises(NotFound, match="no dose of that study"):
        bundle(ALL, "9.9")


@pytest.mark.parametrize(
    ("started_at", "told"),
    [
        ("2024-03-01T09:00:00+14:00", "2024-03-01T09:00:00.000+14:00"),
        ("2024-03-01T09:00:00+18:00", "2024-03-01"),
        ("2024-03-01T09:00:00-14:01", "2024-03-01"),
    ],
)
def test_an_offset_that_no_place_has_is_not_told(started_at: str, told: str) -> None:
    """FHIR's dateTime ends at fourteen hours, and a server refuses the whole bundle."""
    (one,) = observations(shown([exposure("1.8", "CT", "CT", "none", started_at=started_at)], []))
    assert one["effectiveDateTime"] == told


def patient(found: dict[str, Any]) -> dict[str, Any]:
    (who,) = (one["resource"] for one in bundle(found, STUDY)["entry"] if one["resource"]["resourceType"] == "Patient")
    return dict(who)


@pytest.mark.parametrize(
    ("oid", "code", "use"),
    [
        ("1.2.250.1.213.1.4.8", "INS-NIR", "official"),
        ("1.2.250.1.213.1.4.9", "INS-NIA", "temp"),
        ("1.2.250.1.213.1.4.10", "INS-NIR-TEST", "official"),
        ("1.2.250.1.213.1.4.11", "INS-NIR-DEMO", "official"),
    ],
)
def test_a_qualified_ins_is_told_under_its_authority(oid: str, code: str, use: str) -> None:
    ins = INS | {"oid": oid}
    (told,) = (
        one for one in patient(ALL | {"patient": PATIENT | {"qualified_ins": ins}})["identifier"] if "use" in one
    )
    assert (told["system"], told["value"], told["use"]) == (f"urn:oid:{oid}", INS["matricule"], use)
    assert told["type"]["coding"][0]["code"] == code
    assert INS["matricule"] not in json.dumps(bundle(ALL | {"patient": PATIENT | {"ins": INS["matricule"]}}, STUDY))


@pytest.mark.parametrize(
    ("imaging", "status"),
    [({STUDY: "available"}, "available"), ({STUDY: "withdrawn"}, "entered-in-error"), ({}, "unknown")],
)
def test_the_study_says_whether_its_images_can_be_had(imaging: dict[str, str], status: str) -> None:
    entries = bundle(ALL | {"imaging": imaging}, STUDY)["entry"]
    (study,) = (one["resource"] for one in entries if one["resource"]["resourceType"] == "ImagingStudy")
    assert study["status"] == status


def test_an_offset_that_a_report_states_for_all_its_times_is_told() -> None:
    at = {"started_at": "2024-03-01T09:00:00", "started_offset": "+01:00"}
    found = shown([exposure("1.8", "CT", "CT", "none", **at)], [])
    (study,) = (one["resource"] for one in bundle(found, STUDY)["entry"] if "started" in one["resource"])
    assert study["started"] == observations(found)[0]["effectiveDateTime"] == "2024-03-01T09:00:00.000+01:00"


@pytest.mark.parametrize("note", [f"{READ_AGAIN}1.9.1", f"{CORRECTS}1.9.1, which came once more under its own UID"])
def test_a_report_is_named_by_the_uid_that_it_was_sent_under(note: str) -> None:
    """Not by the one that the ledger gave its later reading, or the content that somebody accepted."""
    read_again = report("2.25.7") | {"not_understood": ["113845: not understood", note]}
    (told,) = observations(shown([exposure("1.1", "CT", "CT", "2.25.7", dlp_mgycm=1.0)], [read_again]))
    assert [one["value"] for one in told["identifier"]] == ["urn:oid:1.9.1"]
