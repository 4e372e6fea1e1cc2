"""Writes what is made of a person's doses to a file of its own: a page, or a document of a standard."""

from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapters import durable
from krypton.cli.output import facts

if TYPE_CHECKING:
    from krypton.bootstrap import Krypton

Page = Annotated[
    Path | None, typer.Option("--html", metavar="OUT", help="Write a page for the patient to OUT, a new file.")
]


class Tongue(StrEnum):
    """Languages of the page."""

    FR = "fr"
    EN = "en"


Language = Annotated[Tongue | None, typer.Option("--language", help="Of the page; fr where nothing is said.")]


def new_file(out: Path, option: str) -> None:
    """Raises BadParameter where the file cannot be written, before anybody is asked about."""
    if out.exists():
        raise typer.BadParameter(f"{out} is there already: name a new file", param_hint=option)
    if not out.absolute().parent.is_dir():
        raise typer.BadParameter(f"{out.absolute().parent} is no folder: name a file in one", param_hint=option)


def language_of(given: Tongue | None, page: Path | None) -> str:
    """The page's language. Raises BadParameter."""
    if given is not None and page is None:
        raise typer.BadParameter("it is the language of a page: add --html OUT", param_hint="--language")
    return (given or Tongue.FR).value


def site_names(ours: "Krypton") -> dict[str, str]:
    """Of each establishment, by its code: people know no codes."""
    return {code: site.name for code, site in ours.ledger.directory().sites.items()}


def keep(out: Path, content: bytes) -> None:
    """The whole file or none, its owner's alone: it is about a person. Raises BadParameter."""
    try:
        durable.write_new(out, [content], durable.OWNER_ONLY)
    except FileExistsError:
        raise typer.BadParameter(f"{out} is there already: name a new file") from None
    except OSError as failure:
        with suppress(OSError):  # what could not be made is not there
            out.unlink(missing_ok=True)
        raise typer.BadParameter(f"{out} cannot be written ({failure.strerror}): name another place") from None
    facts({"written": str(out)})
