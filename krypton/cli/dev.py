"""krypton dev: starts and stops the embedded Kafka and PostgreSQL for development.

``main`` turns errors into exit codes.
"""

import http.client
import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from krypton.cli.groups import command_group
from krypton.cli.roles import write_for_development
from krypton.devstack.home import StackHome
from krypton.devstack.stack import ServiceStatus, Stack
from krypton.devstack.teller import Advance
from krypton.devstack.tools import TOOLS, command
from krypton.errors import ServiceUnavailable
from krypton.home import cache_folder
from krypton.settings import Settings

if TYPE_CHECKING:
    from krypton.devstack.sign_in import LocalProvider

app = command_group("The embedded Kafka and PostgreSQL, for development: nothing to install.")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


class Screen:
    """Tells the stack's steps on standard error; a bar for a download, where that is a terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)

    def say(self, text: str) -> None:
        """Show one step."""
        self._console.print(text, style="dim", highlight=False)

    @contextmanager
    def downloading(self, what: str, size_bytes: int) -> Iterator[Advance]:
        """Show bytes, rate and time left."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, disable=not self._console.is_terminal) as bar:
            task = bar.add_task(what, total=size_bytes)
            yield lambda more: bar.advance(task, more)


def stack() -> Stack:
    """The stack of the current directory, or of KRYPTON_HOME."""
    settings = Settings.read(os.environ, Path.cwd())
    return Stack(
        settings.home,
        given_kafka=settings.kafka,
        given_database=settings.database,
        tell=Screen(),
        secure=settings.dev_secure,
    )


def local_provider(settings: Settings) -> "LocalProvider":
    """The local provider of sign-in."""
    from krypton.devstack.sign_in import LocalProvider

    home = StackHome(settings.home.resolve())
    return LocalProvider(home, cache_folder(home.root), Screen(), settings.public_origin)


@app.command()
def up(as_json: AsJson = False) -> None:
    """Start Kafka and PostgreSQL; returns when both answer. Safe to repeat.

    Writes a roles file that gives whoever starts them every role, where there is none and the database is the embedded
    one.
    """
    ours, settings = stack(), Settings.read(os.environ, Path.cwd())
    ours.up()
    if settings.database is None and write_for_development(settings):
        Screen().say(f"you have every role ({settings.roles}): a command takes the one that it needs, or --as")
    _show(ours.status(), as_json)


@app.command("sign-in")
def sign_in() -> None:
    """Start a local provider of sign-in, with people who do not exist; the web service finds it when it starts.

    It is fetched once, with npm. Writes the providers file, where nobody else wrote one.
    """
    from krypton.devstack.sign_in import write_providers

    settings = Settings.read(os.environ, Path.cwd())
    provider = local_provider(settings)
    issuer = provider.up()
    if write_providers(provider, issuer, settings.web_providers):
        Screen().say(
            f"browsers sign in there ({settings.web_providers}): "
            "start krypton run, or krypton serve web, again if it runs"
        )
    typer.echo(f"provider {issuer}")
    typer.echo(f"sign in at {provider.origin}/sign-in")


@app.command()
def down() -> None:
    """Stop all of them cleanly. Their data stays."""
    local_provider(Settings.read(os.environ, Path.cwd())).down()
    stack().down()


@app.command()
def status(as_json: AsJson = False) -> None:
    """One line per service, ending in its address. Exit code 4 when Kafka or the database does not answer."""
    services = stack().status()
    _show([*services, _registry()], as_json)  # which krypton run starts, so it counts not as missing
    if missing := [service for service in services if not service.up]:
        names = " and ".join(service.service for service in missing)
        raise ServiceUnavailable(f"no answer from {names}: {_remedy(missing)}")


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def tool(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(TOOLS)}.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Of the tool, as kafka-NAME.sh takes them.")] = None,
) -> None:
    """Run one of Kafka's own command line tools; fetched from Maven Central when first used."""
    if name not in TOOLS:
        raise typer.BadParameter(f"no tool {name}: there are {', '.join(TOOLS)}")
    settings = Settings.read(os.environ, Path.cwd())
    line = command(name, arguments or [], cache_folder(settings.home), Screen())
    os.execv(line[0], line)  # noqa: S606 - a list: a known program and its arguments


@app.command()
def samples(folder: Annotated[Path, typer.Argument(help="Made where it is missing.")]) -> None:
    """Write synthetic DICOM files of two hospitals, to try the ledger with: docs/tutorial.md uses them."""
    from krypton.devstack.samples import write

    typer.echo(f"{len(write(folder))} files in {folder}")


@app.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Stop them and delete all they hold: events, views, keys, instances. Downloads, ports and logs stay."""
    ours = stack()
    if not yes:
        typer.confirm(f"Delete every event, view and key in {ours.root}?", abort=True, err=True)
    ours.reset()


def _show(services: list[ServiceStatus], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"services": [asdict(service) for service in services]}))
        return
    for service in services:
        words = [service.service, *([] if service.up else ["down"]), *filter(None, [service.address])]
        typer.echo(" ".join(words))


def _registry() -> ServiceStatus:
    """Whether a schema registry answers where ours would."""
    settings = Settings.read(os.environ, Path.cwd())
    url = f"http://{settings.registry_host}:{settings.registry_port}"
    try:
        with urllib.request.urlopen(f"{url}/subjects", timeout=2) as answer:  # noqa: S310 - http, and ours
            up = answer.status == 200
    except (OSError, http.client.HTTPException):
        up = False
    return ServiceStatus("registry", up, False, url)


def _remedy(missing: list[ServiceStatus]) -> str:
    """What to do about services that do not answer."""
    given = [f"start the one that KRYPTON_{service.service.upper()} names" for service in missing if service.given]
    ours = [] if all(service.given for service in missing) else ["run krypton dev up"]
    return ", and ".join(given + ours)
