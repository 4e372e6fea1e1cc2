"""krypton identity: registers, corrects, merges and shows local identities.

Parses and prints; ``main`` turns refusals into exit codes.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.aggregates.identity import Status
from domain.commands.identities import AttachIns, ClearFlag, Correct, DetachIns, Flag, Register, SetStatus
from domain.commands.links import Bar, Dismiss, Merge, Unbar, Unmerge
from domain.errors import TraitsDiffer
from domain.traits import TRAITS
from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import ask, asker, envelope, krypton
from krypton.cli.given import BECAUSE, Because, From, Yes, confirm, line, stated_in
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, CommandId, Limit, Reason, Ref
from krypton.cli.output import document, err, facts, out, short, table, written, written_by_many
from krypton.cli.pairs import pair
from krypton.queries.person import history_of, identity_of
from krypton.queries.worklists import PAGE, pairs_to_review, people_found

app = command_group("Local identities, and decisions on pairs of them.")
review = command_group("Pairs that wait for a human decision.")
app.add_typer(review, name="review")
HISTORY = ("position", "recorded_at", "type", "flag", "status", "of", "actor", "reason", "rule", "score")
FOUND = ("family", "given", "used_name", "birth_date", "sex", "assigner", "local_id", "status", "flags", "identity")
TELLING = {"family", "birth_date", "number", "ins"}
LEAST = 2
"""Letters of a name that is sought."""
TEST_OID = "1.2.250.1.213.1.4.10"
REFUSED = 1


class Sex(StrEnum):
    """As INS writes it."""

    M = "M"
    F = "F"
    I = "I"  # noqa: E741  the field's own code: indeterminate


NEEDED = ("assigner", "id", "family", "given", "birth_date", "sex")
Family = Annotated[str | None, typer.Option("--family")]
Given = Annotated[str | None, typer.Option("--given")]
BirthDate = Annotated[str | None, typer.Option("--birth-date", help="YYYY-MM-DD.")]
SexOf = Annotated[Sex | None, typer.Option("--sex")]
BirthPlace = Annotated[str | None, typer.Option("--birth-place", help="INSEE code.")]
UsedName = Annotated[str | None, typer.Option("--used-name")]
Oid = Annotated[str, typer.Option("--ins-oid", help="OID of the matricule (test: .10).")]


@app.command()
def register(
    assigner: Annotated[str | None, typer.Option("--assigner", help="Code of the establishment that gave it.")] = None,
    local_id: Annotated[str | None, typer.Option("--id", help="The assigner's own number.")] = None,
    family: Family = None,
    given: Given = None,
    birth_date: BirthDate = None,
    sex: SexOf = None,
    birth_place: BirthPlace = None,
    used_name: UsedName = None,
    first_names: Annotated[str | None, typer.Option("--first-names")] = None,
    ins: Annotated[str | None, typer.Option("--ins", callback=line, help="Matricule with its key.")] = None,
    ins_oid: Oid = TEST_OID,
    source: From = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Register one local identity. Needs --assigner, --id, --family, --given, --birth-date and --sex, here or --from a
    file, whose lines no list of processes shows."""
    typed = {
        "assigner": assigner,
        "id": local_id,
        "family": family,
        "given": given,
        "birth_date": birth_date,
        "sex": sex,
        "birth_place": birth_place,
        "used_name": used_name,
        "first_names": first_names,
        "ins": ins,
    }
    told = _told(typed, source)
    if missing := [name for name in NEEDED if name not in told]:
        raise typer.BadParameter(f"Missing option '--{missing[0].replace('_', '-')}': type it, or give it with --from")
    stated = {name: told.get(name) for name in typed if name not in ("assigner", "id", "ins")}
    command = Register(
        assigner=told["assigner"], local_id=told["id"], stated=stated, ins=told.get("ins"), ins_oid=ins_oid
    )
    ask(krypton(), command, who, command_id, as_json)


