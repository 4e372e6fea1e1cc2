"""Makes the page of practice: plain words, one file without a script, which asks nothing of any server."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from domain.dose_flags import NO_LEVEL, NO_POPULATION, NO_WEIGHT, PHANTOM
from krypton.faces.dose.page import CSP, NOBODY
from krypton.faces.dose.words import COLON, day, period
from krypton.faces.practice.charts import FLOOR, HEIGHT, Bars, Box, Trend, bars, box, of_region, trend
from krypton.faces.practice.told import Telling
from krypton.faces.practice.words import WORDS, label
from krypton.faces.templates import templates

Document = Mapping[str, Any]
WHY: Final[Mapping[str, str]] = {
    NO_POPULATION: "no_population",
    NO_WEIGHT: "no_weight",
    PHANTOM: "another_phantom",
    NO_LEVEL: "no_level",
}
"""The words that say why a group is beside no level."""


@dataclass(frozen=True)
class Card:
    """One group with its pictures."""

    group: Document
    box: Box
    trend: Trend | None
    bars: Bars
    verdict: str
    over: bool


def page(found: Document, language: str, today: date, sites: Mapping[str, str] = NOBODY) -> str:
    """The page of a ``dose device`` document. ``language``: one of ``LANGUAGES``; ``sites``: names by code."""
    words, telling = WORDS[language], Telling(language)
    site, of, made_on = sites.get(found["site"], found["site"]), period(found, language), day(f"{today}", language)
    heading = [words["title"], site, found["device"], f"{words['period']}{COLON[language]} {of}"]
    named = [one["device"] for one in found["devices"] if found["device"] in (None, one["device"])]
    told = [group for group in found["groups"] if not group["too_small"]]
    return (
        templates("krypton.faces.practice")
        .get_template("device.html")
        .render(
            csp=CSP,
            language=language,
            words=words,
            found=found,
            colon=COLON[language],
            today=made_on,
            site=site,
            floor=FLOOR,
            height=HEIGHT,
            period=of,
            foot=" · ".join(filter(None, [*heading, f"{words['made']} {made_on}"])),
            devices=[(name, [_card(g, words) for g in told if g["device"] == name]) for name in named],
            groups=told,
            small=[group for group in found["groups"] if group["too_small"]],
            operators=[one for one in found["operators"] if not one["too_small"]],
            label=lambda quantity: label(quantity, language),
            number=telling.number,
            whom=telling.whom,
            whose=telling.whose(found),
            act=telling.act,
            of_month=telling.month,
            region=telling.region(found),
            of_region=of_region,
            in_region=telling.in_region,
            told_box=telling.box,
            told_trend=telling.trend,
            told_bars=telling.bars,
        )
    )


def _card(group: Document, words: Mapping[str, str]) -> Card:
    return Card(group, box(group), trend(group), bars(group), *verdict(group, words))


def verdict(group: Document, words: Mapping[str, str]) -> tuple[str, bool]:
    """What the group's statistic says beside its level, in words; and whether it is over."""
    if group["act"] is None:
        return words["not_mapped"], False
    if (level := group["level"]) is None:
        return words[WHY[group["no_level"]]], False
    if not level["enough"]:
        return words["few"].format(n=group["persons"], needed=level["needed"]), False
    statistic = group[level["statistic"]]
    beside = "over" if statistic > level["value"] else "under" if statistic < level["value"] else "at"
    said = f"{words[level['statistic']]} {words[beside]}"
    low = level["guide"] is not None and statistic < level["guide"]
    return f"{said} {words['low']}" if low else said, statistic > level["value"]
