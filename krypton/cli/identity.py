"""krypton identity: register, look up, say who is who. Parses and prints; ``main`` turns refusals into exit codes."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.aggregates.identity import Status
from domain.commands.identities import AttachIns, ClearFlag, Correct, DetachIns, Flag, Register, SetStatus
from domain.commands.links import Bar, Dismiss, Merge, Unbar, Unmerge
from domain.traits import TRAITS
from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import ask, asker, envelope, krypton
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId, Limit, Reason, Ref
from krypton.cli.output import document, facts, out, short, table, written, written_by_many
from krypton.cli.pairs import pair
from krypton.queries.person import history_of, identity_of
from krypton.queries.worklists import PAGE, pairs_to_review

app = command_group("Identities, and what is held of pairs of them.")
review = command_group("Pairs that wait for a person's decision.")
app.add_typer(review, name="review")
HISTORY = ("position", "recorded_at", "type", "flag", "status", "of", "actor", "reason", "rule", "score")
TEST_OID = "1.2.250.1.213.1.4.10"
REFUSED = 1


class Sex(StrEnum):
    """As INS writes it."""

    M = "M"
    F = "F"
    I = "I"  # noqa: E741  the field's own code: indeterminate


Oid = Annotated[str, typer.Option("--ins-oid", help="OID of the matricule (test: .10).")]


@app.command()
def register(
    assigner: Annotated[str, typer.Option("--assigner", help="Code of the establishment that gave out the id.")],
    local_id: Annotated[str, typer.Option("--id", help="The assigner's own number.")],
    family: Annotated[str, typer.Option("--family")],
    given: Annotated[str, typer.Option("--given")],
    birth_date: Annotated[str, typer.Option("--birth-date", help="YYYY-MM-DD.")],
    sex: Annotated[Sex, typer.Option("--sex")],
    birth_place: Annotated[str | None, typer.Option("--birth-place", help="INSEE code.")] = None,
    used_name: Annotated[str | None, typer.Option("--used-name")] = None,
    first_names: Annotated[str | None, typer.Option("--first-names")] = None,
    ins: Annotated[str | None, typer.Option("--ins", help="Matricule with its key.")] = None,
    ins_oid: Oid = TEST_OID,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Register one local identity."""
    stated: dict[str, str | None] = {
        "family": family,
        "given": given,
        "birth_date": birth_date,
        "sex": sex.value,
        "birth_place": birth_place,
        "used_name": used_name,
        "first_names": first_names,
    }
    command = Register(assigner=assigner, local_id=local_id, stated=stated, ins=ins, ins_oid=ins_oid)
    ask(krypton(), command, who, command_id, as_json)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV with a header.")],
    check: Annotated[bool, typer.Option("--check", help="Say what would be refused, and write nothing.")] = False,
    rejects: Annotated[
        Path | None,
        typer.Option("--rejects", dir_okay=False, help="Keep refused rows in this file, each with its reason."),
    ] = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Register many from CSV: assigner,id,family,given,birth_date,sex and optionally birth_place,ins,…

    Reads what spreadsheets write: semicolons, tabs or commas, French names of columns, UTF-8 or Windows-1252 (see
    docs/csv.md). Run again, also after an interruption, it writes only what is missing. Ends with 1 where a row was
    refused.
    """
    from krypton.intake.identity_csv import FileWrong, import_csv

    try:
        summary = import_csv(krypton().ledger, file, who.actor(), command_id, check=check, rejects=rejects, warn=_warn)
    except FileWrong as wrong:
        raise typer.BadParameter(str(wrong), param_hint="FILE") from None
    written_by_many(summary, ("line", "reason"), as_json)
    if summary["refused_lines"]:
        raise typer.Exit(REFUSED)


def _warn(sentence: str) -> None:
    typer.echo(f"warning: {sentence}", err=True)


@app.command()
def correct(
    ref: Ref,
    reason: Reason,
    family: Annotated[str | None, typer.Option("--family")] = None,
    given: Annotated[str | None, typer.Option("--given")] = None,
    birth_date: Annotated[str | None, typer.Option("--birth-date")] = None,
    sex: Annotated[Sex | None, typer.Option("--sex")] = None,
    birth_place: Annotated[str | None, typer.Option("--birth-place")] = None,
    used_name: Annotated[str | None, typer.Option("--used-name")] = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """State traits anew; those not given stay."""
    given_traits = {
        "family": family,
        "given": given,
        "birth_date": birth_date,
        "sex": sex.value if sex else None,
        "birth_place": birth_place,
        "used_name": used_name,
    }
    stated = {name: value for name, value in given_traits.items() if value is not None}
    ours = krypton()
    command = Correct(identity=ours.resolve(ref), stated=stated, reason=reason)
    ask(ours, command, who, command_id, as_json)


@app.command()
def status(
    ref: Ref,
    to: Annotated[Status, typer.Option("--to", help="PROV, RECUP, VALI or QUAL.")],
    reason: Reason,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Change the reliability status (RNIV)."""
    ours = krypton()
    command = SetStatus(identity=ours.resolve(ref), status=to, reason=reason)
    ask(ours, command, who, command_id, as_json)


