"""krypton audit: audit queries; each is recorded as an access before it is answered.

Each question is recorded as an access before it is answered.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from krypton.cli import audit_heads, audit_proofs
from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import asker, krypton
from krypton.cli.groups import command_group
from krypton.cli.new_files import new_file, write
from krypton.cli.options import AsJson, Ref, utc
from krypton.cli.output import document, err, facts, out, short, table, when

app = command_group("Histories for auditors, and proof that nothing was altered.")
audit_heads.add_to(app)
audit_proofs.add_to(app)
Whole = Annotated[
    bool,
    typer.Option("--whole", help="Find the person's events by reading the whole ledger, trusting no view; slower."),
]
HISTORY = ("position", "recorded_at", "type", "of", "actor", "reason", "rule", "score", "before", "after")
ACCESSES = ("position", "opened_at", "who", "site", "decision", "task", "ground", "rule", "reason", "ended_at", "shown")
EXPOSED = ("position", "rpps", "site", "ground", "reason", "exposed_from", "exposed_to", "shown")
FROM = "ISO 8601, UTC, included: what was opened from then on, and what was opened before and was open still."
TO = "ISO 8601, UTC, not included: what was opened before."
SENT = ("position", "recorded_at", "type", "from_site", "to_site", "to_professional")


@app.command()
def history(ref: Ref, who: As = OWN, reason: Why = ASKED, whole: Whole = False, as_json: AsJson = False) -> None:
    """Merges, unmerges, bars, proposals, corrections and reassignments in ledger order, of all who ever were one
    person with REF: who, why, by which rule, and who was one person before and after."""
    from krypton.auditing.history import history as asked

    ours = krypton()
    found = asked(ours, ref, asker(ours, who, reason, ref), whole=whole)
    if as_json:
        document(found)
        return
    rows = [
        row
        | {
            "of": [short(i) for i in row["identities"]],
            "before": persons(row["before"]),
            "after": persons(row["after"]),
        }
        for row in found
    ]
    table(rows, HISTORY, f"History of {ref}")


@app.command()
def accesses(
    ref: Ref,
    by: Annotated[str | None, typer.Option("--by", help="rpps:<number>, or who asked as an auditor.")] = None,
    site: Annotated[str | None, typer.Option("--site", help="Code of the establishment.")] = None,
    since: Annotated[datetime | None, typer.Option("--from", "--since", help=FROM)] = None,
    until: Annotated[datetime | None, typer.Option("--to", "--until", help=TO)] = None,
    emergency: Annotated[
        bool | None, typer.Option("--emergency/--no-emergency", help="Only emergency accesses, or only others.")
    ] = None,
    looks: Annotated[bool, typer.Option("--looks/--no-looks", help="With who looked, and who was refused.")] = True,
    who: As = OWN,
    reason: Why = ASKED,
    whole: Whole = False,
    as_json: AsJson = False,
) -> None:
    """Every access asked for, granted, denied or opened in emergency: who, on which ground, and what lay open; and
    everybody who looked, in which role and why, or was refused."""
    from krypton.auditing.accesses import Limits
    from krypton.auditing.accesses import accesses as asked

    limits = Limits(by, site, utc(since), utc(until), emergency, looks)
    ours = krypton()
    found = asked(ours, ref, asker(ours, who, reason, ref), limits, whole=whole)
    if as_json:
        document(found)
        return
    table([row | _access_cells(row) for row in found], ACCESSES, f"Accesses to {ref}")


def _access_cells(row: dict[str, Any]) -> dict[str, Any]:
    shown = row.get("shown") or {}
    return {
        "who": f"rpps:{row['rpps']}" if "rpps" in row else row["actor"],
        "opened_at": row.get("opened_at") or row["viewed_at"],
        "task": row.get("kind"),
        "ended_at": row.get("closed_at") or row.get("expires_at"),
        "shown": {name.replace("_", " "): len(held) for name, held in shown.items() if held} or None,
    }


@app.command("as-of")
def as_of(
    moment: Annotated[str, typer.Argument(metavar="POSITION|TIME", help="A ledger position, or ISO 8601 in UTC.")],
    ref: Ref,
    who: As = OWN,
    reason: Why = ASKED,
    whole: Whole = False,
    as_json: AsJson = False,
) -> None:
    """The person, record and dose as a reader would have seen them then."""
    from krypton.auditing.as_of import as_of as asked

    ours = krypton()
    found = asked(ours, moment_of(moment), ref, asker(ours, who, reason, ref), whole=whole)
    if found["differs_from_live"]:
        err.print(
            f"the live views say something else of that position: {', '.join(found['differs_from_live'])}; "
            "they lag (krypton wait), or were altered (krypton views check)"
        )
    if as_json:
        document(found)
        return
    out.print(f"person {found['person']} at position {found['position']} ({when(found['recorded_at'])})")
    table(found["members"], ("assigner", "local_id", "identity"), "Known as")
    columns = ("date", "site", "modalities", "description", "series", "instances", "accession", "identity")
    table(found["record"]["studies"], columns, "Studies")
    table(found["record"]["orders"], ("placed_at", "site", "modality", "state", "urgency", "question"), "Orders")
    facts(found["dose"]["totals"], "Dose, totals (– is not known, never zero)")


def moment_of(text: str) -> int | datetime:
    """A position or a time, as typed. Raises BadParameter."""
    if text.isascii() and text.isdecimal():
        return int(text)
    try:
        return utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            "it is neither a ledger position nor a time: write 1234, or 2026-03-01T12:00:00Z",
            param_hint="POSITION|TIME",
        ) from None


@app.command()
def exposure(
    one: Ref,
    other: Ref,
    file: Annotated[
        Path | None, typer.Option("--out", dir_okay=False, help="Write the officer's report to a new file.")
    ] = None,
    who: As = OWN,
    reason: Why = ASKED,
    whole: Whole = False,
    as_json: AsJson = False,
) -> None:
    """After an unmerge: who saw data of the one as the other's while the two were one person, and what was sent."""
    from krypton.auditing.exposure import exposure as asked
    from krypton.auditing.exposure_report import markdown

    if file is not None:
        new_file(file, "--out")
    ours = krypton()
    found = asked(ours, one, other, asker(ours, who, reason, one), whole=whole)
    if file is not None:
        write(file, markdown(found).encode())
        err.print(f"written to {file}")
    if as_json:
        document(found)
    elif file is None:
        _print_exposure(found)


