"""The bench's targets: what is met, what is missed, and what could not be measured is said."""

import io
import json
import re
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as bench
from bench.targets import ABSENT, TARGETS, Row, document, judged, missed

ROOT = Path(__file__).parents[2]
SOURCES = "\n".join(path.read_text() for path in (ROOT / "bench").glob("*.py") if path.stem != "targets")


def test_each_target_is_of_a_bench_and_of_a_figure_that_is_measured() -> None:
    """Else it would be missed for ever. Some names are put together: their parts are written out."""
    assert TARGETS.keys() <= bench.BENCHES.keys()
    parts = [part for targets in TARGETS.values() for target in targets for part in _parts(target.figure)]
    assert [part for part in parts if part not in SOURCES] == []


def _parts(figure: str) -> list[str]:
    figure = figure.partition(" studies: ")[2] or figure
    if figure.startswith("store_per_s_"):
        return ["store_per_s_"]
    if "10,000 associations" in figure:
        return [figure.partition(" ")[0], " associations: more"]
    if " from " in figure:
        return [figure.partition(" from ")[0], figure.rpartition("times ")[2]]
    for ending in (", matched/s", ": max ms", ": p50 ms", ": p99 ms", ": CPU s", ": times python -c pass"):
        figure = figure.replace(ending, f"|{ending}")
    return figure.replace("dcmtk_", "dcmtk|_").split("|")


def test_each_target_has_one_bound() -> None:
    assert all((one.at_least is None) != (one.at_most is None) for some in TARGETS.values() for one in some)


@pytest.mark.parametrize(
    ("p50", "p99", "verdicts"),
    [(20.0, 80.0, ["met", "met"]), (20.1, 79.0, ["missed", "met"]), (1.0, 81.0, ["met", "missed"])],
)
def test_a_figure_stands_beside_its_target_and_the_verdict(p50: float, p99: float, verdicts: list[str]) -> None:
    rows = list(judged("latency", {"p50 ms": p50, "p95 ms": 5.0, "p99 ms": p99}))
    assert rows == [
        Row("p50 ms", p50, "≤ 20", verdicts[0]),
        Row("p95 ms", 5.0),
        Row("p99 ms", p99, "≤ 80", verdicts[1]),
    ]


def test_a_target_that_nobody_measured_is_missed() -> None:
    assert list(judged("relay", {})) == [
        Row("relay, events/s from event store to Kafka", None, "≥ 6,000", "missed: not measured")
    ]
    assert missed({"relay": {}}) == ["relay: relay, events/s from event store to Kafka"]


def test_a_peer_that_is_not_installed_is_said_and_is_no_miss() -> None:
    figures = {"store_per_s_1": 60.0, "store_per_s_4": 100.0}
    assert list(judged("dicom", figures))[-1] == Row("dcmtk_pace", None, "≥ 0.9", f"not measured: {ABSENT}")
    assert missed({"dicom": figures}) == []
    assert document({"dicom": figures})["dicom"]["dcmtk_pace"] == {"at_least": 0.9, "at_most": None, "met": None}


@pytest.mark.parametrize(
    ("words", "rate", "code"),
    [(["relay", "--check"], 5_999.0, 1), (["relay", "--check"], 6_000.0, 0), (["relay"], 5_999.0, 0)],
)
def test_check_ends_with_1_where_a_target_is_missed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str], rate: float, code: int
) -> None:
    figure = TARGETS["relay"][0].figure

    @contextmanager
    def nowhere() -> Any:
        yield None

    monkeypatch.setattr(bench, "region", nowhere)
    monkeypatch.setattr(bench, "RESULTS", tmp_path)
    monkeypatch.setitem(bench.BENCHES, "relay", lambda _: {figure: rate})
    with redirect_stdout(io.StringIO()) as said:
        assert bench.main(words) == code
    (stored,) = tmp_path.glob("*.json")
    assert json.loads(stored.read_text())["targets"]["relay"][figure]["met"] is (rate >= 6_000)
    assert (f"missed: relay: {figure}" in said.getvalue()) is (rate < 6_000)


def test_a_run_leaves_its_results_in_an_ignored_folder_and_nothing_else_in_the_tree() -> None:
    """Its servers and spools live in folders of the system's own for such things, which end with it."""
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert f"{bench.RESULTS.relative_to(ROOT).parts[0]}/" in ignored
    assert set(re.findall(r"Path\(__file__\)[^\n#]*", SOURCES)) == {
        'Path(__file__).parents[1] / ".krypton" / "bench"  ',
        'Path(__file__).parents[1] / ".krypton" / "bench" / PEER',
        'Path(__file__).parents[1] / "rules" / "matching-2.json"',  # read
        'Path(__file__).parents[1] / "rules"',  # read
        'Path(__file__).with_name("openrem_peer.py")), *map(str, files)],',  # run
    }
    made = re.findall(r"(?:mkdtemp|TemporaryDirectory)\(([^)]*)\)", SOURCES)
    assert made
    assert set(made) <= {'prefix="krypton-bench-"', "dir=folder"}
