"""Processes side by side: in order, with what went wrong in one, and none is left when their parent is killed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from projections.engine.processes import side_by_side
from tests.waiting import until

PARENT = """
import sys
from tests.unit.test_processes_side_by_side import linger
from projections.engine.processes import side_by_side
if __name__ == "__main__":
    with side_by_side(2) as run:
        list(run(linger, [sys.argv[1]] * 2))
"""


def squared(number: int) -> int:
    """Later ones are done sooner."""
    return sum(range(1_000_000 // (number + 1))) and number * number


def refuse(number: int) -> int:
    raise ValueError(f"{number} is refused")


def linger(folder: str) -> None:
    """Note which process this is, and stay."""
    Path(folder, str(os.getpid())).touch()
    Event().wait()


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize("count", [1, 2])
def test_answers_come_in_the_order_of_what_was_given(count: int) -> None:
    with side_by_side(count) as run:
        assert [*run(squared, range(12))] == [number * number for number in range(12)]


@pytest.mark.parametrize("count", [1, 2])
def test_what_goes_wrong_in_one_is_raised(count: int) -> None:
    with side_by_side(count) as run, pytest.raises(ValueError, match="0 is refused"):
        list(run(refuse, range(3)))


def test_no_more_is_taken_than_a_few_ahead() -> None:
    """So that memory holds few of what is given."""
    taken: list[int] = []

    def given() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with side_by_side(2) as run:
        answers = run(squared, given())
        next(answers)
        assert len(taken) < 10


def test_they_end_with_the_one_that_began_them_though_it_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    folder = tmp_path / "pids"
    folder.mkdir()
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    parent = subprocess.Popen([sys.executable, str(script), str(folder)], env=env)
    try:
        until(lambda: len(list(folder.iterdir())) == 2, "two processes work")
    finally:
        parent.kill()
        parent.wait()
    pids = [int(path.name) for path in folder.iterdir()]
    until(lambda: not any(map(is_there, pids)), "both have ended")
