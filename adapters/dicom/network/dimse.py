"""Messages: reads the command of a request, writes the command of its answer.

A command is a small data set in implicit VR little endian (PS3.7 6.3); only its group is known here. Source: DICOM
PS3.7 sections 9 and 10, annexes C and E.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from adapters.dicom.network.pdu import Malformed
from adapters.dicom.sr_tree import is_uid

LONGEST_COMMAND = 16_384  # bytes; one is some hundred bytes long
COMMENT = 64  # characters, PS3.5 6.2, LO
_ELEMENT = struct.Struct("<HHL")
_NO_DATA_SET = 0x0101  # PS3.7 annex E.1
_ANSWER = 0x8000
_CLASS, _FIELD, _ID, _ANSWERED, _DATA, _STATUS, _COMMENT, _INSTANCE = (
    0x0002,
    0x0100,
    0x0110,
    0x0120,
    0x0800,
    0x0900,
    0x0902,
    0x1000,
)


class Operation(IntEnum):
    """Command fields of requests that are understood, PS3.7 annex E.1."""

    C_STORE = 0x0001
    C_ECHO = 0x0030
    C_CANCEL = 0x0FFF  # has no answer


class Refusal(IntEnum):
    """Answers to what is asked of the wrong service, PS3.7 annex C.5."""

    NO_SUCH_SOP_CLASS = 0x0122
    UNRECOGNIZED_OPERATION = 0x0211


class Answer(NamedTuple):
    """The status of an answer, and why it is not success: without any value of the data set."""

    status: int
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class Command:
    """The command of a request. ``sop_class``, ``sop_uid``: of the affected instance, as the sender wrote them."""

    operation: int
    message: int
    sop_class: str
    sop_uid: str
    has_data: bool


def read_command(data: bytes) -> Command:
    """Read a request's command. Raises Malformed."""
    elements: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        if at + _ELEMENT.size > len(data):
            raise Malformed("a command that is cut off")
        group, element, length = _ELEMENT.unpack_from(data, at)
        at += _ELEMENT.size
        if group or at + length > len(data):
            raise Malformed("a command that is no command")
        elements[element] = data[at : at + length]
        at += length
    return Command(
        operation=_number(elements, _FIELD),
        message=_number(elements, _ID),
        sop_class=_uid(elements.get(_CLASS, b"")),
        sop_uid=_uid(elements.get(_INSTANCE, b"")),
        has_data=_number(elements, _DATA) != _NO_DATA_SET,
    )


def _number(elements: dict[int, bytes], element: int) -> int:
    value = elements.get(element, b"")
    if len(value) != 2:
        raise Malformed("a command without a number that it needs")
    return int.from_bytes(value, "little")


def _uid(value: bytes) -> str:
    return value.decode("ascii", "replace").strip(" \0")


def write_answer(command: Command, answer: Answer) -> bytes:
    """The command of the answer. What is no UID is left out: none is required, and a peer may break off over it."""
    elements = [
        (_CLASS, _named(command.sop_class)),
        (_FIELD, struct.pack("<H", command.operation | _ANSWER)),
        (_ANSWERED, struct.pack("<H", command.message)),
        (_DATA, struct.pack("<H", _NO_DATA_SET)),
        (_STATUS, struct.pack("<H", answer.status)),
        (_COMMENT, _padded(answer.comment[:COMMENT], b" ")),
        (_INSTANCE, _named(command.sop_uid)),
    ]
    body = b"".join(_ELEMENT.pack(0, number, len(value)) + value for number, value in elements if value)
    return _ELEMENT.pack(0, 0, 4) + struct.pack("<L", len(body)) + body


def _named(uid: str) -> bytes:
    return _padded(uid, b"\0") if is_uid(uid) else b""


def _padded(text: str, pad: bytes) -> bytes:
    value = text.encode("ascii", "replace")
    return value + pad if len(value) % 2 else value
