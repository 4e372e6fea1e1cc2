"""Makes one exposure of all that a report states under one event UID, whatever the order of its statements.

A statement is of a part of the event, or one of its parts once more. Left and right are parts; a statement without a
side, or of both, that is otherwise of the same part says again what a side says. Where there are two of these nobody
knows of which: it adds only what neither states. The parts of one side are joined first, so that of a breast the
greatest glandular dose is kept before the two breasts add up.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, Final

from adapters.dicom.rdsr.concepts import BOTH, LEFT, RIGHT
from adapters.dicom.rdsr.exposure import FIELDS, Exposure, merged

_SIDES: Final = (LEFT, RIGHT)
_Parts = dict[tuple[tuple[str | None, ...], str | None], Exposure]
"""Of one event, by what tells its parts apart, and start."""


class _Sides:
    """What is stated of a side of each part: at which starts, and which quantities."""

    def __init__(self, statements: Iterable[Exposure]) -> None:
        self._starts: dict[tuple[str | None, ...], dict[str, set[str | None]]] = defaultdict(dict)
        self._stated: dict[tuple[str | None, ...], set[str]] = defaultdict(set)
        for one in statements:
            if one.side in _SIDES:
                self._starts[one.part].setdefault(one.side, set()).add(one.started_at)
                self._stated[one.part] |= {field for field in FIELDS.values() if getattr(one, field) is not None}

    def of(self, one: Exposure) -> list[str]:
        """The sides of which a statement may be: its own, else those that are told of its part at its time."""
        if one.side in _SIDES:
            return [one.side]
        told = self._starts.get(one.part, {})
        return [side for side in _SIDES if side in told and (not one.started_at or {None, one.started_at} & told[side])]

    def unstated(self, one: Exposure) -> Exposure:
        """What a statement of both sides says beyond those of each."""
        known = {quantity: field for quantity, field in FIELDS.items() if field in self._stated[one.part]}
        raw = {quantity: text for quantity, text in one.raw.items() if quantity not in known}
        silent: dict[str, Any] = dict.fromkeys(known.values())
        return replace(one, side=BOTH, raw=raw, **silent)


def joined(statements: Sequence[Exposure]) -> Exposure:
    """The exposure. ``statements``: at least one, in document order."""
    sides = _Sides(statements)
    found: dict[str | None, _Parts] = {LEFT: {}, RIGHT: {}, BOTH: {}, None: {}}
    for one in statements:
        match sides.of(one):
            case [side]:
                _tell(found[side], one)
            case []:
                _tell(found[None], one)
            case _:
                _tell(found[BOTH], sides.unstated(one))
    return reduce(merged, [reduce(merged, parts.values()) for parts in found.values() if parts])


def _tell(parts: _Parts, exposure: Exposure) -> None:
    """Another part of an event, or one of its parts once more (``are_parts``), in the place of what was told of it."""
    key = exposure.part, exposure.started_at
    known = key if key in parts else (exposure.part, None)
    if exposure.started_at is None and known not in parts:
        known = next((one for one in parts if one[0] == exposure.part), key)
    if known not in parts:
        parts[key] = exposure
        return
    parts[known if exposure.started_at is None else key] = merged(parts.pop(known), exposure)
