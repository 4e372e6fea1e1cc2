"""krypton study: shows, exports, reassigns or withdraws a study, and settles what came in and says otherwise of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from domain.commands.conflicts import DismissConflict
from domain.commands.studies import ReassignStudy, WithdrawStudy
from domain.commands.study_protection import Whose
from domain.query_keys import BadKey
from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import ask, asker, krypton
from krypton.cli.given import line
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId, Limit, Reason
from krypton.cli.output import document, facts, table
from krypton.cli.where import Where, keys
from krypton.cli.worklist import WHO, with_patients
from krypton.queries.conflicts import conflicts_of, open_conflict
from krypton.queries.worklists import PAGE

app = command_group("Studies.")
conflicts = command_group("What came in and says otherwise than what is held: the first stands until somebody decides.")
app.add_typer(conflicts, name="conflicts")
CONFLICTS = (
    *("found_at", "site", "kind", "differing", "instances", *WHO, "sent_as", "other_identity"),
    *("found_by", "state", "uid", "study"),
    "conflict",
)
SERIES = ("number", "modality", "description", "body_part", "instances", "kept_until", "series_uid")
INSTANCES = (
    *("number", "frames", "rows", "columns", "size", "sop_class", "transfer_syntax", "problem", "kept_until"),
    "sop_uid",
)
Conflicting = Annotated[UUID, typer.Argument(help="The conflict's id, as study conflicts list prints it.")]
Study = Annotated[UUID, typer.Argument(help="The study's id, as record show prints it.")]

Protects = Annotated[
    Whose | None,
    typer.Option("--protects", help="Whom oppositions and holds of the identity that a study leaves protect."),
]


@app.command()
def reassign(
    study: Study,
    to: Annotated[str, typer.Option("--to", callback=line, help="REF of the identity that it belongs to; - reads it.")],
    reason: Reason,
    protects: Protects = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Reassign a study to another identity; its doses follow.

    Where the identity that it leaves opposes sharing or is held, say with --protects whose that is.
    """
    ours = krypton()
    command = ReassignStudy(study=study, to_identity=ours.resolve(to), reason=reason, protects=protects)
    ask(ours, command, who, command_id, as_json)


@app.command()
def withdraw(
    study: Study, reason: Reason, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False
) -> None:
    """Hide a study from readers; its events and its dose stay."""
    ask(krypton(), WithdrawStudy(study=study, reason=reason), who, command_id, as_json)


@app.command()
def show(
    study: Study,
    series: Annotated[str | None, typer.Option("--series", help="A series UID: its instances.")] = None,
    where: Where = None,
    who: As = OWN,
    reason: Why = ASKED,
    as_json: AsJson = False,
) -> None:
    """The series of a study, or the instances of one of them. Run it where the images were taken in."""
    from krypton.queries.studies import owner_of
    from krypton.services.images import instances_of, series_of

    stated = keys(where or [])
    ours = krypton()
    caller = asker(ours, who, reason, owner_of(ours, study))
    try:
        found = instances_of(ours, caller, study, series, stated) if series else series_of(ours, caller, study, stated)
    except BadKey as bad:
        raise typer.BadParameter(f"--where {bad}") from None
    document(found) if as_json else table(found, INSTANCES if series else SERIES, "Instances" if series else "Series")


@app.command()
def export(
    study: Study,
    out: Annotated[Path, typer.Option("--out", help="A new folder; with --zip, a new file.")],
    zipped: Annotated[bool, typer.Option("--zip", help="One ZIP file in place of a folder.")] = False,
    who: As = OWN,
    reason: Why = ASKED,
    as_json: AsJson = False,
) -> None:
    """Write a study to a folder or a ZIP file: DICOMDIR, its instances as they came in, checksums.

    Run it where the images were taken in.
    """
    from krypton.progress import progress
    from krypton.queries.studies import owner_of
    from krypton.services.images import export as export_study

    if out.exists():
        new = "file" if zipped else "folder"
        raise typer.BadParameter(f"{out} is there already: name a new {new}", param_hint="--out")
    ours = krypton()
    caller = asker(ours, who, reason, owner_of(ours, study))
    with progress("instances", None) as bar:
        found = export_study(ours, caller, study, out, bar.advance, zipped=zipped)
    how = "unpacked, check it" if zipped else "check it"
    document(found) if as_json else facts(found, f"Exported; {how} with: sha256sum --check checksums.sha256")


@conflicts.command("list")
def list_conflicts(
    all_of_them: Annotated[bool, typer.Option("--all", help="Settled ones too.")] = False,
    limit: Limit = PAGE,
    who: As = OWN,
    reason: Why = ASKED,
    as_json: AsJson = False,
) -> None:
    """What came in with other content than what is held, oldest first."""
    ours = krypton()
    found = conflicts_of(ours, asker(ours, who, reason), settled=all_of_them, limit=limit)
    if as_json:
        document(found)
        return
    table(with_patients(map(_cells, found)), CONFLICTS, "Conflicts")


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """The second person in words, and by id where it is another one: more is not known of an event that both claim."""
    other = row["other_identity"] if row["other_identity"] != row["identity"] else None
    return {**row, "sent_as": " ".join(filter(None, (row["sent_as"] or {}).values())) or None, "other_identity": other}


@conflicts.command()
def accept(
    conflict: Conflicting,
    reason: Reason,
    protects: Protects = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Let what came second stand: the study is reassigned, the traits are corrected or the dose is replaced.

    For a dose report, run it where its instances are kept: the second content is read there.
    """
    from krypton.services.dicom import accepting

    ours = krypton()
    study, what = open_conflict(ours, conflict)
    ask(ours, accepting(ours, study, conflict, what, reason, protects), who, command_id, as_json)


@conflicts.command()
def dismiss(
    conflict: Conflicting, reason: Reason, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False
) -> None:
    """Let what came first stand."""
    ours = krypton()
    study, _ = open_conflict(ours, conflict)
    ask(ours, DismissConflict(study=study, conflict=conflict, reason=reason), who, command_id, as_json)
