"""Pictures that any browser shows: of a frame, an instance, or what stands in the middle of a series or a study.

Source: DICOM PS3.18 8.3.5 (rendering parameters), 10.4.1.1.5 (rendered resources), 10.4.1.1.6 (thumbnails).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from domain.errors import NotFound
from krypton.faces.dicomweb.accept import unacceptable
from krypton.faces.dicomweb.asking import Question
from krypton.faces.dicomweb.conditions import matches, unchanged
from krypton.faces.dicomweb.parts import Part
from krypton.faces.dicomweb.retrieve import or_refused
from krypton.faces.dicomweb.sending import Multipart, Reading, Single
from krypton.faces.http.asked import Asked
from krypton.faces.http.problem import Problem
from krypton.queries.images import Instance
from krypton.queries.pictures import JPEG, PNG, Look, NoPicture, Pictures, representative, showable

THUMBNAIL: Final = (256.0, 256.0)
LARGEST: Final = 8_192
"""Pixels of a side."""
FUNCTIONS: Final = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
WINDOW: Final = "window is centre,width or centre,width,function: linear, linear-exact or sigmoid; the width is above 0"
VIEWPORT: Final = (
    f"viewport is width,height from 1 to {LARGEST}, or width,height,left,top,region width,region height; a region "
    "whose width or height is below 0 is turned"
)
QUALITY: Final = "quality is a whole number from 1 to 100"
NOTHING: Final = "nothing in it can be shown as a picture: ask for /metadata, or for the instances themselves"
Shown = Callable[[Question], tuple[Instance, Sequence[int]]]


@dataclass(frozen=True)
class Rendered:
    """Answers. ``small``: as thumbnails."""

    reading: Reading
    pictures: Pictures
    small: bool = False

    def study(self, asked: Asked) -> Response:
        """What stands for a study: of the first series in which something can be shown, the middle."""
        question = Question(asked)
        study = question.study()
        found = (representative(study.instances(series["uid"])) for series in study.series)
        return self._of(question, next((one for one in found if one), None))

    def series(self, asked: Asked) -> Response:
        """What stands for a series: the middle of it."""
        question = Question(asked)
        return self._of(question, representative(question.study().instances(question.series)))

    def instance(self, asked: Asked) -> Response:
        """An instance; of several frames the middle one."""
        question = Question(asked)
        return self._of(question, question.instance())

    def frames(self, asked: Asked) -> Response:
        """Frames by their numbers."""
        question = Question(asked)
        return self._of(question, question.instance(), question.frames())

    def _of(self, question: Question, instance: Instance | None, numbers: Sequence[int] = ()) -> Response:
        """Raises NotFound, Problem 400, 406."""
        if instance is None:
            raise Problem(HTTPStatus.NOT_ACCEPTABLE, NOTHING)
        try:
            showable(instance)
        except NoPicture as none:
            raise Problem(HTTPStatus.NOT_ACCEPTABLE, str(none)) from None
        numbers = numbers or [(instance.frames + 1) // 2]
        if max(numbers) > instance.frames:
            raise NotFound(f"the instance has {instance.frames} frames, and none of number {max(numbers)}")
        look, many = self._look(question, alone=len(numbers) == 1)
        etag = f'"{instance.digest}.{",".join(map(str, numbers))}.{look.key}"'
        if matches(question.header("if-none-match"), etag):
            return unchanged(etag)
        parts = [self._part(question.root, instance, one, look) for one in numbers]
        told = {"ETag": etag, "Vary": "Accept"}
        return Multipart(self.reading, parts, look.type, told) if many else Single(self.reading, parts[0], told)

    def _part(self, root: str, instance: Instance, number: int, look: Look) -> Part:
        at = f"{root}/series/{instance.series}/instances/{instance.uid}/frames/{number}/rendered"
        return Part(look.type, at, or_refused(partial(self.pictures.picture, instance, number, look)), slow=True)

    def _look(self, question: Question, *, alone: bool) -> tuple[Look, bool]:
        """How it is to look, and whether it is a part of a multipart answer. Raises Problem 400, 406."""
        chosen, many = question.accepted.best((JPEG, PNG)) if alone else None, False
        if chosen is None:
            chosen, many = question.accepted.best((JPEG, PNG), many=True), True
        if chosen is None:
            raise unacceptable(f"{JPEG} or {PNG}" if alone else f'multipart/related; type="{JPEG}"')
        look = Look(
            chosen,
            _quality(question.parameter("quality")),
            _window(question.parameter("window")),
            _viewport(question.parameter("viewport")),
        )
        return (replace(look, viewport=THUMBNAIL) if self.small and look.viewport is None else look), many


def _quality(stated: str) -> int:
    if not stated:
        return Look.quality
    if not (stated.isascii() and stated.isdigit() and len(stated) <= 3 and 1 <= int(stated) <= 100):
        raise Problem(HTTPStatus.BAD_REQUEST, QUALITY)
    return int(stated)


def _window(stated: str) -> tuple[float, float, str] | None:
    if not stated:
        return None
    centre, width, function, *more = [*stated.split(","), "", "", ""][: max(3, stated.count(",") + 1)]
    numbers = _numbers([centre, width])
    named = FUNCTIONS.get(function.strip().lower() or "linear")
    if numbers is None or more or numbers[1] <= 0 or named is None:
        raise Problem(HTTPStatus.BAD_REQUEST, WINDOW)
    return numbers[0], numbers[1], named


def _viewport(stated: str) -> tuple[float, ...] | None:
    """Left out numbers of a region are those of the whole (PS3.18 8.3.5.1.3)."""
    if not stated:
        return None
    numbers = _numbers(stated.split(","))
    if numbers is None or len(numbers) not in (2, 6) or not all(1 <= one <= LARGEST for one in numbers[:2]):
        raise Problem(HTTPStatus.BAD_REQUEST, VIEWPORT)
    if len(numbers) == 6:
        left, top, width, height = numbers[2:]
        if min(left, top) < 0 or not abs(width) >= 1 <= abs(height) or max(map(abs, numbers)) > 1 << 20:
            raise Problem(HTTPStatus.BAD_REQUEST, VIEWPORT)
    return tuple(numbers)


def _numbers(words: Sequence[str]) -> list[float] | None:
    """None where one is no number."""
    try:
        found = [float(one) for one in words]
    except ValueError:
        return None
    return found if all(map(math.isfinite, found)) and max(map(abs, found)) < 1e12 else None
