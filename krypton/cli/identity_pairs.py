"""krypton identity merge, unmerge, bar, unbar: decisions on pairs of local identities.

Parses and prints; ``main`` turns refusals into exit codes.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID, uuid5

import typer

from domain.commands.links import Bar, Dismiss, Merge, Unbar, Unmerge
from domain.errors import JoinedByOthers, NothingToChange, TraitsDiffer
from domain.ports import Answer
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.cli.calling import OWN, Acting, As
from krypton.cli.connection import ask, envelope, krypton
from krypton.cli.given import BECAUSE, Because, confirm
from krypton.cli.options import AsJson, CommandId, Ref
from krypton.cli.output import err, written
from krypton.cli.preview import print_preview


class Differing(StrEnum):
    """What people may differ in and be one person all the same."""

    SEX = "sex"
    BIRTH_DATE = "birth-date"


EvenThough = Annotated[
    list[Differing] | None,
    typer.Option("--even-though", help="Merge though the two differ in this; once for each that differs."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show who would be one person and what each would have; write nothing.")
]


def statement(kind: type[Any], meaning: str) -> Callable[..., None]:
    """The command that says one thing of a pair: bar and unbar differ in nothing else."""

    def say(
        one: Ref,
        other: Ref,
        reason: Because = BECAUSE,
        who: As = OWN,
        command_id: CommandId = None,
        as_json: AsJson = False,
    ) -> None:
        ours = krypton()
        command = kind(one=ours.resolve(one), other=ours.resolve(other), reason=reason)
        ask(ours, command, who, command_id, as_json)

    say.__doc__ = meaning
    return say


def merge(
    one: Ref,
    other: Ref,
    reason: Because = BECAUSE,
    even_though: EvenThough = None,
    dry_run: DryRun = False,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Merge two local identities into one person; can be undone at any time."""
    ours = krypton()
    command = merging(ours.resolve(one), ours.resolve(other), reason, even_though)
    if dry_run:
        preview(ours, who, "identity.merge", command, as_json)
    else:
        merge_asking(ours, command, envelope(who.actor(), command_id), as_json)


def merging(one: UUID, other: UUID, reason: str, even_though: Iterable[Differing] | None) -> Merge:
    """The command that merges a pair, with what its caller knows to differ."""
    known = tuple(trait.name.lower() for trait in even_though or ())
    return Merge(one=one, other=other, reason=reason, even_though=known)


def merge_asking(ours: Krypton, command: Merge, by: Envelope, as_json: bool) -> None:
    """Merge; where sex or birth date differ and nobody said so, ask on a terminal (L6)."""
    try:
        answer = ours.execute(command, by)
    except TraitsDiffer as differ:
        confirm(f"{str(differ).partition(':')[0]}. Merge them all the same?", differ)
        answer = ours.execute(replace(command, even_though=differ.differing), by)
    written(answer, as_json)
    if gone := answer.result.get("gives_way"):
        err.print(f"a bar stands between: what rules merged gives way, and waits in review: {_named(gone)}")


def preview(ours: Krypton, who: Acting, task: str, command: Merge | Unmerge, as_json: bool) -> None:
    """Show what a merge or an unmerge would change; of a merge, whatever differs."""
    if isinstance(command, Merge):
        command = replace(command, even_though=tuple(trait.name.lower() for trait in Differing))
    from krypton.queries.preview import preview_of

    caller = who.caller(command.reason)
    print_preview(preview_of(ours, caller, task, command, str(command.one), str(command.other)), as_json)


def unmerge(
    one: Ref,
    other: Ref,
    reason: Because = BECAUSE,
    dry_run: DryRun = False,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Undo a merge, at any time. Of two whom other pairs hold one person it names these pairs, and the one to cut."""
    ours, by = krypton(), envelope(who.actor(), command_id)
    command = Unmerge(one=ours.resolve(one), other=ours.resolve(other), reason=reason)
    if dry_run:
        preview(ours, who, "identity.unmerge", command, as_json)
        return
    answer = part(ours, command, by)
    written(answer, as_json)
    if still := answer.result.get("still_joined_by"):
        err.print(f"the two are one person still, by other pairs; to part them unmerge, too: {_named(still)}")


def part(ours: Krypton, command: Unmerge | Dismiss, by: Envelope) -> Answer:
    """Unmerge or dismiss a pair; where another pair alone holds the two, offer on a terminal to cut that one (L9).

    The pair that was named is then dismissed: else a rule would join the two again.
    """
    try:
        return ours.execute(command, by)
    except JoinedByOthers as joined:
        if len(joined.cut) > 1:
            raise
        confirm(f"{str(joined).partition(';')[0]}. Unmerge {' and '.join(joined.cut[0])} instead?", joined)
        low, high = map(UUID, joined.cut[0])
    return _cut(ours, Unmerge(one=low, other=high, reason=command.reason), command, by)


def _cut(ours: Krypton, cut: Unmerge, named: Unmerge | Dismiss, by: Envelope) -> Answer:
    also = replace(by, command_id=uuid5(by.command_id, "also"), correlation_id=by.command_id)
    first, then = (by, also) if isinstance(named, Unmerge) else (also, by)  # a repeat names the same kind of command
    two = Dismiss(one=named.one, other=named.other, reason=named.reason)
    answer, noted = ours.ledger.execute_many([(cut, first), (two, then)])
    if not isinstance(answer, Answer):
        raise answer
    if isinstance(noted, Answer):
        return replace(answer, positions=answer.positions + noted.positions)
    if isinstance(noted, NothingToChange):  # a human parted the two before
        return answer
    raise noted


def _named(pairs: Iterable[Iterable[str]]) -> str:
    return "; ".join(" and ".join(pair) for pair in pairs)


def add_to(app: typer.Typer) -> None:
    """The commands on pairs."""
    app.command("merge")(merge)
    app.command("unmerge")(unmerge)
    app.command("bar")(statement(Bar, "Bar two identities from ever being merged."))
    app.command("unbar")(statement(Unbar, "Lift the bar of a pair."))
