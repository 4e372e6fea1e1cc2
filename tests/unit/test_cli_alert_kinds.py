"""Alerts say their kind, cause and state in words, beside their quantity."""

from typing import Any

import pytest

from domain.dose_alerts import WITHDRAWN
from krypton.cli.alert_rows import WHY, with_units

OPEN: dict[str, Any] = {
    "kind": "dlp_mgycm_over",
    "quantity": "dlp_mgycm",
    "rule_kind": "study",
    "window_days": None,
    "value": 1.0,
    "studies": ["s"],
    "state": "open",
    "why_withdrawn": None,
}


@pytest.mark.parametrize(
    ("change", "kind", "cause", "state"),
    [
        ({}, "over", "one study", "open"),
        ({"kind": "dlp_mgycm_device_check", "rule_kind": "exposure"}, "device check", "one exposure", "open"),
        (
            {"kind": "skin-12-weeks", "rule_kind": "skin", "window_days": 84, "studies": ["a", "b"]},
            "skin-12-weeks",
            "skin of one region, 2 studies within 84 days",
            "open",
        ),
        (
            {"kind": "repeated-ct", "rule_kind": "repeat", "window_days": 30, "studies": ["a", "b", "c"]},
            "repeated-ct",
            "3 studies within 30 days",
            "open",
        ),
        (
            {"kind": "year", "rule_kind": "window", "window_days": 365, "value": None},
            "year",
            "1 study within 365 days, and what is not shown",
            "open",
        ),
        (
            {"state": "withdrawn", "why_withdrawn": "other_person"},
            "over",
            "one study",
            "withdrawn: its studies are no longer of one person",
        ),
    ],
)
def test_an_alert_is_said_in_words(change: dict[str, Any], kind: str, cause: str, state: str) -> None:
    (shown,) = with_units([OPEN | change])
    assert (shown["kind"], shown["cause"], shown["state"]) == (kind, cause, state)
    assert shown["quantity"] == "DLP mGy·cm"


def test_what_a_reader_does_not_see_of_an_alert_is_left_as_it_is() -> None:
    """X18: a row without anything clinical is on the list all the same."""
    nothing = dict.fromkeys(OPEN) | {"state": "open", "alert": "a"}
    assert with_units([nothing]) == [nothing]


def test_each_reason_of_a_withdrawal_has_words() -> None:
    assert WHY.keys() == {*WITHDRAWN}
