"""Exposures and dose reports as readers are shown them: with bands, and without words that an erasure took."""

from collections.abc import Collection, Sequence
from typing import Any

from domain import pregnancy
from domain.dose_alerts import QUANTITIES
from domain.dose_bands import band, months_at
from domain.dose_distinct import Row
from domain.dose_words import OF_DEVICE
from projections.cumulative_dose.asked import Asked
from projections.cumulative_dose.distinct import sums
from projections.cumulative_dose.sums import dated
from schemas.event import ERASED

Document = dict[str, Any]
GONE = [ERASED]
GONE_OF_DEVICE = dict.fromkeys(OF_DEVICE, ERASED)
WORDS = (
    *("protocol", "target_region", "target_region_code", "acquisition", "acquisition_code", "laterality"),
    *("filters", "radiopharmaceutical"),
)
OF_REPORT = ("patient", "operator", "procedure", "procedure_code", "study_description")
OF_PATIENT = ("population", "age_band", "weight_band", "pregnant", "pregnancy_ordered", "pregnancy_disagrees")


def _is_gone(row: Row, erased: Collection[str]) -> bool:
    """Whether its words are: sealed under an erased person's key, or of a study that is theirs now."""
    return row["subject_id"] in erased or str(row["identity"]) in erased


def with_organs(report: Row, erased: Collection[str]) -> Document:
    """A report of which the totals hold those of organs too, where an erasure did not take them."""
    organs = {} if _is_gone(report, erased) else report["organ_totals"] or {}
    return {**report, "totals": report["totals"] | organs}


def told_of(row: Row, erased: Collection[str], asked: Asked) -> Row:
    """An exposure with its bands, its estimate and what is said of a pregnancy, and without words that an erasure took,
    or that are nobody's to read.
    """
    gone = _is_gone(row, erased) or row["raw"] is None
    patient = {} if gone else row["patient"] or {}
    ordered = asked.pregnancies.get(row["study_uid"], ())
    age = (asked.born.get(row["identity"]), dated(row), patient.get("age_days"))
    of = band(birth_date=age[0], exposed_at=age[1], age_days=age[2], weight_kg=patient.get("weight_kg"))
    words: Document = {**dict.fromkeys((*WORDS, "side"), ERASED), "raw": {}, "not_understood": GONE} if gone else {}
    if gone:
        words |= {"procedure": None, "procedure_code": None, "organ_doses": None}
    told = {
        **row,
        **words,
        "patient": patient,
        "population": of.population,
        "age_band": of.age,
        "weight_band": of.weight,
        "pregnant": patient.get("pregnant"),
        "pregnancy_ordered": pregnancy.ordered(ordered),
        "pregnancy_disagrees": pregnancy.disagree(ordered, patient.get("pregnant")),
    }
    estimate = asked.factors.estimate(told, months_at(*age)) if asked.factors.factors else None
    return told | {"effective_dose_estimate": estimate}


def exposure(row: Row) -> Document:
    """An exposure, as ``told_of`` made it, as a document."""
    return {
        "irradiation_event_uid": row["irradiation_event_uid"],
        "study_uid": row["study_uid"],
        "report_uid": row["report_uid"],
        "identity": row["identity"],
        "site": row["site"],
        "started_at": row["started_at"],
        "started_offset": row["started_offset"],
        "kind": row["kind"],
        "modality": row["modality"],
        **{word: row[word] for word in WORDS},
        **{quantity: row[quantity] for quantity in QUANTITIES},
        "phantom_cm": row["phantom_cm"],
        "side": row["side"],
        **{name: row[name] for name in OF_PATIENT},
        "entrance_dose_mgy": row["entrance_dose_mgy"],
        "ssde_mgy": row["ssde_mgy"],
        "organ_doses": row["organ_doses"] or [],
        "template": row["template"],
        "plane": row["plane"],
        "effective_dose_estimate": row["effective_dose_estimate"],
        "technique": row["technique"],
        "source": row["source"],
        "qa": row["qa"],
        "implausible": row["implausible"] or [],
        "in_totals": row["accepted"] or not row["implausible"],
        "raw": row["raw"],
        "not_understood": row["not_understood"],
    }


def report(report: Row, exposures: Sequence[Row], erased: Collection[str]) -> Document:
    """A report with what it holds, and the sums of its exposures."""
    gone = _is_gone(report, erased) or report["device_words"] is None
    return {
        "report_uid": report["report_uid"],
        "study": report["study_id"],
        "study_uid": report["study_uid"],
        "identity": report["identity"],
        "site": report["site"],
        "reported_at": report["reported_at"],
        "modality": report["modality"],
        "device": report["device"] | (GONE_OF_DEVICE if gone else report["device_words"]),
        "exposures": len(exposures),
        "report_totals": report["totals"],
        "event_sums": sums(exposures),
        "source": report["source"],
        "warnings": report["warnings"] or [],
        **{word: ERASED if gone else report[word] for word in OF_REPORT},
        "qa": report["qa"],
        "not_understood": GONE if gone else report["not_understood"],
        "implausible": report["implausible"] or [],
        "accepted": report["accepted"],
        "position": report["position"],
    }
