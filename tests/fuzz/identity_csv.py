"""Files of ``identity import``: each row is registered, known or refused with a reason; the counts add up."""

import csv
import io
import re
import shutil
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from krypton.intake.csv_import import FileWrong, import_csv
from krypton.intake.identity_csv import IDENTITIES
from krypton.intake.spreadsheet import opened
from tests.fakes.region import Region
from tests.fuzz.frame import Wrong, scratch
from tests.fuzz.mutate import havoc, odd_text

HEADERS: Final = (
    ("Établissement", "IPP", "Nom de naissance", "Prénom", "Date de naissance", "Sexe", "Ville"),
    ("assigner", "id", "family", "given", "birth_date", "sex", "birth_place", "ins", "ins_oid"),
    ("site", "ipp", "nom", "prénom", "né(e) le", "sexe", "nom d'usage", "reason"),
)
ROWS: Final = (
    ("CHB", "1", "FICTIVEMENT", "Durandine", "12/04/1980", "F", "Pau", "", ""),
    ("CHB", '="002"', "TESTPATIENT", "Théotime", "2020-01-02", "M", "", "", ""),
    ("CHP", "3", "FICTIVEMENT", "Anne;Durandine", "1980-02-28", "2", '"x"', "", ""),
    (
        "CHA",
        "4",
        "FICTIVEMENT",
        "Durandine",
        "28-02-1980 00:00",
        "H",
        "33063",
        "279035121518989",
        "1.2.250.1.213.1.4.10",
    ),
)
LONGEST: Final = 60_000  # bytes
MOST_ROWS: Final = 150
NAMES: Final = ("FICTIVEMENT", "TESTPATIENT", "Durandine", "Théotime")
ENCODINGS: Final = ("utf-8", "utf-8-sig", "cp1252", "utf-16")
CELLS: Final = (
    "CHB",
    "NOWHERE",
    "1",
    "1,23E+11",
    "30/02/1980",
    "01/01/80",
    "29/02/2024",
    "1980-01-01T00:00:00",
    "F",
    "I",
    "x",
    '="1"',
    '"',
    '""',
    "a\nb",
    "a\rb",
    ";",
    ",",
    "\t",
    "sep=;",
    "ID",
    "1" * 70,
)


