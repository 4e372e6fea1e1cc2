"""The words of the page of practice, in French and English."""

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "title": "Doses délivrées par appareil",
        "made": "Page établie le",
        "period": "Période",
        "since": "depuis le",
        "until": "jusqu’au",
        "always": "tout ce qui est connu",
        "intro": "Chaque cadre montre une acquisition courante sur un appareil. La moitié des doses est dans la "
        "boîte ; le trait épais est la médiane ; les moustaches vont du 10e au 90e centile.",
        "nobody": "Aucun patient n’est nommé. Un groupe de moins de {least} personnes n’a pas de chiffre.",
        "levels": "Niveaux de référence (NRD) : version {version}. Un NRD n’est pas une limite : si la médiane passe "
        "au-dessus, on cherche pourquoi.",
        "no_levels": "Aucun niveau de référence n’est en vigueur ici.",
        "device": "Appareil",
        "unknown": "non connu",
        "adult": "adultes",
        "child": "enfants",
        "nobody_known": "âge non connu",
        "persons": "patients",
        "exposures": "acquisitions",
        "not_mapped": "sans acte attribué",
        "median": "Médiane",
        "mean": "Moyenne",
        "quartiles": "Quartiles",
        "outliers": "Valeurs éloignées",
        "nrd": "NRD",
        "vgd": "VGD",
        "over": "au-dessus du NRD",
        "over_count": "Au-dessus du NRD",
        "under": "sous le NRD",
        "low": "et sous le VGD : vérifier la qualité d’image",
        "few": "groupe trop petit pour conclure ({n} sur {needed})",
        "no_level": "pas de NRD chargé pour cet acte",
        "too_small": "groupe trop petit ({n} sur {least})",
        "trend": "Médiane par mois",
        "histogram": "Combien de fois quelle dose",
        "table": "Tous les chiffres",
        "act": "Acte ou protocole",
        "quantity": "Grandeur",
        "small_groups": "Groupes trop petits",
        "operators": "Par opérateur (code)",
        "operator": "Opérateur",
        "none": "Aucune acquisition sur cette période.",
        "phantom": "fantôme {cm} cm",
    },
    "en": {
        "title": "Doses given by each device",
        "made": "Page made on",
        "period": "Period",
        "since": "from",
        "until": "to",
        "always": "all that is known",
        "intro": "Each frame shows one common acquisition on one device. Half of the doses are in the box; the thick "
        "line is the median; the whiskers go from the 10th to the 90th percentile.",
        "nobody": "No patient is named. A group of fewer than {least} persons has no figure.",
        "levels": "Reference levels (NRD): version {version}. An NRD is no limit: where the median is over it, one "
        "looks for the reason.",
        "no_levels": "No reference levels are in force here.",
        "device": "Device",
        "unknown": "not known",
        "adult": "adults",
        "child": "children",
        "nobody_known": "age not known",
        "persons": "patients",
        "exposures": "acquisitions",
        "not_mapped": "not mapped to an act",
        "median": "Median",
        "mean": "Mean",
        "quartiles": "Quartiles",
        "outliers": "Outliers",
        "nrd": "NRD",
        "vgd": "VGD",
        "over": "over the NRD",
        "over_count": "Over the NRD",
        "under": "under the NRD",
        "low": "and under the VGD: look at image quality",
        "few": "group too small to conclude ({n} of {needed})",
        "no_level": "no NRD loaded for this act",
        "too_small": "group too small ({n} of {least})",
        "trend": "Median by month",
        "histogram": "How often which dose",
        "table": "All figures",
        "act": "Act or protocol",
        "quantity": "Quantity",
        "small_groups": "Groups that are too small",
        "operators": "By operator (code)",
        "operator": "Operator",
        "none": "No acquisition in this period.",
        "phantom": "phantom {cm} cm",
    },
}
SHORT: Final[Mapping[str, tuple[str, str]]] = {
    "ctdivol_mgy": ("CTDIvol", "mGy"),
    "dlp_mgycm": ("DLP", "mGy·cm"),
    "dap_mgycm2": ("DAP", "mGy·cm²"),
    "dose_rp_mgy": ("dose (RP)", "mGy"),
    "agd_mgy": ("AGD", "mGy"),
    "activity_mbq": ("A", "MBq"),
}
FRENCH: Final[Mapping[str, str]] = {
    "ctdivol_mgy": "IDSV",
    "dlp_mgycm": "PDL",
    "dap_mgycm2": "PDS",
    "dose_rp_mgy": "dose (PR)",
    "agd_mgy": "DGM",
}


def label(quantity: str, language: str) -> tuple[str, str]:
    """A quantity's short name and its unit."""
    name, unit = SHORT[quantity]
    return (FRENCH.get(quantity, name) if language == "fr" else name), unit
