"""Registers identities from a CSV file, in batches, with progress; a bad line is named and the others go on.

The command id of a line is made from its content, so importing a file again, or after an interruption, writes only
what is missing.
"""

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid5

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


def import_csv(ours: Krypton, file: Path, actor: str) -> dict[str, Any]:
    """Returns ``{"lines", "registered", "known", "refused": [{"line", "reason"}]}``, refused lines in order.

    Raises FileWrong where the file as a whole cannot be read: its header, or what is no CSV.
    """
    summary: dict[str, Any] = {"lines": 0, "registered": 0, "known": 0, "refused": []}
    # A byte that is not UTF-8 is carried along, so that only its own line is refused.
    with file.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as text:
        rows = csv.DictReader(text)
        _check_header(_fields(rows))
        with long_lived(), progress("identities", _lines(file)) as bar:
            for batch in _batches(_numbered(rows), BATCH):
                _import_batch(ours, actor, batch, summary)
                bar.advance(len(batch))
    summary["refused"].sort(key=lambda refused: refused["line"])
    return summary


def _import_batch(ours: Krypton, actor: str, batch: list[tuple[int, Row]], summary: dict[str, Any]) -> None:
    summary["lines"] += len(batch)
    whole = []
    for line, row in batch:
        if unfit := _unfit(row):
            summary["refused"].append({"line": line, "reason": unfit})
        else:
            whole.append((line, row))
    before = ours.ledger.recorder.max_notification_id() or 0
    asked = [(_command(row), Envelope(actor, _command_id(row))) for _, row in whole]
    for (line, _), answer in zip(whole, ours.ledger.execute_many(asked) if asked else (), strict=True):
        _count(summary, line, answer, before)


def _unfit(row: Row) -> str | None:
    """Why a line cannot be understood, never quoting it; None where it can."""
    if None in row or None in row.values():
        return "it has not as many columns as the header: check its commas and quotes"
    if any("\udc80" <= sign <= "\udcff" for value in row.values() for sign in value):
        return "it is not UTF-8: save the file as UTF-8"
    if any("\0" in value for value in row.values()):
        return "it holds a NUL character, which no view can keep: take it out"
    return None


def _count(summary: dict[str, Any], line: int, answer: Answer | Exception, before: int) -> None:
    if not isinstance(answer, Answer):
        rule = getattr(answer, "rule", None)
        summary["refused"].append({"line": line, "reason": f"{answer} ({rule})" if rule else str(answer)})
    elif answer.positions and answer.positions[0] > before:
        summary["registered"] += 1
    else:
        summary["known"] += 1


def _command(row: Row) -> Register:
    stated = {n: row.get(n) or None for n in ("family", "given", "birth_date", "sex", *OPTIONAL) if n != "ins"}
    return Register(
        assigner=row["assigner"],
        local_id=row["id"],
        stated=stated,
        ins=row.get("ins") or None,
        ins_oid=row.get("ins_oid") or "1.2.250.1.213.1.4.10",
    )


def _command_id(row: Row) -> UUID:
    return uuid5(IMPORTS, "\x1f".join(f"{k}={v}" for k, v in sorted(row.items())))


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
