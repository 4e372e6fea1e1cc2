"""How an association is asked for and agreed to: the bytes of A-ASSOCIATE-RQ, -AC and -RJ, read and written.

Every length is checked against what is there; unknown items are passed over (PS3.8 9.3.1). Source: DICOM PS3.8 section
9.3 and annex D, PS3.7 annex D.3.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from adapters.dicom.network.pdu import APPLICATION, Kind, Malformed, Negotiated, Proposed, Rejection, Result, Roles, pdu

LONGEST_REQUEST = 262_144  # bytes: 128 contexts with every transfer syntax there is
LEAST_MAXIMUM: Final = 6
"""Bytes of the head of a data value: a PDU that takes no more takes none."""
_ITEM = struct.Struct(">BxH")
_TITLE = 16  # bytes, PS3.8 table 9-11
_FIXED = 68  # bytes of A-ASSOCIATE-RQ before its items


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
    roles: Mapping[str, Roles] = field(default_factory=dict)  # by SOP class, where the caller says any


def read_request(body: bytes) -> Request:
    """Read the variable part of an A-ASSOCIATE-RQ. Raises Malformed."""
    if len(body) < _FIXED:
        raise Malformed("an association request that is cut off")
    application, contexts, max_pdu, roles = "", [], 0, dict[str, Roles]()
    for kind, value in _items(memoryview(body)[_FIXED:]):
        if kind == 0x10:
            application = _text(value)
        elif kind == 0x20:
            contexts.append(_proposed(value))
        elif kind == 0x50:
            max_pdu, roles = _maxpdu(value), _roles(value)
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
        roles=roles,
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


def _maxpdu(value: memoryview) -> int:
    for kind, stated in _items(value):
        if kind == 0x51:
            most = int.from_bytes(stated, "big")
            if 0 < most <= LEAST_MAXIMUM:
                raise Malformed("a maximum length that no message fits in")
            return most
    return 0


def _roles(value: memoryview) -> dict[str, Roles]:
    """Role selections; one that is cut off says nothing."""
    found = {}
    for kind, stated in _items(value):
        length = int.from_bytes(stated[:2], "big")
        if kind == 0x54 and len(stated) >= 4 + length:
            found[_text(stated[2 : 2 + length])] = Roles(*map(bool, stated[2 + length : 4 + length]))
    return found


def _text(value: memoryview) -> str:
    return bytes(value).decode("ascii", "replace").strip(" \0")


def _title(value: bytes) -> str:
    """An AE title. One that is not ASCII is an unknown caller, not an error."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return text.strip(" \0")


def acceptance(
    echoed: bytes,
    contexts: tuple[Negotiated, ...],
    max_pdu: int,
    uid: str,
    version: str,
    roles: Mapping[str, Roles] | None = None,
) -> bytes:
    """An A-ASSOCIATE-AC. ``uid``, ``version``: of this implementation; ``roles``: those agreed to, by class."""
    answers = (
        _item(
            0x21, bytes((context.id, 0, context.result, 0)) + _item(0x40, context.transfer.encode("ascii", "replace"))
        )
        for context in contexts
    )
    items = _item(0x10, APPLICATION.encode()) + b"".join(answers) + _user(max_pdu, uid, version, roles or {})
    return pdu(Kind.ASSOCIATE_AC, b"\0\1\0\0" + echoed + items)


def request(
    *,
    called: str,
    calling: str,
    contexts: Sequence[Proposed],
    max_pdu: int,
    uid: str,
    version: str,
    roles: Mapping[str, Roles],
) -> bytes:
    """An A-ASSOCIATE-RQ."""
    proposed = (
        _item(
            0x20,
            bytes((context.id, 0, 0, 0))
            + _item(0x30, context.abstract.encode())
            + b"".join(_item(0x40, syntax.encode()) for syntax in context.transfers),
        )
        for context in contexts
    )
    titles = b"".join(title.encode("ascii", "replace").ljust(_TITLE)[:_TITLE] for title in (called, calling))
    items = _item(0x10, APPLICATION.encode()) + b"".join(proposed) + _user(max_pdu, uid, version, roles)
    return pdu(Kind.ASSOCIATE_RQ, b"\0\1\0\0" + titles + bytes(_FIXED - 4 - len(titles)) + items)


def _user(max_pdu: int, uid: str, version: str, roles: Mapping[str, Roles]) -> bytes:
    said = (
        _item(0x54, len(name).to_bytes(2, "big") + name.encode() + bytes((role.user, role.provider)))
        for name, role in roles.items()
    )
    version_name = _item(0x55, version.encode())
    return _item(
        0x50, _item(0x51, max_pdu.to_bytes(4, "big")) + _item(0x52, uid.encode()) + b"".join(said) + version_name
    )


def read_acceptance(body: bytes, proposed: Sequence[Proposed]) -> tuple[tuple[Negotiated, ...], int]:
    """What an A-ASSOCIATE-AC agrees to, and the most bytes that the peer takes in a PDU. Raises Malformed."""
    if len(body) < _FIXED:
        raise Malformed("an association that is agreed to in part")
    abstract = {context.id: context.abstract for context in proposed}
    contexts, max_pdu = [], 0
    for kind, value in _items(memoryview(body)[_FIXED:]):
        if kind == 0x21 and len(value) >= 4 and value[0] in abstract:
            transfer = next((_text(text) for inner, text in _items(value[4:]) if inner == 0x40), "")
            accepted = Result.ACCEPTED if value[2] == 0 else Result.ABSTRACT_SYNTAX_NOT_SUPPORTED
            contexts.append(Negotiated(value[0], abstract[value[0]], transfer, accepted))
        elif kind == 0x50:
            max_pdu = _maxpdu(value)
    return tuple(contexts), max_pdu


def rejection(why: Rejection) -> bytes:
    """An A-ASSOCIATE-RJ."""
    return pdu(Kind.ASSOCIATE_RJ, bytes((0, *why)))


def _item(kind: int, value: bytes) -> bytes:
    return _ITEM.pack(kind, len(value)) + value
