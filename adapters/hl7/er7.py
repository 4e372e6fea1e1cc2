"""Reads messages in HL7's delimited form (ER7): segments, fields, repetitions, components, escapes. Decides nothing.

Segments end with CR; LF and CR LF are taken too. Source: HL7 v2.5, 2.5 and 2.7.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from adapters.hl7.refusal import Condition, Place, Refused, rejected

MOST_SEGMENTS: Final = 1_000
NULL: Final = '""'
"""What a sender writes where a value is to be deleted; an empty field says nothing."""
NAME: Final = re.compile("[A-Z][A-Z0-9]{2}")
BREAK: Final = re.compile("[\r\n]+")
DELIMITERS: Final = 5


@dataclass(frozen=True)
class Delimiters:
    """The characters that MSH-1 and MSH-2 declare."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"

    @property
    def msh_2(self) -> str:
        """As MSH-2 writes them."""
        return self.component + self.repetition + self.escape + self.subcomponent


@dataclass(frozen=True)
class Repetition:
    """One value of a field. Components and subcomponents count from 1."""

    text: str
    marks: Delimiters
    codec: str

    def part(self, component: int, subcomponent: int = 1) -> str:
        """A component's text without escapes and blanks around it; empty where there is none, or it is deleted."""
        parts = _nth(self.text, self.marks.component, component)
        text = _nth(parts, self.marks.subcomponent, subcomponent)
        return "" if text.strip() == NULL else _plain(text, self.marks, self.codec).strip()

    def rest(self) -> "Repetition":
        """What follows its first component, as a value of its own; some systems write its separators as escapes."""
        text = self.text.partition(self.marks.component)[2]
        if self.marks.component not in text:
            text = _plain(text, self.marks, self.codec)
        return Repetition(text, self.marks, self.codec)


@dataclass(frozen=True)
class Segment:
    """One segment. ``sequence`` counts the segments of that name, from 1."""

    name: str
    sequence: int
    fields: Sequence[str]
    marks: Delimiters
    codec: str

    def text(self, field: int) -> str:
        """A field as it is written; empty where there is none."""
        return self.fields[field] if field < len(self.fields) else ""

    def values(self, field: int) -> list[Repetition]:
        """The repetitions of a field that say something."""
        each = self.text(field).split(self.marks.repetition)
        return [Repetition(one, self.marks, self.codec) for one in each if one.strip() and one != NULL]

    def repetitions(self, field: int) -> list[Repetition]:
        """All repetitions of a field, also those that say nothing; none where the field is empty."""
        text = self.text(field)
        each = text.split(self.marks.repetition) if text.strip() else []
        return [Repetition(one, self.marks, self.codec) for one in each]

    def value(self, field: int, component: int = 1) -> str:
        """A component of the field's first repetition."""
        return next((one.part(component) for one in self.values(field)), "")

    def deleted(self, field: int) -> bool:
        """Whether the field says that its value is to be deleted."""
        return self.text(field).strip() == NULL

    def echoed(self, field: int) -> str:
        """A field as an answer repeats it, whose delimiters are the usual ones; it stays one line."""
        usual, text = Delimiters(), self.text(field)
        if self.marks == usual:
            return printable(text)
        return _joined(text, self.marks, usual, self.codec)

    def place(self, field: int = 0) -> Place:
        """Where a field of it is."""
        return Place(self.name, field, self.sequence)


def segments(text: str, codec: str) -> list[Segment]:
    """The segments of a message, MSH first. Raises Refused."""
    marks = delimiters(text)
    lines = [line for line in BREAK.split(text) if line.strip()]
    if len(lines) > MOST_SEGMENTS:
        raise Refused(Place("MSH"), Condition.SEGMENT_SEQUENCE, f"there are more than {MOST_SEGMENTS} segments")
    found: list[Segment] = []
    count: dict[str, int] = {}
    for line in lines:
        name, *fields = line.split(marks.field)
        if not NAME.fullmatch(name):
            after = found[-1].place() if found else Place("MSH")
            raise Refused(
                after,
                Condition.SEGMENT_SEQUENCE,
                "the line after it is no segment: a line break in a field is written as an escape",
            )
        count[name] = count.get(name, 0) + 1
        whole = [name, marks.field, *fields] if name == "MSH" else [name, *fields]
        found.append(Segment(name, count[name], whole, marks, codec))
    return found


def only(found: Sequence[Segment], name: str) -> Segment:
    """The one segment of that name. Raises Refused."""
    each = [segment for segment in found if segment.name == name]
    if len(each) != 1:
        raise Refused(Place(name), Condition.SEGMENT_SEQUENCE, f"the message needs one {name}, and has {len(each)}")
    return each[0]


def delimiters(text: str) -> Delimiters:
    """What MSH declares. Raises Refused."""
    declared = text[3:4] + text[4:9].partition(text[3:4] or "|")[0][: DELIMITERS - 1]
    if not text.startswith("MSH") or len(set(declared)) != DELIMITERS or any(map(_is_text, declared)):
        raise rejected(2, Condition.DATA_TYPE, "the message begins with MSH and five different delimiters: MSH|^~\\&|")
    return Delimiters(*declared)


def _is_text(mark: str) -> bool:
    return mark.isalnum() or mark.isspace() or not mark.isprintable()


def _nth(text: str, mark: str, number: int) -> str:
    parts = text.split(mark, number)
    return parts[number - 1] if number <= len(parts) else ""


def _plain(text: str, marks: Delimiters, codec: str) -> str:
    """The text without escapes; an escape that is not known stays as it is."""
    if marks.escape not in text:
        return text
    stand_for = {
        "F": marks.field, "S": marks.component, "T": marks.subcomponent, "R": marks.repetition, "E": marks.escape,
        "H": "", "N": "", ".br": " ", ".sp": " ",
    }  # fmt: skip

    def meant(found: re.Match[str]) -> str:
        if found[1] in stand_for:
            return stand_for[found[1]]
        if hexadecimal := re.fullmatch("X((?:[0-9A-Fa-f]{2})+)", found[1]):
            return bytes.fromhex(hexadecimal[1]).decode(codec, errors="replace")
        return found[0]

    mark = re.escape(marks.escape)
    return re.sub(f"{mark}([^{mark}]{{1,100}}){mark}", meant, text)


def written(text: str) -> str:
    """A text as a field of an answer, whose delimiters are the usual ones; it stays one line of what can be printed."""
    usual = Delimiters()
    escapes = {
        usual.escape: "E",
        usual.field: "F",
        usual.component: "S",
        usual.subcomponent: "T",
        usual.repetition: "R",
    }
    return "".join(f"\\{escapes[sign]}\\" if sign in escapes else sign for sign in printable(text))


def printable(text: str) -> str:
    """The text with a blank for each sign that cannot be printed: it neither ends a segment nor a message."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _joined(text: str, marks: Delimiters, usual: Delimiters, codec: str) -> str:
    """The text with the usual delimiters in the place of its own."""
    levels = ((marks.repetition, usual.repetition), (marks.component, usual.component))
    for own, other in (*levels, (marks.subcomponent, usual.subcomponent)):
        if own in text:
            return other.join(_joined(each, marks, usual, codec) for each in text.split(own))
    return written(_plain(text, marks, codec))
