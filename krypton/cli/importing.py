"""The ``import`` commands: options, and what each does with a CSV file of many rows.

Parses and prints; ``main`` turns refusals into exit codes.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from krypton.cli.calling import Acting
from krypton.cli.connection import krypton
from krypton.cli.given import STDIN
from krypton.cli.output import written_by_many

if TYPE_CHECKING:
    from krypton.intake.csv_import import Kind

REFUSED = 1
File = Annotated[
    Path,
    typer.Argument(dir_okay=False, readable=True, help="CSV with a header; - for standard input."),
]
Check = Annotated[bool, typer.Option("--check", help="Say what would be refused, and write nothing.")]
Rejects = Annotated[
    Path | None,
    typer.Option("--rejects", dir_okay=False, help="Keep refused rows in this file, each with its reason."),
]


def imported(
    kind: "Kind", file: Path, who: Acting, command_id: UUID | None, check: bool, rejects: Path | None, as_json: bool
) -> None:
    """Import a file of that kind, and print what became of it. Raises BadParameter, Exit."""
    from krypton.intake.csv_import import FileWrong, import_csv

    try:
        with whole(file) as kept:
            ledger, by = krypton().ledger, who.actor()
            summary = import_csv(ledger, kept, kind, by, command_id, check=check, rejects=rejects, warn=_warn)
    except FileWrong as wrong:
        raise typer.BadParameter(str(wrong), param_hint="FILE") from None
    written_by_many(summary, ("line", "column", "reason"), as_json)
    if broken := summary["broken"]:
        raise typer.BadParameter(broken["reason"], param_hint="FILE")
    if summary["refused_lines"]:
        raise typer.Exit(REFUSED)


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """The file; of standard input a copy that only this user can read, gone afterwards: a CSV is read twice.

    Raises BadParameter.
    """
    if str(file) != STDIN:
        if not file.exists():  # asked here: typer would ask of - as well
            raise typer.BadParameter(f"there is no file {file}", param_hint="FILE")
        yield file
        return
    with NamedTemporaryFile(prefix="krypton-import-") as kept:
        if sys.stdin is not None:  # closed: nothing is there, which is said as of an empty file
            copyfileobj(sys.stdin.buffer, kept)
        kept.flush()
        yield Path(kept.name)


def _warn(sentence: str) -> None:
    typer.echo(f"warning: {sentence}", err=True)
