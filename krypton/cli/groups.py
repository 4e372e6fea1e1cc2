"""Groups the commands, and imports a command's module only when the command runs.

``krypton --help`` needs names and help lines alone. To import every module for them took five times as long as Python
itself takes to start. Help is plain text: a box around it is noise in a pipe, and rich costs more than the rest of it.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter

WHOLE = 1_000
"""Characters that a help line may have: nobody writes a longer first sentence."""
PLAIN: dict[str, Any] = {
    "no_args_is_help": True,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


class Group(TyperGroup):
    """Its help shows the whole first sentence of each command; Typer's would be cut at the width of a line."""

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Names and sentences, those too long for a line on several."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(WHOLE)) for name, command in self.commands.items()])


class Later(TyperCommand):
    """Stands for a command or a group that is not imported yet: its name, its help line, and where it is found."""

    def __init__(self, name: str, line: str, find: Callable[[], "Command"]) -> None:
        super().__init__(name, help=line, rich_markup_mode=None)
        self._find = find

    def make_context(
        self, info_name: str | None, args: list[str], parent: "Context | None" = None, **extra: Any
    ) -> "Context":
        """The context of the command itself, which then runs instead of this."""
        return self._find().make_context(info_name, args, parent, **extra)


def command_group(help_line: str) -> typer.Typer:
    """A new group of commands."""
    return typer.Typer(help=help_line, cls=Group, no_args_is_help=True)


@cache
def whole(help_line: str, modules: tuple[str, ...]) -> typer.Typer:
    """All commands of these modules of ``krypton.cli``, imported now.

    A module has ``app``, a group of the module's name, or ``add_to``, which adds commands of the first level.
    """
    app = typer.Typer(help=help_line, cls=Group, **PLAIN)
    app.callback()(_keep_groups)
    for name in modules:
        module = import_module(f"krypton.cli.{name}")
        if hasattr(module, "add_to"):
            module.add_to(app)
        else:
            app.add_typer(module.app, name=name.replace("_", "-"))
    return app


def lazy(help_line: str, lines: Mapping[str, Mapping[str, str]]) -> typer.Typer:
    """The same commands, each imported when it runs: module, command and its help line."""

    class Root(Group):
        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            for module, commands in lines.items():
                for name, line in commands.items():
                    self.commands[name] = Later(name, line, _finder(help_line, module, name))

    app = typer.Typer(help=help_line, cls=Root, **PLAIN)
    app.callback()(_keep_groups)
    return app


def _finder(help_line: str, module: str, name: str) -> Callable[[], "Command"]:
    return lambda: cast(TyperGroup, get_command(whole(help_line, (module,)))).commands[name]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"krypton {version('krypton')}")
        raise typer.Exit


def _keep_groups(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version and end.")
    ] = False,
) -> None:
    """Typer takes the only group of a command line for the whole of it, unless there is a callback."""
