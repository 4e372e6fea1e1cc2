"""What people see of values: times in their zone, unknown as a dash, no box and no colour in a pipe."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from domain.ports import Answer
from krypton.cli import output
from krypton.cli.alert_rows import with_units
from krypton.cli.output import text, when
from krypton.cli.pairs import ABOUT, SIDE, pair
from krypton.cli.patient import full_name
from schemas.event import ERASED


@pytest.fixture
def in_paris(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine in France."""
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_paris")
@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("2026-03-01T13:05:09.123456Z", "2026-03-01 14:05 CET"),
        ("2026-07-01T22:30:00Z", "2026-07-02 00:30 CEST"),
        ("2026-03-01T14:05:09", "2026-03-01 14:05"),  # as a modality wrote it: its zone is not known
        ("2026-03-01T14:05", "2026-03-01 14:05"),
        ("2026-03-01", "2026-03-01"),
        ("at 2026-03-01T13:05:09Z", "at 2026-03-01T13:05:09Z"),
    ],
)
def test_a_time_is_shown_in_the_machines_zone_and_named_with_it(stored: str, shown: str) -> None:
    assert when(stored) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        ([], "–"),
        (0, "0"),
        (0.0, "0"),
        (1234.5678, "1234.57"),
        (True, "yes"),
        ({"dlp_mgycm": None, "n": 2}, "DLP mGy·cm –, n\N{NO-BREAK SPACE}2"),
        (["a", None], "a, –"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_unknown_is_a_dash_and_never_zero(value: object, shown: str) -> None:
    assert text(value) == shown


def test_a_pipe_gets_no_colour_and_no_box(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    output.table([{"site": "CHB", "series": 3, "gone": None}], ("site", "series", "gone"), "Studies")
    assert capsys.readouterr().out == "Studies\nsite  series\nCHB        3\n\n"


def test_a_table_without_rows_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    output.table([], ("site",), "Studies")
    assert capsys.readouterr().out == "Studies: none\n"


def test_what_was_written_is_a_line_or_where_it_is_too_long_a_line_for_each_value(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown value is a dash there too."""
    monkeypatch.setenv("COLUMNS", "40")
    output.written(Answer((7,), {"site": None}))
    output.written(Answer((7,), {"access": "12e195e6-d7a5-4e8d-9618-bd000a2f9aea", "site": None}))
    long = "written at 7\naccess  12e195e6-d7a5-4e8d-9618-bd000a2f9aea\nsite    –\n\n"
    assert capsys.readouterr().out == "written at 7: site –\n" + long


def test_a_person_who_is_erased_is_said_so_once() -> None:
    assert full_name("FICTIVE", "FICTIVE") == "FICTIVE FICTIVE"
    assert full_name(ERASED, ERASED) == ERASED
    assert full_name(None, None) is None


def side(number: str, identity: str, family: str) -> dict[str, Any]:
    """One of a pair: a person by itself, then and now."""
    return {
        "assigner": "CHB",
        "local_id": number,
        "identity": identity,
        "traits": {"family": family},
        "person_then": identity,
        "person_now": identity,
        "since_then": [],
        **dict.fromkeys(SIDE),
    }


def test_the_ids_of_a_pair_that_fit_on_no_line_stand_under_it_in_line_with_what_is_said_of_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    sides = [side(n, n * 36, "FICTIVE") for n in ("1", "2")]
    said = {
        "kind": "duplicate",
        "code": "DPOT",
        "waits_as": "held back",
        "link": "3",
        "said": "merged",
        "persons": ["1", "2"],
        "why": [],
        "barred_by": [],
    }
    pair({"identities": sides, **dict.fromkeys(ABOUT), **said})
    left, right, kind, link, last = capsys.readouterr().out.splitlines()[-5:]
    assert (left, right) == (f"left   {'1' * 36}", f"right  {'2' * 36}")
    assert (kind, link, last) == ("kind   duplicate, potential (DPOT), held back by a bar", "link   3", "")


SIDES = [side("1", "1" * 8, "LE GOFF"), side("2", "2" * 8, "LeGoff")]
ENTRY = {"identities": SIDES, **dict.fromkeys(ABOUT), "persons": ["1" * 8, "2" * 8], "why": [], "barred_by": []}


def test_spellings_of_one_name_are_no_difference(capsys: pytest.CaptureFixture[str]) -> None:
    pair({**ENTRY, "kind": "proposal", "code": None, "waits_as": "proposed", "said": "review_requested", "worth": 1.0})
    said = capsys.readouterr().out
    assert "≠" not in said
    assert "worth" in said


@pytest.mark.parametrize(
    ("said", "persons", "now"),
    [
        ("merged", ["1" * 8, "1" * 8], "now one person"),
        ("barred", ["1" * 8, "2" * 8], "now never to be one person"),
        ("dismissed", ["1" * 8, "2" * 8], "now two persons, until a human merges them"),
    ],
)
def test_of_two_about_whom_nobody_is_asked_it_is_told_how_they_stand(
    capsys: pytest.CaptureFixture[str], said: str, persons: list[str], now: str
) -> None:
    bars = [["1" * 8, "2" * 8]] if said == "barred" else []
    stand = {"said": said, "persons": persons, "barred_by": bars, "worth": 1.0, "link": "3"}
    pair({**ENTRY, "kind": "proposal", "code": None, "waits_as": None, **stand})
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if line.startswith("now ")] == [now]
    assert not [line for line in lines if line.startswith(("kind", "worth", "barred by"))]


def test_why_an_identity_waits_alone_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    alone = {"identities": SIDES[:1], "persons": ["1" * 8, None], "waits_as": "flagged", "said": None, "worth": 1.0}
    pair({**ENTRY, **alone, "kind": "doubtful-number", "code": None, "why": ["ins_doubtful"]})
    said = capsys.readouterr().out
    assert "ins_doubtful: the matricule contradicts sex or birth date" in " ".join(said.split())
    assert "worth" not in said


def test_the_matricules_that_one_took_the_place_of_stand_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    number, before = {"matricule": "2" * 15, "oid": "1.2"}, [{"matricule": "1" * 15, "oid": "1.2"}]
    alone = {
        "identities": [{**SIDES[0], "ins": number, "replaced": before}],
        "persons": ["1" * 8, None],
        "waits_as": "flagged",
        "said": None,
    }
    pair({**ENTRY, **alone, "kind": "doubtful-number", "code": None, "why": ["ins_replaced"]})
    said = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    place = said.index(f"ins {'2' * 15}")
    assert said[place + 1] == f"replaced {'1' * 15}"
    assert "ins_replaced: the matricule took the place of another" in " ".join(said)


def test_an_alert_names_its_quantity_with_its_unit(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(with_units([{"quantity": "dlp_mgycm", "value": 251.2}]), ("quantity", "value"))
    assert capsys.readouterr().out.splitlines() == ["quantity    value", "DLP mGy·cm  251.2", ""]


def test_a_check_of_many_says_that_nothing_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    refused = [{"identity": "i", "reason": "kept"}]
    output.written_by_many({"to_request": 3, "positions": [], "refused": refused}, ("identity", "reason"), False)
    checked = capsys.readouterr().out
    output.written_by_many({"requested": 3, "positions": [4, 5], "refused": []}, ("identity", "reason"), False)
    done = capsys.readouterr().out
    assert ("to request" in checked, "kept" in checked, "nothing was written" in checked) == (True, True, True)
    assert ("written at 4 to 5" in done, "nothing was written" in done) == (True, False)
