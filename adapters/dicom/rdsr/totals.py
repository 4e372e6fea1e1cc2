"""What a dose report states of all its events together, over the planes or sources that it lists."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from adapters.dicom.rdsr import patient_dose, vendor
from adapters.dicom.rdsr.concepts import BOTH, SIDES, TOTALS, VENDORS, Concept
from adapters.dicom.rdsr.tree import Content, Item, Measured, Tree
from adapters.dicom.rdsr.units import NotUnderstood, canonical, tolerated

_ACCUMULATED: Final = ("accumulated", "ct_accumulated", "accumulated_enhanced", "dose_estimate")
_ALL_PLANES: Final = "DCM:113890"
_BREASTS: Final = {key: f"agd_{side}_mgy" for key, side in SIDES.items() if side != BOTH}
Totals = tuple[dict[str, float | None], dict[str, str]]
"""Each total, and each as encoded."""


def accumulated(item: Item) -> bool:
    """Whether an item holds, or is, accumulated dose."""
    return item.concept in _ACCUMULATED or item.concept in VENDORS


def totals(tree: Tree, content: Content, notes: list[str]) -> Totals:
    """Each total, and as encoded."""
    containers = [Content(item.below()) for item in content.all(*_ACCUMULATED[:-1])]
    concepts = TOTALS
    if not containers and vendor.is_summary(tree):
        containers, concepts = [content], VENDORS
    found, raw = _added(tree, containers, concepts, notes)
    organs, organs_raw = patient_dose.estimates(tree, notes)
    return {**found, **organs}, {**raw, **organs_raw}


def _added(tree: Tree, containers: list[Content], concepts: dict[str, Concept], notes: list[str]) -> Totals:
    parts: dict[str, list[Decimal | None]] = {}
    raw: dict[str, list[str]] = {}
    for name, concept in concepts.items():
        for container in _stating(name, containers):
            for item, number in _each(tree, name, container.all(name)):
                value = _total(tree, number, concept, notes)
                for key in (concept.field, *(_breast(item) if name == "agd_total" else ())):
                    parts.setdefault(key, []).append(value)
                    raw.setdefault(key, []).append(str(number))
    found = {name: None if None in values else float(sum(filter(None, values))) for name, values in parts.items()}
    return found, {name: " + ".join(texts) for name, texts in raw.items()}


def _stating(name: str, containers: list[Content]) -> list[Content]:
    """Those that state a total. "All planes" stands for the others, but only in what it states."""
    stating = [container for container in containers if container.all(name)]
    return [container for container in stating if _ALL_PLANES in container.keys("plane")] or stating


def _each(tree: Tree, name: str, items: list[Item]) -> Iterator[tuple[Item, Measured]]:
    """The statements of one total in one container. The same value of the same is stated twice, and no second one; but
    of breasts, which some devices leave unnamed.
    """
    known = set()
    for item in items:
        number = item.number()
        said = (*number, *sorted(below.key() or "" for below in item.below()))
        if name != "agd_total" and said in known:
            tree.tolerated["value_stated_twice"] += 1
            continue
        known.add(said)
        yield item, number


def _total(tree: Tree, number: Measured, concept: Concept, notes: list[str]) -> Decimal | None:
    assert concept.dimension is not None
    if number.others:
        notes.append(f"total {concept.field}: {1 + number.others} values stated, the first was kept")
    try:
        value = canonical(number.text, number.unit, concept.dimension)
    except NotUnderstood as reason:
        notes.append(f"total {concept.field}: {reason}")
        return None
    if value is not None:
        tree.tolerated.update(tolerated(number.text, number.unit))
    return value


def _breast(item: Item) -> list[str]:
    """The breast that an accumulated average glandular dose is of (TID 10005)."""
    sides = (_BREASTS.get(key) for key in Content(item.below()).keys("laterality"))
    return [side for side in dict.fromkeys(sides) if side]
