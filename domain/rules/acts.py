"""The mapping of exposures to acts as a rule document, ``dose-acts``: what devices of the region call what.

Acts are named as reference levels name them. ``protocols`` are names: an entry fits where all words of one of them are
in the device's protocol name, in whatever order, case and with or without accents. ``procedures`` are codes (RadLex,
CCAM, of the site), with their scheme or without; ``regions`` and ``acquisitions`` codes, or the device's words as a
whole; ``radiopharmaceuticals`` are names, as protocols are. Whatever is stated has to hold (``domain.dose_acts``).
The act ``none`` is for what is of no act, such as localisers.
The version published last, of those whose day has come, is in force; before, there is none.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from math import prod
from typing import Any, Final

from domain.dose_acts import DoseActs, Entry, compared_as, folded, words_in
from domain.errors import DuplicateLevel, FieldMissing, OutOfRange
from domain.rules.levels import check_modality
from domain.rules.place import Checks, Place

NAMES: Final = ("protocols", "radiopharmaceuticals")
LISTS: Final = ("procedures", "regions", "acquisitions")
CONDITIONS: Final = ("modalities", *NAMES, *LISTS, "site")
MOST_PAIRS: Final = 1_000
"""Each pair of names is an entry of its own (``_entries``)."""


def check(body: Place) -> None:
    """Raises G7 to G16, with the path of each error."""
    with Checks() as checks:
        entries = checks.fields(body, ("entries",))["entries"].items()
        sound = [entry for entry in entries if checks.holds(partial(_check_entry, entry))]
        for twice in _twice(sound):
            checks.add(twice)


def _check_entry(entry: Place) -> None:
    with Checks() as checks:
        parts = checks.fields(entry, ("act",), CONDITIONS)
        checks(parts["act"].text)
        if parts.keys() == {"act"}:
            said = f"states no condition, and would fit everything: add one of {', '.join(CONDITIONS)}"
            checks.add(FieldMissing(f"{entry.path}: {said}"))
        if site := parts.get("site"):
            checks(site.text)
        for name in parts.keys() & {"modalities", *LISTS, *NAMES}:
            for item in checks(parts[name].items) or ():
                checks(partial(_check_item, item, name))
        checks(partial(_check_pairs, entry))


def _check_pairs(entry: Place) -> None:
    names = [value for name in NAMES if isinstance(value := entry.value.get(name), list)]
    if len(names) == len(NAMES) and prod(map(len, names)) > MOST_PAIRS:
        said = f"has over {MOST_PAIRS} pairs of a protocol and a radiopharmaceutical: make several entries"
        raise OutOfRange(f"{entry.path}: {said}")


def _check_item(item: Place, name: str) -> None:
    if name == "modalities":
        check_modality(item)
    elif not words_in(item.text()):
        raise OutOfRange(f"{item.path}: holds no letter and no digit: write a name or a code")


def _twice(entries: Iterable[Place]) -> Iterator[DuplicateLevel]:
    """Two entries that fit alike and name two acts would leave all that they fit ambiguous."""
    seen: set[Any] = set()
    for place in entries:
        for entry in _entries(place.value):
            conditions = (*vars(entry).items(),)[1:]
            if conditions in seen:
                said = "an earlier entry has the same conditions, and an exposure is of one act: remove one"
                yield DuplicateLevel(f"{place.path}: {said}")
                break
            seen.add(conditions)


def build(version: int, body: Mapping[str, Any]) -> DoseActs:
    """The mapping of a published body, which was checked then."""
    return DoseActs(version, tuple(entry for told in body["entries"] for entry in _entries(told)))


def _entries(told: Mapping[str, Any]) -> Iterator[Entry]:
    """An entry for each of its names: more words of a name are more specific."""
    common: dict[str, Any] = {name: frozenset(map(folded, told.get(name, ()))) for name in LISTS}
    common["modalities"] = frozenset(compared_as(one) for one in told.get("modalities", ()))
    for protocol in told.get("protocols", [None]):
        for agent in told.get("radiopharmaceuticals", [None]):
            yield Entry(
                act=told["act"],
                protocol=words_in(protocol),
                radiopharmaceutical=words_in(agent),
                site=told.get("site"),
                **common,
            )
