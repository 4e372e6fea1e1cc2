"""krypton rules diff: what a mapping or a text of levels would change, before anybody publishes it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import typer

from domain.dose_flags import AT_EXAM
from domain.rules.document import DOSE_ACTS, REFERENCE_LEVELS
from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.dose_findings import SiteOption
from krypton.cli.dose_sums import Since, Until, days, period
from krypton.cli.options import AsJson
from krypton.cli.output import document, heading, out, table
from krypton.cli.rule_files import File, read_file

DIFFERENT: Final = 1
ACTS: Final = ("site", "device", "modality", "protocol", "region", "acquisition", "was", "becomes", "exposures")
FLAGS: Final = ("site", "device", "act", "dose", "by", "change", "exposures", "persons_compared")
FINDINGS: Final = ("site", "device", "act", "population", "weight_kg", "dose", "by", "was", "becomes")
OTHERS: Final = "this tells what dose-acts and reference-levels change: see krypton views diff for rules of other kinds"


def diff(
    file: File,
    site: SiteOption = None,
    since: Since = None,
    until: Until = None,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """What a file of dose-acts or reference-levels would change: acts, flags, findings; 1 when anything does."""
    told, asked = read_file(file), days(since, until)
    if told.kind not in (DOSE_ACTS, REFERENCE_LEVELS):
        raise typer.BadParameter(OTHERS, param_hint="FILE")
    from krypton.queries.rule_changes import changed_by

    found = changed_by(krypton(), told, site, *asked)
    if as_json:
        document(found)
    else:
        _shown(found)
    if found["acts"] or found["flags"] or found["findings"]:
        raise typer.Exit(DIFFERENT)


def _shown(found: Mapping[str, Any]) -> None:
    of = f"{period(found)}, by {found['rules']}"
    table(found["acts"], ACTS, f"Exposures of another act{of}")
    flags = [one | {"dose": heading(one["quantity"]), "by": _by(one)} for one in found["flags"]]
    table(flags, FLAGS, f"Values beside another level{of}")
    findings = [
        one
        | {"dose": heading(one["quantity"]), "by": _by(one), "was": _said(one["was"]), "becomes": _said(one["becomes"])}
        for one in found["findings"]
    ]
    table(findings, FINDINGS, f"Findings that change{of}")
    out.print(f"of {found['exposures']:,} exposures; nothing was published")


def _by(one: Mapping[str, Any]) -> str:
    return "rules of the day" if one["side"] == AT_EXAM else "today's rules"


def _said(found: Sequence[Mapping[str, Any]]) -> str | None:
    return "; ".join(map(_finding, found)) or None


def _finding(one: Mapping[str, Any]) -> str:
    if one["value"] is None:
        return f"{one['rule']}: {one['said']}"
    figures = f"{one['statistic']} {one['value']:g} of {one['nrd']:g}"
    return f"{one['rule']}: {figures}, {one['said']} ({one['persons']} persons)"
