"""What commands that make a page of doses share: its language, and the names of establishments."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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


def language_of(given: Tongue | None, page: Path | None) -> str:
    """The page's language. Raises BadParameter."""
    if given is not None and page is None:
        raise typer.BadParameter("it is the language of a page: add --html OUT", param_hint="--language")
    return (given or Tongue.FR).value


def site_names(ours: "Krypton") -> dict[str, str]:
    """Of each establishment, by its code: people know no codes."""
    return {code: site.name for code, site in ours.ledger.directory().sites.items()}
