"""WADO-RS: instances, frames, bulk data and metadata of a study. Source: DICOM PS3.18 10.4."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from domain.errors import NotFound
from krypton.faces.dicomweb.accept import unacceptable
from krypton.faces.dicomweb.asking import Question
from krypton.faces.dicomweb.conditions import matches, ranged, unchanged
from krypton.faces.dicomweb.given import DICOM, OCTETS, Form, frame_form, instance_forms, ways
from krypton.faces.dicomweb.parts import Lazily, Part
from krypton.faces.dicomweb.sending import Multipart, Reading, Single, Streamed, iterate
from krypton.faces.http.asked import Asked
from krypton.faces.http.problem import Problem
from krypton.queries.body import Body
from krypton.queries.images import Instance, Study, Whole, unpacked
from krypton.queries.pictures import NoPicture, Pictures, can_frame, can_instance

JSON: Final = "application/dicom+json"
JSONS: Final = (JSON, "application/json")
GZIP: Final = 31
"""What zlib calls the format of gzip, with its largest window."""
_PDF: Final = "00420011"
_MIME: Final = "00420012"


@dataclass(frozen=True)
class Retrieve:
    """Answers. ``reading``: the threads that read what is sent; ``pictures``: makes what is not stored so."""

    reading: Reading
    pictures: Pictures

    def study(self, asked: Asked) -> Response:
        """All instances of a study."""
        question = Question(asked)
        study = question.study()
        return self._instances(question, [one for series in study.series for one in study.whole(series["uid"])])

    def series(self, asked: Asked) -> Response:
        """All instances of a series."""
        question = Question(asked)
        return self._instances(question, question.study().whole(question.series))

    def instance(self, asked: Asked) -> Response:
        """One instance."""
        question = Question(asked)
        return self._instances(question, [question.instance().whole])

    def frames(self, asked: Asked) -> Response:
        """Frames of an instance, in the order that is asked for."""
        question = Question(asked)
        instance, numbers = question.instance(), question.frames()
        if max(numbers) > instance.frames:
            instance.frame(max(numbers))  # says why there is none
        form = frame_form(question.accepted, instance, can_frame, alone=len(numbers) == 1)
        if form is None:
            raise unacceptable(ways(f'multipart/related; type="{OCTETS}"', {instance.frame_syntax}))
        at = f"{question.root}/series/{instance.series}/instances/{instance.uid}/frames"
        etag = f'"{instance.digest}.{form.syntax}.{asked.path["frames"]}"'
        if matches(question.header("if-none-match"), etag):
            return unchanged(etag)
        parts = [self._frame(instance, one, form, f"{at}/{one}") for one in numbers]
        if not form.many:
            return Single(self.reading, parts[0], {"ETag": etag})
        return Multipart(self.reading, parts, form.type, {"ETag": etag})

    def bulk(self, asked: Asked) -> Response:
        """A value that metadata leave out, or a part of its bytes."""
        question = Question(asked)
        instance = question.instance()
        body, media_type = instance.bulk(question.bulk), OCTETS
        if question.bulk == _PDF and (stated := instance.said(_MIME)):
            media_type = _safe(str(stated))
        etag = f'"{instance.digest}.{question.bulk}"'
        if matches(question.header("if-none-match"), etag):
            return unchanged(etag)
        told = {"ETag": etag}
        at = f"{question.root}/series/{instance.series}/instances/{instance.uid}/bulkdata/{question.bulk}"
        if chosen := question.accepted.best((media_type, OCTETS)):
            return self._ranged(question, body, chosen, told | {"Accept-Ranges": "bytes"})
        if chosen := question.accepted.best((OCTETS, media_type), many=True):
            return Multipart(self.reading, [_there(body, chosen, at)], chosen, told)
        raise unacceptable(media_type)

    def _ranged(self, question: Question, body: Body, media_type: str, told: dict[str, str]) -> Response:
        """Raises Problem 416."""
        part = ranged(question.header("range"), body.length)
        if part is None or question.header("if-range") not in ("", told["ETag"]):
            return Single(self.reading, _there(body, media_type), told)
        at, length = part
        told = told | {"Content-Range": f"bytes {at}-{at + length - 1}/{body.length}"}
        return Single(self.reading, _there(body.part(at, length), media_type), told, HTTPStatus.PARTIAL_CONTENT)

    def study_metadata(self, asked: Asked) -> Response:
        """Metadata of all instances of a study."""
        question = Question(asked)
        study = question.study()
        return self._documents(question, _of_study(question, study))

    def series_metadata(self, asked: Asked) -> Response:
        """Metadata of a series, as they were written when its instances came in."""
        question = Question(asked)
        study = question.study()
        packed = study.packed(question.series)
        if packed is None:
            return self._documents(question, study.documents(question.series))
        media_type = _json(question)
        told = {"Vary": "Accept, Accept-Encoding"}
        if takes_gzip(question.header("accept-encoding")):
            return Single(self.reading, _there(packed, media_type), told | {"Content-Encoding": "gzip"})
        return Single(self.reading, _there(Body.of(unpacked(packed.data)), media_type), told)

    def instance_metadata(self, asked: Asked) -> Response:
        """Metadata of an instance."""
        question = Question(asked)
        document = question.study().document(question.series, asked.path["instance"], _under(question, question.series))
        return self._documents(question, iter([document]))

    def _documents(self, question: Question, documents: Iterator[bytes]) -> Response:
        media_type = _json(question)
        told = {"Vary": "Accept, Accept-Encoding"}
        if takes_gzip(question.header("accept-encoding")):
            packed = _packed(iterate(documents))
            return Streamed(self.reading, packed, media_type, told | {"Content-Encoding": "gzip"})
        return Streamed(self.reading, iterate(documents), media_type, told)

    def _instances(self, question: Question, instances: Sequence[Whole]) -> Response:
        """Raises NotFound, Problem 406."""
        if not instances:
            raise NotFound("nothing of it can be shown: see krypton archive check")
        alone, first = len(instances) == 1, instances[0]
        stored = dict.fromkeys(one.transfer_syntax for one in instances)
        forms = instance_forms(question.accepted, stored, can_instance, alone=alone)
        form = forms[first.transfer_syntax]
        told = {"ETag": f'"{first.digest}.{form.syntax}"'} if alone else {}
        if told and matches(question.header("if-none-match"), told["ETag"]):
            return unchanged(told["ETag"])
        if not form.many:
            return Single(self.reading, self._file(question.root, forms, first), told)
        parts = Lazily(instances, partial(self._file, question.root, forms))
        return Multipart(self.reading, parts, DICOM, told)

    def _frame(self, instance: Instance, number: int, form: Form, at: str) -> Part:
        if form.syntax != instance.frame_syntax:
            make = partial(self.pictures.frame, instance, number, form.syntax)
            return Part(form.media_type, at, or_refused(make), slow=True)
        if instance.placed:
            return _there(instance.frame(number), form.media_type, at)
        return Part(form.media_type, at, partial(instance.frame, number))

    def _file(self, root: str, forms: Mapping[str, Form], instance: Whole) -> Part:
        form = forms[instance.transfer_syntax]
        at = f"{root}/series/{instance.series}/instances/{instance.uid}"
        if form.syntax == instance.transfer_syntax:
            return _there(instance.file(), form.media_type, at)
        return Part(form.media_type, at, partial(self._otherwise, instance, form), slow=True)

    def _otherwise(self, instance: Whole, form: Form) -> Body:
        """An instance in another transfer syntax; as it is stored where its pixels cannot be decoded, and it says so.

        Raises Problem 406, where it is asked for alone.
        """
        if not form.many:
            return or_refused(partial(self.pictures.instance, instance, form.syntax))()
        try:
            return self.pictures.instance(instance, form.syntax)
        except NoPicture:
            stored = Form(form.type, form.many, instance.transfer_syntax)
            return replace(instance.file(), media_type=stored.media_type)


def or_refused(make: Callable[[], Body]) -> Callable[[], Body]:
    """The same; what cannot be made is a problem of who asks."""

    def made() -> Body:
        """Raises Problem 406."""
        try:
            return make()
        except NoPicture as none:
            raise Problem(HTTPStatus.NOT_ACCEPTABLE, str(none)) from None

    return made


def _there(body: Body, media_type: str, at: str = "") -> Part:
    """A part that need not be made."""
    return Part(media_type, at, length=body.length, there=body)


def _of_study(question: Question, study: Study) -> Iterator[bytes]:
    for series in study.series:
        yield from study.documents(series["uid"], _under(question, series["uid"]))


def _under(question: Question, series: str) -> bytes:
    """Before a URI that is relative to the series, in documents that lie elsewhere."""
    return f"{question.root}/series/{series}/".encode()


def _json(question: Question) -> str:
    """Raises Problem 406."""
    chosen = question.accepted.best(JSONS)
    if chosen is None:
        raise unacceptable(JSON)
    return chosen


def _packed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """As one member of a gzip file: browsers pass over what comes after the first."""
    packer = zlib.compressobj(1, zlib.DEFLATED, GZIP)
    for piece in pieces:
        if data := packer.compress(piece):
            yield data
    yield packer.flush()


def _safe(stated: str) -> str:
    """A media type that a device states, if it is one: it becomes a header."""
    kind, slash, name = stated.strip().lower().partition("/")
    good = all(part and part.isascii() and part.replace("+", "").replace("-", "").replace(".", "").isalnum()
               for part in (kind, name))  # fmt: skip
    return f"{kind}/{name}" if slash and good else OCTETS


def takes_gzip(stated: str) -> bool:
    """Whether an Accept-Encoding header takes gzip."""
    for one in stated.lower().split(","):
        coding, _, weight = one.replace(" ", "").partition(";")
        if coding in ("gzip", "*"):
            return weight not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
