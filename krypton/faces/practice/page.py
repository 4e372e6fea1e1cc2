"""Makes the page of practice: plain words, one file without a script, which asks nothing of any server."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from krypton.faces.dose.page import CSP
from krypton.faces.dose.words import day, number
from krypton.faces.practice.charts import Bars, Box, Trend, bars, box, trend
from krypton.faces.practice.words import WORDS, label
from krypton.faces.templates import templates

Document = Mapping[str, Any]
FIGURES: Final = 4
"""Digits that are written of a value; the element has all of them."""


@dataclass(frozen=True)
class Card:
    """One group with its pictures."""

    group: Document
    box: Box
    trend: Trend | None
    bars: Bars
    verdict: str
    over: bool


def page(found: Document, language: str, today: date) -> str:
    """The page of a ``dose device`` document. ``language``: one of ``LANGUAGES``."""
    words = WORDS[language]
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
            today=day(today.isoformat(), language),
            period=_period(found, words, language),
            devices=[(name, [_card(g, words) for g in told if g["device"] == name]) for name in named],
            groups=told,
            small=[group for group in found["groups"] if group["too_small"]],
            operators=[one for one in found["operators"] if not one["too_small"]],
            label=lambda quantity: label(quantity, language),
            number=lambda value: number(float(f"{value:.{FIGURES}g}"), language),
            whom=lambda group: _whom(group, words),
            act=lambda group: group["act"] or group["protocol"] or words["unknown"],
        )
    )


def _card(group: Document, words: Mapping[str, str]) -> Card:
    verdict, over = _verdict(group, words)
    return Card(group, box(group), trend(group), bars(group), verdict, over)


def _verdict(group: Document, words: Mapping[str, str]) -> tuple[str, bool]:
    """What the group's statistic says beside its level, in words; and whether it is over."""
    if group["act"] is None:
        return words["not_mapped"], False
    if (level := group["level"]) is None:
        return words["no_level"], False
    if not level["enough"]:
        return words["few"].format(n=group["persons"], needed=level["needed"]), False
    statistic = group[level["statistic"]]
    said = f"{words[level['statistic']]} {words['over'] if statistic > level['value'] else words['under']}"
    low = level["guide"] is not None and statistic < level["guide"]
    return f"{said} {words['low']}" if low else said, statistic > level["value"]


def _whom(group: Document, words: Mapping[str, str]) -> str:
    parts = [words[group["population"] or "nobody_known"], group["weight"]]
    if group["phantom_cm"]:
        parts.append(words["phantom"].format(cm=group["phantom_cm"]))
    return ", ".join(part for part in parts if part)


def _period(found: Document, words: Mapping[str, str], language: str) -> str:
    bounds = ((words["since"], found["since"]), (words["until"], found["until"]))
    said = " ".join(f"{word} {day(at, language)}" for word, at in bounds if at)
    return said or words["always"]
