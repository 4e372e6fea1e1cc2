"""Makes the page of one study's dose: each exposure with how it was made, sums beside totals, and what is odd."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from domain.dose_alerts import QUANTITIES
from domain.dose_flags import AT_EXAM
from krypton.faces.dose.page import CSP
from krypton.faces.dose.words import WORDS, day, number
from krypton.faces.practice.words import label
from krypton.faces.templates import templates
from schemas.event import ERASED

STUDY: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "title": "Dose de l’examen",
        "exposures": "Expositions",
        "time": "Heure",
        "what": "Protocole, région",
        "how": "Technique",
        "dose": "Dose",
        "flags": "Remarques",
        "sums": "Somme des expositions et total du compte rendu",
        "sum": "Somme",
        "total": "Total déclaré",
        "differs": "diffère",
        "reports": "Comptes rendus",
        "device": "Appareil",
        "source": "Source",
        "warnings": "Avertissements",
        "superseded": "remplacé",
        "qa": "test de l’appareil",
        "report": "compte rendu de dose",
        "image": "en-têtes d’images",
        "over": "au-dessus du NRD {value}",
        "implausible": "{name} invraisemblable",
        "plane": "plan {plane}",
        "none": "aucun",
    },
    "en": {
        "title": "Dose of the exam",
        "exposures": "Exposures",
        "time": "Time",
        "what": "Protocol, region",
        "how": "Technique",
        "dose": "Dose",
        "flags": "Remarks",
        "sums": "Sum of the exposures, and total of the report",
        "sum": "Sum",
        "total": "Stated total",
        "differs": "differs",
        "reports": "Reports",
        "device": "Device",
        "source": "Source",
        "warnings": "Warnings",
        "superseded": "superseded",
        "qa": "test of the device",
        "report": "dose report",
        "image": "image headers",
        "over": "over the NRD {value}",
        "implausible": "{name} implausible",
        "plane": "plane {plane}",
        "none": "none",
    },
}
UNITS: Final[Mapping[str, str]] = {"kvp": "kV", "ma": "mA", "mas": "mAs", "ms": "ms", "mm": "mm", "deg": "°", "s": "s"}
"""By the end of a technique's name."""


def page(found: Mapping[str, Any], language: str, today: date) -> str:
    """The page of a ``dose study`` document. ``language``: one of ``LANGUAGES``."""
    words = STUDY[language]
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
            name=_name(found["patient"], WORDS[language]),
            born=day(found["patient"]["birth_date"] or WORDS[language]["not_known"], language),
            today=day(today.isoformat(), language),
            exposures=[_exposure(row, words, language) for row in found["exposures"]],
            sums=[_sum(q, found["sums"], standing, language) for q in QUANTITIES[1:] if _told(q, found, standing)],
            reports=[_report(report, words) for report in found["reports"]],
            number=lambda value: number(value, language),
        )
    )


def _name(who: Mapping[str, Any], words: Mapping[str, str]) -> str:
    names = [name for name in (who["given"], who["family"]) if name]
    return words["erased"] if ERASED in names else " ".join(names) or words["not_known"]


def _exposure(row: Mapping[str, Any], words: Mapping[str, str], language: str) -> dict[str, Any]:
    what = [row[name] for name in ("protocol", "target_region", "acquisition", "laterality") if row[name]]
    doses = [(q, *label(q, language), row[q]) for q in QUANTITIES if row[q] is not None]
    return {
        "uid": row["irradiation_event_uid"],
        "at": (row["started_at"] or "")[:16].replace("T", " "),
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
        unit = UNITS.get(name.rpartition("_")[2], "")
        shown = number(value, language) if isinstance(value, int | float) else str(value)
        told.append(f"{name.replace('_', ' ')} {shown} {unit}".strip())
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


def _report(report: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    device = report["device"]
    parts = [device.get(name) for name in ("manufacturer", "model", "serial", "station")]
    notes = report["not_understood"]
    told = [*report["warnings"], *(notes if isinstance(notes, list) else [notes] if notes else [])]
    told += [words["superseded"]] if report["superseded_by"] else []
    return {
        "at": (report["reported_at"] or "")[:16].replace("T", " "),
        "site": report["site"],
        "device": " ".join(part for part in parts if part),
        "source": words[report["source"]],
        "warnings": told + ([words["qa"]] if report["qa"] else []),
    }
