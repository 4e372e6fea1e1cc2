"""Documents that pages of doses are made of, of every shape that people meet: all of it plainly made up."""

from datetime import date, timedelta
from random import Random
from typing import Any, Final

from domain.dose_acts import DoseActs
from domain.dose_levels import Level, ReferenceLevels
from domain.rules.acts import build
from krypton.queries.census_groups import Census
from tests.fakes.doses_shown import PATIENT, exposure, report

Document = dict[str, Any]
TODAY: Final = date(2026, 3, 1)
LONG: Final = {
    "family": "DE LA FICTIVE-IMAGINAIRE-D’OUTRE-MONTAGNE",
    "given": "MARIE-ANTOINETTE-JOSEPHINE-BERNADETTE",
    "birth_date": "1950-03-00",
}
SITES: Final = ("CHA", "CLINIQUE-DES-TROIS-VALLEES-IMAGINAIRES")
KINDS: Final[tuple[tuple[str, str, str, dict[str, float]], ...]] = (
    ("CT", "CT", "Abdomen et pelvis", {"dlp_mgycm": 1234.567, "ctdivol_mgy": 12.34}),
    ("PROJECTION", "DX", "Thorax", {"dap_mgycm2": 199.5}),
    ("PROJECTION", "MG", "Sein", {"agd_mgy": 1.42}),
    ("PROJECTION", "XA", "Coronaires", {"dap_mgycm2": 1234567.0, "dose_rp_mgy": 2345.6}),
    ("RADIOPHARMACEUTICAL", "NM", "Os", {"activity_mbq": 654.0}),
    ("CT", "CT", "Tête", {}),
)
ALERT: Final = {
    "study_uid": "2.25.4",
    "quantity": "dose_rp_mgy",
    "value": 2345.6,
    "threshold": 2000.0,
    "state": "open",
    "rule_kind": "study",
}


def patient(exams: int, *, who: Document | None = None, alerts: bool = False) -> Document:
    """The ``dose show`` document of a person with so many exams, of every kind, over two establishments."""
    rows = [_exam(number) for number in range(exams)]
    sums: dict[str, float] = {}
    for row in rows:
        for quantity in ("dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq"):
            if row[quantity] is not None:
                sums[quantity] = sums.get(quantity, 0.0) + row[quantity]
    return {
        "patient": PATIENT | (who or {}),
        "since": None,
        "until": None,
        "undated": 0,
        "totals": sums,
        "estimates": None,
        "exposures": rows,
        "stated_alone": [],
        "reports": [],
        "alerts": [ALERT] if alerts else [],
        "unread": [{}] if alerts else [],
        "qa_exposures": 0,
    }


def _exam(number: int) -> Document:
    kind, modality, region, values = KINDS[number % len(KINDS)]
    day = date(2012, 3, 4) + timedelta(days=83 * number)
    told = {"study_uid": f"2.25.{number + 1}", "target_region": region, "site": SITES[number % 2], **values}
    return exposure(f"2.25.8{number}", kind, modality, "2.25.9", started_at=f"{day}T09:00:00", **told) | {
        "pregnant": number == 7,
    }


ANGIO: Final = {
    "kvp": 78.0,
    "tube_current_ma": 512.5,
    "exposure_time_ms": 1234.0,
    "pulse_width_ms": 8.2,
    "pulses": 120,
    "primary_angle_deg": -30.5,
    "secondary_angle_deg": 20.0,
}
MAMMOGRAPHY: Final = {"kvp": 28.0, "exposure_mas": 65.2, "compression_mm": 54.0}


def study(exposures: int, kind: str = "angiography", *, who: Document | None = None) -> Document:
    """The ``dose study`` document of an exam with so many exposures; ``kind``: angiography, mammography or PET/CT."""
    rows = [_OF_KIND[kind](number) for number in range(exposures)]
    names = ("dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq")
    sums = {q: sum(known) if (known := [r[q] for r in rows if r[q] is not None]) else None for q in names}
    more: Document = {"event_sums": sums, "warnings": [], "not_understood": None, "qa": False}
    stated = {quantity: value * 1.1 for quantity, value in sums.items() if value is not None}
    return {
        "patient": PATIENT | (who or {}),
        "study": "0d6f1a52-7f3c-8a41-9b1e-2c5d8e7f6a90",
        "study_uid": "2.25.1",
        "exposures": rows,
        "sums": sums,
        "reports": [
            report("2.25.9")
            | more
            | {"report_totals": stated, "warnings": ["sum_differs:dap_mgycm2", "event_uid_shared"]}
        ],
        "stated_alone": [],
        "alerts": [],
    }


def _shown(number: int, kind: str, modality: str, **told: Any) -> Document:
    at = f"2026-01-10T10:{number // 60 % 60:02}:{number % 60:02}"
    more: Document = dict.fromkeys(("acquisition", "laterality", "plane", "technique", "filters")) | {"qa": False}
    return exposure(f"2.25.8{number}", kind, modality, "2.25.9", started_at=at) | more | {"levels": []} | told


