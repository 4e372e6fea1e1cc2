"""Diagnostic reference levels (French NRD) as rule documents: per act, population, weight of a child and quantity.

Values are in canonical units. A level applies to one acquisition, never to an exam; "over" is strict. A unit of another
dimension is refused, never guessed. A level may state the text's guide value (VGD), in the level's unit. The document
says how a device's practice is compared: by the mean or the median of a group of so many adults or children. A text
counts from its day on (``in_force_from``), up to and with ``in_force_to`` where it says so.

Which exposures are of which act is said by ``dose-acts`` alone; ``protocols`` of documents of before say nothing any
more. Source: arrêté of 24 Oct 2011 (NOR ETSP1129093A); ASN decision 2019-DC-0667; units by arithmetic, and table 2 of
2011.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from itertools import product
from typing import Any, Final

from domain.dose_acts import compared_as
from domain.dose_alerts import QUANTITIES
from domain.dose_bands import ADULT, HEAVIEST_KG, POPULATIONS
from domain.dose_levels import ADULTS, CHILDREN, ENTRANCE, MEAN, MEDIAN, Level, ReferenceLevels
from domain.errors import DuplicateLevel, OutOfRange, UnknownUnit
from domain.rules.place import Checks, Place

PHANTOMS: Final = (16, 32)  # cm: DCM 113690, 113691
WITH_PHANTOM: Final = ("ctdivol_mgy", "dlp_mgycm")
ANY: Final = "any"
"""In the place of a weight: some level of the phantom is known."""
MODALITY: Final = re.compile(r"[A-Z0-9]{2,16}")  # DICOM PS3.3 C.7.3.1.1.1, a code string
NEEDED: Final = ("act", "modality", "population", "quantity", "value", "unit")
LEVELS_OF: Final = (*QUANTITIES, ENTRANCE)
DOSE: Final = {"mGy": 1, "dGy": 100, "Gy": 1000}
UNITS: Final[Mapping[str, tuple[str, Mapping[str, Decimal | int]]]] = {
    "ctdivol_mgy": ("mGy", DOSE),
    "dose_rp_mgy": ("mGy", DOSE),
    "agd_mgy": ("mGy", DOSE),
    ENTRANCE: ("mGy", DOSE),
    "dlp_mgycm": ("mGy.cm", {"mGycm": 1}),
    "dap_mgycm2": (
        "mGy.cm2",
        {"mGycm2": 1, "cGycm2": 10, "uGym2": 10, "dGycm2": 100, "Gycm2": 1000, "Gym2": 10_000_000},
    ),
    "activity_mbq": ("MBq", {"MBq": 1, "kBq": Decimal("1e-3"), "Bq": Decimal("1e-6")}),
}
"""Quantity to its canonical unit, and what a value in each known unit, written without dots, is multiplied by."""


def check(body: Place) -> None:
    """Raises G5, G7 to G16, with the path of each error."""
    with Checks() as checks:
        parts = checks.fields(body, ("levels",), ("statistic", "adults", "children", "in_force_to"))
        checks(partial(_check_comparison, parts))
        levels = parts["levels"].items()
        sound = [level for level in levels if checks.holds(partial(_check_level, level))]
        for twice in _twice(sound):
            checks.add(twice)


def _check_comparison(parts: Mapping[str, Place]) -> None:
    with Checks() as checks:
        if statistic := parts.get("statistic"):
            checks(partial(statistic.one_of, (MEAN, MEDIAN)))
        for name in sorted(parts.keys() & {"adults", "children"}):
            checks(partial(_check_persons, parts[name]))
        if last := parts.get("in_force_to"):
            checks(last.day)


def _check_level(level: Place) -> None:
    with Checks() as checks:
        parts = checks.fields(level, NEEDED, ("phantom_cm", "guide", "weight_kg", "wording"))
        checks(parts["act"].text)
        checks(partial(check_modality, parts["modality"]))
        population = checks(partial(parts["population"].one_of, POPULATIONS))
        quantity = checks(partial(parts["quantity"].one_of, LEVELS_OF))
        value = checks(parts["value"].number)
        if (unit := checks(parts["unit"].text)) and quantity:
            checks(partial(_factor, quantity, unit, parts["unit"].path))
        if guide := parts.get("guide"):
            checks(partial(_check_guide, guide, value))
        if phantom := parts.get("phantom_cm"):
            checks(partial(_check_phantom, phantom, quantity))
        if weight := parts.get("weight_kg"):
            checks(partial(_check_weight, weight, population))
        if wording := parts.get("wording"):
            checks(wording.text)


def check_modality(modality: Place) -> None:
    """Raises OutOfRange where it is no DICOM modality."""
    if not MODALITY.fullmatch(modality.text()):
        raise OutOfRange(f"{modality.path}: is not a DICOM modality: write capitals, such as CT or DX")


def _check_guide(guide: Place, level: float | None) -> None:
    if guide.number() > (level or guide.value):
        raise OutOfRange(f"{guide.path}: is over the level: a guide value is at most the value")


def _check_weight(weight: Place, population: str | None) -> None:
    weight.number(HEAVIEST_KG)
    if population == ADULT:
        raise OutOfRange(f"{weight.path}: a level of adults has no weight: remove it, or write child")


def _check_persons(count: Place) -> None:
    if count.number() % 1:
        raise OutOfRange(f"{count.path}: is no whole number: write how many persons a group has at least")


def _check_phantom(phantom: Place, quantity: str | None) -> None:
    phantom.one_of(PHANTOMS)
    if quantity and quantity not in WITH_PHANTOM:
        raise OutOfRange(f"{phantom.path}: {quantity} has no phantom: remove it")


def _twice(levels: Iterable[Place]) -> Iterator[DuplicateLevel]:
    """No exposure has two levels of one quantity. A level without a phantom, or without a weight, is for each."""
    acts: dict[Any, set[tuple[Any, Any]]] = defaultdict(set)
    for level in levels:
        told = level.value
        common = (compared_as(told["modality"]), told["population"], told["quantity"])
        for_whom = (told.get("phantom_cm"), told.get("weight_kg"))
        if _meets(acts[*common, told["act"]], *for_whom):
            said = "an earlier level is of the same act and quantity, and an exposure has one level: remove one"
            yield DuplicateLevel(f"{level.path}: {said}")
        acts[*common, told["act"]] |= _reach(*for_whom)


def _reach(phantom: int | None, weight: float | None) -> set[tuple[Any, Any]]:
    """Phantom and weight of a level, and that there is one of this phantom."""
    return {(phantom, weight), (phantom, ANY)}


def _meets(known: Collection[tuple[Any, Any]], phantom: int | None, weight: float | None) -> bool:
    """Whether an exposure could have this level, and one of those that are known."""
    phantoms = (None, *PHANTOMS) if phantom is None else (None, phantom)
    weights = (ANY,) if weight is None else (None, weight)
    return any(one in known for one in product(phantoms, weights))


def check_days(in_force_from: str, body: Mapping[str, Any]) -> None:
    """Raises OutOfRange where a text ends before it begins: it would put all others out of force."""
    if (last := body.get("in_force_to")) and str(last) < in_force_from:
        raise OutOfRange("body.in_force_to: is before in_force_from: write a later day, or the same")


def _factor(quantity: str, unit: str, path: str) -> Decimal:
    """What a value in that unit is multiplied by. Raises UnknownUnit."""
    known = UNITS[quantity][1]
    if (bare := unit.replace(".", "")) not in known:
        raise UnknownUnit(f"{path}: {unit} is not a unit of {quantity}: write one of {', '.join(known)}")
    return Decimal(known[bare])


def build(version: int, body: Mapping[str, Any]) -> ReferenceLevels:
    """The levels of a published body, which was checked then; of one of before, what it does not say is as built in."""
    return ReferenceLevels(
        version,
        tuple(_level(told) for told in body["levels"]),
        statistic=body.get("statistic", MEDIAN),
        adults=int(body.get("adults", ADULTS)),
        children=int(body.get("children", CHILDREN)),
        in_force_to=body.get("in_force_to"),
    )


def _level(told: Mapping[str, Any]) -> Level:
    quantity = told["quantity"]
    factor = _factor(quantity, told["unit"], "unit")
    value, guide = (float(Decimal(str(one)) * factor) if one else None for one in (told["value"], told.get("guide")))
    return Level(
        act=told["act"],
        modality=compared_as(told["modality"]) or "",
        population=told["population"],
        quantity=quantity,
        value=value or 0.0,
        unit=UNITS[quantity][0],
        phantom_cm=told.get("phantom_cm"),
        guide=guide,
        weight_kg=told.get("weight_kg"),
        wording=told.get("wording"),
    )