@app.command()
def export(
    ref: Ref,
    folder: Annotated[Path, typer.Option("--out", file_okay=False, help="A new or empty folder.")],
    unsealed: Annotated[
        bool, typer.Option("--unsealed", help="Also what sealed fields say, names among it; recorded as such.")
    ] = False,
    wait_s: Annotated[float, typer.Option("--wait", help="Seconds to wait for a checkpoint that covers all.")] = 15.0,
    who: As = OWN,
    reason: Why = ASKED,
    whole: Whole = False,
    as_json: AsJson = False,
) -> None:
    """All that the ledger holds of a person, with proofs and a program that checks them offline."""
    from krypton.auditing.export import FolderNotEmpty
    from krypton.auditing.export import export as asked
    from krypton.progress import progress

    ours = krypton()
    caller = asker(ours, who, reason, ref)
    try:
        with progress("events", None) as bar:
            found = asked(ours, ref, folder, caller, unsealed=unsealed, wait_s=wait_s, whole=whole, reach=bar.reach)
    except FolderNotEmpty as taken:
        raise typer.BadParameter(str(taken), param_hint="--out") from None
    if as_json:
        document(found)
        return
    facts(found, f"Exported; check it with: python3 -I {folder / 'verify.py'}")


def _print_exposure(found: dict[str, Any]) -> None:
    table(found["identities"], ("assigner", "local_id", "identity", "person"), "Between")
    periods = [
        period | {"merged_by": _by(period["began"]), "parted_by": _by(period["ended"])} for period in found["together"]
    ]
    table(periods, ("from", "to", "merged_by", "parted_by"), "One person")
    rows = [
        row | {"shown": [f"{one['kind']} of {short(one['identity'])}" for one in row["foreign"]]}
        for row in found["accesses"]
    ]
    table(rows, EXPOSED, "Saw data of the one as the other's")
    table(found["sent"], SENT, "Sent meanwhile")
    table(found["looks"], ("position", "recorded_at", "actor", "role", "kind", "reason"), "Looked meanwhile")


def _by(statement: dict[str, Any] | None) -> str | None:
    return None if statement is None else f"{statement['actor']} at {statement['position']}: {statement['reason']}"


def persons(held: list[list[str]]) -> str:
    """Persons in a cell: members joined by a plus sign, persons parted by a bar."""
    return " | ".join("+".join(short(identity) for identity in person) for person in held)