def _angiography(number: int) -> Document:
    values = {"dap_mgycm2": 1234.5 + number, "dose_rp_mgy": 12.3}
    told = {"plane": "AB"[number % 2], "technique": ANGIO, "filters": "Cu 0,1 mm + Al 1 mm", **values}
    return _shown(
        number,
        "PROJECTION",
        "XA",
        protocol="Coronaires 15 i/s",
        target_region="Cœur",
        acquisition="Stationary Acquisition",
        **told,
    )


def _mammography(number: int) -> Document:
    told = {"protocol": "MLO", "target_region": "Sein", "laterality": "R", "agd_mgy": 1.4, "technique": MAMMOGRAPHY}
    return _shown(number, "PROJECTION", "MG", **told)


def _pet_ct(number: int) -> Document:
    if number == 0:
        return _shown(number, "RADIOPHARMACEUTICAL", "PT", activity_mbq=254.0, radiopharmaceutical="FDG")
    values = {"ctdivol_mgy": 4.5, "dlp_mgycm": 433.2}
    return _shown(number, "CT", "CT", protocol="Corps entier TEP", target_region="Corps entier", **values)


_OF_KIND: Final = {"angiography": _angiography, "mammography": _mammography, "PET/CT": _pet_ct}

NAMES: Final = {"thorax pa": "Thorax de face (postéro-antérieur)", "bassin": "Bassin de face", "inconnu": None}
ACTS: Final = build(
    1, {"entries": [{"act": act, "protocols": [name], "modalities": ["DX"]} for name, act in NAMES.items() if act]}
)
LEVELS: Final = ReferenceLevels(
    2019,
    (
        Level("Thorax de face (postéro-antérieur)", "DX", "adult", "dap_mgycm2", 200.0, "mGy.cm2", guide=195.0),
        Level("Bassin de face", "DX", "adult", "dap_mgycm2", 3800.0, "mGy.cm2", guide=2000.0),
    ),
)


def device(
    exposures: int, *, devices: int = 1, acts: DoseActs = ACTS, levels: ReferenceLevels = LEVELS, seed: int = 1
) -> Document:
    """The ``dose device`` document of so many exposures."""
    chance, names = Random(seed), [f"Salle {number + 1} FICTIVE SA Modèle-Très-Long 3000" for number in range(devices)]
    rows = [_practised(chance, number, names) for number in range(exposures)]
    census = Census(acts, levels, "CHA", {})
    return {
        "site": "CHA",
        "device": None,
        "since": "2025-03-01",
        "until": None,
        "least": 5,
        "levels": levels.version,
        "devices": [{"device": name, "exposures": exposures, "last": "2026-02-28"} for name in names],
        "exposures": len(rows),
        "persons": len(census.persons(rows)),
        **census.told(rows, lambda name: f"00000{name}"),
    }


def _practised(chance: Random, number: int, names: list[str]) -> tuple[Any, ...]:
    """An exposure as ``projections.dose_practice.queries.practised`` tells it."""
    protocol = chance.choice([*NAMES])
    middle = 5.3 if protocol == "thorax pa" else 7.9
    day = date(2025, 3, 1) + timedelta(days=chance.randint(0, 360))
    population = chance.choice(["adult"] * 8 + ["child", None])
    marks = f'["DX", "{protocol}", [], null, null, null, null, null]'
    dap = round(chance.lognormvariate(middle, 0.6), 2)
    values = (None, None, dap, None, None, None)
    weight = ("10-20 kg", 15.0) if population == "child" else (None, None)
    device = chance.choice(names)
    return (
        device,
        marks,
        chance.choice("AB"),
        population,
        *weight,
        None,
        f"2.25.{number}",
        f"p{number // 2}",
        f"{day}",
        *values,
    )


def beside_region(found: Document, state: str = "current") -> Document:
    """A ``dose device`` document beside the region, which has no figure of children."""
    head = {"made_at": "2026-02-28T03:00:00+00:00", "since": "2025-02-28", "until": "2026-02-27", "sites": 12}
    small = {
        "too_small": True,
        "exposures": 9,
        "persons": 9,
        "sites": 2,
        **dict.fromkeys(("q1", "median", "q3", "lies")),
    }

    def told(group: Document) -> Document | None:
        if group["act"] is None or state not in ("current", "old"):
            return None
        if group["population"] == "child" or group["too_small"]:
            return small
        figures = {"q1": group["q1"] * 0.7, "median": group["median"] * 0.8, "q3": group["p90"] * 1.2, "lies": "within"}
        return small | figures | {"too_small": False, "sites": 7}

    return found | {
        "groups": [group | {"region": told(group)} for group in found["groups"]],
        "region": head
        | {
            "state": state,
            "acts": 1,
            "levels": 2019,
            "exposures": 900,
            "persons": 800,
            "least_sites": 3,
            "same_period": True,
        },
    }
