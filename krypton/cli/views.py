"""krypton views: builds, promotes, rolls back and drops versions of the views, and shows which there are.

A view's next version is built beside the live one, compared (``views_compared``), promoted or dropped.

Each command but a dry run first finishes what a promotion that was killed half-way left undone.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from krypton.cli import views_compared
from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton, settled
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId
from krypton.cli.output import document, err, out, table
from krypton.cli.views_compared import Version, View, print_preview
from krypton.cli.views_words import AFTERWARDS, DECIDED
from krypton.progress import progress, stages
from projections.declared import refuse_unknown

if TYPE_CHECKING:
    from krypton.views.rebuild import Built

app = command_group("Views: their versions, rebuilt, compared, promoted.")
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what it would change and decide; write nothing.")]
COLUMNS = ("view", "version", "state", "ours", "until", "position", "lag", "dead_letters", "rows", "rules")


@app.command()
def status(who: As = OWN, as_json: AsJson = False) -> None:
    """Every version of every view: state, position, lag in events, rows, the rules that it was made with.

    ``ours``: made by this program, which keeps it up to date; ``until``: where it was to stop.
    """
    from krypton.views.lag import views_status

    found = views_status(settled())
    if as_json:
        document(found)
        return
    table(found, COLUMNS, "Views")


@app.command()
def rebuild(
    view: View,
    rules: Annotated[
        list[str] | None,
        typer.Option("--rules", help="KIND@VERSION, once per kind; other kinds stay as the live version has them."),
    ] = None,
    until: Annotated[int | None, typer.Option("--until", help="The last ledger position to apply.")] = None,
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="Without it, one fewer than cores, at most 3.")
    ] = None,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """Build the view's next version from Kafka; if it is killed, the same command resumes."""
    from domain.rules.document import RuleId
    from krypton.views import rebuild

    asked = tuple(RuleId.parse(text) for text in rules or ())
    ours, wish = settled(), rebuild.Wish(view, until, processes, rules=asked)
    started = rebuild.begin(ours, wish)
    rebuild.yield_to_others()
    if started.resumed:
        err.print(f"resuming {view} v{started.version}: {started.resumed} events are done already")
    with progress(f"{view} v{started.version}", sum(part.end for part in started.todo)) as bar:
        built = rebuild.run(ours, wish, started, bar.advance)
    _built(built, until, as_json)


@app.command()
def promote(
    view: View,
    version: Version = None,
    force: Annotated[bool, typer.Option("--force", help="Though it lags, or was built --until a position.")] = False,
    dry_run: DryRun = False,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Make a ready version the live one; the former one is kept up to date until it is dropped.

    Refused while it lags behind the one that they see. Decisions that its rules newly call for are raised then, once.
    """
    from krypton.views import foreseen, promote
    from projections.versions import promotable

    refuse_unknown(view)
    if dry_run:
        _preview(view, version, force=force, as_json=as_json)
        return
    ours = settled()
    if done := promote.answered(ours, command_id, who.actor()):  # before a candidate is looked for: it is live now
        _switched(done, as_json)
        return
    with ours.snapshot() as connection:
        candidate = promotable.candidate(connection, view, version)
    promote.check_promotable(ours, view, candidate, force=force)
    with stages() as tell:
        summary, due = foreseen.compared(ours, view, candidate, tell, timeout_s=promote.SHORT_S)
    with stages() as tell:
        done = promote.promote(
            ours, view, candidate, who.actor(), command_id, summary=summary, foreseen=due, force=force, tell=tell
        )
    _switched(done, as_json)


def _preview(view: str, version: int | None, *, force: bool, as_json: bool) -> None:
    """What the promotion would do. What was left undone before is not finished here: that would write."""
    from krypton.views import preview
    from projections.versions import promotable

    ours = krypton()
    with ours.snapshot() as connection:
        candidate = promotable.candidate(connection, view, version)
    with stages() as tell:
        found = preview.preview(ours, view, candidate, force=force, tell=tell)
    print_preview(found, as_json)


@app.command()
def rollback(view: View, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False) -> None:
    """Make the version that was live before live again."""
    from krypton.views import promote

    refuse_unknown(view)
    ours = settled()
    with stages() as tell:
        done = promote.rollback(ours, view, who.actor(), command_id, tell=tell)
    _switched(done, as_json)


@app.command()
def drop(
    view: View,
    version: Annotated[int, typer.Option("--version", help="Which one; never the live one.")],
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Remove a version: its tables, positions and dead letters."""
    from krypton.views import promote

    refuse_unknown(view)
    _switched(promote.drop(settled(), view, version, who.actor(), command_id), as_json)


def _built(built: "Built", until: int | None, as_json: bool) -> None:
    """What a rebuild made. ``until``: the last ledger position of it."""
    seconds = built.fold_s + built.index_s
    rate = built.events / seconds if seconds else 0.0
    if as_json:
        told = {"view": built.view, "version": built.version, "events": built.events}
        document({**told, "dead_letters": built.dead_letters, "seconds": seconds, "events_per_s": rate})
        return
    out.print(f"{built.view} v{built.version} is ready: {built.events:,} events in {seconds:.1f} s, {rate:,.0f}/s")
    if built.dead_letters:
        err.print(f"{built.dead_letters} events are dead letters of it: see krypton dead-letters list")
    if until is not None:
        err.print(f"it holds nothing after position {until}, and is not kept up to date")
    err.print(f"next: krypton views diff {built.view}, then promote or drop it")


def _switched(done: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        document(done)
        return
    was = f", was v{done['former']}" if done["former"] else ""
    what = done["what"].replace("_", " ")
    out.print(f"{done['view']} v{done['version']} {what}{was}; written at {done['position']}")
    for name, count in (done["decided"] or {}).items():
        out.print(f"  {count} {(DECIDED | AFTERWARDS)[name]}")
    if done["waits_for"]:
        later = "krypton run raises them as soon as it can, or the next krypton views command"
        err.print(f"decisions newly due are not raised yet: {done['waits_for']}; {later}")


views_compared.add_to(app)
