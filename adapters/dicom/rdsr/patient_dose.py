"""Patient radiation dose (PS3.16 TID 10030): doses of organs, estimated from the reports of one or more exams.

An estimate names no irradiation event of its own, and repeats the dose of others in another quantity: it becomes totals
of the report, one for each organ, and is never added to anything. Neither are the sums that such a report repeats of
the reports it rests on, as Krypton's own do: they are totals under names of their own.
"""

from bisect import bisect_left
from typing import Final

from adapters.dicom.rdsr.concepts import BOTH, CONCEPTS, SIDES, TOTALS
from adapters.dicom.rdsr.event import own_items
from adapters.dicom.rdsr.tree import Content, Item, Tree
from adapters.dicom.rdsr.units import NotUnderstood, canonical, tolerated
from domain.dose_distinct import total
from domain.dose_words import ORGAN, ORGAN_NOTED

RESTATED: Final = "restated:"
"""Before a quantity: a total of this name repeats the sum of others' events."""
_SUMS: Final = (*TOTALS, "activity")
_DOSES: Final = ("organ_dose", "mean_absorbed_dose", "absorbed_dose")


def estimates(tree: Tree, notes: list[str]) -> tuple[dict[str, float | None], dict[str, str]]:
    """The dose of each organ, as totals, and as encoded. Of several estimates of one organ the first; that is noted."""
    found: dict[str, float | None] = {}
    raw: dict[str, str] = {}
    organs = [(one.index, code.key) for one in tree.items if one.concept == "organ" and (code := one.code())]
    for container in (item for item in tree.items if item.concept == "dose_estimate"):
        content = Content(own_items(container, ("dose_estimate",)))
        for item in content.all(*_DOSES):
            organ = _organ(organs, container, item)
            if organ is None:
                notes.append(f"{ORGAN_NOTED}: of which organ is not told")
                continue
            name = f"{ORGAN}{organ}"
            if name in found:
                notes.append(f"{ORGAN_NOTED}: stated several times, the first was kept")
                continue
            raw[name], found[name] = str(item.number()), _value(tree, ORGAN_NOTED, item, notes)
        for item in (one for one in content.all(*_SUMS) if not _beside(one).all("event_uid")):
            name = _restated(item)
            value = _value(tree, name, item, notes)
            before = found.get(name, 0.0)
            found[name] = None if value is None or before is None else total((before, value))
            raw[name] = " + ".join(filter(None, (raw.get(name), str(item.number()))))
    return found, raw


def _beside(item: Item) -> Content:
    """What is said of a sum, without other sums that stand below it."""
    return Content(own_items(item, _SUMS))


def _restated(item: Item) -> str:
    """The name of a sum; of glandular doses that of the breast."""
    sides = {SIDES.get(key, BOTH) for key in _beside(item).keys("laterality")} - {BOTH}
    field = CONCEPTS[item.concept].field
    return (
        f"{RESTATED}{field.replace('agd_mgy', f'agd_{sides.pop()}_mgy')}" if len(sides) == 1 else f"{RESTATED}{field}"
    )


def _organ(organs: list[tuple[int, str]], container: Item, item: Item) -> str | None:
    """The organ that is told nearest: below the dose, then beside it, then anywhere in the estimate. ``organs``: where
    which one is told, in document order: each is looked at once, however many doses ask for it.
    """
    places = [item, item.parent, container] if item.parent else [item, container]
    for place in places:
        first, end = (bisect_left(organs, (index, "")) for index in (place.index + 1, place.end))
        told = {key for _, key in organs[first:end]}
        if told:
            return told.pop() if len(told) == 1 else None
    return None


def _value(tree: Tree, name: str, item: Item, notes: list[str]) -> float | None:
    """``name``: what a note calls it."""
    number, dimension = item.number(), CONCEPTS[item.concept].dimension
    assert dimension is not None
    if number.others:
        notes.append(f"{name}: {1 + number.others} values stated, the first was kept")
    try:
        value = canonical(number.text, number.unit, dimension)
    except NotUnderstood as reason:
        notes.append(f"{name}: {reason}")
        return None
    if value is not None:
        tree.tolerated.update(tolerated(number.text, number.unit))
    return None if value is None else float(value)
