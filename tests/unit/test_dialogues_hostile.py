"""Peers that break the protocol in the middle of a query or retrieval: it costs them their association, no more."""

import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from adapters.dicom.network.contexts import COMMITMENT
from adapters.dicom.network.talk import LONGEST_DATA
from adapters.retrieval.identifier import write
from bench.dicom_peer import ABORT, EXPLICIT, Peer, command, data, item, pdu
from tests.fakes.dicom import AE_TITLE, CT_IMAGE, SITE, instance
from tests.fakes.retrieving import FIND, GET, MOVE, PIXELS, STUDY, found, identifier, sender
from tests.fakes.shelf import Gallery
from tests.waiting import until

C_FIND, C_MOVE, C_GET, N_ACTION = 0x20, 0x21, 0x10, 0x130
ASKED = write(
    {"00080052": {"vr": "CS", "Value": ["STUDY"]}, "0020000D": {"vr": "UI", "Value": [STUDY]}},
    EXPLICIT,
)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    """With a study of one image; whatever was done to it, it serves others as before, and keeps no association."""
    made = Gallery(tmp_path / "spool")
    made.take(sender(), instance(**(PIXELS | {"PixelData": bytes(300_000)})))
    until(lambda: made.service.associations == 0, "the sender is gone")
    threads = threading.active_count()
    yield made
    until(lambda: made.service.associations == 0, "all associations have ended")
    (one,), last = found(made.service.port, identifier(StudyInstanceUID=STUDY))
    assert (str(one.StudyInstanceUID), last.Status) == (STUDY, 0)
    until(lambda: threading.active_count() <= threads, "no thread is left")
    made.stop()


def number(value: int) -> bytes:
    """As commands have it."""
    return struct.pack("<H", value)


def asks(operation: int, *, message: int = 1, has_data: bool = True, model: str = FIND) -> bytes:
    """The command of a request."""
    padded = model.encode() + b"\0" * (len(model) % 2)
    said = ((0x0002, padded), (0x0100, number(operation)), (0x0110, number(message)), (0x0700, b"\0\0"))
    return command(*said, (0x0800, number(1 if has_data else 0x0101)))


def answers(message: int, status: int = 0) -> bytes:
    """The command of an answer to a C-STORE."""
    said = ((0x0100, number(0x8001)), (0x0120, number(message)), (0x0800, number(0x0101)), (0x0900, number(status)))
    return command(*said)


def associated(gallery: Gallery) -> Peer:
    """Contexts 1 FIND, 3 MOVE, 5 GET, 7 CT, 9 commitment."""
    peer = Peer(gallery.service.port)
    models = (FIND, MOVE, GET, CT_IMAGE, COMMITMENT)
    assert set(peer.associate(calling=AE_TITLE, contexts=tuple((one, EXPLICIT) for one in models)).values()) == {0}
    return peer


BROKEN = [
    ("an answer to nothing", [data(answers(7), is_command=True)]),
    ("an identifier on another context", [data(asks(C_FIND), is_command=True), data(ASKED, context=3)]),
    ("a command cut off", [data(asks(C_FIND)[:-3], is_command=True)]),
    ("data before its command", [data(ASKED)]),
    ("a PDU of no type", [data(asks(C_FIND), is_command=True), pdu(0x55, b"x")]),
    ("an association within one", [data(asks(C_FIND), is_command=True), pdu(0x01, bytes(70))]),
    ("an abort", [data(asks(C_FIND), is_command=True), pdu(ABORT, bytes(4))]),
    ("a release before its identifier", [data(asks(C_FIND), is_command=True), pdu(0x05, bytes(4))]),
]


@pytest.mark.parametrize("said", [said for _, said in BROKEN], ids=[name for name, _ in BROKEN])
def test_who_breaks_the_protocol_is_hung_up_on(gallery: Gallery, said: list[bytes]) -> None:
    with associated(gallery) as peer:
        peer.send(*said)
        peer.socket.shutdown(1)  # nothing more comes
        while not peer.closed():
            pass


