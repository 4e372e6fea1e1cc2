"""Steps about lists that a spreadsheet wrote: brought, checked, sent back. ``desk`` is the fixture of each feature."""

import csv
import re
from pathlib import Path
from typing import Any

from pytest_bdd import given, parsers, step, then, when

from krypton.intake.csv_import import FileWrong, Kind, import_csv
from tests.fakes.ledger import MemoryLedger

ENCODINGS = {"Windows-1252": "cp1252", "UTF-8": "utf-8", "UTF-16": "utf-16"}
QUOTED = re.compile(r'"([^"]*)"')


class Desk:
    """A ledger, a list, the rows that came back, and what the last import answered."""

    def __init__(self, folder: Path, kind: Kind, actor: str) -> None:
        self.ledger = MemoryLedger()
        self.kind, self.actor = kind, actor
        self.list, self.back = folder / "list.csv", folder / "back.csv"
        self.encoding = "utf-8"
        self.rows: list[list[str]] = []
        self.answer: dict[str, Any] = {}
        self.wrong: FileWrong | None = None

    def bring(self, **how: Any) -> None:
        """Import the list as it is now."""
        with self.list.open("w", encoding=self.encoding, newline="") as out:
            csv.writer(out, delimiter=";").writerows(self.rows)
        self.read(self.list, **how)

    def read(self, file: Path, **how: Any) -> None:
        """Import a file; one that cannot be read is kept for the step that speaks of it."""
        assert self.wrong is None, f"nobody looked why the list was sent back: {self.wrong}"
        try:
            self.answer = import_csv(self.ledger, file, self.kind, self.actor, rejects=self.back, **how)
        except FileWrong as wrong:
            self.wrong = wrong

    def types(self) -> list[str]:
        """What the ledger holds."""
        return [event.type for event in self.ledger.history()]


@given(parsers.re(r"a list in (?P<encoding>\S+) with the columns (?P<names>.+)"))
def columns(desk: Desk, encoding: str, names: str) -> None:
    desk.encoding = ENCODINGS[encoding]
    desk.rows = [QUOTED.findall(names)]


@given(parsers.re(r"a row (?P<cells>.+)"))
def row(desk: Desk, cells: str) -> None:
    desk.rows.append(QUOTED.findall(cells))


@step("the list is imported")
def imported(desk: Desk) -> None:
    desk.bring()


@when("the list is checked")
def checked(desk: Desk) -> None:
    desk.bring(check=True)


@when(parsers.parse('the rows that came back are imported with "{right}" for "{wrong}"'))
def corrected(desk: Desk, right: str, wrong: str) -> None:
    desk.list.write_text(desk.back.read_text(desk.encoding).replace(wrong, right), desk.encoding)
    desk.read(desk.list)


@then(parsers.re(r"(?P<count>\d+) (?:person|professional|site)s? (?:is|are) (?P<word>registered|enrolled)"))
def are_stored(desk: Desk, count: str, word: str) -> None:
    assert desk.answer[word] == int(count)


@then(parsers.re(r"(?P<count>\d+) (?:person|professional|site)s? would be (?:registered|enrolled)"))
def would_be(desk: Desk, count: str) -> None:
    assert desk.answer[desk.kind.to_do] == int(count)


@then(parsers.parse('row {line:d} comes back for its column "{column}", because "{words}"'))
def comes_back(desk: Desk, line: int, column: str, words: str) -> None:
    (refused,) = desk.answer["refused"]
    assert (refused["line"], refused["column"]) == (line, column)
    assert words in refused["reason"]
    with desk.back.open(encoding=desk.encoding, newline="") as kept:
        header, back = csv.reader(kept, delimiter=";")
    assert header == [*desk.rows[0], "reason"]
    assert back == [*desk.rows[line - 1], refused["reason"]]


@then(parsers.parse('it is sent back, for "{words}"'))
def sent_back(desk: Desk, words: str) -> None:
    assert words in str(desk.wrong)
