"""Makes the patient's page of doses: plain words, one file without a script, which asks nothing of any server."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from domain.dose_alerts import EXAMS
from krypton.faces.dose.exams import SUMMED, Exam, exams
from krypton.faces.dose.timeline import timeline
from krypton.faces.dose.words import (
    ALERTED,
    BRIEF,
    COLON,
    KIND_NAMES,
    PLAIN,
    QUANTITY_NAMES,
    SHORT_NAMES,
    WORDS,
    day,
    number,
    period,
)
from krypton.faces.templates import templates
from schemas.event import ERASED

CSP: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
NOBODY: Final[Mapping[str, str]] = {}


def page(found: Mapping[str, Any], language: str, today: date, sites: Mapping[str, str] = NOBODY) -> str:
    """The page of a ``dose show`` document. ``language``: one of ``LANGUAGES``; ``sites``: names by code."""
    made = exams(found)
    name, of = _name(found["patient"], WORDS[language]), period(found, language)
    made_on = day(today.isoformat(), language)
    names, words = QUANTITY_NAMES[language], WORDS[language]

    def doses(values: Mapping[str, float | None]) -> list[tuple[str, str, float, str, str]]:
        known = ((quantity, values.get(quantity)) for quantity in SUMMED)
        return [
            (q, names[q][0], value, number(value, language), names[q][1]) for q, value in known if value is not None
        ]

    return (
        templates("krypton.faces.dose")
        .get_template("dose.html")
        .render(
            csp=CSP,
            language=language,
            words=words,
            kinds=KIND_NAMES[language],
            short={kind: SHORT_NAMES.get(name, name) for kind, name in KIND_NAMES[language].items()},
            colon=COLON[language],
            brief=BRIEF[language],
            plain=PLAIN[language],
            name=name,
            period=of,
            always=found["since"] is None and found["until"] is None,
            foot=f"{words['title']} · {name} · {of} · {words['made']} {made_on}",
            born=day(found["patient"]["birth_date"] or words["not_known"], language),
            today=made_on,
            day=lambda text: day(text, language) if text else words["not_known"],
            number=lambda value: number(value, language),
            doses=doses,
            totals=doses(found["totals"]),
            estimated=found["estimates"] is not None,
            exams=made,
            sites=lambda codes: ", ".join(sites.get(code, code) for code in codes),
            places=len({site for exam in made for site in exam.sites}),
            undated=sum(not exam.date for exam in made),
            timeline=timeline(made),
            alerts=[_alert(one, made, language) for one in found["alerts"] if one["state"] != "withdrawn"],
            left_out=_left_out(found),
        )
    )


def _name(who: Mapping[str, Any], words: Mapping[str, str]) -> str:
    names = [name for name in (who["given"], who["family"]) if name]
    return words["erased"] if ERASED in names else " ".join(names) or words["not_known"]


def _alert(alert: Mapping[str, Any], made: list[Exam], language: str) -> dict[str, Any]:
    """In words: what was over which threshold, when."""
    when = next((exam.date for exam in made if exam.study_uid == alert["study_uid"]), "")
    words = WORDS[language]
    if alert["quantity"] == EXAMS:
        label, unit = words["exams"], ""
    else:
        named = {**ALERTED[language], **QUANTITY_NAMES[language]}
        label, unit = named.get(alert["quantity"], (alert["quantity"], "mGy"))
    state = words[f"alert_{alert['state']}"]
    return {"date": when, "label": label, "unit": unit, "state": state, **_values(alert)}


def _values(alert: Mapping[str, Any]) -> dict[str, float | None]:
    return {name: alert[name] for name in ("value", "threshold")}


def _left_out(found: Mapping[str, Any]) -> list[tuple[str, int]]:
    """What no total holds, by its words, with how much there is of it."""
    doubtful = sum(len(one["implausible"]) for one in found["exposures"] if not one["in_totals"])
    counts = {
        "unread": len(found["unread"]),
        "withheld": found.get("withheld", 0),
        "doubtful": doubtful,
        "undated_then": found["undated"],
        "qa": found["qa_exposures"],
    }
    return [(name, count) for name, count in counts.items() if count]
