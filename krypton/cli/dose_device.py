"""krypton dose device: what the devices of an establishment give, in groups of which nobody can be known."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.dose_page import Language, language_of, site_names
from krypton.cli.dose_region import GROUP, beside, device_of
from krypton.cli.dose_sums import Since, Until, days, period
from krypton.cli.new_files import keep, new_file
from krypton.cli.options import AsJson
from krypton.cli.output import document, heading, out, table

LINES: Final = 10
Site = Annotated[str, typer.Argument(help="Code of the establishment.")]
Device = Annotated[str | None, typer.Option("--device", help="One device, as the table of devices names it.")]
Wall = Annotated[Path | None, typer.Option("--html", metavar="OUT", help="Write a page to OUT, a new file.")]


def device(
    site: Site,
    name: Device = None,
    since: Since = None,
    until: Until = None,
    html: Wall = None,
    language: Language = None,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """What each device gives by act: counts, quartiles, outliers, beside levels and region; --html: a page."""
    from krypton.queries.census import Asked, practice_of

    wanted, (since, until) = language_of(language, html), days(since, until)
    if html is not None:
        new_file(html, "--html")
    ours = krypton()
    found = practice_of(ours, Asked(site=site, device=name, since=since, until=until))
    if html is not None:
        from krypton.faces.practice.page import page

        keep(html, page(found, wanted, ours.ledger.clock().date(), site_names(ours)).encode())
        return
    if as_json:
        document(found)
        return
    shown(found)


def shown(found: Mapping[str, Any]) -> None:
    """Print a ``dose device`` document."""
    table(found["devices"], ("device", "exposures", "last"), f"Devices of {found['site']}")
    groups = sorted(found["groups"], key=lambda group: (group["act"] is None, -group["persons"]))
    rows = [{**_row(group, found["least"]), "device": device_of(found, group)} for group in groups[:LINES]]
    columns = (*GROUP, "persons", "median", "quartiles", "level", "note")
    table(rows, columns, f"Practice{period(found)}: {found['exposures']} exposures of {found['persons']} persons")
    beside(found, groups[:LINES])
    if found["undated"]:
        out.print(f"exposures without a day, in no period: {found['undated']}")
    if len(groups) > LINES:
        out.print(f"{len(groups) - LINES} more groups: --json has all of them, and --html OUT makes a page")


def _row(group: Mapping[str, Any], least: int) -> dict[str, Any]:
    level, small = group["level"], group["too_small"]
    few = level is not None and not level["enough"]
    said = f"group too small ({group['persons']} of {least if small else level['needed']})" if small or few else None
    return {
        "act": group["act"] or f"{group['protocol'] or 'not known'} (not mapped)",
        "population": ", ".join(filter(None, (group["population"] or "age not known", group["weight"]))),
        "phantom_cm": group["phantom_cm"],
        "quantity": heading(group["quantity"]),
        "persons": group["persons"],
        "median": group["median"],
        "quartiles": None if small else [group["q1"], group["q3"]],
        "level": level and level["value"],
        "note": said or ("over" if level and group[level["statistic"]] > level["value"] else None),
    }
