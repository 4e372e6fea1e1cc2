"""krypton identity split: takes apart an identity that holds two people.

Parses and prints; ``main`` turns refusals into exit codes.
"""

from typing import Annotated, Final
from uuid import UUID

import typer

from krypton.cli.calling import OWN, As
from krypton.cli.connection import ask, krypton
from krypton.cli.given import BECAUSE, Because, From, all_told, line
from krypton.cli.identity_pairs import DryRun
from krypton.cli.options import AsJson, BirthDate, BirthPlace, CommandId, Ref, SexOf
from krypton.cli.output import document, err, table
from krypton.cli.preview import print_preview
from krypton.queries.split import preview_of_split, studies_to_split

STUDIES: Final = ("study", "site", "started_at", "received_at", "instances", "said")


def split(
    ref: Ref,
    study: Annotated[
        list[UUID] | None, typer.Option("--study", help="A study of the other person; once for each.")
    ] = None,
    family: Annotated[str | None, typer.Option("--family", callback=line, help="Birth name of the other.")] = None,
    given: Annotated[str | None, typer.Option("--given", callback=line, help="First given name of the other.")] = None,
    birth_date: BirthDate = None,
    sex: SexOf = None,
    birth_place: BirthPlace = None,
    source: From = None,
    reason: Because = BECAUSE,
    dry_run: DryRun = False,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Give studies of an identity that holds two people to a new one under its number, flagged as a collision. Without
    --study it lists them. A merge of the two takes it back."""
    ours = krypton()
    if not study:
        found = studies_to_split(ours, who.caller(reason), ref)
        if as_json:
            document(found)
            return
        table(found["studies"], STUDIES, f"Studies of {found['identity']}")
        err.print("the other person's: krypton identity split REF --study … --study … --dry-run --reason …")
        return
    from domain.commands.splits import Split  # it compares people: what only reads is spared what does

    typed = {"family": family, "given": given, "birth_date": birth_date, "sex": sex, "birth_place": birth_place}
    stated = all_told(typed, source)
    command = Split(identity=ours.resolve(ref), studies=tuple(study), stated=stated, reason=reason)
    if dry_run:
        print_preview(preview_of_split(ours, who.caller(reason), command), as_json)
    else:
        ask(ours, command, who, command_id, as_json)


def add_to(app: typer.Typer) -> None:
    """The command of the group."""
    app.command()(split)