def test_an_identifier_without_end_is_cut(gallery: Gallery) -> None:
    with associated(gallery) as peer:
        peer.send(data(asks(C_FIND), is_command=True))
        piece = data(bytes(65_536), last=False)
        try:
            for _ in range(LONGEST_DATA // 65_536 + 2):
                peer.send(piece)
            assert peer.closed()
        except OSError:  # it was cut while it was sent
            pass


@pytest.mark.parametrize(("operation", "context", "model"), [(C_FIND, 1, FIND), (C_MOVE, 3, MOVE), (C_GET, 5, GET)])
def test_a_request_without_identifier_is_answered(gallery: Gallery, operation: int, context: int, model: str) -> None:
    with associated(gallery) as peer:
        peer.send(data(asks(operation, has_data=False, model=model), is_command=True, context=context))
        assert peer.status() in (0xA900, 0xA801)


def test_what_is_asked_on_another_models_context_is_not_served(gallery: Gallery) -> None:
    with associated(gallery) as peer:
        for operation, context in ((C_FIND, 3), (C_MOVE, 1), (C_GET, 7), (N_ACTION, 1)):
            elements = asks(operation) if operation != N_ACTION else action()
            peer.send(data(elements, is_command=True, context=context), data(ASKED, context=context))
            assert peer.status() == 0x0211
    assert gallery.shelf.asked == []


def action() -> bytes:
    """The command of an N-ACTION."""
    uid = COMMITMENT.encode() + b"\0" * (len(COMMITMENT) % 2)
    said = ((0x0003, uid), (0x0100, number(N_ACTION)), (0x0110, number(1)), (0x0800, number(1)))
    return command(*said, (0x1001, b"1.2.840.10008.1.20.1.1"), (0x1008, number(1)))


def test_a_cancel_of_what_nobody_asked_is_passed_over(gallery: Gallery) -> None:
    with associated(gallery) as peer:
        cancel = command((0x0100, number(0x0FFF)), (0x0120, number(9)), (0x0800, number(0x0101)))
        peer.send(data(cancel, is_command=True), data(asks(C_FIND), is_command=True), data(ASKED))
        assert peer.status() == 0xFF00


def getting(gallery: Gallery) -> Peer:
    """A C-GET whose caller takes CT images, with its first instance under way."""
    peer = Peer(gallery.service.port)
    role = item(0x54, struct.pack(">H", len(CT_IMAGE)) + CT_IMAGE.encode() + b"\0\1")
    contexts = b"".join(
        item(0x20, bytes((number, 0, 0, 0)) + item(0x30, model.encode()) + item(0x40, EXPLICIT.encode()))
        for number, model in ((1, GET), (3, CT_IMAGE))
    )
    titles = b"KRYPTON".ljust(16) + AE_TITLE.encode().ljust(16)
    user = item(0x50, item(0x51, (16_384).to_bytes(4, "big")) + item(0x52, b"1.2.3") + role)
    body = struct.pack(">HH", 1, 0) + titles + bytes(32) + item(0x10, b"1.2.840.10008.3.1.1.1") + contexts + user
    kind, _ = peer.send(pdu(0x01, body)).hear()
    assert kind == 2
    peer.send(data(asks(C_GET, model=GET), is_command=True), data(ASKED))
    kind, said = peer.hear()
    assert (kind, said[4:6]) == (4, b"\3\3")  # a command on the context of CT
    return peer


@pytest.mark.parametrize(
    "said",
    [
        [data(asks(C_GET, message=2, model=GET), is_command=True), data(ASKED)],
        [data(asks(0x01, model=CT_IMAGE), is_command=True, context=3), data(b"x", context=3)],
        [data(os.urandom(40), is_command=True, context=3)],
        [pdu(0x05, bytes(4))],
        [pdu(ABORT, bytes(4))],
    ],
    ids=["another request", "an instance of its own", "noise", "a release", "an abort"],
)
def test_who_says_something_else_while_it_is_sent_an_instance_is_hung_up_on(
    gallery: Gallery, said: list[bytes]
) -> None:
    with getting(gallery) as peer:
        peer.send(*said)
        while not peer.closed():
            pass


def test_an_answer_to_another_message_is_no_answer(gallery: Gallery) -> None:
    """It goes on to wait, and takes the right one."""
    with getting(gallery) as peer:
        peer.send(data(answers(999), is_command=True, context=3), data(answers(1), is_command=True, context=3))
        statuses: list[int] = []
        while not statuses or statuses[-1] == 0xFF00:
            kind, body = peer.hear()
            assert kind == 4
            if body[4] == 1:
                at = body.index(struct.pack("<HHL", 0, 0x0900, 2)) + 8
                statuses.append(int.from_bytes(body[at : at + 2], "little"))
        assert statuses == [0xFF00, 0]


def test_random_damage_to_requests_ends_no_more_than_their_association(gallery: Gallery) -> None:
    random = Random(55)
    gallery.places.known.pop((SITE, AE_TITLE), None)
    for _ in range(300):
        operation, context, model = random.choice(((C_FIND, 1, FIND), (C_MOVE, 3, MOVE), (C_GET, 5, GET)))
        said = bytearray(data(asks(operation, model=model), is_command=True, context=context))
        said += data(ASKED, context=context)
        for _ in range(random.randint(1, 6)):
            said[random.randrange(len(said))] = random.randrange(256)
        with associated(gallery) as peer:
            peer.send(bytes(said))
            peer.socket.shutdown(1)
            while not peer.closed():
                pass
