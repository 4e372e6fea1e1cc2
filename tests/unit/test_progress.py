"""Progress where there is no terminal: a line now and then, and none for short work."""

import pytest

from krypton import progress as krypton_progress
from krypton.left import Left
from krypton.progress import Lines, progress, stages


class Told:
    """A clock that stands until it is moved, and the lines said."""

    def __init__(self, total: int | None = 1_000) -> None:
        self.now = 100.0
        self.lines: list[str] = []
        self.bar = Lines("people", total, self.lines.append, lambda: self.now)

    def later(self, seconds: float, by: int) -> None:
        """So many more are done after so many seconds."""
        self.now += seconds
        self.bar.advance(by)


def test_short_work_says_nothing() -> None:
    told = Told()
    told.later(4.9, 1_000)
    told.bar.end()
    assert told.lines == []


def test_long_work_says_how_far_it_is_at_which_rate_and_what_is_left() -> None:
    told = Told()
    told.later(4, 100)
    told.later(4, 100)
    assert told.lines == ["people: 200 of 1,000 (20 %), 25/s, 32 s left"]
    told.later(4, 100)
    told.later(4, 700)
    assert told.lines[1:] == ["people: 1,000 of 1,000 (100 %), 62/s"]


def test_the_end_is_said_where_a_line_was() -> None:
    told = Told()
    told.later(6, 500)
    told.later(1, 500)
    told.bar.end()
    assert told.lines[-1].startswith("people: 1,000 of 1,000 (100 %)")
    assert len(told.lines) == 2


def test_slow_work_says_a_line_a_minute() -> None:
    told = Told(total=1_000_000)
    for _ in range(240):
        told.later(1, 1)
    assert len(told.lines) == 4
    assert told.lines[0] == "people: 60 of 1,000,000 (0 %), 1/s, 277 h 45 min left"


def test_work_that_stands_says_nothing() -> None:
    told = Told()
    for _ in range(100):
        told.later(10, 0)
    assert told.lines == []


def test_work_without_a_known_end_says_its_count_and_rate() -> None:
    told = Told(total=None)
    told.later(10, 12_340)
    assert told.lines == ["people: 12,340, 1,234/s"]


def test_where_there_is_no_terminal_no_bar_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("people", 10) as bar:
        bar.advance(10)
    assert capsys.readouterr() == ("", "")


def test_what_is_waited_for_is_told_by_what_is_left_of_it() -> None:
    told: list[tuple[int, int]] = []
    left = Left(lambda done, total: told.append((done, total)))
    for record, dose in ((10, 5), (4, 5), (6, 1), (0, 0)):
        left.tell({"patient_record": record, "cumulative_dose": dose})
    left.tell({"policy": 3})
    left.tell({"policy": 0})
    assert told == [(0, 15), (6, 15), (10, 17), (17, 17), (17, 20), (20, 20)]


def test_work_in_stages_has_a_line_for_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(krypton_progress, "EVERY_S", 0.0)
    with stages() as tell:
        tell("people compared", 50, 100)
        tell("people compared", 100, 100)
        tell("decisions raised", 7, 7)
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in said] == [
        "people compared: 50 of 100 (50 %)",
        "people compared: 100 of 100 (100 %)",
        "decisions raised: 7 of 7 (100 %)",
    ]


def test_work_without_stages_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with stages():
        pass
    assert capsys.readouterr().err == ""
