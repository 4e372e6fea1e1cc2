"""The words of the patient's page, in French and English; numbers and dates as each language writes them."""

from collections.abc import Mapping
from typing import Any, Final

LANGUAGES: Final = ("fr", "en")
NARROW: Final = "\u202f"  # between thousands, in French
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "title": "Mes expositions aux rayonnements",
        "born": "né(e) le",
        "made": "Relevé établi le",
        "intro": "Cette page résume les examens qui ont utilisé des rayonnements, dans tous les établissements "
        "qui les ont transmis.",
        "not_known": "non connu",
        "period": "Période",
        "since": "depuis le",
        "until": "jusqu’au",
        "always": "tout ce qui est connu",
        "none_then": "Aucune exposition connue sur cette période.",
        "no_total": "Aucune dose n’est connue.",
        "from_images": "lue dans les images, sans compte rendu de dose",
        "source": "Sources : comptes rendus de dose et images que les établissements ont transmis jusqu’au jour du "
        "relevé.",
        "undated_then": "Expositions sans date connue, hors de la période : ",
        "timeline": "Examens dans le temps",
        "timeline_help": "Chaque point est un examen ; plus il est à droite, plus il est récent.",
        "undated": "Examens sans date connue, absents de la frise : ",
        "totals": "Totaux",
        "totals_help": "Chaque grandeur mesure autre chose : elles ne s’additionnent pas entre elles. Ce qui n’est pas "
        "connu n’est pas compté, et n’est pas zéro.",
        "no_estimate": "Aucune dose efficace (mSv) n’est donnée : aucun appareil ne la mesure.",
        "estimate_help": "La dose efficace (mSv) est une estimation par des coefficients publiés ; aucun appareil ne "
        "la mesure. Elle n’entre dans aucun total, et manque là où aucun coefficient ne convient.",
        "estimate": "estimation",
        "exams": "Examens",
        "date": "Date",
        "exam": "Examen",
        "place": "Établissement",
        "looked_at": "Région ou protocole",
        "times": "Expositions",
        "pregnancy_said": "grossesse signalée ou possible",
        "pregnancy_disagrees": "grossesse : indications contradictoires, à vérifier avec votre médecin",
        "dose": "Dose",
        "alerts": "Doses signalées",
        "alerts_help": "Une dose a dépassé un seuil de vigilance. Ce seuil n’est pas une limite : "
        "il demande à un professionnel de regarder.",
        "threshold": "seuil",
        "alert_open": "à regarder",
        "alert_acknowledged": "vue par un professionnel",
        "left_out": "Ce que ce relevé ne contient pas",
        "unread": "Comptes rendus de dose dont aucune dose n’a pu être lue : ",
        "withheld": "Comptes rendus masqués par une opposition : ",
        "doubtful": "Valeurs invraisemblables, hors des totaux tant que personne ne les a validées : ",
        "qa": "Expositions qui semblent être un test de l’appareil, comptées quand même : ",
        "ask": "Questions sur ces doses : votre médecin, ou le service qui a fait l’examen.",
        "none": "Aucune exposition connue.",
        "erased": "effacé",
        "exam_one": "examen",
        "exam_many": "examens",
        "of": "dans",
        "place_one": "établissement",
        "place_many": "établissements",
    },
    "en": {
        "title": "My exposures to radiation",
        "born": "born",
        "made": "Record made on",
        "intro": "This page sums up the exams that used radiation, in all establishments that sent them.",
        "not_known": "not known",
        "period": "Period",
        "since": "from",
        "until": "to",
        "always": "all that is known",
        "none_then": "No exposure is known in this period.",
        "no_total": "No dose is known.",
        "from_images": "read from the images, without a dose report",
        "source": "Sources: dose reports and images that establishments sent up to the day of this record.",
        "undated_then": "Exposures of unknown date, not in the period: ",
        "timeline": "Exams over time",
        "timeline_help": "Each dot is an exam; the more it is to the right, the more recent it is.",
        "undated": "Exams of unknown date, not on the line: ",
        "totals": "Totals",
        "totals_help": "Each quantity measures something else: they are never added up. What is not known is "
        "not counted, and is not zero.",
        "no_estimate": "No effective dose (mSv) is given: no device measures one.",
        "estimate_help": "The effective dose (mSv) is an estimate by published factors; no device measures it. "
        "It is in no total, and is missing where no factor fits.",
        "estimate": "estimate",
        "exams": "Exams",
        "date": "Date",
        "exam": "Exam",
        "place": "Establishment",
        "looked_at": "Region or protocol",
        "times": "Exposures",
        "pregnancy_said": "pregnancy stated or possible",
        "pregnancy_disagrees": "pregnancy: what is said contradicts itself, ask your doctor",
        "dose": "Dose",
        "alerts": "Doses that were noticed",
        "alerts_help": "A dose was over a threshold. It is no limit: it asks a professional to look.",
        "threshold": "threshold",
        "alert_open": "to be looked at",
        "alert_acknowledged": "seen by a professional",
        "left_out": "What this record does not hold",
        "unread": "Dose reports of which no dose could be read: ",
        "withheld": "Reports withheld for an opposition: ",
        "doubtful": "Implausible values, in no total until somebody accepts them: ",
        "qa": "Exposures that look like a test of the device, counted all the same: ",
        "ask": "Questions about these doses: your doctor, or the department that made the exam.",
        "none": "No exposure is known.",
        "erased": "erased",
        "exam_one": "exam",
        "exam_many": "exams",
        "of": "in",
        "place_one": "establishment",
        "place_many": "establishments",
    },
}
KIND_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "ct": "Scanner",
        "mammography": "Mammographie",
        "fluoroscopy": "Radiologie interventionnelle ou radioscopie",
        "radiography": "Radiographie",
        "nuclear": "Médecine nucléaire",
        "other": "Autre examen",
    },
    "en": {
        "ct": "CT scan",
        "mammography": "Mammography",
        "fluoroscopy": "Interventional radiology or fluoroscopy",
        "radiography": "Radiography",
        "nuclear": "Nuclear medicine",
        "other": "Other exam",
    },
}
SHORT_NAMES: Final[Mapping[str, str]] = {
    "Radiologie interventionnelle ou radioscopie": "Interventionnel",
    "Interventional radiology or fluoroscopy": "Interventional",
}
"""Beside the line of time, where there is little room."""
ALERTED: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "fr": {"ctdivol_mgy": ("Indice de dose des scanners (IDSV)", "mGy")},
    "en": {"ctdivol_mgy": ("Dose index of CT scans (CTDIvol)", "mGy")},
}
"""What is in no total, and a device may raise an alert for: its name and unit."""
QUANTITY_NAMES: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "fr": {
        "dlp_mgycm": ("Produit dose-longueur des scanners (PDL)", "mGy·cm"),
        "dap_mgycm2": ("Produit dose-surface des radiographies et radioscopies (PDS)", "mGy·cm²"),
        "dose_rp_mgy": ("Dose au point de référence, près de la peau", "mGy"),
        "agd_mgy": ("Dose glandulaire moyenne des mammographies", "mGy"),
        "activity_mbq": ("Activité administrée en médecine nucléaire", "MBq"),
    },
    "en": {
        "dlp_mgycm": ("Dose-length product of CT scans (DLP)", "mGy·cm"),
        "dap_mgycm2": ("Dose-area product of radiography and fluoroscopy (DAP)", "mGy·cm²"),
        "dose_rp_mgy": ("Dose at the reference point, near the skin", "mGy"),
        "agd_mgy": ("Average glandular dose of mammography", "mGy"),
        "activity_mbq": ("Activity given in nuclear medicine", "MBq"),
    },
}
COLON: Final[Mapping[str, str]] = {"fr": "\u00a0:", "en": ":"}
BRIEF: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "dlp_mgycm": "PDL",
        "dap_mgycm2": "PDS",
        "dose_rp_mgy": "Dose au point de référence",
        "agd_mgy": "Dose glandulaire",
        "activity_mbq": "Activité",
    },
    "en": {
        "dlp_mgycm": "DLP",
        "dap_mgycm2": "DAP",
        "dose_rp_mgy": "Dose at the reference point",
        "agd_mgy": "Glandular dose",
        "activity_mbq": "Activity",
    },
}
"""Beside a value of one exam; the totals have the whole name."""
PLAIN: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "dlp_mgycm": "les rayons d’un scanner, sur toute la longueur du corps qu’il a explorée",
        "dap_mgycm2": "les rayons émis, sur toute la surface qu’ils ont couverte",
        "dose_rp_mgy": "les rayons reçus à un point proche de la peau, pendant un geste guidé par l’image",
        "agd_mgy": "les rayons reçus par le sein, en moyenne",
        "activity_mbq": "la quantité de produit radioactif donnée pour l’examen",
    },
    "en": {
        "dlp_mgycm": "the radiation of a CT scan, over all the length of the body that it looked at",
        "dap_mgycm2": "the radiation that was given, over all the area that it covered",
        "dose_rp_mgy": "the radiation at a point near the skin, while images guided a procedure",
        "agd_mgy": "the radiation to the breast, on average",
        "activity_mbq": "how much of a radioactive product was given for the exam",
    },
}
"""What a quantity is, for whoever never heard of it."""


def number(value: float, language: str) -> str:
    """A value with all its digits, as the language writes it: 1 234,5 in French and 1,234.5 in English."""
    whole, dot, rest = f"{value:,.12g}".partition(".")
    if language == "fr":
        return whole.replace(",", NARROW) + dot.replace(".", ",") + rest
    return whole + dot + rest


def day(text: str, language: str) -> str:
    """A date as people write it, without parts that are not known (00); YYYY-MM-DD in English, which no two countries
    misread.
    """
    if len(text) != len("2026-01-05"):
        return text
    known = [part for part in text.split("-") if part.strip("0")]
    return "/".join(reversed(known)) if language == "fr" else "-".join(known)


def moment(text: str, language: str) -> str:
    """A day and, where it is stated, the time of it to the second. ``text``: ISO 8601."""
    return f"{day(text[:10], language)} {text[11:19]}".strip()


def period(found: Mapping[str, Any], language: str) -> str:
    """Of which days a document is, by its ``since`` and ``until``."""
    words = WORDS[language]
    said = [f"{words[name]} {day(found[name], language)}" for name in ("since", "until") if found[name]]
    return " ".join(said) or words["always"]
