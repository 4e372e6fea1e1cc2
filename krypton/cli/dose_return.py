"""krypton dose return: a group of consecutive patients for the statutory return of doses, as a CSV file."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from krypton.cli.calling import ASKED, OWN, As, Why
from krypton.cli.connection import asker, krypton
from krypton.cli.dose_sums import Since, Until, days, period
from krypton.cli.new_files import keep, new_file
from krypton.cli.output import facts, heading, out, table

FIGURES: Final = ("quantity", "patients", "median", "mean", "q1", "q3")


class Population(StrEnum):
    """Whose doses are returned together."""

    ADULT = "adult"
    CHILD = "child"


def returned(
    site: Annotated[str, typer.Argument(help="Code of the establishment, from which one acts.")],
    device: Annotated[str, typer.Option("--device", help="The device, as dose device lists it.")],
    act: Annotated[str, typer.Option("--act", help="The act, as dose map names it.")],
    csv: Annotated[Path, typer.Option("--csv", metavar="OUT", help="Write the group to OUT, a new file.")],
    population: Annotated[Population, typer.Option("--population", help="Whose.")] = Population.ADULT,
    weight: Annotated[
        float | None, typer.Option("--weight", help="Of children: the weight in kg, as the text in force names it.")
    ] = None,
    since: Since = None,
    until: Until = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Commas and decimal points, and no byte order mark: for programs.")
    ] = False,
    who: As = OWN,
    reason: Why = ASKED,
) -> None:
    """The consecutive patients of an act on a device, for the yearly return of doses (NRD); of the last 12 months."""
    from krypton.faces.practice.statutory import PLAIN, SPREADSHEET, written
    from krypton.queries.dose_return import Asked, return_of

    since, until = days(since, until)
    new_file(csv, "--csv")
    ours = krypton()
    asked = Asked(
        site=site,
        device=device,
        act=act,
        population=population.value,
        weight_kg=weight,
        since=since,
        until=until,
    )
    found = return_of(ours, asker(ours, who, reason), asked)
    keep(csv, written(found, PLAIN if plain else SPREADSHEET))
    told = [{**one, "quantity": heading(one["quantity"])} for one in found["figures"]]
    table(told, FIGURES, f"{found['act']}, {found['needed']} patients{period(found)}")
    table(found["passed_over"], ("why", "exposures"), "Passed over before the last of them")
    if found["lacking"]:
        facts(found["lacking"], "Not known, of so many patients")
    if found["undated"]:
        out.print(f"exposures on the device without a day, in no group: {found['undated']}")
