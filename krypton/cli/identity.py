"""krypton identity: registers, corrects and shows local identities; names the modules of its other commands.

Parses and prints; ``main`` turns refusals into exit codes.
"""

from typing import Annotated

import typer

from domain.commands.identities import AttachIns, ClearFlag, Correct, DetachIns, Flag, Register, SetStatus
from domain.identity_status import Status
from domain.traits import TRAITS
from krypton.cli import identity_import, identity_pairs, identity_review, identity_search, identity_split
from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import ask, asker, krypton
from krypton.cli.given import From, all_told, line
from krypton.cli.groups import command_group
from krypton.cli.options import AsJson, BirthDate, BirthPlace, CommandId, Reason, Ref, SexOf
from krypton.cli.output import document, facts, short, table
from krypton.cli.pairs import print_links
from krypton.queries.person import history_of, identity_of

app = command_group("Local identities, and decisions on pairs of them.")
HISTORY = ("position", "recorded_at", "type", "flag", "status", "of", "actor", "reason", "rule", "score")
NEEDED = ("assigner", "id", "family", "given", "birth_date", "sex")
Family = Annotated[str | None, typer.Option("--family", callback=line, help="Birth name.")]
Given = Annotated[str | None, typer.Option("--given", callback=line, help="First given name.")]
UsedName = Annotated[str | None, typer.Option("--used-name", callback=line, help="Name in use.")]
FirstNames = Annotated[str | None, typer.Option("--first-names", callback=line, help="All given names.")]
Oid = Annotated[
    str | None,
    typer.Option("--ins-oid", help="OID of the matricule; without it, that of the NIR."),
]


@app.command()
def register(
    assigner: Annotated[str | None, typer.Option("--assigner", help="Code of the establishment that gave it.")] = None,
    local_id: Annotated[str | None, typer.Option("--id", callback=line, help="The assigner's own number.")] = None,
    family: Family = None,
    given: Given = None,
    birth_date: BirthDate = None,
    sex: SexOf = None,
    birth_place: BirthPlace = None,
    used_name: UsedName = None,
    first_names: FirstNames = None,
    ins: Annotated[str | None, typer.Option("--ins", callback=line, help="Matricule with its key.")] = None,
    ins_oid: Oid = None,
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
    told = all_told(typed, source)
    if missing := [name for name in NEEDED if name not in told]:
        raise typer.BadParameter(f"Missing option '--{missing[0].replace('_', '-')}': type it, or give it with --from")
    stated = {name: told.get(name) for name in typed if name not in ("assigner", "id", "ins")}
    command = Register(
        assigner=told["assigner"], local_id=told["id"], stated=stated, ins=told.get("ins"), ins_oid=ins_oid
    )
    ask(krypton(), command, who, command_id, as_json)


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
    first_names: FirstNames = None,
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
        "first_names": first_names,
    }
    stated = all_told(typed, source)
    ours = krypton()
    command = Correct(identity=ours.resolve(ref), stated=stated, reason=reason)
    ask(ours, command, who, command_id, as_json)


@app.command()
def status(
    ref: Ref,
    to: Annotated[
        Status, typer.Option("--to", help="PROV provisional, RECUP from INSi, VALI by a document, QUAL both.")
    ],
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
    oid: Oid = None,
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
    name: Annotated[
        str,
        typer.Argument(
            help="DOUT doubtful, FICT fictitious, HOMA homonym, collision, traits_differ, names_differ, ins_left_out, "
            "ins_doubtful, ins_replaced, number_swapped or statements_of_two."
        ),
    ],
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
def show(
    ref: Ref,
    links: Annotated[
        bool, typer.Option("--links", help="Also which pairs make it one person, and what else was said of pairs.")
    ] = False,
    who: As = OWN,
    reason: Why = ASKED,
    as_json: AsJson = False,
) -> None:
    """Traits, status, person and members."""
    ours = krypton()
    found = identity_of(ours, asker(ours, who, reason, ref), ref, links=links)
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
    if found["duplicates"]:
        table(found["duplicates"], ("assigner", "local_ids", "code"), "Proven duplicates, for the assigner to settle")
    if links:
        print_links(found["links"])


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


identity_import.add_to(app)
identity_search.add_to(app)
identity_pairs.add_to(app)
identity_review.add_to(app)
identity_split.add_to(app)