@app.command("attach-ins")
def attach_ins(
    ref: Ref,
    matricule: Annotated[str, typer.Option("--matricule", help="15 characters, as INSi returned it.")],
    oid: Oid = TEST_OID,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Attach the national health identity."""
    ours = krypton()
    command = AttachIns(identity=ours.resolve(ref), matricule=matricule, oid=oid)
    ask(ours, command, who, command_id, as_json)


@app.command("detach-ins")
def detach_ins(ref: Ref, reason: Reason, who: As = OWN, command_id: CommandId = None, as_json: AsJson = False) -> None:
    """Take the national health identity away."""
    ours = krypton()
    command = DetachIns(identity=ours.resolve(ref), reason=reason)
    ask(ours, command, who, command_id, as_json)


@app.command()
def flag(
    ref: Ref,
    name: Annotated[str, typer.Argument(help="DOUT, FICT, HOMA, collision, traits_differ or names_differ.")],
    reason: Reason,
    clear: Annotated[bool, typer.Option("--clear", help="Take it away instead.")] = False,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Set an attribute of an identity, or clear it."""
    ours = krypton()
    command = (ClearFlag if clear else Flag)(identity=ours.resolve(ref), flag=name, reason=reason)
    ask(ours, command, who, command_id, as_json)


@app.command()
def erase(
    ref: Ref,
    reason: Annotated[str, typer.Option("--reason", help="On which ground. It stays readable: it names nobody.")],
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Destroy the key of an identity: what names the person is unreadable for ever, everywhere."""
    ours = krypton()
    written(ours.erase(ours.resolve(ref), reason, envelope(who.actor(), command_id)), as_json)


@app.command()
def show(ref: Ref, who: As = OWN, reason: Why = ASKED, as_json: AsJson = False) -> None:
    """Traits, status, person and members."""
    ours = krypton()
    found = identity_of(ours, asker(ours, who, reason, ref), ref)
    if as_json:
        document(found)
        return
    facts(
        {"identity": found["identity"], "assigner": found["assigner"], "local id": found["local_id"]}
        | {name: found["traits"].get(name) for name in TRAITS}
        | {"INS status": found["status"], "INS": found["ins"], "flags": found["flags"] or None}
        | {"person": found["person"]}
    )
    table(found["members"], ("assigner", "local_id", "identity"), "One person with")


@app.command()
def history(ref: Ref, who: As = OWN, reason: Why = ASKED, as_json: AsJson = False) -> None:
    """Every event that touched the identity or the person it is in, in ledger order."""
    ours = krypton()
    found = history_of(ours, asker(ours, who, reason, ref), ref)
    if as_json:
        document(found)
        return
    rows = [row | {"of": [short(i) for i in row["identities"]]} for row in found]
    table(rows, HISTORY, f"History of {ref}")


def statement(kind: type[Any], meaning: str) -> Callable[..., None]:
    """The command that says one thing of a pair: merge, unmerge, bar … differ in nothing else."""

    def say(
        one: Ref,
        other: Ref,
        reason: Reason,
        who: As = OWN,
        command_id: CommandId = None,
        as_json: AsJson = False,
    ) -> None:
        ours = krypton()
        command = kind(one=ours.resolve(one), other=ours.resolve(other), reason=reason)
        ask(ours, command, who, command_id, as_json)

    say.__doc__ = meaning
    return say


for group, name, kind, meaning in (
    (app, "merge", Merge, "Hold two local identities to be one person, until they are unmerged."),
    (app, "unmerge", Unmerge, "Take a merge back, at any time."),
    (app, "bar", Bar, "Hold two identities never to be one person."),
    (app, "unbar", Unbar, "Lift the bar of a pair."),
    (review, "accept", Merge, "Merge a proposed pair."),
    (review, "dismiss", Dismiss, "Take a proposed pair off the list."),
):
    group.command(name)(statement(kind, meaning))


@review.command("list")
def review_list(limit: Limit = PAGE, who: As = OWN, reason: Why = ASKED, as_json: AsJson = False) -> None:
    """Proposals, and merged pairs that a bar holds back, oldest first."""
    ours = krypton()
    found = pairs_to_review(ours, asker(ours, who, reason), limit=limit)
    if as_json:
        document(found)
        return
    out.print(f"To review: {len(found) or 'none'}", bold=True)
    for one in found:
        pair(one)
