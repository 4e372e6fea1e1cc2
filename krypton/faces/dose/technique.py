"""The words of the page of one study, and what each value of an exposure's technique is called there, with its unit."""

from collections.abc import Mapping
from typing import Final

STUDY: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "title": "Dose de l’examen",
        "of": "Examen du",
        "quantity": "Grandeur",
        "side_left": "gauche",
        "side_right": "droite",
        "side_both": "des deux côtés",
        "sum_differs": "{name} : la somme diffère du total",
        "damaged": "compte rendu endommagé",
        "events_missing": "moins d’expositions que le compte rendu n’en annonce",
        "event_uid_shared": "des expositions portent le même identifiant",
        "event_uid_derived": "des expositions sans identifiant en ont reçu un",
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
        "of": "Exam of",
        "quantity": "Quantity",
        "side_left": "left",
        "side_right": "right",
        "side_both": "both sides",
        "sum_differs": "{name}: the sum differs from the total",
        "damaged": "damaged report",
        "events_missing": "fewer exposures than the report says that there are",
        "event_uid_shared": "exposures share an identifier",
        "event_uid_derived": "exposures without an identifier were given one",
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
TECHNIQUE: Final[Mapping[str, tuple[str, str, str]]] = {
    "kvp": ("tension", "voltage", "kV"),
    "tube_current_ma": ("courant", "current", "mA"),
    "exposure_time_ms": ("durée", "time", "ms"),
    "exposure_mas": ("charge", "charge", "mAs"),
    "pulses": ("impulsions", "pulses", ""),
    "pulse_rate_hz": ("cadence", "pulse rate", "/s"),
    "pulse_width_ms": ("durée d’impulsion", "pulse width", "ms"),
    "rotation_time_s": ("rotation", "rotation", "s"),
    "pitch": ("pas", "pitch", ""),
    "scan_length_mm": ("longueur explorée", "scan length", "mm"),
    "collimation_mm": ("collimation", "collimation", "mm"),
    "filter_mm_al": ("filtre Al", "filter Al", "mm"),
    "source_detector_mm": ("foyer-détecteur", "source to detector", "mm"),
    "source_isocenter_mm": ("foyer-isocentre", "source to isocenter", "mm"),
    "primary_angle_deg": ("angle primaire", "primary angle", "°"),
    "secondary_angle_deg": ("angle secondaire", "secondary angle", "°"),
    "field_area_cm2": ("champ", "field", "cm²"),
    "compression_mm": ("épaisseur comprimée", "compressed thickness", "mm"),
    "compression_n": ("compression", "compression", "N"),
    "frames": ("images", "frames", ""),
}
"""By its name in the ledger: in French, in English, and the unit."""


def technique(name: str, shown: str, language: str) -> str:
    """One value of how an exposure was made; a name that is not here as the ledger has it."""
    french, english, unit = TECHNIQUE.get(name, (name, name, ""))
    return f"{french if language == 'fr' else english} {shown}\u00a0{unit}".rstrip()


def warning(code: str, language: str, names: Mapping[str, str]) -> str:
    """A warning of a report in words; ``names``: of quantities. One that is not known here as it is."""
    kind, _, quantity = code.partition(":")
    said = STUDY[language].get(kind)
    return said.format(name=names.get(quantity, quantity)) if said is not None else code
