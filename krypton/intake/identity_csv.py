"""Registers identities from a CSV file, in batches, with progress; a bad line is named and the others go on.

The command id of a line is made from its content, so importing a file again, or after an interruption, writes only
what is missing. Where the import has a command id of its own, it is made from both: asked again under that id, the
import answers as the first time.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4, uuid5

from domain.commands.identities import Register
from domain.ports import Answer
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.memory import long_lived
from krypton.progress import progress

IMPORTS = UUID("9d7c1f0e-0b3a-5a51-9c38-6a7d0a5e4b10")  # namespace of import command ids: stored state
REQUIRED = ("assigner", "id", "family", "given", "birth_date", "sex")
OPTIONAL = ("birth_place", "ins", "used_name", "first_names")
BATCH = 500
T = TypeVar("T")
Row = dict[str, str]


class FileWrong(ValueError):
    """The file cannot be imported as it is. The message says where and what to do, and quotes none of its lines."""


def import_csv(ours: Krypton, file: Path, actor: str, command_id: UUID | None = None) -> dict[str, Any]:
    """Returns ``{"lines", "registered", "known", "refused": [{"line", "reason"}], "positions"}``, refused in order.

    Raises FileWrong where the file as a whole cannot be read: its header, or what is no CSV.
    """
    run = _Import(ours, actor, command_id)
    # A byte that is not UTF-8 is carried along, so that only its own line is refused.
    with file.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as text:
        rows = csv.DictReader(text)
        _check_header(_fields(rows))
        with long_lived(), progress("identities", _lines(file)) as bar:
            for batch in _batches(_numbered(rows), BATCH):
                run.ask(batch)
                bar.advance(len(batch))
    return run.summary()


@dataclass
class _Import:
    """One import, and what became of its lines so far."""

    ours: Krypton
    actor: str
    command_id: UUID | None
    lines: int = 0
    registered: int = 0
    known: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)
    positions: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.request = self.command_id or uuid4()  # the correlation id of all that it writes

    def ask(self, batch: list[tuple[int, Row]]) -> None:
        """Register them, in one transaction where none is refused."""
        self.lines += len(batch)
        whole = [(line, row) for line, row in batch if not self._unfit(line, row)]
        # Under an id of the import's own, what is stored already was stored by this very import.
        before = 0 if self.command_id else self.ours.ledger.recorder.max_notification_id() or 0
        asked = [(_command(row), Envelope(self.actor, self._id(row), self.request)) for _, row in whole]
        for (line, _), answer in zip(whole, self.ours.ledger.execute_many(asked) if asked else (), strict=True):
            self._count(line, answer, before)

    def summary(self) -> dict[str, Any]:
        """See ``import_csv``."""
        counts = {"lines": self.lines, "registered": self.registered, "known": self.known}
        refused = sorted(self.refused, key=lambda one: int(one["line"]))
        return {**counts, "refused": refused, "positions": sorted(self.positions)}

    def _id(self, row: Row) -> UUID:
        return uuid5(self.command_id or IMPORTS, "\x1f".join(f"{k}={v}" for k, v in sorted(row.items())))

    def _unfit(self, line: int, row: Row) -> bool:
        if reason := _unfit(row):
            self.refused.append({"line": line, "reason": reason})
        return bool(reason)

    def _count(self, line: int, answer: Answer | Exception, before: int) -> None:
        if not isinstance(answer, Answer):
            rule = getattr(answer, "rule", None)
            self.refused.append({"line": line, "reason": f"{answer} ({rule})" if rule else str(answer)})
        elif answer.positions and answer.positions[0] > before and answer.positions[0] not in self.positions:
            self.registered += 1
            self.positions.update(answer.positions)
        else:
            self.known += 1


def _unfit(row: Row) -> str | None:
    """Why a line cannot be understood, never quoting it; None where it can."""
    if None in row or None in row.values():
        return "it has not as many columns as the header: check its commas and quotes"
    if any("\udc80" <= sign <= "\udcff" for value in row.values() for sign in value):
        return "it is not UTF-8: save the file as UTF-8"
    if any("\0" in value for value in row.values()):
        return "it holds a NUL character, which no view can keep: take it out"
    return None


def _command(row: Row) -> Register:
    stated = {n: row.get(n) or None for n in ("family", "given", "birth_date", "sex", *OPTIONAL) if n != "ins"}
    return Register(
        assigner=row["assigner"],
        local_id=row["id"],
        stated=stated,
        ins=row.get("ins") or None,
        ins_oid=row.get("ins_oid") or "1.2.250.1.213.1.4.10",
    )


def _check_header(names: Iterable[str]) -> None:
    if missing := [n for n in REQUIRED if n not in names]:
        raise FileWrong(
            f"the header lacks {', '.join(missing)}: it must be {','.join(REQUIRED)}[,{','.join(OPTIONAL)}]"
        )


def _fields(rows: "csv.DictReader[str]") -> Iterable[str]:
    try:
        return rows.fieldnames or []
    except csv.Error as broken:
        raise FileWrong(f"line 1 is no CSV: {broken}") from None


def _numbered(rows: "csv.DictReader[str]") -> Iterator[tuple[int, Row]]:
    """Each row with the number of the line it ends on: empty lines and line breaks in quotes count."""
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as broken:
            raise FileWrong(f"line {rows.line_num + 1} is no CSV: {broken}; the lines before it are done") from None
        yield rows.line_num, row


def _lines(file: Path) -> int:
    with file.open("rb") as raw:
        return max(0, sum(chunk.count(b"\n") for chunk in iter(lambda: raw.read(1 << 20), b"")) - 1)


def _batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while batch := list(islice(items, size)):
        yield batch
