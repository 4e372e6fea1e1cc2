"""krypton identity search: finds local identities by what is known of a person.

Parses and prints; ``main`` turns refusals into exit codes.
"""

from typing import Annotated

import typer

from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import asker, krypton
from krypton.cli.given import line
from krypton.cli.options import AsJson, Limit, SexOf
from krypton.cli.output import document, err, table
from krypton.queries.worklists import PAGE, people_found

FOUND = ("family", "given", "used_name", "birth_date", "sex", "assigner", "local_id", "status", "flags", "identity")
TELLING = {"family", "birth_date", "number", "ins"}
LEAST = 2
"""Letters of a name that is sought."""


def search(
    family: Annotated[
        str | None, typer.Option("--family", callback=line, help="How it begins; a used name counts too. - reads it.")
    ] = None,
    given: Annotated[
        str | None, typer.Option("--given", callback=line, help="How it begins; any of the first names. - reads it.")
    ] = None,
    birth_date: Annotated[str | None, typer.Option("--birth-date", callback=line, help="YYYY-MM-DD.")] = None,
    sex: SexOf = None,
    birth_place: Annotated[str | None, typer.Option("--birth-place", callback=line, help="INSEE code.")] = None,
    number: Annotated[
        str | None, typer.Option("--number", callback=line, help="A local id, of any assigner. - reads it.")
    ] = None,
    assigner: Annotated[str | None, typer.Option("--assigner", help="Only ids that this one gave out.")] = None,
    ins: Annotated[str | None, typer.Option("--ins", callback=line, help="Matricule. - reads it.")] = None,
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


def add_to(app: typer.Typer) -> None:
    """The command of the group."""
    app.command()(search)
