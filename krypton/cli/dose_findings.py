"""krypton dose findings and dose map: devices' practice beside reference levels, and what the mapping makes of them."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from domain.dose_acts import compared_as, words_in
from domain.dose_flags import NOW
from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.dose_sums import Since, Until, days, period
from krypton.cli.options import AsJson
from krypton.cli.output import document, heading, out, table

if TYPE_CHECKING:
    from domain.dose_suggestions import Suggestion

OF_SITE: Final = "Of this establishment, by its code; of all where none is named."
Site = Annotated[str | None, typer.Argument(help=OF_SITE)]
SiteOption = Annotated[str | None, typer.Option("--site", help=OF_SITE)]
FINDING: Final = (
    *("site", "device", "act", "population", "weight kg", "dose", "by", "statistic", "value", "nrd", "guide"),
    *("persons", "said"),
)
MAPPED: Final = ("site", "device", "modality", "protocol", "region", "acquisition", "state", "act", "exposures")


class Action(StrEnum):
    """What ``dose map`` shows."""

    LIST = "list"
    SUGGEST = "suggest"


def findings(
    site: Site = None, since: Since = None, until: Until = None, who: As = OWN, as_json: AsJson = False
) -> None:
    """Each device's mean or median by act, beside the levels of the exams' days and of today; of the last 12 months."""
    from krypton.queries.findings import findings_of

    period_asked = days(since, until)
    found = findings_of(krypton(), site, *period_asked)
    if as_json:
        document(found)
        return
    table([_finding(one) for one in found["findings"]], FINDING, f"Practice beside reference levels{period(found)}")
    table(found["not_compared"], ("site", "device", "why", "exposures"), "In no group")


def _finding(one: Mapping[str, Any]) -> dict[str, Any]:
    by = f"today's {one['rule']}" if one["side"] == NOW else f"{one['rule']} of the day"
    return {**one, "dose": heading(one["quantity"]), "by": by, "weight kg": one["weight_kg"]}


def acts(
    action: Annotated[Action, typer.Argument(help="list them, or suggest entries, as a rule file to edit.")] = (
        Action.LIST
    ),
    site: SiteOption = None,
    since: Since = None,
    until: Until = None,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """Of which act the exposures of each device are, and what no entry fits; suggest: a mapping to edit and publish."""
    from krypton.queries.findings import mapping_of, suggested

    period_asked = days(since, until)
    asked = (krypton(), site, *period_asked)
    if action is Action.SUGGEST:
        content, found = suggested(*asked)
        if as_json:
            document({"document": content, "suggestions": [one._asdict() for one in found]})
        else:
            out.print(rule_file(content, found))
        return
    told = mapping_of(*asked)
    if as_json:
        document(told)
        return
    names = (*MAPPED[:-2], "between", "exposures")
    table(told["unmapped"], names, f"Of no known act{period(told)}: krypton dose map suggest")
    table(told["acts"], MAPPED, f"What each act is made of{period(told)}, by dose-acts@{told['mapping']}")
    if told["undated"]:
        out.print(f"exposures without a day, in no period: {told['undated']}")


def rule_file(content: Mapping[str, Any], found: Sequence["Suggestion"]) -> str:
    """A rule file: the entries in force, then the proposals; protocols without one are remarks.

    Protocols that tell the same words are one entry: two would fit alike, and be refused (G15).
    """
    head = [
        "# Proposed by names that are alike: look at each of the entries that are marked so, keep what is right, then",
        "# krypton rules publish FILE. Nothing is classified by it before.",
        *(f"{name} = {_toml(content[name])}" for name in ("kind", "version", "in_force_from")),
    ]
    entries = [line for entry in content["body"]["entries"] for line in _entry(entry)]
    alike: dict[Any, list[Suggestion]] = {}
    for one in found:
        if one.act is None:
            entries += ["", f"# No act is called alike, or several are: {_seen(one)}."]
        else:
            alike.setdefault((compared_as(one.modality), one.act, words_in(one.name)), []).append(one)
    for first, *others in alike.values():
        remarks = [
            f"# Proposed, likeness {first.likeness:g}: {_seen(first)}.",
            *(f"# Also {_seen(o)}." for o in others),
        ]
        entries += _entry({"act": first.act, "modalities": [first.modality], "protocols": [first.name]}, *remarks)
    return "\n".join([*head, *entries])


def _seen(one: "Suggestion") -> str:
    return f"{_toml(one.protocol)} ({one.modality}), {one.exposures} exposures"


def _entry(entry: Mapping[str, Any], *remarks: str) -> list[str]:
    return ["", *remarks, "[[body.entries]]", *(f"{name} = {_toml(value)}" for name, value in entry.items())]


def _toml(value: Any) -> str:
    """Texts, numbers and lists of texts are written as JSON writes them."""
    return json.dumps(value, ensure_ascii=False)
