"""krypton identity merge, unmerge, bar, unbar, review: decisions on pairs of local identities.

Parses and prints; ``main`` turns refusals into exit codes.
"""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import typer

from domain.commands.links import Bar, Dismiss, Merge, Unbar, Unmerge
from domain.errors import JoinedByOthers, TraitsDiffer
from krypton.bootstrap import Krypton
from krypton.cli.calling import ASKED, OWN, Acting, As, Why
from krypton.cli.connection import ask, asker, envelope, krypton
from krypton.cli.given import BECAUSE, Because, confirm
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId, Limit, Ref
from krypton.cli.output import document, err, out, written
from krypton.cli.pairs import pair
from krypton.cli.preview import print_preview
from krypton.queries.worklists import PAGE, pairs_to_review


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
Link = Annotated[UUID | None, typer.Option("--link", help="That pair alone, by its link.")]
DECIDE = """one person: krypton identity review accept ONE OTHER --reason …
two persons: krypton identity review dismiss ONE OTHER --reason …
ONE and OTHER are the identities of a pair"""


def statement(kind: type[Any], meaning: str) -> Callable[..., None]:
    """The command that says one thing of a pair: bar, unbar and dismiss differ in nothing else."""

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


def merging(task: str, meaning: str) -> Callable[..., None]:
    """The command that merges a pair: where sex or birth date differ, it asks (L6)."""

    def say(
        one: Ref,
        other: Ref,
        reason: Because = BECAUSE,
        even_though: EvenThough = None,
        dry_run: DryRun = False,
        who: As = OWN,
        command_id: CommandId = None,
        as_json: AsJson = False,
    ) -> None:
        ours, by = krypton(), envelope(who.actor(), command_id)
        known = tuple(trait.name.lower() for trait in even_though or ())
        command = Merge(one=ours.resolve(one), other=ours.resolve(other), reason=reason, even_though=known)
        if dry_run:
            _preview(ours, who, task, replace(command, even_though=tuple(d.name.lower() for d in Differing)), as_json)
            return
        try:
            answer = ours.execute(command, by)
        except TraitsDiffer as differ:
            confirm(f"{str(differ).partition(':')[0]}. Merge them all the same?", differ)
            answer = ours.execute(replace(command, even_though=differ.differing), by)
        written(answer, as_json)

    say.__doc__ = meaning
    return say


def _preview(ours: Krypton, who: Acting, task: str, command: Merge | Unmerge, as_json: bool) -> None:
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
        _preview(ours, who, "identity.unmerge", command, as_json)
        return
    try:
        answer = ours.execute(command, by)
    except JoinedByOthers as joined:
        if len(joined.cut) > 1:
            raise
        confirm(f"{str(joined).partition(';')[0]}. Unmerge {' and '.join(joined.cut[0])} instead?", joined)
        low, high = map(UUID, joined.cut[0])
        answer = ours.execute(replace(command, one=low, other=high), by)
    written(answer, as_json)
    if still := answer.result.get("still_joined_by"):
        pairs = "; ".join(" and ".join(pair) for pair in still)
        err.print(f"the two are one person still, by other pairs; to part them unmerge, too: {pairs}")


def review_list(
    link: Link = None, limit: Limit = PAGE, who: As = OWN, reason: Why = ASKED, as_json: AsJson = False
) -> None:
    """Proposals, and merged pairs that a bar holds back, oldest first."""
    ours = krypton()
    found = pairs_to_review(ours, asker(ours, who, reason), limit=limit, link=link)
    if as_json:
        document(found)
        return
    out.print(f"To review: {len(found) or 'none'}", bold=True)
    for one in found:
        pair(one)
    if found:
        err.print(DECIDE)
    if len(found) == limit:
        err.print(f"there may be more than these {limit}: decide on them, or raise --limit")


def add_to(app: typer.Typer) -> None:
    """The commands on pairs, and the group of those that wait for a decision."""
    app.command("merge")(
        merging("identity.merge", "Merge two local identities into one person; can be undone at any time.")
    )
    app.command("unmerge")(unmerge)
    app.command("bar")(statement(Bar, "Bar two identities from ever being merged."))
    app.command("unbar")(statement(Unbar, "Lift the bar of a pair."))
    review = command_group("Pairs that wait for a human decision.")
    review.command("list")(review_list)
    review.command("accept")(merging("identity.review.accept", "Merge a proposed pair."))
    review.command("dismiss")(statement(Dismiss, "Remove a proposed pair from the list."))
    app.add_typer(review, name="review")
