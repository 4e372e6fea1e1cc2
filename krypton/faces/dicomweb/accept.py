"""Reads what a client accepts, the whole list of it, and finds the first that can be given.

Clients write quotes in the wrong places, or leave them out: no value that matters here holds a comma, a semicolon or a
quote, so all quotes are passed over. A query parameter ``accept`` stands in for the header. Source: DICOM PS3.18 8.3.3,
8.7.4 (acceptable media types), RFC 9110 12.5.1.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeVar

from krypton.faces.http.problem import Problem

RELATED: Final = "multipart/related"
ANY: Final = "*/*"
MOST: Final = 64
"""Of an Accept list; what follows is not looked at."""
_QUOTES: Final = {ord(quote): None for quote in "\"'"}
T = TypeVar("T")


@dataclass(frozen=True)
class Wanted:
    """One media range that is accepted. ``many``: in a multipart answer; None: in either. ``type``: of a part.

    ``syntax``: the transfer syntax asked for, ``*`` for any; None: none is named.
    """

    type: str
    many: bool | None
    syntax: str | None = None

    def takes(self, media_type: str) -> bool:
        """Whether a part may be of this type."""
        kind, _, _ = media_type.partition("/")
        return self.type in (ANY, f"{kind}/*", media_type)


class Accepted:
    """An Accept list, what is liked best first; of equals what comes first."""

    def __init__(self, header: str, instead: Sequence[str] = ()) -> None:
        """``instead``: of a query parameter, in which a plus may have become a space."""
        stated = ",".join(instead).replace("dicom json", "dicom+json") if instead else header
        ranges = [_range(one) for one in stated.translate(_QUOTES).lower().split(",")[:MOST] if one.strip()]
        self._refused = {one.type for quality, one in ranges if not quality}
        liked = [(quality, one) for quality, one in ranges if quality] if ranges else [(1.0, Wanted(ANY, None))]
        self.wanted: Sequence[Wanted] = [one for _, one in sorted(liked, key=lambda ranged: -ranged[0])]

    def first(self, give: Callable[[Wanted], T | None]) -> T | None:
        """What is given for the first that can be."""
        return next((given for one in self.wanted if (given := give(one)) is not None), None)

    def best(self, offered: Iterable[str], *, many: bool = False) -> str | None:
        """The type among those offered that is liked best; ``many``: as parts of a multipart answer."""
        types = [one for one in offered if one not in self._refused]
        return self.first(
            lambda wanted: (
                next((one for one in types if wanted.takes(one)), None) if wanted.many in (None, many) else None
            )
        )


def unacceptable(offered: str) -> Problem:
    """Nothing of what is accepted can be given. ``offered``: what could be asked for instead, in words."""
    return Problem(HTTPStatus.NOT_ACCEPTABLE, f"nothing of what is accepted can be given: ask for {offered}")


def _range(stated: str) -> tuple[float, Wanted]:
    media_type, *parameters = (part.strip() for part in stated.split(";"))
    given = {name.strip(): value.strip() for name, _, value in (one.partition("=") for one in parameters)}
    many: bool | None = media_type == RELATED
    if many:
        media_type = given.get("type", ANY)
    elif media_type in (ANY, "*", "multipart/*"):
        media_type, many = ANY, None
    return _quality(given.get("q", "1")), Wanted(media_type, many, given.get("transfer-syntax"))


def _quality(stated: str) -> float:
    """What is no quality counts as none stated."""
    try:
        quality = float(stated)
    except ValueError:
        return 1.0
    return quality if 0 <= quality <= 1 else 1.0
