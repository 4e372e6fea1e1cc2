"""Writes what somebody asked for to a new file that they named: whole, or not at all; nothing is written over."""

from pathlib import Path

import typer

from adapters import durable
from krypton.cli.output import facts


def new_file(out: Path, option: str) -> None:
    """Raises BadParameter where the file cannot be written, before anybody is asked about."""
    if out.exists():
        raise typer.BadParameter(f"{out} is there already: name a new file", param_hint=option)
    if not out.absolute().parent.is_dir():
        raise typer.BadParameter(f"{out.absolute().parent} is no folder: name a file in one", param_hint=option)


def keep(out: Path, content: bytes) -> None:
    """The whole file or none, its owner's alone: it is about people. Raises BadParameter."""
    write(out, content, durable.OWNER_ONLY)
    facts({"written": str(out)})


def write(out: Path, content: bytes, mode: int = 0o666) -> None:
    """The whole file or none. Raises BadParameter."""
    try:
        durable.write_whole(out, [content], mode)
    except FileExistsError:
        raise typer.BadParameter(f"{out} is there already: name a new file") from None
    except BlockingIOError:
        raise typer.BadParameter(f"{out} is being written by another command: wait, or name another file") from None
    except OSError as failure:
        raise typer.BadParameter(f"{out} cannot be written ({failure.strerror}): name another place") from None
