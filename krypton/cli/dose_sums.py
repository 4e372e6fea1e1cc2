"""What ``krypton dose show`` may be asked for, and its sums as tables: of a period, by groups, and of the skin."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

import typer

from krypton.cli.output import facts, out, table

SKIN = "Skin: the greatest dose at the reference point within 12 weeks, over all of the time"


class By(StrEnum):
    """What sums are by."""

    REGION = "region"
    MODALITY = "modality"
    STUDY = "study"
    YEAR = "year"
    SITE = "site"
    POPULATION = "population"


Since = Annotated[str | None, typer.Option("--since", help="From this day on: YYYY-MM-DD.")]
Until = Annotated[str | None, typer.Option("--until", help="Up to and with this day.")]
SumsBy = Annotated[list[By] | None, typer.Option("--by", help="Sums by this; may be given several times.")]


def days(since: str | None, until: str | None) -> tuple[str | None, str | None]:
    """The days of a period as typed. Raises BadParameter."""
    first, last = day(since, "--since"), day(until, "--until")
    if first is not None and last is not None and last < first:
        raise typer.BadParameter("that is before --since: write a later day, or the same", param_hint="--until")
    return first, last


def day(typed: str | None, option: str) -> str | None:
    """A day as typed. Raises BadParameter."""
    try:
        return None if typed is None else date.fromisoformat(typed).isoformat()
    except ValueError:
        raise typer.BadParameter("that is no day: write YYYY-MM-DD", param_hint=option) from None


def period(found: Mapping[str, Any]) -> str:
    """The period that was asked for, in words."""
    bounds = (("from", found["since"]), ("to", found["until"]))
    return "".join(f" {word} {day}" for word, day in bounds if day)


def sums(found: Mapping[str, Any]) -> None:
    """Totals, then the sums of each group that was asked for."""
    facts(found["totals"], f"Totals{period(found)} (– is not known, never zero)")
    for name, groups in found["sums"].items():
        table(groups, (name, "words", "exposures", *found["totals"]), f"By {name}{period(found)}")


def skin(found: Mapping[str, Any]) -> None:
    """What is in no period, and the dose of the skin by region."""
    if found["undated"]:
        out.print(f"exposures, and totals alone, without a time, in no period: {found['undated']}")
    if found["skin"]:
        told = ("region", "words", "dose_rp_mgy", "since", "until", "exposures", "undated")
        table(found["skin"], told, SKIN)


def estimates(found: Mapping[str, Any]) -> None:
    """Effective doses by published factors, apart from all that devices reported; nothing where none are in force."""
    if (told := found["estimates"]) is None:
        return
    rows = [
        {**row["effective_dose_estimate"], "started_at": row["started_at"], "protocol": row["protocol"]}
        for row in found["exposures"]
        if row["effective_dose_estimate"]
    ]
    title = f"Estimates, no measurement: effective dose by dose-factors@{told['rule_version']}"
    table(rows, ("started_at", "protocol", "effective_dose_msv", "quantity", "factor", "source"), title)
    out.print(f"exposures without an estimate: {told['without']}")
