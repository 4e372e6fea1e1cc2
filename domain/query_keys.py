"""Keys of a query for studies, series or instances: what each asks for, and whether a value meets it.

Kinds are those of PS3.4 C.2.2.2: one value, a list of UIDs, any value, ``*`` and ``?``, a range of dates or times, a
sequence. ``%`` and ``_`` are letters as others are. One rule folds names and texts (``folded``): case, accents, blanks,
hyphens and every other sign are not compared; letters a to z and digits are. A key without any of these is compared as
it is. Numbers that identify somebody or something (patient id, accession number) are compared sign by sign. Digits stay
what they are, unlike in the fold of names that matching and the identity index have: T1 and T2 are two sequences.

An empty value meets no key but the one for any value. Dates and times are the modality's wall clock, never shifted.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from domain.matching.folding import APART

NOT_COMPARED: Final = re.compile("[^a-z0-9]")
_WILD: Final = re.compile(r"[*?]")
_DATE: Final = re.compile("[0-9]{8}")
_OLD_DATE: Final = re.compile(r"([0-9]{4})\.([0-9]{2})\.([0-9]{2})")  # used before 1993
_TIME: Final = re.compile(r"([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:\.([0-9]{1,6}))?)?)?")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
LONGEST: Final = 1_024
"""Characters of a key."""
MOST: Final = 1_000
"""UIDs in one list."""


class BadKey(ValueError):
    """A key that cannot be asked; the message says what is wrong with it, and holds no value."""


class Kind(Enum):
    """How the values of an attribute are compared."""

    UID = "uid"
    NUMBER_OF = "number that identifies"
    CODE = "code"
    WORDS = "words"
    DATE = "date"
    TIME = "time"
    AMOUNT = "amount"


@dataclass(frozen=True)
class OneOf:
    """One of these, sign by sign."""

    values: tuple[str, ...]


@dataclass(frozen=True)
class Like:
    """A pattern: ``*`` is any number of signs, ``?`` one, everything else itself. ``fold``: of the folded value."""

    pattern: str
    fold: bool = False


@dataclass(frozen=True)
class Between:
    """From a text to another one, in their order; None: without end. Dates ``YYYYMMDD``, times ``HHMMSS.ffffff``."""

    kind: Kind
    first: str | None
    last: str | None


@dataclass(frozen=True)
class Equal:
    """The same number."""

    number: float


Condition = OneOf | Like | Between | Equal


def folded(text: str) -> str:
    """Letters a to z and digits alone; the same as ``krypton.queries.conditions`` has PostgreSQL do."""
    return NOT_COMPARED.sub("", unicodedata.normalize("NFKD", text.translate(APART)).lower())


def condition(name: str, kind: Kind, key: str) -> Condition | None:
    """What a key asks; None: any value, also none. ``name``: the attribute's, for messages. Raises BadKey."""
    if len(key) > LONGEST * (MOST if kind is Kind.UID else 1) or "\0" in key:
        raise BadKey(f"{name}: a key has at most {LONGEST} characters, and no control character")
    text = key.strip()
    if not text or (kind in _WILDCARDS and not text.strip("*")):
        return None
    return _CONDITIONS[kind](name, text)


def _uids(name: str, text: str) -> Condition:
    uids = tuple(filter(None, (one.strip() for one in re.split(r"[\\,]", text))))
    if not all(re.fullmatch(r"[0-9.]{1,64}", uid) for uid in uids) or len(uids) > MOST:
        raise BadKey(f"{name}: one UID, or up to {MOST} separated by backslashes or commas")
    return OneOf(uids)


def _texts(_: str, text: str) -> Condition:
    return Like(text) if _WILD.search(text) else OneOf((text,))


def _codes(name: str, text: str) -> Condition:
    several = tuple(filter(None, (one.strip() for one in text.split("\\"))))
    return OneOf(several) if len(several) > 1 and not _WILD.search(text) else _texts(name, text)


def _words(_: str, text: str) -> Condition:
    parts = [(sign, folded(part)) for sign, part in re.findall(r"([*?]?)([^*?]*)", text)]
    if any(part for _, part in parts):
        return Like("".join(sign + part for sign, part in parts), fold=True)
    return Like(text)  # of another script, or of signs alone


def _dates(name: str, text: str) -> Condition:
    first, last = _range(name, text)
    return Between(Kind.DATE, _date(name, first), _date(name, last))


