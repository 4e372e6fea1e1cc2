"""Registers identities from a CSV file, in batches, with progress; a bad line is named and the others go on.

The command id of a line is made from its content, so importing a file again, or after an interruption, writes only
what is missing.
"""

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid5

from domain.commands.identities import Register
from domain.ledger import Envelope
from domain.ports import Answer
from krypton.bootstrap import Krypton
from krypton.progress import progress
from krypton.settings import SettingsWrong

IMPORTS = UUID("9d7c1f0e-0b3a-5a51-9c38-6a7d0a5e4b10")  # namespace of import command ids: stored state
REQUIRED = ("assigner", "id", "family", "given", "birth_date", "sex")
OPTIONAL = ("birth_place", "ins", "used_name", "first_names")
BATCH = 200
T = TypeVar("T")


def import_csv(ours: Krypton, file: Path, actor: str) -> dict[str, Any]:
    """Returns ``{"lines", "registered", "known", "refused": [{"line", "reason"}]}``.

    Raises SettingsWrong on the header.
    """
    summary: dict[str, Any] = {"lines": 0, "registered": 0, "known": 0, "refused": []}
    with file.open(newline="", encoding="utf-8-sig") as text, progress("identities", _lines(file)) as bar:
        rows = csv.DictReader(text)
        _check_header(rows.fieldnames or [])
        for batch in _batches(enumerate(rows, start=2), BATCH):
            asked = [(_command(row), Envelope(actor, _command_id(row))) for _, row in batch]
            before = ours.ledger.recorder.max_notification_id() or 0
            for (line, _), answer in zip(batch, ours.ledger.execute_many(asked), strict=True):
                _count(summary, line, answer, before)
            bar.advance(len(batch))
    return summary


def _count(summary: dict[str, Any], line: int, answer: Answer | Exception, before: int) -> None:
    summary["lines"] += 1
    if not isinstance(answer, Answer):
        rule = getattr(answer, "rule", None)
        summary["refused"].append({"line": line, "reason": f"{answer} ({rule})" if rule else str(answer)})
    elif answer.positions and answer.positions[0] > before:
        summary["registered"] += 1
    else:
        summary["known"] += 1


def _command(row: dict[str, str]) -> Register:
    stated = {n: row.get(n) or None for n in ("family", "given", "birth_date", "sex", *OPTIONAL) if n != "ins"}
    return Register(
        assigner=row["assigner"],
        local_id=row["id"],
        stated=stated,
        ins=row.get("ins") or None,
        ins_oid=row.get("ins_oid") or "1.2.250.1.213.1.4.10",
    )


def _command_id(row: dict[str, str]) -> UUID:
    return uuid5(IMPORTS, "\x1f".join(f"{k}={v}" for k, v in sorted(row.items()) if k))


def _check_header(names: Any) -> None:
    if missing := [n for n in REQUIRED if n not in names]:
        raise SettingsWrong(
            f"the header lacks {', '.join(missing)}: it must be {','.join(REQUIRED)}[,{','.join(OPTIONAL)}]"
        )


def _lines(file: Path) -> int:
    with file.open("rb") as raw:
        return max(0, sum(chunk.count(b"\n") for chunk in iter(lambda: raw.read(1 << 20), b"")) - 1)


def _batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while batch := list(islice(items, size)):
        yield batch
