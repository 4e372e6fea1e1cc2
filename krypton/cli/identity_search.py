"""krypton identity search: finds local identities by what is known of a person.

What is sought names a person: with ``--from`` or ``-`` it is no argument, and no list of processes shows it.
"""

from collections.abc import Mapping
from typing import Annotated, Final

import typer

from domain.traits import first_day
from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import asker, krypton
from krypton.cli.given import From, all_told, line
from krypton.cli.options import AsJson, BirthDate, BirthPlace, Limit, Sex, SexOf
from krypton.cli.output import document, err, table
from krypton.queries.worklists import PAGE, people_found

FOUND: Final = (
    *("family", "given", "used_name", "birth_date", "sex"),
    *("assigner", "local_id", "status", "flags", "identity"),
)
TELLING: Final = ("family", "birth_date", "number", "ins")
"""One of these is needed: the others would find half a region."""
LEAST: Final = 2
"""Letters of a name that is sought."""


def search(
    family: Annotated[
        str | None, typer.Option("--family", callback=line, help="How it begins; a used name counts too. - reads it.")
    ] = None,
    given: Annotated[
        str | None, typer.Option("--given", callback=line, help="How it begins; any of the first names. - reads it.")
    ] = None,
    birth_date: BirthDate = None,
    sex: SexOf = None,
    birth_place: BirthPlace = None,
    number: Annotated[
        str | None, typer.Option("--number", callback=line, help="A local id, of any assigner. - reads it.")
    ] = None,
    assigner: Annotated[str | None, typer.Option("--assigner", help="Only ids that this one gave out.")] = None,
    ins: Annotated[str | None, typer.Option("--ins", callback=line, help="Matricule. - reads it.")] = None,
    source: From = None,
    limit: Limit = PAGE,
    who: As = OWN,
    reason: Why = ASKED,
    as_json: AsJson = False,
) -> None:
    """Identities by what is known of a person: names without accents or case, by how they begin. All must hold. Needs
    --family, --birth-date, --number or --ins, here or --from a file, whose lines no list of processes shows."""
    typed = {
        "family": family,
        "given": given,
        "birth_date": birth_date,
        "sex": sex,
        "birth_place": birth_place,
        "number": number,
        "assigner": assigner,
        "ins": ins,
    }
    criteria = sought(all_told(typed, source))
    ours = krypton()
    found = people_found(ours, asker(ours, who, reason), criteria, limit=limit)
    if as_json:
        document(found)
        return
    rows = [row["traits"] | {name: row[name] for name in row if name != "traits"} for row in found]
    table(rows, FOUND, "Found")
    if len(found) == limit:
        err.print(f"there may be more than {limit}: say more of the person, or raise --limit")


def sought(told: Mapping[str, str]) -> dict[str, str]:
    """The criteria that say something, as the view compares them. Raises BadParameter, which repeats no value."""
    criteria = {name: value.strip() for name, value in told.items() if value.strip()}
    if not criteria.keys() & set(TELLING):
        raise typer.BadParameter(
            "nothing to search by: give --family, --birth-date, --number or --ins, and what else is known; "
            "--from - reads such lines as family=FICTIVE"
        )
    for name in criteria.keys() & {"family", "given"}:
        if (letters := sum(map(str.isalpha, criteria[name]))) < LEAST:
            raise typer.BadParameter(f"--{name} has {letters} letters: give {LEAST} or more")
    if criteria.get("sex", Sex.M) not in list(Sex):
        raise typer.BadParameter(f"--sex is none of {', '.join(Sex)}")
    if "birth_date" in criteria:
        _check_date(criteria["birth_date"])
    if "ins" in criteria:
        criteria["ins"] = "".join(criteria["ins"].split()).upper()
    return criteria


def _check_date(text: str) -> None:
    """A day in another form would be compared as it is, and nobody found."""
    if first_day(text) is None:
        raise typer.BadParameter("--birth-date is no date: write YYYY-MM-DD, with 00 for what is not known of it")


def add_to(app: typer.Typer) -> None:
    """The command of the group."""
    app.command()(search)
