"""Structured reports as text, and key images: from DICOM JSON, whatever else is in it."""

import json
from typing import Any

from krypton.devstack.samples import ANNE, _dose_report
from krypton.queries.report_text import DEEPEST, MOST_LINES, Line, is_report, key_images, lines
from tests.fakes.dicom import report


def as_json(dataset: Any) -> Any:
    return json.loads(dataset.to_json())


def test_a_report_is_its_title_and_what_follows() -> None:
    assert lines(as_json(report(content=2))) == [
        Line(0, "Compte rendu d'imagerie", ""),
        Line(1, "Finding", "Sans particularité."),
        Line(1, "Finding", "Sans particularité."),
    ]


def test_numbers_have_their_unit_and_what_is_below_is_set_in() -> None:
    told = lines(as_json(_dose_report(ANNE, "anne-ct", {"HEAD": (38.5, 620.0)})))
    assert Line(2, "CT Dose Length Product Total", "620.0 mGy.cm") in told
    assert Line(3, "DLP", "620.0 mGy.cm") in told


def test_a_report_without_end_is_cut_and_one_without_content_is_nothing() -> None:
    assert len(lines(as_json(report(content=MOST_LINES + 10)))) == MOST_LINES
    deep: dict[str, Any] = {"0040A040": {"vr": "CS", "Value": ["CONTAINER"]}}
    for _ in range(DEEPEST + 500):
        deep = {"0040A730": {"vr": "SQ", "Value": [deep]}}
    assert lines(deep) == []
    for odd in ({}, {"0040A730": {"vr": "SQ"}}, {"0040A730": {"vr": "SQ", "Value": ["text"]}}, {"0040A043": 7}):
        assert lines(odd) == []


def test_doses_and_key_images_are_no_reports_in_words() -> None:
    assert [is_report(f"1.2.840.10008.5.1.4.1.1.88.{number}") for number in (11, 22, 33, 59, 67, 68)] == [
        *(True, True, True),
        *(False, False, False),
    ]
    assert not is_report(None)


def test_key_images_are_those_that_a_selection_names() -> None:
    images = [{"00081155": {"vr": "UI", "Value": [uid]}} for uid in ("1.2.3", "1.2.4")]
    series = {"00081199": {"vr": "SQ", "Value": images}}
    study = {"00081115": {"vr": "SQ", "Value": [series]}}
    assert key_images({"0040A375": {"vr": "SQ", "Value": [study]}}) == {"1.2.3", "1.2.4"}
    assert key_images({}) == set()
