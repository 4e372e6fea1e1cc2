"""A peer that speaks PS3.8 by hand, so that it can break off anywhere: pynetdicom would always be polite."""

import contextlib
import socket
import struct

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
APPLICATION = "1.2.840.10008.3.1.1.1"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
ABORT, RELEASE_RP, REJECTED, ACCEPTED = 0x07, 0x06, 0x03, 0x02


def pdu(kind: int, body: bytes) -> bytes:
    """With its true length."""
    return struct.pack(">BxL", kind, len(body)) + body


def item(kind: int, value: bytes) -> bytes:
    """Of an association request."""
    return struct.pack(">BxH", kind, len(value)) + value


def request(
    calling: str = "CHB_PACS",
    called: str = "KRYPTON",
    contexts: tuple[tuple[str, str], ...] = ((CT_IMAGE, EXPLICIT),),
    max_pdu: int = 16_384,
    application: str = APPLICATION,
    protocol: int = 1,
) -> bytes:
    """An A-ASSOCIATE-RQ; contexts get the ids 1, 3, 5…"""
    proposed = b"".join(
        item(0x20, bytes((1 + 2 * n, 0, 0, 0)) + item(0x30, abstract.encode()) + item(0x40, transfer.encode()))
        for n, (abstract, transfer) in enumerate(contexts)
    )
    titles = called.encode().ljust(16) + calling.encode().ljust(16)
    user = item(0x50, item(0x51, max_pdu.to_bytes(4, "big")) + item(0x52, b"1.2.3"))
    items = item(0x10, application.encode()) + proposed + user
    return pdu(0x01, struct.pack(">HH", protocol, 0) + titles + bytes(32) + items)


def store_command(sop_uid: str, sop_class: str = CT_IMAGE, message: int = 1) -> bytes:
    """The command of a C-STORE-RQ."""
    return command(
        (0x0002, _uid(sop_class)),
        (0x0100, struct.pack("<H", 0x0001)),
        (0x0110, struct.pack("<H", message)),
        (0x0700, struct.pack("<H", 0)),
        (0x0800, struct.pack("<H", 0x0000)),
        (0x1000, _uid(sop_uid)),
    )


def command(*elements: tuple[int, bytes]) -> bytes:
    """A command set, with its group length."""
    body = b"".join(struct.pack("<HHL", 0, number, len(value)) + value for number, value in elements)
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def _uid(text: str) -> bytes:
    value = text.encode()
    return value + b"\0" * (len(value) % 2)


def data(fragment: bytes, *, context: int = 1, is_command: bool = False, last: bool = True) -> bytes:
    """A P-DATA-TF with one fragment."""
    return pdu(0x04, struct.pack(">LBB", len(fragment) + 2, context, is_command | (last << 1)) + fragment)


class Peer:
    """One connection to a service on this machine, perhaps from another address of its loopback."""

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(address, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *pdus: bytes) -> "Peer":
        """Send these bytes."""
        self.socket.sendall(b"".join(pdus))
        return self

    def hear(self) -> tuple[int, bytes]:
        """The next PDU's type and body; 0 where the service has closed."""
        head = self._exactly(6)
        if len(head) < 6:
            return 0, b""
        kind, length = struct.unpack(">BxL", head)
        return int(kind), self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        heard = b""
        with contextlib.suppress(ConnectionResetError):
            while len(heard) < count and (more := self.socket.recv(count - len(heard))):
                heard += more
        return heard

    def associate(self, **proposal: object) -> dict[int, int]:
        """Associate; the result of each context by its id."""
        kind, body = self.send(request(**proposal)).hear()  # type: ignore[arg-type]
        assert kind == ACCEPTED, (kind, body)
        return contexts_in(body)

    def store(
        self, sop_uid: str, dataset: bytes, *, sop_class: str = CT_IMAGE, context: int = 1, piece: int = 16_000
    ) -> int:
        """Send a C-STORE; the status of its answer."""
        self.send(data(store_command(sop_uid, sop_class), context=context, is_command=True))
        for at in range(0, len(dataset), piece):
            self.send(data(dataset[at : at + piece], context=context, last=at + piece >= len(dataset)))
        return self.status()

    def status(self) -> int:
        """The status in the answer that comes next."""
        kind, body = self.hear()
        assert kind == 0x04, (kind, body)
        at = body.index(struct.pack("<HHL", 0, 0x0900, 2)) + 8
        return int.from_bytes(body[at : at + 2], "little")

    def closed(self) -> bool:
        """Whether the service closes this connection, with an abort or without."""
        kind, _ = self.hear()
        return kind in (0, ABORT)


def contexts_in(body: bytes) -> dict[int, int]:
    """Of an A-ASSOCIATE-AC: results by context id."""
    found, at = {}, 68
    while at < len(body):
        kind, length = struct.unpack_from(">BxH", body, at)
        if kind == 0x21:
            found[body[at + 4]] = body[at + 6]
        at += 4 + length
    return found
