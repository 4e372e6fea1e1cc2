"""Tells figures of practice in words and digits of a language: of whom they are, and what each picture shows."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from krypton.faces.dose.words import day, number, period
from krypton.faces.practice.charts import of_region
from krypton.faces.practice.words import WORDS, label

Group = Mapping[str, Any]
FIGURES: Final = 4
"""Digits that are written of a value; the element has all of them."""
SHOWN: Final = ("current", "old")
"""How it stands with a comparison that has figures: ``krypton.queries.region``."""
OF_BOX: Final = ("median", "q1", "q3", "p10", "p90")


class Telling:
    """In one language. ``box``, ``trend``, ``bars``: what a picture shows, for whoever does not see it."""

    def __init__(self, language: str) -> None:
        self._language, self._words = language, WORDS[language]

    def number(self, value: float) -> str:
        """With the digits that people read."""
        return number(float(f"{value:.{FIGURES}g}"), self._language)

    def month(self, month: str) -> str:
        """``month``: YYYY-MM."""
        return "/".join(reversed(month.split("-"))) if self._language == "fr" else month

    def act(self, group: Group) -> str:
        """What was done, as far as it is known."""
        return str(group["act"] or group["protocol"] or self._words["unknown"])

    def whom(self, group: Group) -> str:
        """To whom, and under which phantom."""
        parts = [self._words[group["population"] or "nobody_known"], group["weight"]]
        if group["phantom_cm"]:
            parts.append(self._words["phantom"].format(cm=group["phantom_cm"]))
        return ", ".join(part for part in parts if part)

    def whose(self, found: Group) -> Callable[[Group], str]:
        """As ``whom``, with the device where the document is of several, or of exposures of no known device."""
        of = {one["device"] for name in ("devices", "groups", "operators") for one in found[name]}
        several = found["device"] is None and len(of) > 1

        def told(group: Group) -> str:
            return f"{self.whom(group)}, {group['device'] or self._words['no_device']}" if several else self.whom(group)

        return told

    def box(self, group: Group) -> str:
        """The group with its five figures."""
        name, unit = label(group["quantity"], self._language)
        figures = {figure: self.number(group[figure]) for figure in OF_BOX}
        told = {"act": self.act(group), "whom": self.whom(group), "name": name, "unit": unit}
        return " ".join(filter(None, [self._words["told_box"].format(**told, **figures) + ".", self.in_region(group)]))

    def in_region(self, group: Group) -> str:
        """What the region gives in such exposures; empty where it has none."""
        if not group.get("region"):
            return ""
        if (region := of_region(group)) is None:
            return self._words["in_region_small"]
        figures = {figure: self.number(region[figure]) for figure in ("median", "q1", "q3")}
        unit = label(group["quantity"], self._language)[1]
        return self._words["in_region"].format(**figures, unit=unit, sites=region["sites"])

    def region(self, found: Group) -> Group | None:
        """Of a document: what is said of the comparison with the region, and whether it is shown; None: not asked."""
        if (region := found.get("region")) is None:
            return None
        if region["state"] not in SHOWN:
            return {"shown": False, "said": self._words["region_absent"]}
        days = {name: day(str(region[name])[:10], self._language) for name in ("since", "until")}
        parts = [
            self._words["region_is"].format(sites=region["sites"], **days),
            self._words["region_made"].format(made=day(str(region["made_at"])[:10], self._language)),
            "" if region["same_period"] else self._words["region_other"].format(period=period(found, self._language)),
            self._words["region_old"] if region["state"] == "old" else "",
        ]
        return {"shown": True, "said": " ".join(filter(None, parts))}

    def trend(self, group: Group) -> str:
        """Each month that has a median, with it."""
        known = [one for one in group["months"] if one["median"] is not None]
        each = "; ".join(f"{self.month(one['month'])} {self.number(one['median'])}" for one in known)
        first, last = self.month(known[0]["month"]), self.month(known[-1]["month"])
        return self._words["told_trend"].format(first=first, last=last, each=each)

    def bars(self, group: Group) -> str:
        """Each bar with its bounds and its count."""
        told = (
            f"{self.number(one['from'])} – {self.number(one['to'])} ({one['exposures']})" for one in group["histogram"]
        )
        unit = label(group["quantity"], self._language)[1]
        return self._words["told_bars"].format(unit=unit, each="; ".join(told))
