"""Imports identities from a CSV file in batches; refused rows are reported and the others are registered.

The command id of a row is made from what it says (``domain.ids``), so importing a file again, or after an interruption,
writes only what is missing. Where the import has a command id of its own, it is made from both: asked again under that
id, the import answers as the first time. Formats: ``krypton.intake.spreadsheet``, ``krypton.intake.identity_columns``.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

from domain.batch import Asked, Outcome
from domain.commands.identities import Register
from domain.ledger import Ledger
from domain.ports import Answer
from domain.traits import TRAITS
from domain.work import Envelope
from krypton.intake.identity_columns import CellCountWrong, CellWrong, Columns, is_known
from krypton.intake.rejects import Rejects, kept, part_of
from krypton.intake.seen import Seen
from krypton.intake.spans import Spans
from krypton.intake.spreadsheet import BrokenLine, FileWrong, Row, joined, opened
from krypton.progress import progress

__all__ = ["FileWrong", "import_csv"]
BATCH = 500
TOLD = 10_000
"""Refused rows that the summary names; the file of rejects has all."""
T = TypeVar("T")


def import_csv(
    ledger: Ledger,
    file: Path,
    actor: str,
    command_id: UUID | None = None,
    *,
    check: bool = False,
    rejects: Path | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Returns ``{"lines", "registered", "known", "refused_lines", "refused": [{"line", "reason"}], "broken",
    "positions"}``.

    ``refused`` is in order. ``broken``: line and reason, from which on the file is no CSV; None where all of it was
    read. ``check``: write nothing, and say ``to_register`` in place of ``registered``. ``rejects``: where refused rows
    are kept. ``warn`` is told of columns that are not read. Raises FileWrong where nothing of it can be read.
    """
    if rejects and any(_is_one(one, file) for one in (rejects, part_of(rejects))):
        raise FileWrong("the rejects would be written over the file itself: give another name")
    with opened(file, is_known) as sheet:
        columns = Columns.of(sheet.header)
        for warning in _warnings(columns):
            warn(warning)
        with kept(sheet, rejects) as refused, progress("identities", sheet.writing.lines) as bar:
            run = (_Check if check else _Import)(ledger, actor, command_id, columns, refused)
            rows = _Unbroken(sheet.rows)
            while batch := list(islice(rows, BATCH)):
                run.ask(batch)
                bar.reach(batch[-1].line, sheet.writing.lines)
            return run.summary() | {"broken": _told(rows.broken)}


def _told(broken: BrokenLine | None) -> dict[str, Any] | None:
    return None if broken is None else {"line": broken.line, "reason": str(broken)}


def _is_one(rejects: Path, file: Path) -> bool:
    try:
        return rejects.samefile(file)
    except OSError:  # there is none yet, or whoever opens it says why it cannot be
        return False


def _warnings(columns: Columns) -> Iterator[str]:
    if columns.unknown:
        yield f"not read, for their names are not known: the columns {joined(columns.unknown)}"
    if columns.doubtful:
        yield (
            f"the column {joined([columns.doubtful])} is read as the birth name: call it “nom utilisé” if it is the "
            "name in use"
        )


