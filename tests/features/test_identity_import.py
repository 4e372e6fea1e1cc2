"""Steps of features/identity_import.feature."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.commands.directory import EnrollSite
from krypton.intake.identity_csv import FileWrong, import_csv
from tests.fakes.ledger import MemoryLedger
from tests.features.conftest import FEATURES

scenarios(str(FEATURES / "identity_import.feature"))
ENCODINGS = {"Windows-1252": "cp1252", "UTF-8": "utf-8", "UTF-16": "utf-16"}
QUOTED = re.compile(r'"([^"]*)"')


class Desk:
    """A ledger, a list, the rows that came back, and what the last import answered."""

    def __init__(self, folder: Path) -> None:
        self.ledger = MemoryLedger()
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
            self.answer = import_csv(self.ledger, file, "clerk:desk", rejects=self.back, **how)
        except FileWrong as wrong:
            self.wrong = wrong

    def people(self) -> list[dict[str, str]]:
        return [event.data["traits"] for event in self.ledger.history() if event.type == "identity.registered"]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Nobody is known yet."""
    return Desk(tmp_path)


@given("the establishment CHB is enrolled")
def enrolled(desk: Desk) -> None:
    desk.ledger.ask(EnrollSite(code="CHB", name="CH de la Côte"))


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


@then(parsers.re(r"(?P<count>\d+) persons? (?:is|are) registered"))
def are_registered(desk: Desk, count: str) -> None:
    assert desk.answer["registered"] == int(count)


@then(parsers.parse("{count:d} person would be registered"))
def would_be(desk: Desk, count: int) -> None:
    assert desk.answer["to_register"] == count


@then(parsers.parse("the last one is {family} {given_name}, born {day}"))
def is_last(desk: Desk, family: str, given_name: str, day: str) -> None:
    last = desk.people()[-1]
    assert (last["family"], last["given"], last["birth_date"]) == (family, given_name, day)


@then(parsers.parse('row {line:d} comes back because "{words}"'))
def comes_back(desk: Desk, line: int, words: str) -> None:
    (refused,) = desk.answer["refused"]
    assert refused["line"] == line
    assert words in refused["reason"]
    with desk.back.open(encoding=desk.encoding, newline="") as kept:
        header, back = csv.reader(kept, delimiter=";")
    assert header == [*desk.rows[0], "reason"]
    assert back == [*desk.rows[line - 1], refused["reason"]]


@then(parsers.parse('it is sent back, for "{words}"'))
def sent_back(desk: Desk, words: str) -> None:
    assert words in str(desk.wrong)


@then("the ledger holds nobody")
def holds_nobody(desk: Desk) -> None:
    assert desk.people() == []
