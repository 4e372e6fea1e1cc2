"""What a professional sees of a row of a list: the whole, no name, or nothing clinical (X18, X19)."""

from typing import Any

from domain.sight import Seen
from krypton.queries.rows import ALERT, ORDER, READING, Kind, as_seen

MARIE: Any = {"family": "FICTIVE"}
ROWS: dict[str, tuple[Kind, dict[str, Any]]] = {
    "order": (
        ORDER,
        {
            "patient": MARIE,
            "identity": "m",
            "order": "o",
            "site": "CHB",
            "placer_number": "P1",
            "question": "nodule?",
            "cancel_reason": None,
            "modality": "CT",
            "act": "ZBQH001",
            "ordered_by": "1",
            "study_uid": "1.2.3",
            "report_uid": None,
            "state": "performed",
        },
    ),
    "reading": (
        READING,
        {
            "patient": MARIE,
            "identity": "m",
            "subject": "m",
            "reading": "r",
            "study": "s",
            "study_uid": "1.2.3",
            "modalities": ["CT"],
            "date": "2026-01-02",
            "question": "nodule?",
            "conclusion": "none",
            "decline_reason": None,
            "report_uid": "1.2.4",
            "read_by": "2",
            "from_site": "CHB",
            "state": "reported",
        },
    ),
    "alert": (
        ALERT,
        {
            "alert": "a",
            "identity": "m",
            "site": "CHB",
            "study": "s",
            "study_uid": "1.2.3",
            "irradiation_event_uid": "1.2.5",
            "kind": "reference_level",
            "quantity": "dlp_mgycm",
            "value": 900.0,
            "threshold": 450.0,
            "rule": "r",
            "rule_version": 1,
            "note": "x",
        },
    ),
}


def hidden(name: str, seen: Seen = Seen.WHOLE, site: str = "CHP", *exclusions: str, whose: str = "m") -> set[str]:
    """What is taken out of a row for somebody who acts from a site."""
    kind, row = ROWS[name]
    listed = {one: [whose] if seen is not Seen.WHOLE and seen.name.lower() == one else [] for one in LEVELS}
    told = as_seen(row, kind, ["m", "n"], {"site": site, "exclusions": {whose: list(exclusions)}, **listed})
    return {one for one, value in row.items() if value is not None and told[one] is None}


LEVELS = ("unnamed", "withheld")


def test_all_is_seen_of_whom_the_decision_does_not_name() -> None:
    assert not any(hidden(name) for name in ROWS)


def test_without_a_name_only_ids_and_what_was_written_where_the_reader_acts_from_are_seen() -> None:
    """Who places an order for a number that they know learns nothing of whom it is."""
    assert hidden("order", Seen.UNNAMED, "CHB") == {"patient"}
    assert hidden("order", Seen.UNNAMED, "CHP") == {"patient", "question"}
    assert hidden("reading", Seen.UNNAMED, "CHP") == {"patient", "modalities", "date", "conclusion", "report_uid"}
    assert hidden("alert", Seen.UNNAMED) == set()


def test_against_an_opposition_nothing_clinical_is_seen() -> None:
    for name, left in {
        "order": {"identity", "order", "site", "placer_number", "state"},
        "reading": {"identity", "subject", "reading", "study", "from_site", "state"},
        "alert": {"alert", "identity", "site", "study", "study_uid"},
    }.items():
        kept = {one for one, value in ROWS[name][1].items() if value is not None}
        assert kept - hidden(name, Seen.WITHHELD, "CHB") == left


def test_what_a_consent_leaves_out_is_seen_as_if_it_was_opposed() -> None:
    for name in ROWS:
        assert hidden(name, Seen.WHOLE, "CHB", "study:1.2.3") == hidden(name, Seen.WITHHELD, "CHB")
        assert hidden(name, Seen.WHOLE, "CHB", "study:9") == set()
    assert hidden("order", Seen.WHOLE, "CHB", "author:rpps:1") == hidden("order", Seen.WITHHELD, "CHB")
    assert hidden("reading", Seen.WHOLE, "CHB", "author:rpps:2") == hidden("reading", Seen.WITHHELD, "CHB")


def test_a_period_leaves_out_what_cannot_be_dated() -> None:
    out = "period:2026-01-01/2026-01-31"
    assert hidden("reading", Seen.WHOLE, "CHB", out)
    assert not hidden("reading", Seen.WHOLE, "CHB", "period:2025-01-01/2025-01-31")
    assert hidden("order", Seen.WHOLE, "CHB", "period:2025-01-01/2025-01-31")  # made, and nobody knows when
    kind, row = ROWS["order"]
    nobody = {"site": "CHB", "exclusions": {"m": [out]}, "unnamed": [], "withheld": []}
    assert as_seen(row | {"study_uid": None}, kind, ["m"], nobody)["seen"] == "whole"  # nothing was made yet


def test_of_two_whom_a_row_is_about_the_one_of_whom_less_is_seen_decides() -> None:
    """A study was reassigned: the words are of one, the study of the other."""
    assert hidden("reading", Seen.WITHHELD, "CHB", whose="n") == hidden("reading", Seen.WITHHELD, "CHB")
    assert hidden("reading", Seen.WHOLE, "CHB", "study:1.2.3", whose="n") == hidden("reading", Seen.WITHHELD, "CHB")