def _date(name: str, text: str | None) -> str | None:
    if text is None:
        return None
    found = _OLD_DATE.sub(r"\1\2\3", text.strip())
    if not _DATE.fullmatch(found):
        raise BadKey(f"{name}: a date is YYYYMMDD; a range YYYYMMDD-YYYYMMDD, either may be left out")
    return found


def _times(name: str, text: str) -> Condition:
    first, last = _range(name, text)
    return Between(Kind.TIME, _time(name, first, "0"), _time(name, last, "9"))


def _time(name: str, text: str | None, fill: str) -> str | None:
    """What is not said of a time, as the first or the last that it can be."""
    if text is None:
        return None
    if (found := _TIME.fullmatch(text.strip())) is None:
        raise BadKey(f"{name}: a time is HH, HHMM or HHMMSS.ffffff; a range two of them with a hyphen between")
    hour, minute, second, fraction = found.groups()
    sixty = "00" if fill == "0" else "59"
    return f"{hour}{minute or sixty}{second or sixty}.{(fraction or '').ljust(6, fill)}"


def _range(name: str, text: str) -> tuple[str | None, str | None]:
    if text == "-":
        raise BadKey(f"{name}: a range says its first, its last, or both")
    first, hyphen, last = text.partition("-")
    return (first or None, last or None) if hyphen else (text, text)


def _amount(name: str, text: str) -> Condition:
    if not _NUMBER.fullmatch(text):
        raise BadKey(f"{name}: it is a number")
    return Equal(float(text))


_WILDCARDS: Final = frozenset({Kind.NUMBER_OF, Kind.CODE, Kind.WORDS})
_CONDITIONS: Final = {
    Kind.UID: _uids,
    Kind.NUMBER_OF: _texts,
    Kind.CODE: _codes,
    Kind.WORDS: _words,
    Kind.DATE: _dates,
    Kind.TIME: _times,
    Kind.AMOUNT: _amount,
}


def fits(asked: Condition | None, values: Sequence[str]) -> bool:
    """Whether one of an attribute's values meets a condition."""
    return asked is None or any(_fits(asked, value) for value in values if value)


def _fits(asked: Condition, value: str) -> bool:
    match asked:
        case OneOf(values):
            return value in values
        case Like(pattern, fold):
            return _like(pattern, folded(value) if fold else value)
        case Between(kind, first, last):
            at = comparable(kind, value)
            return at is not None and (first is None or first <= at) and (last is None or at <= last)
        case Equal(number):
            return bool(_NUMBER.fullmatch(value.strip())) and float(value) == number


def _like(pattern: str, value: str) -> bool:
    """Each part between stars is taken where it comes first: work is bounded by the length of one times the other's,
    whoever wrote the pattern. (A regular expression would try each way to share a value out among the stars.)
    """
    at = star = tried = 0
    place, starred = 0, False
    while at < len(value):
        sign = pattern[place] if place < len(pattern) else None
        if sign == "*":
            star, tried, starred = place, at, True
            place += 1
        elif sign is not None and sign in ("?", value[at]):
            at, place = at + 1, place + 1
        elif starred:
            tried += 1
            at, place = tried, star + 1
        else:
            return False
    return not pattern[place:].strip("*")


def comparable(kind: Kind, value: str) -> str | None:
    """A date or a time of an instance as a range compares it; None: it is none."""
    try:
        return _date("", value) if kind is Kind.DATE else _time("", value, "0")
    except BadKey:
        return None


Attributes = Mapping[str, Any]
"""DICOM JSON: attributes by tag."""
Keys = Mapping[str, "Condition | Keys | None"]
"""Conditions by tag; below the tag of a sequence, those of one item."""


def met(asked: Keys, said: Attributes) -> bool:
    """Whether attributes meet all keys; of a sequence, one item all of them."""
    return all(_met(one, said.get(tag, {})) for tag, one in asked.items())


def _met(asked: "Condition | Keys | None", attribute: Mapping[str, Any]) -> bool:
    values = attribute.get("Value", ())
    if isinstance(asked, Mapping):
        return not asked or any(isinstance(item, Mapping) and met(asked, item) for item in values)
    return fits(asked, [text for value in values for text in _as_texts(value)])


def _as_texts(value: Any) -> Sequence[str]:
    """A value as text; of a name, each of its groups."""
    if isinstance(value, Mapping):
        return [text for text in value.values() if isinstance(text, str)]
    return [] if value is None else [value if isinstance(value, str) else repr(value)]
