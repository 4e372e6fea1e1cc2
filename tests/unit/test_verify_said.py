"""What ``krypton audit verify`` says of a verdict, and how it ends."""

from types import SimpleNamespace

import pytest

from krypton.cli import audit_proofs
from krypton.cli.main import run
from krypton.integrity import verify
from krypton.integrity.checkpoints import Heads
from krypton.integrity.findings import Difference, Kind, Log
from krypton.integrity.verdict import Verdict


def said(verdict: Verdict, patched: pytest.MonkeyPatch, shown: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """Lines on standard error after the exit code."""
    patched.setattr(audit_proofs, "krypton", lambda: SimpleNamespace(settings=None))
    patched.setattr(verify, "steps", lambda _: 1)
    patched.setattr(audit_proofs, "heads_to_hold", lambda *_: (Heads([]), ""))
    patched.setattr(verify, "verify", lambda *_: verdict)
    code = run(["audit", "verify", *words])
    return [str(code), *shown.readouterr().err.splitlines()]


def difference(position: int) -> Difference:
    return Difference(position, Log.KAFKA, Kind.MISSING, f"at {position}")


def test_a_whole_ledger_is_said_in_silence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(Verdict(events=3, unsigned=2), monkeypatch, capsys) == ["0"]


def test_events_that_nobody_signs_are_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, line = said(Verdict(events=3, unsigned=2, is_overdue=True), monkeypatch, capsys, "--json")
    assert code == "0"
    assert line.startswith("warning: 2 events are past the last checkpoint")


def test_findings_are_said_the_first_one_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Verdict(is_overdue=True, found=[difference(9), difference(4)])
    assert said(found, monkeypatch, capsys) == ["1", "missing: at 4", "missing: at 9"]


def test_very_many_findings_are_counted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(Verdict(found=[difference(n) for n in range(15)]), monkeypatch, capsys)
    assert (len(lines), lines[-1]) == (12, "and 5 more: --json lists all")


def test_those_that_are_counted_alone_are_told_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(Verdict(found=[difference(n) for n in range(15)], more=85), monkeypatch, capsys)
    assert lines[-1] == "and 90 more: --json lists 15 of them"