@dataclass
class _Run:
    """One pass over a file, and what became of its rows so far."""

    ledger: Ledger
    actor: str
    command_id: UUID | None
    columns: Columns
    rejects: Rejects
    lines: int = 0
    new: int = 0
    known: int = 0
    refused_lines: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.request = self.command_id or uuid4()  # the correlation id of all that it writes

    def ask(self, batch: Sequence[Row]) -> None:
        """Ask for them all together; refused ones are told in the order of the file."""
        self.lines += len(batch)
        reasons: dict[int, str] = {}
        misshapen: set[int] = set()
        asked: list[tuple[int, Register, Envelope]] = []
        for row in batch:
            try:
                asked.append((row.line, *self._command(self.columns.read(row))))
            except CellWrong as wrong:
                reasons[row.line] = str(wrong)
                if isinstance(wrong, CellCountWrong):
                    misshapen.add(row.line)
        outcomes = self.outcomes([(command, by) for _, command, by in asked])
        for (line, command, by), outcome in zip(asked, outcomes, strict=True):
            if not isinstance(outcome, Answer):
                rule = getattr(outcome, "rule", None)
                reasons[line] = f"{outcome} ({rule})" if rule else str(outcome)
            elif reason := self.count(command, by, outcome):
                reasons[line] = reason
        for row in batch:
            if row.line in reasons:
                self._refuse(row, reasons[row.line], row.line in misshapen)

    def outcomes(self, asked: Asked) -> Sequence[Outcome]:
        """What the ledger says of a batch."""
        raise NotImplementedError

    def count(self, command: Register, by: Envelope, answer: Answer) -> str | None:
        """Count a row as new or known; returns why it is refused all the same."""
        raise NotImplementedError

    def summary(self) -> dict[str, Any]:
        """See ``import_csv``."""
        raise NotImplementedError

    def _refuse(self, row: Row, reason: str, misshapen: bool) -> None:
        self.refused_lines += 1
        if len(self.refused) < TOLD:
            self.refused.append({"line": row.line, "reason": reason})
        self.rejects.add(row.cells, reason, misshapen=misshapen)

    def _command(self, said: dict[str, str]) -> tuple[Register, Envelope]:
        row = (f"{k}={v}" for k, v in sorted(said.items()))
        own = self.ledger.ids.of("imported row", str(self.command_id or ""), *row)
        command = Register(
            assigner=said.get("assigner", ""),
            local_id=said.get("id", ""),
            stated={name: said.get(name) for name in TRAITS},
            ins=said.get("ins"),
            ins_oid=said.get("ins_oid"),
        )
        return command, Envelope(self.actor, own, self.request, of_content=self.command_id is None)


@dataclass
class _Import(_Run):
    """Registers, in one transaction for each batch."""

    positions: Spans = field(default_factory=Spans)

    def outcomes(self, asked: Asked) -> Sequence[Outcome]:
        # Under an id of the import's own, what is stored already was stored by this very import.
        self.before = 0 if self.command_id else self.ledger.recorder.max_notification_id() or 0
        return self.ledger.execute_many(asked)

    def count(self, command: Register, by: Envelope, answer: Answer) -> None:
        if answer.positions and answer.positions[0] > self.before and answer.positions[0] not in self.positions:
            self.new += 1
            self.positions.add(*answer.positions)
        else:
            self.known += 1

    def summary(self) -> dict[str, Any]:
        return {
            "lines": self.lines,
            "registered": self.new,
            "known": self.known,
            "refused_lines": self.refused_lines,
            "refused": self.refused,
            "positions": list(self.positions),
        }


@dataclass
class _Check(_Run):
    """Decides what an import would, and writes nothing."""

    seen: Seen = field(default_factory=Seen)

    def outcomes(self, asked: Asked) -> Sequence[Outcome]:
        return self.ledger.foresee(asked)

    def count(self, command: Register, by: Envelope, answer: Answer) -> str | None:
        (identity,) = command.touches(self.ledger.ids)
        if answer.positions or self.seen.has(by.command_id):
            self.known += 1
        elif self.seen.has(identity):
            return "an earlier line gives that id to somebody else: an id is registered once (I2)"
        else:
            self.new += 1
            self.seen.add(by.command_id, identity)
        return None

    def summary(self) -> dict[str, Any]:
        self.seen.close()
        return {
            "lines": self.lines,
            "to_register": self.new,
            "known": self.known,
            "refused_lines": self.refused_lines,
            "refused": self.refused,
            "positions": [],
        }


class _Unbroken(Iterator[T]):
    """The items before a broken line, and that line."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self.broken: BrokenLine | None = None

    def __next__(self) -> T:
        if self.broken:
            raise StopIteration
        try:
            return next(self._items)
        except BrokenLine as broken:
            self.broken = broken
            raise StopIteration from None
