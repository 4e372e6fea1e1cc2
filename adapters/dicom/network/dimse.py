"""Messages: reads the commands of requests and answers, and writes them.

A command is a small data set in implicit VR little endian (PS3.7 6.3); only its group is known here. Source: DICOM
PS3.7 sections 9 and 10, annexes C and E.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from adapters.dicom.network.pdu import Malformed
from adapters.dicom.values import is_uid

LONGEST_COMMAND = 16_384  # bytes; one is some hundred bytes long
COMMENT = 64  # characters, PS3.5 6.2, LO
MEDIUM: Final = 0x0000
"""The priority that requests of Krypton have."""
_ELEMENT = struct.Struct("<HHL")
_NO_DATA_SET, _A_DATA_SET = 0x0101, 0x0001  # PS3.7 annex E.1
_ANSWER = 0x8000


class Field(IntEnum):
    """Elements of commands, PS3.7 annex E.1."""

    CLASS = 0x0002
    REQUESTED_CLASS = 0x0003
    COMMAND = 0x0100
    MESSAGE = 0x0110
    ANSWERED = 0x0120
    DESTINATION = 0x0600
    PRIORITY = 0x0700
    DATA_SET = 0x0800
    STATUS = 0x0900
    COMMENT = 0x0902
    INSTANCE = 0x1000
    REQUESTED_INSTANCE = 0x1001
    EVENT = 0x1002
    ACTION = 0x1008
    REMAINING = 0x1020
    COMPLETED = 0x1021
    FAILED = 0x1022
    WARNING = 0x1023
    ORIGINATOR = 0x1030
    ORIGINATORS_MESSAGE = 0x1031


class Operation(IntEnum):
    """Command fields of requests that are understood, PS3.7 annex E.1."""

    C_STORE = 0x0001
    C_GET = 0x0010
    C_FIND = 0x0020
    C_MOVE = 0x0021
    C_ECHO = 0x0030
    N_EVENT_REPORT = 0x0100
    N_ACTION = 0x0130
    C_CANCEL = 0x0FFF  # has no answer


class Refusal(IntEnum):
    """Answers to what is asked of the wrong service, PS3.7 annex C.5."""

    NO_SUCH_SOP_CLASS = 0x0122
    UNRECOGNIZED_OPERATION = 0x0211


class Counts(NamedTuple):
    """Sub-operations of a C-MOVE or C-GET. ``remaining``: None in a last answer, but after a cancel (PS3.4 C.4.2.1)."""

    remaining: int | None
    completed: int
    failed: int
    warning: int


class Answer(NamedTuple):
    """The status of an answer, and why it is not success: without any value of the data set."""

    status: int
    comment: str = ""
    counts: Counts | None = None


@dataclass(frozen=True, kw_only=True)
class Command:
    """The command of a request. ``sop_class``, ``sop_uid``: of the affected instance, as the sender wrote them.

    ``message``: of a C-CANCEL, the message that it ends; ``destination``: of a C-MOVE; ``action``: of an N-ACTION.
    """

    operation: int
    message: int
    sop_class: str
    sop_uid: str
    has_data: bool
    destination: str = ""
    action: int = 0


@dataclass(frozen=True, kw_only=True)
class Response:
    """The command of an answer."""

    operation: int
    answered: int
    status: int
    has_data: bool


def read_command(data: bytes) -> Command | Response:
    """Read a command. Raises Malformed."""
    elements = _elements(data)
    field, has_data = _number(elements, Field.COMMAND), _number(elements, Field.DATA_SET) != _NO_DATA_SET
    if field & _ANSWER:
        answered, status = _number(elements, Field.ANSWERED), _number(elements, Field.STATUS)
        return Response(operation=field & ~_ANSWER, answered=answered, status=status, has_data=has_data)
    return Command(
        operation=field,
        message=_number(elements, Field.ANSWERED if field == Operation.C_CANCEL else Field.MESSAGE),
        sop_class=_text(elements.get(Field.CLASS) or elements.get(Field.REQUESTED_CLASS, b"")),
        sop_uid=_text(elements.get(Field.INSTANCE) or elements.get(Field.REQUESTED_INSTANCE, b"")),
        has_data=has_data,
        destination=_text(elements.get(Field.DESTINATION, b"")),
        action=_number(elements, Field.ACTION) if field == Operation.N_ACTION else 0,
    )


def _elements(data: bytes) -> dict[int, bytes]:
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
    return elements


def _number(elements: Mapping[int, bytes], element: int) -> int:
    value = elements.get(element, b"")
    if len(value) != 2:
        raise Malformed("a command without a number that it needs")
    return int.from_bytes(value, "little")


def _text(value: bytes) -> str:
    return value.decode("ascii", "replace").strip(" \0")


def write_answer(command: Command, answer: Answer, *, has_data: bool = False) -> bytes:
    """The command of the answer. What is no UID is left out: none is required, and a peer may break off over it."""
    elements: dict[int, bytes] = {
        Field.CLASS: named(command.sop_class),
        Field.COMMAND: number(command.operation | _ANSWER),
        Field.ANSWERED: number(command.message),
        Field.DATA_SET: number(_A_DATA_SET if has_data else _NO_DATA_SET),
        Field.STATUS: number(answer.status),
        Field.COMMENT: _padded(answer.comment[:COMMENT], b" "),
        Field.INSTANCE: named(command.sop_uid),
    }
    if command.operation == Operation.N_ACTION:
        elements[Field.ACTION] = number(command.action)
    if answer.counts:
        counted = (Field.REMAINING, Field.COMPLETED, Field.FAILED, Field.WARNING)
        told = zip(counted, answer.counts, strict=True)
        elements |= {int(field): number(min(count, 0xFFFF)) for field, count in told if count is not None}
    return _written(elements)


def write_store(message: int, sop_class: str, sop_uid: str, originator: tuple[str, int] | None = None) -> bytes:
    """The command of a C-STORE. ``originator``: who asked for it by a C-MOVE, and in which message."""
    elements: dict[int, bytes] = {
        Field.CLASS: named(sop_class),
        Field.COMMAND: number(Operation.C_STORE),
        Field.MESSAGE: number(message),
        Field.PRIORITY: number(MEDIUM),
        Field.DATA_SET: number(_A_DATA_SET),
        Field.INSTANCE: named(sop_uid),
    }
    if originator:
        elements[Field.ORIGINATOR] = _padded(originator[0], b" ")
        elements[Field.ORIGINATORS_MESSAGE] = number(originator[1])
    return _written(elements)


def write_event_report(message: int, sop_class: str, sop_uid: str, event: int) -> bytes:
    """The command of an N-EVENT-REPORT with a data set."""
    return _written(
        {
            Field.CLASS: named(sop_class),
            Field.COMMAND: number(Operation.N_EVENT_REPORT),
            Field.MESSAGE: number(message),
            Field.DATA_SET: number(_A_DATA_SET),
            Field.INSTANCE: named(sop_uid),
            Field.EVENT: number(event),
        }
    )


def _written(elements: Mapping[int, bytes]) -> bytes:
    told = sorted(elements.items())
    body = b"".join(_ELEMENT.pack(0, number, len(value)) + value for number, value in told if value)
    return _ELEMENT.pack(0, 0, 4) + struct.pack("<L", len(body)) + body


def number(value: int) -> bytes:
    """A number in a command."""
    return struct.pack("<H", value)


def named(uid: str) -> bytes:
    """A UID in a command; nothing where it is none."""
    return _padded(uid, b"\0") if is_uid(uid) else b""


def _padded(text: str, pad: bytes) -> bytes:
    value = text.encode("ascii", "replace")
    return value + pad if len(value) % 2 else value
