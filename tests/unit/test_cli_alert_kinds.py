"""Alerts say their kind in words, beside their quantity."""

import pytest

from krypton.cli.dose import with_units


@pytest.mark.parametrize(
    ("code", "words"),
    [("dlp_mgycm_over", "over"), ("dlp_mgycm_device_check", "device check")],
)
def test_the_kind_of_an_alert_is_said_in_words(code: str, words: str) -> None:
    (shown,) = with_units([{"kind": code, "quantity": "dlp_mgycm"}])
    assert (shown["kind"], shown["quantity"]) == (words, "DLP mGy·cm")
