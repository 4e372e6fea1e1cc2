"""What a dose report states of all its events together, over the planes or sources that it lists."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from itertools import zip_longest
from typing import Final, NamedTuple

from adapters.dicom.rdsr import patient_dose, vendor
from adapters.dicom.rdsr.concepts import BOTH, PLANES, SIDES, TOTALS, VENDORS, Concept
from adapters.dicom.rdsr.event import own_items
from adapters.dicom.rdsr.tree import Content, Item, Measured, Tree
from adapters.dicom.rdsr.units import NotUnderstood, canonical, tolerated

_ACCUMULATED: Final = ("accumulated", "ct_accumulated", "accumulated_enhanced", "dose_estimate")
_ANY: Final = TOTALS.keys() | VENDORS.keys()
_ALL_PLANES: Final = "DCM:113890"
_BREASTS: Final = {key: f"agd_{side}_mgy" for key, side in SIDES.items() if side != BOTH}
Totals = tuple[dict[str, float | None], dict[str, str]]
"""Each total, and each as encoded."""


def accumulated(item: Item) -> bool:
    """Whether an item holds, or is, accumulated dose."""
    return item.concept in _ACCUMULATED or item.concept in VENDORS


class _Part(NamedTuple):
    """Accumulated dose: where its items begin and end, what is its own, and of which of two planes it is, or of all."""

    begin: int
    end: int
    content: Content
    plane: str | None = None
    of_all: bool = False


def totals(tree: Tree, content: Content, notes: list[str]) -> Totals:
    """Each total, and as encoded."""
    parts = [_part(item) for item in sorted(content.all(*_ACCUMULATED[:-1]), key=lambda item: item.index)]
    concepts = TOTALS
    if not parts and vendor.is_summary(tree):
        parts, concepts = [_Part(0, len(tree.items), content)], VENDORS
    found, raw = _added(tree, parts, concepts, notes)
    organs, organs_raw = patient_dose.estimates(tree, notes)
    return {**found, **organs}, {**raw, **organs_raw}


def _part(item: Item) -> _Part:
    content = Content(own_items(item, _ACCUMULATED))
    planes = content.keys("plane")
    plane = next((plane for key in planes if (plane := PLANES.get(key)) in ("A", "B")), None)
    return _Part(item.index, item.end, content, plane, _ALL_PLANES in planes)


def _added(tree: Tree, parts: list[_Part], concepts: dict[str, Concept], notes: list[str]) -> Totals:
    values: dict[str, list[Decimal | None]] = {}
    raw: dict[str, list[str]] = {}
    read = cache(Item.number)  # what is tolerated in one is counted once
    for name, concept in concepts.items():
        for part in _stating(name, parts, read):
            for item, number in _each(tree, name, concept, [(item, read(item)) for item in part.content.all(name)]):
                value = _total(tree, number, concept, notes)
                for key in (concept.field, *(_breast(item) if name == "agd_total" else ())):
                    values.setdefault(key, []).append(value)
                    raw.setdefault(key, []).append(str(number))
    found = {name: None if None in known else float(sum(filter(None, known))) for name, known in values.items()}
    return found, {name: " + ".join(texts) for name, texts in raw.items()}


def _stating(name: str, parts: list[_Part], read: Callable[[Item], Measured]) -> list[_Part]:
    """Those that state a total. "All planes" stands for the others, but only in what it states; an outer one for those
    within it, except for the other plane. One without a value stands for none.
    """

    def is_known(part: _Part) -> bool:
        return any(read(item).text for item in part.content.all(name))

    stating = [part for part in parts if part.content.all(name)]
    every, others = [part for part in stating if part.of_all], [part for part in stating if not part.of_all]
    stating = every if any(map(is_known, every)) else others or every
    kept, planes, end = list[_Part](), set[str | None](), 0
    for part, following in zip_longest(stating, stating[1:]):
        if part.begin >= end:
            if following and following.begin < part.end and _repeats(part, following) and not is_known(part):
                continue
            planes, end = {None, part.plane}, part.end
        elif planes == {None} or part.plane in planes:
            continue
        kept.append(part)
        planes.add(part.plane)
    return kept


def _repeats(outer: _Part, within: _Part) -> bool:
    """Whether one states what another that it stands in is of, and not the other plane."""
    return outer.plane is None or within.plane in (None, outer.plane)


def _each(
    tree: Tree, name: str, concept: Concept, items: list[tuple[Item, Measured]]
) -> Iterator[tuple[Item, Measured]]:
    """The statements of one total in one container. The same value of the same is stated twice, and no second one; but
    of breasts, which some devices leave unnamed.
    """
    known = set[tuple[object, ...]]()
    for item, number in items:
        said = (_value(number, concept) or number, *sorted(below.key() or "" for below in own_items(item, _ANY)))
        if name != "agd_total" and said in known:
            tree.tolerated["value_stated_twice"] += 1
            continue
        known.add(said)
        yield item, number


def _value(number: Measured, concept: Concept) -> tuple[Decimal | None, int] | None:
    """In the canonical unit, however it is spelt; None: not understood."""
    assert concept.dimension is not None
    try:
        return canonical(number.text, number.unit, concept.dimension), number.others
    except NotUnderstood:
        return None


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
    sides = (_BREASTS.get(key) for key in Content(own_items(item, _ANY)).keys("laterality"))
    return [side for side in dict.fromkeys(sides) if side]
