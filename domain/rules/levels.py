"""Diagnostic reference levels (French NRD) as rule documents: per act, population and quantity.

Values are in canonical units. A level applies to one acquisition, never to an exam; "over" is strict. The site states
which protocols of a device belong to an act. A unit of another dimension is refused, never guessed. A level may state
the text's guide value (VGD), in the level's unit: it is published and shown, and no dose is compared with it. Source:
arrêté of 24 Oct 2011 (NOR ETSP1129093A); ASN decision 2019-DC-0667; units by arithmetic, and 2011 table 2.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final

from domain.dose_alerts import QUANTITIES
from domain.dose_bands import POPULATIONS
from domain.errors import DuplicateLevel, OutOfRange, UnknownUnit
from domain.rules.place import Checks, Place

PHANTOMS: Final = (16, 32)  # cm: DCM 113690, 113691
WITH_PHANTOM: Final = ("ctdivol_mgy", "dlp_mgycm")
MODALITY: Final = re.compile(r"[A-Z0-9]{2,16}")  # DICOM PS3.3 C.7.3.1.1.1, a code string
DOSE: Final = {"mGy": 1, "dGy": 100, "Gy": 1000}
UNITS: Final[Mapping[str, tuple[str, Mapping[str, Decimal | int]]]] = {
    "ctdivol_mgy": ("mGy", DOSE),
    "dose_rp_mgy": ("mGy", DOSE),
    "agd_mgy": ("mGy", DOSE),
    "dlp_mgycm": ("mGy.cm", {"mGycm": 1}),
    "dap_mgycm2": (
        "mGy.cm2",
        {"mGycm2": 1, "cGycm2": 10, "uGym2": 10, "dGycm2": 100, "Gycm2": 1000, "Gym2": 10_000_000},
    ),
    "activity_mbq": ("MBq", {"MBq": 1, "kBq": Decimal("1e-3"), "Bq": Decimal("1e-6")}),
}
"""Quantity to its canonical unit, and what a value in each known unit, written without dots, is multiplied by."""


@dataclass(frozen=True)
class Level:
    """The level of one act. ``value`` is in ``unit``, the quantity's canonical one; ``protocols``: in small letters."""

    act: str
    modality: str
    population: str
    quantity: str
    value: float
    unit: str
    phantom_cm: int | None = None
    protocols: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReferenceLevels:
    """The levels of one version; version 0, without levels, where none are in force."""

    version: int = 0
    levels: tuple[Level, ...] = ()


def protocol_key(name: str) -> str:
    """A device's protocol name in comparable form: trimmed, case-folded."""
    return name.strip().casefold()


def check(body: Place) -> None:
    """Raises G7 to G16, with the path of each error."""
    with Checks() as checks:
        levels = checks.fields(body, ("levels",))["levels"].items()
        sound = [level for level in levels if checks.holds(partial(_check_level, level))]
        for twice in _twice(sound):
            checks.add(twice)


def _check_level(level: Place) -> None:
    needed, more = ("act", "modality", "population", "quantity", "value", "unit"), ("phantom_cm", "protocols", "guide")
    with Checks() as checks:
        parts = checks.fields(level, needed, more)
        checks(parts["act"].text)
        checks(partial(check_modality, parts["modality"]))
        checks(partial(parts["population"].one_of, POPULATIONS))
        quantity = checks(partial(parts["quantity"].one_of, QUANTITIES))
        value = checks(parts["value"].number)
        if guide := parts.get("guide"):
            checks(partial(_check_guide, guide, value))
        if (unit := checks(parts["unit"].text)) and quantity:
            checks(partial(_factor, quantity, unit, parts["unit"].path))
        if phantom := parts.get("phantom_cm"):
            checks(partial(_check_phantom, phantom, quantity))
        if (protocols := parts.get("protocols")) and protocols.value != []:
            for protocol in protocols.items():
                checks(protocol.text)


def check_modality(modality: Place) -> None:
    """Raises OutOfRange where it is no DICOM modality."""
    if not MODALITY.fullmatch(modality.text()):
        raise OutOfRange(f"{modality.path}: is not a DICOM modality: write capitals, such as CT or DX")


def _check_guide(guide: Place, level: float | None) -> None:
    if guide.number() > (level or guide.value):
        raise OutOfRange(f"{guide.path}: is over the level: a guide value is at most the value")


def _check_phantom(phantom: Place, quantity: str | None) -> None:
    phantom.one_of(PHANTOMS)
    if quantity and quantity not in WITH_PHANTOM:
        raise OutOfRange(f"{phantom.path}: {quantity} has no phantom: remove it")


def _twice(levels: Iterable[Place]) -> Iterator[DuplicateLevel]:
    """No exposure has two levels of one quantity: neither by its act, nor by its protocol."""
    acts: set[tuple[Any, ...]] = set()
    covered: set[tuple[Any, ...]] = set()
    for level in levels:
        told = level.value
        common = (told["modality"], told["population"], told["quantity"], told.get("phantom_cm"))
        if (*common, told["act"]) in acts:
            yield DuplicateLevel(f"{level.path}: an earlier level is of the same act and quantity: remove one")
        acts.add((*common, told["act"]))
        for index, protocol in enumerate(told.get("protocols", ())):
            if (*common, protocol_key(protocol)) in covered:
                said = "is covered already, and an exposure has one level: remove one"
                yield DuplicateLevel(f"{level.path}.protocols[{index}]: {said}")
            covered.add((*common, protocol_key(protocol)))


def _factor(quantity: str, unit: str, path: str) -> Decimal:
    """What a value in that unit is multiplied by. Raises UnknownUnit."""
    known = UNITS[quantity][1]
    if (bare := unit.replace(".", "")) not in known:
        raise UnknownUnit(f"{path}: {unit} is not a unit of {quantity}: write one of {', '.join(known)}")
    return Decimal(known[bare])


def build(version: int, body: Mapping[str, Any]) -> ReferenceLevels:
    """The levels of a published body, which was checked then."""
    return ReferenceLevels(version, tuple(_level(told) for told in body["levels"]))


def _level(told: Mapping[str, Any]) -> Level:
    quantity = told["quantity"]
    return Level(
        act=told["act"],
        modality=told["modality"],
        population=told["population"],
        quantity=quantity,
        value=float(Decimal(str(told["value"])) * _factor(quantity, told["unit"], "unit")),
        unit=UNITS[quantity][0],
        phantom_cm=told.get("phantom_cm"),
        protocols=tuple(protocol_key(name) for name in told.get("protocols", ())),
    )
