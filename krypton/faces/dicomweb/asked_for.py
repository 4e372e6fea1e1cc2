"""What a search over HTTP asks for: keys by keyword, how many, and from where on. Source: DICOM PS3.18 8.3.4, 10.6.

An attribute is named by its keyword or its tag, one in a sequence by both with a dot between. A parameter that is none,
or that cannot be asked, is refused by its name: to pass over a key would find too much.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from pydicom.datadict import dictionary_keyword, tag_for_keyword

from domain.query_keys import BadKey
from krypton.faces.http.problem import Problem

LIMIT: Final = 100
MOST: Final = 1_000
"""Results of one answer."""
BESIDE: Final = frozenset({"limit", "offset", "includefield", "fuzzymatching", "accept", "charset"})
SPEAKABLE: Final = re.compile(r"[A-Za-z0-9.]{1,64}")
LISTS: Final = frozenset({"ModalitiesInStudy"})
"""Keys of which commas separate several values, beside UIDs."""
_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Search:
    """``keys``: by keyword; ``fuzzy``: names were to be compared in another way than is done here."""

    keys: Mapping[str, str]
    limit: int
    offset: int
    fuzzy: bool


def search_in(query: Mapping[str, Sequence[str]]) -> Search:
    """Raises Problem 400, BadKey."""
    for field in query.get("includefield", ()):
        for one in filter(None, (one.strip() for one in field.split(","))):
            if one.lower() != "all":
                keyword(one)
    keys: dict[str, str] = {}
    for name, values in query.items():
        if name in BESIDE:
            continue
        known = keyword(name)
        several = known in LISTS or known.endswith("UID")
        if known in keys or (len(values) > 1 and not several):
            raise BadKey(f"{known}: it is asked for more than once")
        keys[known] = ",".join(values).replace(",", "\\") if several else values[0]
    limit, offset = _number(query, "limit", LIMIT), _number(query, "offset", 0)
    if limit == 0:
        raise Problem(HTTPStatus.BAD_REQUEST, "limit: a number from 1 on")
    return Search(keys, min(limit, MOST), offset, fuzzy=_fuzzy(query))


def keyword(named: str) -> str:
    """The keyword of an attribute, or the keywords of one in a sequence, with dots between. Raises Problem 400."""
    found = [_keyword(one) for one in named.split(".")]
    if any(one is None for one in found):
        said = f"{named}: " if SPEAKABLE.fullmatch(named) else ""
        raise Problem(HTTPStatus.BAD_REQUEST, f"{said}no parameter of a search, and no keyword or tag of DICOM")
    return ".".join(one for one in found if one)


def _keyword(named: str) -> str | None:
    if _TAG.fullmatch(named):
        try:
            return dictionary_keyword(int(named, 16)) or None
        except KeyError:
            return None
    return named if named.isascii() and named.isalnum() and tag_for_keyword(named) is not None else None


def _number(query: Mapping[str, Sequence[str]], name: str, otherwise: int) -> int:
    """Raises Problem 400."""
    said = query.get(name, ())
    if not said or said == [""]:
        return otherwise
    if len(said) > 1 or not _NUMBER.fullmatch(said[0]):
        raise Problem(HTTPStatus.BAD_REQUEST, f"{name}: one number, without a sign")
    return int(said[0])


def _fuzzy(query: Mapping[str, Sequence[str]]) -> bool:
    """Raises Problem 400."""
    said = [one.lower() for one in query.get("fuzzymatching", ())]
    if any(one not in ("true", "false", "") for one in said):
        raise Problem(HTTPStatus.BAD_REQUEST, "fuzzymatching: true or false")
    return "true" in said
