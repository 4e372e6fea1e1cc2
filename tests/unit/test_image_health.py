"""Health tells of stored images that are damaged, and of studies that wait for their metadata."""

from pathlib import Path

from krypton.services.image_health import problems_of

STILL_S = 60.0


def said(folder: Path, now: float = 0.0) -> list[str]:
    return [problem.what for problem in problems_of(folder, now, STILL_S)]


def test_a_folder_that_is_not_there_or_as_it_should_be_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "grown").mkdir()
    mark = tmp_path / "grown" / "a-study-that-came-in-just-now"
    mark.touch()
    assert said(tmp_path, mark.stat().st_mtime) == said(tmp_path / "none") == []


def test_damaged_instances_are_counted(tmp_path: Path) -> None:
    (tmp_path / "archive" / "rot").mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "archive" / "rot" / f"{name}.json").touch()
    (what,) = said(tmp_path)
    assert what.startswith("2 stored instances are not what came in, or gone: krypton archive check names them")


def test_a_study_that_waits_for_long_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "grown").mkdir()
    mark = tmp_path / "grown" / "study"
    mark.touch()
    (what,) = said(tmp_path, mark.stat().st_mtime + 100)
    assert what.startswith("stands still: 1 studies wait for their metadata, the first for 100 s")
