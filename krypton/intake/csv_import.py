"""Imports a CSV file in batches: one command for each row; refused rows are reported and the others are stored.

The command id of a row is made from what it says (``domain.ids``), so importing a file again, or after an interruption,
writes only what is missing. Where the import has a command id of its own, it is made from both: asked again under that
id, the import answers as the first time. Formats: ``krypton.intake.spreadsheet``, ``krypton.intake.columns``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from domain.batch import Asked, Outcome
from domain.ids import Ids
from domain.ledger import Ledger
from domain.ports import Answer
from domain.work import Command, Envelope
from krypton.intake.columns import CellCountWrong, CellWrong, Columns, Layout
from krypton.intake.rejects import Rejects, kept, part_of
from krypton.intake.seen import Seen
from krypton.intake.spans import Spans
from krypton.intake.spreadsheet import BrokenLine, FileWrong, Row, Unbroken, joined, opened
from krypton.progress import progress

__all__ = ["Claim", "FileWrong", "Kind", "import_csv"]
BATCH = 500
TOLD = 10_000
"""Refused rows that the summary names; the file of rejects has all."""


class Claim(NamedTuple):
    """What only one row of a file can have. ``field``: where it says so; ``refusal``: of a later row, in a check."""

    id: UUID
    field: str
    refusal: str


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a file holds a list of.

    ``name``: many of them; ``done`` and ``to_do``: how the summary counts what is stored, or would be. ``row``: the
    kind of the rows' command ids, stored for ever. ``command``: what a row asks, of its fields. ``claims``: what it
    alone can have. ``blamed``: which field a refusal of the ledger is about.
    """

    name: str
    done: str
    to_do: str
    row: str
    layout: Layout
    command: Callable[[Mapping[str, str]], Command]
    claims: Callable[[Ids, Any], Iterable[Claim]]
    blamed: Callable[[Exception], str | None]


class _Refusal(NamedTuple):
    """Why a row is refused. ``column``: as the file names it, where one is to blame."""

    reason: str
    column: str | None = None
    misshapen: bool = False


def import_csv(
    ledger: Ledger,
    file: Path,
    kind: Kind,
    actor: str,
    command_id: UUID | None = None,
    *,
    check: bool = False,
    rejects: Path | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Returns ``{"lines", "registered", "known", "refused_lines", "refused": [{"line", "column", "reason"}], "broken",
    "positions"}``, with the kind's own word in place of ``registered``.

    ``refused`` is in order. ``broken``: line and reason, from which on the file is no CSV; None where all of it was
    read. ``check``: write nothing, and say ``to_register``. ``rejects``: where refused rows are kept. ``warn`` is told
    of columns that are not read. Raises FileWrong where nothing of it can be read.
    """
    if rejects and any(_is_one(one, file) for one in (rejects, part_of(rejects))):
        raise FileWrong("the rejects would be written over the file itself: give another name")
    with opened(file, kind.layout.knows) as sheet:
        columns = Columns.of(kind.layout, sheet.header)
        for warning in _warnings(columns):
            warn(warning)
        with kept(sheet, rejects) as refused, progress(kind.name, sheet.writing.lines) as bar:
            run = (_Check if check else _Import)(ledger, kind, actor, command_id, columns, refused)
            rows = Unbroken(sheet.rows)
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
    for name, said in columns.doubtful.items():
        yield f"the column {joined([name])} {said}"


@dataclass
class _Run:
    """One pass over a file, and what became of its rows so far."""

    ledger: Ledger
    kind: Kind
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
        refusals: dict[int, _Refusal] = {}
        asked: list[tuple[int, Command, Envelope]] = []
        for row in batch:
            try:
                asked.append((row.line, *self._command(self.columns.read(row))))
            except CellWrong as wrong:
                shape = isinstance(wrong, CellCountWrong)
                refusals[row.line] = _Refusal(str(wrong), self.columns.title(wrong.field), shape)
        outcomes = self.outcomes([(command, by) for _, command, by in asked])
        for (line, command, by), outcome in zip(asked, outcomes, strict=True):
            if refusal := self._refusal(command, by, outcome):
                refusals[line] = refusal
        for row in batch:
            if row.line in refusals:
                self._refuse(row, refusals[row.line])

    def _refusal(self, command: Command, by: Envelope, outcome: Outcome) -> _Refusal | None:
        if isinstance(outcome, Answer):
            claim = self.count(command, by, outcome)
            return claim and _Refusal(claim.refusal, self.columns.title(claim.field))
        rule = getattr(outcome, "rule", None)
        blamed = self.columns.title(self.kind.blamed(outcome))
        return _Refusal(f"{outcome} ({rule})" if rule else str(outcome), blamed)

    def outcomes(self, asked: Asked) -> Sequence[Outcome]:
        """What the ledger says of a batch."""
        raise NotImplementedError

    def count(self, command: Command, by: Envelope, answer: Answer) -> Claim | None:
        """Count a row as new or known; returns what an earlier row has, if it is refused all the same."""
        raise NotImplementedError

    def summary(self) -> dict[str, Any]:
        """See ``import_csv``."""
        raise NotImplementedError

    def told(self, word: str, positions: Iterable[int] = ()) -> dict[str, Any]:
        """The summary. ``word``: for the rows that are new."""
        return {
            "lines": self.lines,
            word: self.new,
            "known": self.known,
            "refused_lines": self.refused_lines,
            "refused": self.refused,
            "positions": list(positions),
        }

    def _refuse(self, row: Row, refusal: _Refusal) -> None:
        self.refused_lines += 1
        if len(self.refused) < TOLD:
            self.refused.append({"line": row.line, "column": refusal.column, "reason": refusal.reason})
        self.rejects.add(row.cells, refusal.reason, misshapen=refusal.misshapen)

    def _command(self, said: dict[str, str]) -> tuple[Command, Envelope]:
        row = (f"{k}={v}" for k, v in sorted(said.items()))
        own = self.ledger.ids.of(self.kind.row, str(self.command_id or ""), *row)
        by = Envelope(self.actor, own, self.request, of_content=self.command_id is None)
        return self.kind.command(said), by


@dataclass
class _Import(_Run):
    """Stores each batch in as few transactions as can be."""

    positions: Spans = field(default_factory=Spans)

    def outcomes(self, asked: Asked) -> Sequence[Outcome]:
        # Under an id of the import's own, what is stored already was stored by this very import.
        self.before = 0 if self.command_id else self.ledger.recorder.max_notification_id() or 0
        return self.ledger.execute_many(asked)

    def count(self, command: Command, by: Envelope, answer: Answer) -> None:
        if answer.positions and answer.positions[0] > self.before and answer.positions[0] not in self.positions:
            self.new += 1
            self.positions.add(*answer.positions)
        else:
            self.known += 1

    def summary(self) -> dict[str, Any]:
        return self.told(self.kind.done, self.positions)


@dataclass
class _Check(_Run):
    """Decides what an import would, and writes nothing."""

    seen: Seen = field(default_factory=Seen)

    def outcomes(self, asked: Asked) -> Sequence[Outcome]:
        return self.ledger.foresee(asked)

    def count(self, command: Command, by: Envelope, answer: Answer) -> Claim | None:
        if answer.positions or self.seen.has(by.command_id):
            self.known += 1
            return None
        claims = [*self.kind.claims(self.ledger.ids, command)]
        if taken := next((claim for claim in claims if self.seen.has(claim.id)), None):
            return taken
        self.new += 1
        self.seen.add(by.command_id, *(claim.id for claim in claims))
        return None

    def summary(self) -> dict[str, Any]:
        self.seen.close()
        return self.told(self.kind.to_do)