class IdentityCsv:
    """See the module."""

    name = "identity_csv"

    def __init__(self) -> None:
        self._folder = scratch()
        self._file = self._folder / "identities.csv"
        self._rejects = self._folder / "rejects.csv"

    def seeds(self) -> Sequence[bytes]:
        """Each header, separator and encoding."""
        return [
            written(
                [header, *(row[: len(header)] for row in ROWS)], separator, encoding, "\r\n" if number % 2 else "\n"
            )
            for number, header in enumerate(HEADERS)
            for separator in (";", ",", "\t")
            for encoding in ENCODINGS
        ]

    def changed(self, given: bytes, other: bytes, random: Random) -> bytes:
        """Cells, rows and columns; at times bytes, or the encoding."""
        encoding = next((one for one in ("utf-16", "utf-8-sig", "cp1252") if _is(given, one)), "cp1252")
        if random.random() < 0.3:
            return havoc(given, other, random)
        text = given.decode(encoding, "replace")
        separator = max(";,\t", key=text.partition("\n")[0].count)
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        except csv.Error:
            return havoc(given, other, random)
        if not rows or len(rows) > MOST_ROWS:
            return havoc(given, other, random)
        return written(_changed(rows, random), separator, random.choice((encoding, encoding, *ENCODINGS)), "\n")

    def close(self) -> None:
        """See ``Target``."""
        shutil.rmtree(self._folder)

    def answer(self, given: bytes) -> str:
        """Check it, import it, import it once more, and import its rejects."""
        self._file.write_bytes(given[:LONGEST])
        self._rejects.unlink(missing_ok=True)
        region = Region()
        try:
            foreseen = self._run(region, check=True)
            if region.head() != region.start:
                raise Wrong("a check wrote something")
            done = self._run(region, rejects=self._rejects)
        except FileWrong as wrong:
            _names_nobody(str(wrong))
            if region.head() != region.start:
                raise Wrong("a file that cannot be read: something of it was registered") from None
            return f"FileWrong: {str(wrong)[:60]}"
        counted = ("lines", "known", "refused_lines", "refused", "broken")
        if foreseen["to_register"] != done["registered"] or any(foreseen[one] != done[one] for one in counted):
            raise Wrong(f"foreseen: another outcome than came ({foreseen}, {done})")
        self._adds_up(region, done)
        again = self._run(region)
        if again["registered"] or again["known"] != done["registered"] + done["known"]:
            raise Wrong("again: an import once more registers something, or knows less")
        self._rejects_can_be_imported(done)
        reasons = {one["reason"][:25] for one in done["refused"]}
        return f"{min(done['registered'], 3)} {min(done['known'], 2)} {sorted(reasons)[:3]} {bool(done['broken'])}"

    def _run(self, region: Region, **more: Any) -> dict[str, Any]:
        return import_csv(region, self._file, IDENTITIES, "clerk:desk", warn=lambda _: None, **more)

    def _adds_up(self, region: Region, done: dict[str, Any]) -> None:
        if done["lines"] != done["registered"] + done["known"] + done["refused_lines"]:
            raise Wrong("counts: rows that were neither registered nor known nor refused")
        if done["refused_lines"] != len(done["refused"]):
            raise Wrong("counts: a refusal that is not told")
        if region.types().count("identity.registered") != done["registered"]:
            raise Wrong("counts: as many were not registered")
        _names_nobody(str(done["refused"]) + str(done["broken"]))
        if not all(one["reason"].strip() for one in done["refused"]):
            raise Wrong("a refusal without a reason")
        if done["broken"] is None and done["lines"] != self._own_count():
            raise Wrong("counts: another number of rows than the file has")

    def _own_count(self) -> int:
        with opened(self._file, IDENTITIES.layout.knows) as sheet:
            writing = sheet.writing
        text = self._file.read_bytes()[len(writing.mark) :].decode(writing.encoding, writing.errors)
        if writing.hint:
            text = text.partition("\n")[2]
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=writing.separator)
        return sum(1 for row in rows if any(cell.strip() for cell in row)) - 1

    def _rejects_can_be_imported(self, done: dict[str, Any]) -> None:
        """What was refused is refused again, and for the same reason, while nobody has corrected it."""
        self._file.write_bytes(self._rejects.read_bytes())
        once_more = Region()
        try:
            again = import_csv(once_more, self._file, IDENTITIES, "clerk:desk")
        except FileWrong as wrong:
            raise Wrong(f"rejects: they are no file to import ({wrong})") from None
        if again["registered"] and not _depends_on_rows_before(done):
            raise Wrong("rejects: a refused row is registered the next time")
        if again["lines"] != done["refused_lines"] or again["broken"]:
            raise Wrong(f"rejects: {done['refused_lines']} rows were refused, the file holds {again['lines']}")


def _depends_on_rows_before(done: dict[str, Any]) -> bool:
    """An id that an earlier row gave to somebody else is free in a region that never saw that row; bytes that are no
    text beside UTF-8 are Windows-1252 by themselves, or stood under ``reason``, which is written again.
    """
    return any("(I2)" in one["reason"] or "bytes that are no text" in one["reason"] for one in done["refused"])


def written(rows: Sequence[Sequence[str]], separator: str, encoding: str, line_end: str) -> bytes:
    """A file."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=line_end).writerows(rows)
    return text.getvalue().encode(encoding, "replace")


def _is(given: bytes, encoding: str) -> bool:
    marks = {"utf-16": (b"\xff\xfe", b"\xfe\xff"), "utf-8-sig": (b"\xef\xbb\xbf",)}
    if encoding in marks:
        return given.startswith(marks[encoding])
    try:
        given.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _changed(rows: list[list[str]], random: Random) -> list[list[str]]:
    row = random.choice(rows[1:] if len(rows) > 1 and random.random() < 0.9 else rows)
    place = random.randrange(len(row)) if row else 0
    match random.randrange(9):
        case 0 | 1 | 2:
            row[place : place + 1] = [random.choice((*CELLS, odd_text(random)))]
        case 3:
            row.insert(place, random.choice(CELLS))
        case 4:
            del row[place:]
        case 5:
            rows.append(list(row))
        case 6:
            random.shuffle(rows)
        case 7:
            rows.extend(
                [*one[:1], f"{one[1:2]}{number}", *one[2:]] for number, one in enumerate(rows * random.choice((1, 4)))
            )
        case _:
            for one in rows:
                one[place : place + 1] = []
    return rows


def _names_nobody(said: str) -> None:
    told = re.sub(r"(establishment|enroll) [A-Z0-9-]{2,16} ", "", said)  # a name in capitals may be a code
    if any(name in told for name in NAMES):
        raise Wrong("a name: in a reason or message")
