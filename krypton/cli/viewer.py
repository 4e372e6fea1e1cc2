"""krypton viewer: brings the viewer's program, which is no part of Krypton's own packages."""

import os
from pathlib import Path
from typing import Annotated

import typer

from krypton.cli.groups import command_group
from krypton.settings import Settings

app = command_group("The viewer of images in a browser: its program, OHIF.")


@app.command()
def fetch(
    package: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A file of the package, where this machine reaches no registry."
        ),
    ] = None,
    minifier: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The same of esbuild's package for this kind of machine."),
    ] = None,
) -> None:
    """Fetch the viewer's program with npm, once; safe to repeat. The web service serves it from its next start on."""
    from krypton.ohif.fetch import fetched

    folder = Settings.read(os.environ, Path.cwd()).web_viewer
    typer.echo(str(fetched(folder, lambda line: typer.echo(line, err=True), package, minifier)))
