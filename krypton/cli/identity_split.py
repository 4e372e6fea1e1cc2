"""krypton identity split: takes apart an identity that holds two people, and takes that back.

Parses and prints; ``main`` turns refusals into exit codes.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from krypton.bootstrap import Krypton
from krypton.cli.calling import OWN, Acting, As
from krypton.cli.connection import ask, krypton
from krypton.cli.given import BECAUSE, Because, From, all_told, line
from krypton.cli.identity_pairs import DryRun
from krypton.cli.options import AsJson, BirthDate, BirthPlace, CommandId, Ref, SexOf
from krypton.cli.output import document, err, table
from krypton.cli.preview import print_preview
from krypton.queries.split import held_to_split, preview_of_split, preview_of_undo

STUDIES: Final = ("study", "site", "started_at", "received_at", "instances", "said")
ORDERS: Final = ("order", "site", "state", "placed_at", "scheduled_at", "scheduled_for", "study")


def split(
    ref: Ref,
    study: Annotated[
        list[UUID] | None, typer.Option("--study", help="A study of the other person; once for each.")
    ] = None,
    order: Annotated[
        list[UUID] | None, typer.Option("--order", help="An order of the other person; once for each.")
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take the split back by which REF came about, such as CHU-BDX|123#2.")
    ] = False,
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
    """Give studies and orders of an identity that holds two people to a new one under its number, flagged as a
    collision. Without --study and --order it lists them. --undo takes it back."""
    ours = krypton()
    typed = {"family": family, "given": given, "birth_date": birth_date, "sex": sex, "birth_place": birth_place}
    if undo:
        _refuse_beside(study, order, source, *typed.values())
        _undone(ours, ref, reason, who, dry_run=dry_run, command_id=command_id, as_json=as_json)
    elif not study and not order:
        _listed(held_to_split(ours, who.caller(reason), ref), as_json)
    else:
        from domain.commands.splits import Split  # it compares people: what only reads is spared what does

        command = Split(
            identity=ours.resolve(ref),
            studies=tuple(study or ()),
            orders=tuple(order or ()),
            stated=all_told(typed, source),
            reason=reason,
        )
        if dry_run:
            print_preview(preview_of_split(ours, who.caller(reason), command), as_json)
        else:
            ask(ours, command, who, command_id, as_json)


def _refuse_beside(*given: object) -> None:
    """Raises BadParameter."""
    if any(given):
        raise typer.BadParameter(
            "a split is taken back whole: leave out studies, orders and what is known of the other", param_hint="--undo"
        )


def _undone(
    ours: Krypton, ref: str, reason: str, who: Acting, *, dry_run: bool, command_id: UUID | None, as_json: bool
) -> None:
    from domain.commands.splits import UndoSplit

    command = UndoSplit(identity=ours.resolve(ref), reason=reason)
    if dry_run:
        print_preview(preview_of_undo(ours, who.caller(reason), command), as_json)
    else:
        ask(ours, command, who, command_id, as_json)


def _listed(found: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        document(found)
        return
    shown: Sequence[tuple[str, Sequence[str]]] = (("studies", STUDIES), ("orders", ORDERS))
    for name, columns in shown:
        table(found[name], columns, f"{name.capitalize()} of {found['identity']}")
    err.print("the other person's: krypton identity split REF --study … --order … --dry-run --reason …")


def add_to(app: typer.Typer) -> None:
    """The command of the group."""
    app.command()(split)
