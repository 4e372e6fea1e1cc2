"""Chooses in which form an instance or a frame is given: as it is stored, or in a transfer syntax that was asked for.

Nothing is changed unless it is asked for by name: ``*``, or no transfer syntax, is what is stored. The one exception is
PS3.18's own: frames as ``application/octet-stream`` without a transfer syntax are pixels that are not compressed.
Source: DICOM PS3.18 8.7.3.5, tables 8.7.3-2 to 8.7.3-5 (media types and transfer syntaxes).
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from krypton.faces.dicomweb.accept import ANY, Accepted, Wanted, unacceptable
from krypton.queries.images import EXPLICIT, Instance

DICOM: Final = "application/dicom"
OCTETS: Final = "application/octet-stream"
_JPEG: Final = "1.2.840.10008.1.2.4"
OF_SYNTAX: Final[Mapping[str, str]] = {
    **{f"{_JPEG}.{number}": "image/jpeg" for number in (50, 51, 57, 70)},
    **{f"{_JPEG}.{number}": "image/jls" for number in (80, 81)},
    **{f"{_JPEG}.{number}": "image/jp2" for number in (90, 91)},
    **{f"{_JPEG}.{number}": "image/jpx" for number in (92, 93)},
    **{f"{_JPEG}.{number}": "image/jphc" for number in (201, 202, 203)},
    **{f"{_JPEG}.{number}": "video/mpeg" for number in (100, 101)},
    **{f"{_JPEG}.{number}": "video/mp4" for number in range(102, 109)},
    "1.2.840.10008.1.2.5": "image/dicom-rle",
}
"""The media type of a compressed frame."""


@dataclass(frozen=True)
class Form:
    """How something is given. ``many``: as a part of a multipart answer; ``syntax``: its transfer syntax."""

    type: str
    many: bool
    syntax: str

    @property
    def media_type(self) -> str:
        """With the transfer syntax, for a part."""
        return f"{self.type}; transfer-syntax={self.syntax}"


Can = Callable[[str, str], bool]
"""Whether the pixels of a transfer syntax (first) are given in another one (second)."""


def instance_form(accepted: Accepted, stored: str, can: Can, *, alone: bool) -> Form | None:
    """How an instance is given that is stored in a transfer syntax. ``alone``: it may be an answer that is not
    multipart. None: it cannot be given.
    """

    def give(wanted: Wanted) -> Form | None:
        if not wanted.takes(DICOM):
            return None
        syntax = wanted.syntax if wanted.syntax not in (None, "*") else stored
        if syntax != stored and not can(stored, syntax):
            return None
        if wanted.many is False and not alone:
            return None
        return Form(DICOM, wanted.many is not False, syntax)

    return accepted.first(give)


def frame_form(accepted: Accepted, instance: Instance, can: Can, *, alone: bool) -> Form | None:
    """The same of a frame of an instance."""
    stored = instance.frame_syntax
    compressed = OF_SYNTAX.get(stored)

    def give(wanted: Wanted) -> Form | None:
        if wanted.many is False and not alone:
            return None
        many = wanted.many is not False
        if compressed and wanted.type not in (ANY, OCTETS, "application/*"):
            fits = wanted.takes(compressed) and wanted.syntax in (None, "*", stored)
            return Form(compressed, many, stored) if fits else _encoded(wanted, stored, can, many=many)
        if not wanted.takes(OCTETS):
            return None if compressed else _encoded(wanted, stored, can, many=many)
        syntax = EXPLICIT if wanted.syntax is None and wanted.type == OCTETS else wanted.syntax
        if syntax in (None, "*", stored):
            return Form(OCTETS, many, stored)
        if can(stored, syntax):
            return Form(OCTETS, many, syntax)
        return Form(OCTETS, many, stored) if wanted.syntax is None else None  # nobody here knows how to decode it

    return accepted.first(give)


def _encoded(wanted: Wanted, stored: str, can: Can, *, many: bool) -> Form | None:
    """In a compression that is asked for by its transfer syntax, and by the type that goes with it."""
    syntax = wanted.syntax
    if syntax is None or OF_SYNTAX.get(syntax) is None or not wanted.takes(OF_SYNTAX[syntax]):
        return None
    return Form(OF_SYNTAX[syntax], many, syntax) if can(stored, syntax) else None


def instance_forms(accepted: Accepted, stored: Collection[str], can: Can, *, alone: bool) -> Mapping[str, Form]:
    """How several instances are given, by the transfer syntax in which one is stored: what cannot be given as it is
    asked for is given as it is stored, and says so, unless that is so of all. Raises Problem 406.
    """
    found = {one: instance_form(accepted, one, can, alone=alone) for one in stored}
    if not any(found.values()):
        raise unacceptable(ways(f'multipart/related; type="{DICOM}"', stored))
    return {one: form or Form(DICOM, True, one) for one, form in found.items()}


def ways(media_type: str, stored: Collection[str]) -> str:
    """What can be asked for, in words."""
    syntaxes = " or ".join(sorted(stored)[:3]) or EXPLICIT
    return f"{media_type}; transfer-syntax=*, which is {syntaxes} here"
