"""krypton audit: what auditors read of merges and accesses."""

from datetime import datetime
from typing import Annotated

import typer

from krypton.cli.connection import krypton
from krypton.cli.identity import show_history
from krypton.cli.options import AsJson, Ref, utc
from krypton.cli.output import document, table
from krypton.reading import accesses_of

app = typer.Typer(help="Histories for auditors.", no_args_is_help=True)
COLUMNS = ("opened_at", "rpps", "site", "decision", "ground", "reason", "closed_at")


@app.command()
def history(ref: Ref, as_json: AsJson = False) -> None:
    """Merges, unmerges, bars and corrections in ledger order, with who, why and which rule."""
    show_history(krypton(), ref, as_json)


@app.command()
def accesses(
    ref: Ref,
    by: Annotated[str | None, typer.Option("--by", help="RPPS number of the professional.")] = None,
    site: Annotated[str | None, typer.Option("--site", help="Code of the establishment.")] = None,
    since: Annotated[datetime | None, typer.Option("--since", help="ISO 8601, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="ISO 8601, UTC.")] = None,
    emergency: Annotated[bool | None, typer.Option("--emergency/--no-emergency")] = None,
    as_json: AsJson = False,
) -> None:
    """Every access asked for, granted, denied or opened in emergency."""
    found = accesses_of(krypton(), ref, by=by, site=site, since=utc(since), until=utc(until), emergency=emergency)
    if as_json:
        document(found)
        return
    table(found, COLUMNS, f"Accesses to {ref}")