def _told(typed: Mapping[str, str | None], source: str | None) -> dict[str, str]:
    """What is typed and what a file says, together. Raises BadParameter where both say the same thing."""
    options = {name: str(value) for name, value in typed.items() if value is not None}
    file = stated_in(source, tuple(typed)) if source else {}
    if both := sorted(options.keys() & file.keys()):
        raise typer.BadParameter(f"--{both[0].replace('_', '-')} is typed and in the file: leave one out")
    return options | file


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
    family: Family = None,
    given: Given = None,
    birth_date: BirthDate = None,
    sex: SexOf = None,
    birth_place: BirthPlace = None,
    used_name: UsedName = None,
    source: From = None,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Correct traits; those not given stay."""
    typed = {
        "family": family,
        "given": given,
        "birth_date": birth_date,
        "sex": sex,
        "birth_place": birth_place,
        "used_name": used_name,
    }
    stated = _told(typed, source)
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
    matricule: Annotated[str, typer.Option("--matricule", callback=line, help="15 characters, as INSi returned it.")],
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
    """Detach the national health identity."""
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
    yes: Yes = False,
    who: As = OWN,
    command_id: CommandId = None,
    as_json: AsJson = False,
) -> None:
    """Destroy the key of an identity: what names the person is unreadable for ever, everywhere. Asks first."""
    ours = krypton()
    identity = ours.resolve(ref)
    if not yes:
        unasked = typer.BadParameter("an erasure is never taken back: nobody can be asked here, so say --yes")
        confirm(f"Make all that names the person unreadable for ever, for identity {identity}?", unasked)
    written(ours.erase(identity, reason, envelope(who.actor(), command_id)), as_json)


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
def search(
    family: Annotated[str | None, typer.Option("--family", help="How it begins; a used name counts too.")] = None,
    given: Annotated[str | None, typer.Option("--given", help="How it begins; any of the first names.")] = None,
    birth_date: Annotated[str | None, typer.Option("--birth-date", help="YYYY-MM-DD.")] = None,
    sex: Annotated[Sex | None, typer.Option("--sex")] = None,
    birth_place: Annotated[str | None, typer.Option("--birth-place", help="INSEE code.")] = None,
    number: Annotated[str | None, typer.Option("--number", help="A local id, of any assigner.")] = None,
    assigner: Annotated[str | None, typer.Option("--assigner", help="Only ids that this one gave out.")] = None,
    ins: Annotated[str | None, typer.Option("--ins", help="Matricule.")] = None,
    limit: Limit = PAGE,
    who: As = OWN,
    reason: Why = ASKED,
    as_json: AsJson = False,
) -> None:
    """Identities by what is known of a person: names without accents or case, by how they begin. All must hold."""
    stated = {
        "family": family,
        "given": given,
        "birth_date": birth_date,
        "sex": sex and sex.value,
        "birth_place": birth_place,
        "number": number,
        "assigner": assigner,
        "ins": ins and ins.replace(" ", "").upper(),
    }
    ours = krypton()
    found = people_found(ours, asker(ours, who, reason), sought(stated), limit=limit)
    if as_json:
        document(found)
        return
    rows = [row["traits"] | {name: row[name] for name in row if name != "traits"} for row in found]
    table(rows, FOUND, "Found")
    if len(found) == limit:
        err.print(f"there may be more than {limit}: say more of the person, or raise --limit")


def sought(stated: dict[str, str | None]) -> dict[str, str]:
    """The criteria that are given. Raises BadParameter where they would find half a region."""
    criteria = {name: value.strip() for name, value in stated.items() if value and value.strip()}
    if not criteria.keys() & TELLING:
        raise typer.BadParameter("say a family name, a birth date, a number or an INS, and what else is known")
    for name in criteria.keys() & {"family", "given"}:
        if len(words := "".join(one for one in criteria[name] if one.isalpha())) < LEAST:
            raise typer.BadParameter(f"--{name} has {len(words)} letters: give {LEAST} or more")
    return criteria


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
    """The command that says one thing of a pair: unmerge, bar, unbar and dismiss differ in nothing else."""

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


def merging(meaning: str) -> Callable[..., None]:
    """The command that merges a pair: where sex or birth date differ, it asks (L6)."""

    def say(
        one: Ref,
        other: Ref,
        reason: Because = BECAUSE,
        yes: Yes = False,
        who: As = OWN,
        command_id: CommandId = None,
        as_json: AsJson = False,
    ) -> None:
        ours, by = krypton(), envelope(who.actor(), command_id)
        command = Merge(one=ours.resolve(one), other=ours.resolve(other), reason=reason, alike=not yes)
        try:
            answer = ours.execute(command, by)
        except TraitsDiffer as differ:
            confirm(f"{str(differ).partition(':')[0]}. Merge them all the same?", differ)
            answer = ours.execute(replace(command, alike=False), by)
        written(answer, as_json)

    say.__doc__ = meaning
    return say


for group, name, kind, meaning in (
    (app, "unmerge", Unmerge, "Undo a merge, at any time."),
    (app, "bar", Bar, "Bar two identities from ever being merged."),
    (app, "unbar", Unbar, "Lift the bar of a pair."),
    (review, "dismiss", Dismiss, "Remove a proposed pair from the list."),
):
    group.command(name)(statement(kind, meaning))
app.command("merge")(merging("Merge two local identities into one person; can be undone at any time."))
review.command("accept")(merging("Merge a proposed pair."))


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
