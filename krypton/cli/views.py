"""krypton views: for operators."""

import typer

from krypton.cli.connection import krypton
from krypton.cli.options import AsJson
from krypton.cli.output import document, table

app = typer.Typer(help="Views: their versions, positions and lag.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keeps ``status`` a command of its own."""


@app.command()
def status(as_json: AsJson = False) -> None:
    """Every version of every view: state, position, lag in events, rows."""
    from krypton.waiting import views_status

    found = views_status(krypton())
    if as_json:
        document(found)
        return
    table(found, ("view", "version", "state", "position", "lag", "rows"), "Views")
