"""The bytes of an association: reads what a caller sends before and around its messages, and writes the answers.

Every length is checked against what is there; unknown items are passed over (PS3.8 9.3.1). Source: DICOM PS3.8 section
9.3 and annex D, PS3.7 annex D.3.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

HEAD = struct.Struct(">BxL")  # of each PDU: type, length
APPLICATION = "1.2.840.10008.3.1.1.1"  # the DICOM application context name, PS3.7 annex A.2.1
LONGEST_REQUEST = 262_144  # bytes: 128 contexts with every transfer syntax there is
_ITEM = struct.Struct(">BxH")
_PDV = struct.Struct(">LBB")
_TITLE = 16  # bytes, PS3.8 table 9-11
_FIXED = 68  # bytes of A-ASSOCIATE-RQ before its items
_COMMAND, _LAST = 0x01, 0x02  # PS3.8 annex E.2


class Kind(IntEnum):
    """PDU types."""

    ASSOCIATE_RQ = 0x01
    ASSOCIATE_AC = 0x02
    ASSOCIATE_RJ = 0x03
    P_DATA = 0x04
    RELEASE_RQ = 0x05
    RELEASE_RP = 0x06
    ABORT = 0x07


class Because(IntEnum):
    """Reasons of an abort by the service provider, PS3.8 table 9-26."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    INVALID_PARAMETER = 6


class Result(IntEnum):
    """What becomes of a presentation context, PS3.8 table 9-18."""

    ACCEPTED = 0
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


class Malformed(Exception):
    """The peer breaks the protocol: the association is aborted."""

    def __init__(self, why: str, because: Because = Because.INVALID_PARAMETER) -> None:
        super().__init__(why)
        self.because = because


class Rejection(NamedTuple):
    """Result, source and reason of an A-ASSOCIATE-RJ, PS3.8 table 9-21."""

    result: int
    source: int
    reason: int


class Proposed(NamedTuple):
    """A presentation context that the caller proposes."""

    id: int
    abstract: str
    transfers: tuple[str, ...]


class Negotiated(NamedTuple):
    """What was answered to a proposed context."""

    id: int
    abstract: str
    transfer: str
    result: Result


@dataclass(frozen=True, kw_only=True)
class Request:
    """An A-ASSOCIATE-RQ. ``max_pdu``: most bytes that the caller takes in a PDU, 0 for any number."""

    called: str
    calling: str
    protocol: int
    application: str
    contexts: tuple[Proposed, ...]
    max_pdu: int
    echoed: bytes  # both titles and the reserved bytes, which the answer repeats


class Fragment(NamedTuple):
    """A presentation data value: a piece of a message's command or data set."""

    context: int
    command: bool
    last: bool
    data: memoryview


def read_request(body: bytes) -> Request:
    """Read the variable part of an A-ASSOCIATE-RQ. Raises Malformed."""
    if len(body) < _FIXED:
        raise Malformed("an association request that is cut off")
    application, contexts, max_pdu = "", [], 0
    for kind, value in _items(memoryview(body)[_FIXED:]):
        if kind == 0x10:
            application = _text(value)
        elif kind == 0x20:
            contexts.append(_proposed(value))
        elif kind == 0x50:
            max_pdu = _max_pdu(value)
    if len({context.id for context in contexts}) < len(contexts):
        raise Malformed("two presentation contexts with one id")
    return Request(
        called=_title(body[4 : 4 + _TITLE]),
        calling=_title(body[4 + _TITLE : 4 + 2 * _TITLE]),
        protocol=int.from_bytes(body[:2], "big"),
        application=application,
        contexts=tuple(contexts),
        max_pdu=max_pdu,
        echoed=body[4:_FIXED],
    )


def _items(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    while data:
        if len(data) < _ITEM.size:
            raise Malformed("an item that is cut off")
        kind, length = _ITEM.unpack_from(data)
        if len(data) < _ITEM.size + length:
            raise Malformed("an item longer than what holds it")
        yield kind, data[_ITEM.size : _ITEM.size + length]
        data = data[_ITEM.size + length :]


def _proposed(value: memoryview) -> Proposed:
    if len(value) < 4 or not value[0] % 2:
        raise Malformed("a presentation context without an odd id")
    within = [(kind, _text(text)) for kind, text in _items(value[4:])]
    abstract = next((text for kind, text in within if kind == 0x30), "")
    return Proposed(value[0], abstract, tuple(text for kind, text in within if kind == 0x40))


def _max_pdu(value: memoryview) -> int:
    for kind, stated in _items(value):
        if kind == 0x51:
            most = int.from_bytes(stated, "big")
            if 0 < most <= _PDV.size:
                raise Malformed("a maximum length that no message fits in")
            return most
    return 0


def _text(value: memoryview) -> str:
    return bytes(value).decode("ascii", "replace").strip(" \0")


def _title(value: bytes) -> str:
    """An AE title. One that is not ASCII is an unknown caller, not an error."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return text.strip(" \0")


def fragments(body: memoryview) -> Iterator[Fragment]:
    """The presentation data values of a P-DATA-TF. Raises Malformed."""
    while body:
        if len(body) < _PDV.size:
            raise Malformed("a data value that is cut off")
        length, context, control = _PDV.unpack_from(body)
        end = 4 + length
        if length < 2 or end > len(body):
            raise Malformed("a data value longer than its PDU")
        yield Fragment(context, bool(control & _COMMAND), bool(control & _LAST), body[_PDV.size : end])
        body = body[end:]


def acceptance(echoed: bytes, contexts: tuple[Negotiated, ...], max_pdu: int, uid: str, version: str) -> bytes:
    """An A-ASSOCIATE-AC. ``uid``, ``version``: of this implementation. Roles and operations stay the default ones."""
    user = _item(0x51, max_pdu.to_bytes(4, "big")) + _item(0x52, uid.encode()) + _item(0x55, version.encode())
    answers = (
        _item(
            0x21, bytes((context.id, 0, context.result, 0)) + _item(0x40, context.transfer.encode("ascii", "replace"))
        )
        for context in contexts
    )
    items = _item(0x10, APPLICATION.encode()) + b"".join(answers) + _item(0x50, user)
    return _pdu(Kind.ASSOCIATE_AC, b"\0\1\0\0" + echoed + items)


def rejection(why: Rejection) -> bytes:
    """An A-ASSOCIATE-RJ."""
    return _pdu(Kind.ASSOCIATE_RJ, bytes((0, *why)))


def abort(because: Because) -> bytes:
    """An A-ABORT by the service provider."""
    return _pdu(Kind.ABORT, bytes((0, 0, 2, because)))


def release() -> bytes:
    """An A-RELEASE-RP."""
    return _pdu(Kind.RELEASE_RP, bytes(4))


def command(context: int, data: bytes, max_pdu: int) -> bytes:
    """The P-DATA-TFs of a message without data set; ``max_pdu``: most bytes the peer takes in one, 0 for any number."""
    most = max(max_pdu - _PDV.size, 1) if max_pdu else len(data)
    pieces = [data[start : start + most] for start in range(0, len(data), most)]
    return b"".join(
        _pdu(Kind.P_DATA, _PDV.pack(len(piece) + 2, context, _COMMAND | (_LAST if piece is pieces[-1] else 0)) + piece)
        for piece in pieces
    )


def _item(kind: int, value: bytes) -> bytes:
    return _ITEM.pack(kind, len(value)) + value


def _pdu(kind: Kind, body: bytes) -> bytes:
    return HEAD.pack(kind, len(body)) + body
