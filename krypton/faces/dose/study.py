"""Makes the page of one study's dose: each exposure with how it was made, sums beside totals, and what is odd."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from domain.dose_alerts import QUANTITIES
from domain.dose_flags import AT_EXAM
from krypton.faces.dose.page import CSP, NOBODY
from krypton.faces.dose.technique import STUDY, technique, warning
from krypton.faces.dose.words import COLON, WORDS, day, moment, number
from krypton.faces.practice.words import label
from krypton.faces.templates import templates
from schemas.event import ERASED


def page(found: Mapping[str, Any], language: str, today: date, sites: Mapping[str, str] = NOBODY) -> str:
    """The page of a ``dose study`` document. ``language``: one of ``LANGUAGES``; ``sites``: names by code."""
    words = STUDY[language]
    name, made_on = _name(found["patient"], WORDS[language]), day(f"{today}", language)
    place = ", ".join(sorted({sites.get(report["site"], report["site"]) for report in found["reports"]}))
    when = day(_when(found), language)
    exposures = [_exposure(row, when, words, language) for row in found["exposures"]]
    foot = (words["title"], name, when, place, f"{WORDS[language]['made']} {made_on}")
    standing = [report for report in found["reports"] if report["superseded_by"] is None]
    return (
        templates("krypton.faces.dose")
        .get_template("study.html")
        .render(
            csp=CSP,
            language=language,
            words=words,
            said=WORDS[language],
            found=found,
            colon=COLON[language],
            name=name,
            place=place,
            when=when,
            foot=" · ".join(filter(None, foot)),
            born=day(found["patient"]["birth_date"] or WORDS[language]["not_known"], language),
            today=made_on,
            exposures=exposures,
            odd=any(row["flags"] for row in exposures),
            sums=[_sum(q, found["sums"], standing, language) for q in QUANTITIES[1:] if _told(q, found, standing)],
            reports=[_report(report, sites, language) for report in found["reports"]],
            number=lambda value: number(value, language),
        )
    )


def _when(found: Mapping[str, Any]) -> str:
    """The first day that is stated (YYYY-MM-DD); empty where none is."""
    starts = [row["started_at"] for row in found["exposures"] if row["started_at"]]
    return min(starts or [one["reported_at"] for one in found["reports"] if one["reported_at"]], default="")[:10]


def _name(who: Mapping[str, Any], words: Mapping[str, str]) -> str:
    names = [name for name in (who["given"], who["family"]) if name]
    return words["erased"] if ERASED in names else " ".join(names) or words["not_known"]


def _exposure(row: Mapping[str, Any], when: str, words: Mapping[str, str], language: str) -> dict[str, Any]:
    """``when``: the day of the exam, which is not told again."""
    side = words.get(f"side_{row['side']}", row["laterality"])
    told = (row[name] for name in ("protocol", "target_region", "acquisition", "radiopharmaceutical"))
    what = [one for one in (*told, side) if one]
    doses = [(q, *label(q, language), row[q]) for q in QUANTITIES if row[q] is not None]
    return {
        "uid": row["irradiation_event_uid"],
        "at": moment(row["started_at"] or "", language).removeprefix(f"{when} "),
        "modality": row["modality"],
        "what": ", ".join(what),
        "how": _how(row, words, language),
        "doses": doses,
        "flags": _flags(row, words, language),
    }


def _how(row: Mapping[str, Any], words: Mapping[str, str], language: str) -> list[str]:
    """How it was made, as far as the device states it."""
    told = [words["plane"].format(plane=row["plane"])] if row["plane"] else []
    for name, value in (row["technique"] or {}).items():
        if value is None:
            continue
        shown = number(value, language) if isinstance(value, int | float) else str(value)
        told.append(technique(name, shown, language))
    return [*told, row["filters"]] if row["filters"] else told


def _flags(row: Mapping[str, Any], words: Mapping[str, str], language: str) -> list[str]:
    told = [words["qa"]] if row["qa"] else []
    told += [words["implausible"].format(name=label(q, language)[0]) for q in row["implausible"]]
    for level in row["levels"]:
        if (then := level[AT_EXAM]) and then["over"]:
            unit = label(level["quantity"], language)
            told.append(f"{unit[0]} {words['over'].format(value=number(then['nrd'], language))} {unit[1]}")
    return told


def _told(quantity: str, found: Mapping[str, Any], reports: list[Mapping[str, Any]]) -> bool:
    stated = (report["report_totals"].get(quantity) for report in reports)
    return found["sums"].get(quantity) is not None or any(value is not None for value in stated)


def _sum(quantity: str, sums: Mapping[str, Any], reports: list[Mapping[str, Any]], language: str) -> dict[str, Any]:
    """The sum of the exposures, and each standing report's own sum and total: they are never mixed."""
    name, unit = label(quantity, language)
    stated = [(r["event_sums"].get(quantity), r["report_totals"].get(quantity)) for r in reports]
    told = [(own, total, own is not None and own != total) for own, total in stated if total is not None]
    return {"quantity": quantity, "name": name, "unit": unit, "sum": sums.get(quantity), "stated": told}


def _report(report: Mapping[str, Any], sites: Mapping[str, str], language: str) -> dict[str, Any]:
    device, words = report["device"], STUDY[language]
    names = {quantity: label(quantity, language)[0] for quantity in QUANTITIES}
    parts = [device.get(name) for name in ("manufacturer", "model", "serial", "station")]
    notes = report["not_understood"]
    told = [warning(code, language, names) for code in report["warnings"]]
    told += [*(notes if isinstance(notes, list) else [notes] if notes else [])]
    told += [words["superseded"]] if report["superseded_by"] else []
    return {
        "at": moment(report["reported_at"] or "", language),
        "site": sites.get(report["site"], report["site"]),
        "device": " ".join(part for part in parts if part),
        "source": words[report["source"]],
        "warnings": told + ([words["qa"]] if report["qa"] else []),
    }
