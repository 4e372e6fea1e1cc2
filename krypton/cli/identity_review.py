"""krypton identity review: the clerk's worklist of pairs and identities that wait for a decision.

Parses and prints; ``main`` turns refusals into exit codes.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from domain.actors import Role
from domain.commands.links import Dismiss
from domain.commands.reviews import Assign, Postpone
from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import ask, asker, assigner_of, envelope, krypton
from krypton.cli.given import BECAUSE, Because
from krypton.cli.groups import command_group
from krypton.cli.identity_pairs import DryRun, EvenThough, merge_asking, merging, part, preview
from krypton.cli.options import AsJson, CommandId, Limit, utc
from krypton.cli.output import document, err, out, written
from krypton.cli.pairs import pair, print_evidence
from krypton.cli.review_named import One, Other, OtherOf, WaitsAs, What, sides, waits
from krypton.queries.review import pair_to_review, pairs_to_review
from krypton.queries.worklists import PAGE
from projections.identity_index.waiting import Wanted

NOBODY: Final = "nobody"
CLERK: Final = f"{Role.CLERK}:"
DECIDE: Final = """one person: krypton identity review accept PAIR --reason …
two persons: krypton identity review dismiss PAIR --reason …
two persons for ever: krypton identity bar ONE OTHER --reason …
one identity, settled: krypton identity flag REF FLAG --clear --reason …
not yet: krypton identity review postpone WHAT --until DAY --reason …
somebody else's: krypton identity review assign WHAT --to clerk:CODE --reason …
PAIR is a link or the two identities; krypton identity review show PAIR weighs
them. WHAT is a pair, or one identity that waits alone."""


def day(text: str) -> datetime:
    """A day, or a time, as typed; UTC where it says no zone. Raises BadParameter."""
    try:
        return utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):  # the latter: the first hours of year 1, in a zone
        raise typer.BadParameter("that is no day: write YYYY-MM-DD, or YYYY-MM-DDTHH:MM") from None


class Kind(StrEnum):
    """What waits for a decision."""

    PROPOSAL = "proposal"
    DUPLICATE = "duplicate"
    COLLISION = "collision"
    DOUBTFUL_NUMBER = "doubtful-number"


class Order(StrEnum):
    """What comes first."""

    RISK = "risk"
    AGE = "age"


def clerk(named: str) -> str:
    """A clerk as work is given to one. Raises BadParameter, which repeats nothing: it may be a name."""
    if not named.startswith(CLERK):
        raise typer.BadParameter(f"a clerk is written {CLERK} and a code without spaces, as in {CLERK}front-desk")
    return named


def review_list(
    link: Annotated[UUID | None, typer.Option("--link", help="That pair alone, by its link.")] = None,
    kind: Annotated[
        list[Kind] | None,
        typer.Option(
            "--kind", help="Only these: two of two assigners, two of one, a number or identity of two people, a number."
        ),
    ] = None,
    assigner: Annotated[str | None, typer.Option("--assigner", help="Only with identities of this one.")] = None,
    older_than: Annotated[
        int | None, typer.Option("--older-than", min=0, max=36_500, metavar="DAYS", help="Waiting longer than this.")
    ] = None,
    assigned_to: Annotated[
        str | None, typer.Option("--assigned-to", help="Only those of this clerk, as clerk:<code>; nobody: of none.")
    ] = None,
    postponed: Annotated[bool, typer.Option("--postponed", help="Those that are postponed, too.")] = False,
    order: Annotated[Order, typer.Option("--order", help="Most at risk and gained first, or the oldest.")] = Order.RISK,
    page: Annotated[int, typer.Option("--page", min=1, max=1_000_000, help="Of --limit entries each.")] = 1,
    limit: Limit = PAGE,
    who: As = OWN,
    reason: Why = ASKED,
    as_json: AsJson = False,
) -> None:
    """What waits for a decision: proposals, duplicates, collisions, doubtful numbers."""
    ours = krypton()
    wanted = Wanted(
        link=str(link) if link else None,
        kinds=tuple(kind) if kind else None,
        assigner=assigner_of(ours, assigner),
        by_age=order is Order.AGE,
        skip=(page - 1) * limit,
        assigned_to="" if assigned_to == NOBODY else assigned_to and clerk(assigned_to),
    )
    found = pairs_to_review(
        ours,
        asker(ours, who, reason),
        limit=limit,
        wanted=wanted,
        evidence=as_json,
        older_than=older_than,
        postponed=postponed or link is not None,
    )
    if as_json:
        document(found)
        return
    _print(found, wanted.skip, page)


def _print(found: Sequence[Mapping[str, Any]], skipped: int, page: int) -> None:
    if not found and page > 1:
        out.print(f"To review: none on page {page}", bold=True)
        return
    of = found[0]["of"] if found else 0
    shown = f"{skipped + 1} to {skipped + len(found)} of {of}" if of > len(found) else str(of or "none")
    out.print(f"To review: {shown}", bold=True)
    for one in found:
        pair(one)
    if found:
        err.print(DECIDE)
    if skipped + len(found) < of:
        err.print(f"more: --page {page + 1}")


def show(one: One, other: Other = None, who: As = OWN, reason: Why = ASKED, as_json: AsJson = False) -> None:
    """Two identities side by side, with what speaks for and against them being one person, in words and bits."""
    ours = krypton()
    low, high = sides(ours, one, other)
    found = pair_to_review(ours, asker(ours, who, reason), str(low), str(high))
    if as_json:
        document(found)
        return
    pair(found)
    print_evidence(found["evidence"])


def accept(
    one: One,
    other: Other = None,
    reason: Because = BECAUSE,
    even_though: EvenThough = None,
    dry_run: DryRun = False,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Merge a pair that waits."""
    ours = krypton()
    command = merging(*sides(ours, one, other), reason, even_though)
    if dry_run:
        preview(ours, who, "identity.review.accept", command, as_json)
    else:
        merge_asking(ours, command, envelope(who.actor(), command_id), as_json)


