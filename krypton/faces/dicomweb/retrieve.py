"""WADO-RS: instances, frames, bulk data and metadata of a study. Source: DICOM PS3.18 10.4."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from domain.errors import NotFound
from krypton.faces.dicomweb.accept import unacceptable
from krypton.faces.dicomweb.asking import Question
from krypton.faces.dicomweb.given import DICOM, OCTETS, Form, frame_form, instances_form, ways
from krypton.faces.dicomweb.sending import (
    Multipart,
    Part,
    Reading,
    Single,
    Streamed,
    iterate,
    matches,
    ranged,
    unchanged,
)
from krypton.faces.http.declared import Answer, Asked
from krypton.queries.images import Body, Instance, Study, unpacked

JSON: Final = "application/dicom+json"
JSONS: Final = (JSON, "application/json")
_PDF: Final = "00420011"
_MIME: Final = "00420012"


@dataclass(frozen=True)
class Retrieve:
    """Answers. ``reading``: the threads that read what is sent."""

    reading: Reading

    def study(self, asked: Asked) -> Response:
        """All instances of a study."""
        question = Question(asked)
        study = question.study()
        return self._instances(question, [one for series in study.series for one in study.instances(series["uid"])])

    def series(self, asked: Asked) -> Response:
        """All instances of a series."""
        question = Question(asked)
        return self._instances(question, question.study().instances(question.series))

    def instance(self, asked: Asked) -> Response:
        """One instance."""
        question = Question(asked)
        return self._instances(question, [question.instance()])

    def frames(self, asked: Asked) -> Response:
        """Frames of an instance, in the order that is asked for."""
        question = Question(asked)
        instance, numbers = question.instance(), question.frames()
        if max(numbers) > instance.frames:
            instance.frame(max(numbers))  # says why there is none
        form = frame_form(question.accepted, instance, _no_other, alone=len(numbers) == 1)
        if form is None:
            raise unacceptable(ways(f'multipart/related; type="{OCTETS}"', {instance.frame_syntax}))
        at = f"{question.root}/series/{instance.series}/instances/{instance.uid}/frames"
        etag = f'"{instance.digest}.{form.syntax}.{asked.path["frames"]}"'
        if matches(question.header("if-none-match"), etag):
            return unchanged(etag)
        if not form.many:
            return Single(self.reading, instance.frame(numbers[0]), form.media_type, {"ETag": etag})
        parts = [Part(form.media_type, f"{at}/{one}", partial(instance.frame, one)) for one in numbers]
        if len(parts) == 1:
            parts = [_made(parts[0])]
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
        if chosen := question.accepted.best((media_type, OCTETS)):
            return self._ranged(question, body, chosen, told | {"Accept-Ranges": "bytes"})
        if chosen := question.accepted.best((OCTETS, media_type), many=True):
            at = f"{question.root}/series/{instance.series}/instances/{instance.uid}/bulkdata/{question.bulk}"
            return Multipart(self.reading, [_made(Part(chosen, at, lambda: body))], chosen, told)
        raise unacceptable(media_type)

    def _ranged(self, question: Question, body: Body, media_type: str, told: dict[str, str]) -> Response:
        """Raises Problem 416."""
        part = ranged(question.header("range"), body.length)
        if part is None or question.header("if-range") not in ("", told["ETag"]):
            return Single(self.reading, body, media_type, told)
        at, length = part
        told = told | {"Content-Range": f"bytes {at}-{at + length - 1}/{body.length}"}
        return Single(self.reading, body.part(at, length), media_type, told, HTTPStatus.PARTIAL_CONTENT)

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
            return Single(self.reading, packed, media_type, told | {"Content-Encoding": "gzip"})
        return Single(self.reading, Body.of(unpacked(packed.data)), media_type, told)

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

    def _instances(self, question: Question, instances: Sequence[Instance]) -> Response:
        """Raises NotFound, Problem 406."""
        if not instances:
            raise NotFound("nothing of it can be shown: see krypton archive check")
        forms = instances_form(question.accepted, instances, _no_other)
        if not forms[0].many:
            (instance,) = instances
            return Single(self.reading, instance.file(), forms[0].media_type, {"ETag": f'"{instance.digest}"'})
        parts = [_file(question.root, one, form) for one, form in zip(instances, forms, strict=True)]
        return Multipart(self.reading, parts, DICOM, {})


def _no_other(_: str, __: str) -> bool:
    """Pixels are given as they are stored."""
    return False


def _file(root: str, instance: Instance, form: Form) -> Part:
    at = f"{root}/series/{instance.series}/instances/{instance.uid}"
    return Part(form.media_type, at, instance.file, instance.file().length)


def _made(part: Part) -> Part:
    """The same, made now: so that what cannot be made is an error, and the length of the answer is known."""
    body = part.make()
    return Part(part.media_type, part.location, lambda: body, body.length)


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
    """Each piece as a member of a gzip file (RFC 1952 2.2)."""
    return (gzip.compress(piece, 1) for piece in pieces)


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


Answers = Callable[[Retrieve], Answer]
