"""The PDUs of an association that is established, and what it is agreed in: every length is checked.

How it is established: ``request.py``. Source: DICOM PS3.8 section 9.3.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

HEAD = struct.Struct(">BxL")  # of each PDU: type, length
APPLICATION = "1.2.840.10008.3.1.1.1"  # the DICOM application context name, PS3.7 annex A.2.1
_PDV = struct.Struct(">LBB")
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


class Roles(NamedTuple):
    """Of a SOP class, as which of the two its proposer may act (PS3.7 D.3.3.4)."""

    user: bool
    provider: bool


class Negotiated(NamedTuple):
    """What was answered to a proposed context."""

    id: int
    abstract: str
    transfer: str
    result: Result


class Fragment(NamedTuple):
    """A presentation data value: a piece of a message's command or data set."""

    context: int
    command: bool
    last: bool
    data: memoryview


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


def abort(because: Because) -> bytes:
    """An A-ABORT by the service provider."""
    return pdu(Kind.ABORT, bytes((0, 0, 2, because)))


def release() -> bytes:
    """An A-RELEASE-RP."""
    return pdu(Kind.RELEASE_RP, bytes(4))


def release_request() -> bytes:
    """An A-RELEASE-RQ."""
    return pdu(Kind.RELEASE_RQ, bytes(4))


def command(context: int, data: bytes, max_pdu: int) -> bytes:
    """The P-DATA-TFs of a message without data set; ``max_pdu``: most bytes the peer takes in one, 0 for any number."""
    most = max(max_pdu - _PDV.size, 1) if max_pdu else len(data)
    pieces = [data[start : start + most] for start in range(0, len(data), most)]
    return b"".join(
        pdu(Kind.P_DATA, _PDV.pack(len(piece) + 2, context, _COMMAND | (_LAST if piece is pieces[-1] else 0)) + piece)
        for piece in pieces
    )


def pdu(kind: Kind, body: bytes) -> bytes:
    """A whole PDU."""
    return HEAD.pack(kind, len(body)) + body
