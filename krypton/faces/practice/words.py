"""The words of the page of practice, in French and English."""

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "title": "Doses délivrées par appareil",
        "made": "Page établie le",
        "period": "Période",
        "intro": "Chaque cadre montre une acquisition courante sur un appareil. La moitié des doses est dans la "
        "boîte ; le trait épais est la médiane ; les moustaches vont du 10e au 90e centile.",
        "nobody": "Aucun patient n’est nommé. Un groupe de moins de {least} personnes n’a pas de chiffre.",
        "levels": "Niveaux de référence (NRD) : version {version}. Un NRD n’est pas une limite : si la médiane passe "
        "au-dessus, on cherche pourquoi.",
        "no_levels": "Aucun niveau de référence n’est en vigueur ici.",
        "nrd_is": "niveau de référence, auquel la médiane est comparée",
        "vgd_is": "valeur guide : en dessous, vérifier la qualité d’image",
        "uneven": "Dans l’histogramme, une barre plus large réunit plusieurs tranches, à la hauteur de leur moyenne.",
        "told_box": "{act}, {whom}, {name} en {unit} : médiane {median}, quartiles {q1} et {q3}, 10e centile {p10}, "
        "90e centile {p90}",
        "told_trend": "Médiane par mois, de {first} à {last} : {each}",
        "told_bars": "Acquisitions par dose en {unit} : {each}",
        "source": "Source : comptes rendus de dose et images que les appareils ont transmis jusqu’au jour de la page. "
        "Chaque exposition est comptée une fois. Une valeur invraisemblable n’est dans aucun chiffre.",
        "region_is": "Région : la bande va du premier au troisième quartile de {sites} établissements, "
        "du {since} au {until}.",
        "region_old": "Cette comparaison est ancienne.",
        "region_other": "Les chiffres des appareils sont d’une autre période : {period}.",
        "region_made": "Comparaison établie le {made}.",
        "region_absent": "Pas de comparaison avec la région à ce jour.",
        "region_quartiles": "Quartiles de la région",
        "in_region": "Région : médiane {median}, quartiles {q1} et {q3} {unit}, {sites} établissements.",
        "in_region_small": "Région : trop peu d’établissements ou de patients pour un chiffre.",
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
        "histogram": "Acquisitions par tranche de {width} {unit}",
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
        "intro": "Each frame shows one common acquisition on one device. Half of the doses are in the box; the thick "
        "line is the median; the whiskers go from the 10th to the 90th percentile.",
        "nobody": "No patient is named. A group of fewer than {least} persons has no figure.",
        "levels": "Reference levels (NRD): version {version}. An NRD is no limit: where the median is over it, one "
        "looks for the reason.",
        "no_levels": "No reference levels are in force here.",
        "nrd_is": "reference level, with which the median is compared",
        "vgd_is": "guide value: below it, look at image quality",
        "uneven": "In the histogram, a wider bar joins several steps, at the height of their mean.",
        "told_box": "{act}, {whom}, {name} in {unit}: median {median}, quartiles {q1} and {q3}, 10th percentile {p10}, "
        "90th percentile {p90}",
        "told_trend": "Median by month, from {first} to {last}: {each}",
        "told_bars": "Acquisitions by dose in {unit}: {each}",
        "source": "Source: dose reports and images that the devices sent up to the day of this page. Each exposure is "
        "counted once. An implausible value is in no figure.",
        "region_is": "Region: the band goes from the first to the third quartile of {sites} establishments, "
        "from {since} to {until}.",
        "region_old": "This comparison is old.",
        "region_other": "The figures of the devices are of another period: {period}.",
        "region_made": "Comparison made on {made}.",
        "region_absent": "There is no comparison with the region now.",
        "region_quartiles": "Quartiles of the region",
        "in_region": "Region: median {median}, quartiles {q1} and {q3} {unit}, {sites} establishments.",
        "in_region_small": "Region: too few establishments or patients for a figure.",
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
        "histogram": "Acquisitions per {width} {unit}",
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
    "activity_mbq": ("activity", "MBq"),
}
FRENCH: Final[Mapping[str, str]] = {
    "ctdivol_mgy": "IDSV",
    "dlp_mgycm": "PDL",
    "dap_mgycm2": "PDS",
    "dose_rp_mgy": "dose (PR)",
    "agd_mgy": "DGM",
    "activity_mbq": "activité",
}


def label(quantity: str, language: str) -> tuple[str, str]:
    """A quantity's short name and its unit."""
    name, unit = SHORT[quantity]
    return (FRENCH.get(quantity, name) if language == "fr" else name), unit
