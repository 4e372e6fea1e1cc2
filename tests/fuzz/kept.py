"""Inputs that once broke something: ``tests/data/fuzz/<target>/<what it did>.bin``. ``make test`` tries each again."""

from pathlib import Path
from typing import Final

from tests.fuzz.frame import ROOT, Target, fuzz, tried

KEPT: Final = ROOT / "tests/data/fuzz"


def kept(name: str) -> list[Path]:
    """Those of a target."""
    return sorted((KEPT / name).glob("*.bin"))


def holds(target: Target, count: int) -> None:
    """So many new inputs, the same in each run, and those that once broke something, break nothing."""
    report = fuzz(target, seed=1, count=count, tell=lambda finding: print(finding.story))
    assert [finding.kind for finding in report.findings] == []
    assert len(report.answers) > 5, "the inputs are all answered alike: none gets far"
    for file in kept(target.name):
        _, finding = tried(target, file.read_bytes())
        assert finding is None, f"{file.name}: {finding and finding.story}"