def dismiss(
    one: One,
    other: Other = None,
    reason: Because = BECAUSE,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Remove a pair from the list: two persons. Unlike a bar it lets people merge them later."""
    ours = krypton()
    low, high = sides(ours, one, other)
    command = Dismiss(one=low, other=high, reason=reason)
    written(part(ours, command, envelope(who.actor(), command_id)), as_json)


def postpone(
    one: What,
    other: OtherOf = None,
    until: Annotated[
        datetime | None, typer.Option("--until", parser=day, metavar="DAY", help="The day, or time, it is back.")
    ] = None,
    back: Annotated[bool, typer.Option("--back", help="Put it back on the list at once.")] = False,
    kind: WaitsAs = None,
    reason: Because = BECAUSE,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Take what waits off the list until a day: papers are awaited. Needs --until or --back."""
    if (until is None) is not back:
        raise typer.BadParameter("say when it is back: --until a day, or --back for at once")
    ours = krypton()
    what = waits(ours, one, other, kind)
    ask(ours, Postpone(what=what, until=until, reason=reason), who, command_id, as_json)


def assign(
    one: What,
    other: OtherOf = None,
    to: Annotated[str | None, typer.Option("--to", help="A clerk, as clerk:<code>; without it oneself.")] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="To nobody any more.")] = False,
    kind: WaitsAs = None,
    reason: Because = BECAUSE,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Give what waits to one clerk, who is to decide."""
    if nobody and to is not None:
        raise typer.BadParameter("--to and --nobody exclude each other: leave one out")
    whose = None if nobody else who.actor() if to is None else clerk(to)
    ours = krypton()
    what = waits(ours, one, other, kind)
    ask(ours, Assign(what=what, assigned_to=whose, reason=reason), who, command_id, as_json)


def add_to(app: typer.Typer) -> None:
    """The group of what waits for a decision."""
    review = command_group("What waits for a human decision on who is who.")
    review.command("list")(review_list)
    review.command("show")(show)
    review.command("accept")(accept)
    review.command("dismiss")(dismiss)
    review.command("postpone")(postpone)
    review.command("assign")(assign)
    app.add_typer(review, name="review")
