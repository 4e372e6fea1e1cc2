"""What a structured report says, as lines of text; and which images another one points at as the key ones.

Source: DICOM PS3.3 C.17.3 (content items), C.17.6 (Key Object Selection); PS3.18 F.2 (DICOM JSON).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

Document = Mapping[str, Any]
REPORTS: Final = "1.2.840.10008.5.1.4.1.1.88."
DOSES: Final = (f"{REPORTS}67", f"{REPORTS}68")
KEY_OBJECTS: Final = f"{REPORTS}59"
MEANING, CONCEPT, CONTENT = "00080104", "0040A043", "0040A730"
TEXTS: Final = {
    "TEXT": "0040A160",
    "UIDREF": "0040A124",
    "DATE": "0040A121",
    "TIME": "0040A122",
    "DATETIME": "0040A120",
    "PNAME": "0040A123",
}
MOST_LINES, DEEPEST = 500, 20


class Line(NamedTuple):
    """``depth``: 0 for the title; ``value``: empty for a heading."""

    depth: int
    name: str
    value: str


def is_report(sop_class: object) -> bool:
    """Whether it is a report in words, and none of a dose or of key images."""
    return isinstance(sop_class, str) and sop_class.startswith(REPORTS) and sop_class not in (*DOSES, KEY_OBJECTS)


def lines(report: Document) -> list[Line]:
    """The report's title, and what follows below it, in its order; not more than fit on a page."""
    found = []
    for line in _lines(report, 0):
        found.append(line)
        if len(found) == MOST_LINES:
            break
    return found


def key_images(selection: Document) -> set[str]:
    """SOP Instance UIDs that a Key Object Selection names."""
    series = [one for study in _items(selection, "0040A375") for one in _items(study, "00081115")]
    named = (_text(_first(image, "00081155")) for one in series for image in _items(one, "00081199"))
    return {uid for uid in named if uid}


def _lines(item: Document, depth: int) -> Iterator[Line]:
    name = _code(item, CONCEPT)
    value = _value(item)
    if name or value:
        yield Line(depth, name, value)
    if depth < DEEPEST:
        for below in _items(item, CONTENT):
            yield from _lines(below, depth + 1)


def _value(item: Document) -> str:
    kind = _text(_first(item, "0040A040"))
    if kind == "NUM":
        measured = next(iter(_items(item, "0040A300")), {})
        return f"{_text(_first(measured, '0040A30A'))} {_code(measured, '004008EA')}".strip()
    if kind == "CODE":
        return _code(item, "0040A168")
    return _text(_first(item, TEXTS[kind])) if kind in TEXTS else ""


def _code(item: Document, tag: str) -> str:
    return _text(_first(next(iter(_items(item, tag)), {}), MEANING))


def _items(item: Document, tag: str) -> Sequence[Document]:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, Mapping) else None
    return [one for one in values or () if isinstance(one, Mapping)]


def _first(item: Document, tag: str) -> Any:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, Mapping) else None
    return values[0] if isinstance(values, list) and values else None


def _text(value: Any) -> str:
    if isinstance(value, Mapping):  # a person's name
        value = value.get("Alphabetic", "")
    return "" if value is None else str(value)
