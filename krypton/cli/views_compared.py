"""krypton views diff and check: what versions of a view differ in, what that means, what a promotion would do."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from krypton.cli.calling import OWN, As
from krypton.cli.connection import settled
from krypton.cli.options import AsJson
from krypton.cli.output import document, err, out, table
from krypton.cli.views_words import DECIDED, by_rule, meant, worded
from krypton.progress import progress, stages
from projections.declared import VIEWS, refuse_unknown

if TYPE_CHECKING:
    from projections.versions.diff import Pair

View = Annotated[str, typer.Argument(help=f"One of {', '.join(VIEWS)}.")]
Version = Annotated[int | None, typer.Option("--version", help="Which one; without it, the newest that is ready.")]
DIFFERENT = 1
ROWS = ("table", "added", "gone", "changed", "columns")
TOLD = ("persons", "doses")
"""What a view tells beyond rows."""
Found = list[dict[str, Any]]


def diff(
    view: View,
    version: Version = None,
    rows: Annotated[str | None, typer.Option("--rows", help="List the rows of this table that differ.")] = None,
    listing: Annotated[bool, typer.Option("--list", help="List what the differences mean, one by one.")] = False,
    offset: Annotated[int, typer.Option("--offset", min=0, help="Of a listing: how many to leave out.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Of a listing: how many at most.")] = 100,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """What a candidate would change for readers: counts, or a listing; 1 when anything differs."""
    from krypton.views import compare

    refuse_unknown(view)
    ours = settled()
    with ours.snapshot() as connection:
        pair = compare.with_candidate(ours, connection, view, version)
        if rows or listing:
            found = _page(connection, pair, rows, offset, limit)
            _list(found, as_json)
            different = bool(found) or _rows_differ(connection, pair)
            if different and not found:
                err.print(f"nothing to list here, yet they differ: see krypton views diff {view}")
        else:
            summary = _counted(connection, pair)
            print_summary(summary, as_json)
            different = not summary["equal"]
    if different:
        raise typer.Exit(DIFFERENT)


def check(view: View, who: As = OWN, as_json: AsJson = False) -> None:
    """Compare the live version with a temporary rebuild; exit code 1 if anything differs."""
    from krypton.views import check, lag, rebuild

    ours = settled()
    total = lag.records_of(ours, view)
    rebuild.yield_to_others()
    with progress(f"{view}, built aside", total) as bar:
        summary = check.check(ours, view, bar.advance)
    print_summary(summary, as_json)
    if not summary["equal"]:
        raise typer.Exit(DIFFERENT)


def _page(connection: Any, pair: "Pair", rows: str | None, offset: int, limit: int) -> Found:
    """Of one table the ``rows`` that differ; without its name, what differences mean."""
    from projections.versions import diff

    if rows:
        return diff.listing(connection, pair, rows, offset, limit)
    with stages() as tell:
        return diff.meaning(connection, pair, offset, limit, tell)


def _rows_differ(connection: Any, pair: "Pair") -> bool:
    from projections.versions import diff

    with stages() as tell:
        return not diff.equal(connection, pair, tell)


def _counted(connection: Any, pair: "Pair") -> dict[str, Any]:
    """The counts of a diff; on a large view this takes a while."""
    from projections.versions import diff

    with stages() as tell:
        return diff.summary(connection, pair, tell)


def _list(found: Found, as_json: bool) -> None:
    if as_json:
        document(found)
        return
    table([worded(row) for row in found], tuple(found[0]) if found else (), "Differences")


def print_summary(summary: Mapping[str, Any], as_json: bool) -> None:
    """The counts of a diff."""
    if as_json:
        document(summary)
        return
    _warn(summary)
    table(summary["tables"], ROWS, f"{summary['view']}, rows")
    _meant(summary, "What it means")
    out.print(f"v{summary['live']} and v{summary['candidate']} " + ("are equal" if summary["equal"] else "differ"))


def print_preview(found: Mapping[str, Any], as_json: bool) -> None:
    """What a promotion would do (``krypton.views.preview``)."""
    if as_json:
        document(found)
        return
    view, live, candidate = found["view"], f"v{found['live']}", f"v{found['candidate']}"
    _warn(found)
    if found["unfinished"]:
        said = "a promotion, rollback or drop was cut short, and some of this may follow from it"
        err.print(f"{said}: krypton views status completes it")
    out.print(f"nothing was written; {view} {candidate} would take the place of {live}")
    table([row for row in found["tables"] if any(row[name] for name in ROWS[1:])], ROWS, "Rows that readers would see")
    _meant(found, "What readers would see")
    decisions = [{**one, "decision": DECIDED[one["decision"]], "by": by_rule(one)} for one in found["decisions"]]
    table(decisions, ("count", "decision", "by"), "What would be decided")
    if found["rules"] == found["former_rules"]:
        out.print(f"{candidate} has the rules of {live}: nothing is decided")
    elif found.keys() & set(TOLD):
        out.print(f"who that is: krypton views diff {view} --version {found['candidate']} --list")


def _warn(summary: Mapping[str, Any]) -> None:
    if not summary["settled"]:
        err.print("the two have not read equally far: some of what differs is only lag")
    if any(summary["dead_letters"].values()):
        waiting = " and ".join(f"{count} in v{summary[side]}" for side, count in summary["dead_letters"].items())
        err.print(f"dead letters: {waiting}; see krypton dead-letters list")


def _meant(summary: Mapping[str, Any], title: str) -> None:
    for name in TOLD:
        if name in summary:
            table(meant(summary[name]), ("count", "what"), title)


def add_to(app: typer.Typer) -> None:
    """The commands of the group."""
    app.command("diff")(diff)
    app.command("check")(check)
