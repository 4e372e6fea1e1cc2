"""What a DICOM peer asks or sends that cannot be served is answered with its reason, and ends no more than it must."""

import struct
from pathlib import Path

import pytest

from adapters.dicom.inlet import spool_at
from adapters.dicom.storage import Doors, StorageService
from bench.dicom_peer import EXPLICIT, REJECTED, Peer, data, pdu, request, store_command
from tests.fakes.dicom import CT_IMAGE, enrolled
from tests.integration.dicom_ward import Make, Ward, dataset_of, make

__all__ = ["make"]

WORKLIST_FIND = "1.2.840.10008.5.1.4.31"


def test_while_the_directory_is_away_callers_are_told_to_try_again(tmp_path: Path) -> None:
    """Not that they are unknown: a device would give up for ever (PS3.8 table 9-21)."""

    def away(ae_title: str) -> str | None:
        raise ConnectionError

    told: list[object] = []
    service = StorageService(
        ledger=enrolled(), spool=spool_at(tmp_path), site_of=away, refused=told.append, doors=Doors(port=0)
    )
    service.start()
    try:
        with Peer(service.port) as peer:
            kind, body = peer.send(request()).hear()
            assert (kind, tuple(body[1:])) == (REJECTED, (2, 3, 1))
    finally:
        service.stop(grace_s=1)
    assert told == []


def test_a_service_that_is_not_there_gets_no_context(make: Make) -> None:
    """Worklist, query, MPPS, storage commitment, inventory: answered that the abstract syntax is not supported."""
    classes = [WORKLIST_FIND, "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.1.20.1"]
    classes += ["1.2.840.10008.5.1.4.1.1.201.2", CT_IMAGE]
    ward = make()
    with ward.peer() as peer:
        results = peer.associate(contexts=tuple((one, EXPLICIT) for one in classes))
    assert list(results.values()) == [3, 3, 3, 3, 3, 0]


NO_UIDS = (".", "..", "...", "1..2", ".1", "1.", "../../etc", "1/2", "1.2\\3")
TOO_LONG = "1." + "2" * 66


@pytest.mark.parametrize("uid", [*NO_UIDS, TOO_LONG, ""])
def test_an_instance_named_by_no_uid_is_refused_and_the_association_goes_on(make: Make, uid: str) -> None:
    """Before any path is made of it, and without an abort."""
    ward = make()
    with ward.peer() as peer:
        peer.associate()
        assert peer.store(uid, dataset_of("1.2.3")) == 0xC000
        assert peer.store("1.2.4", dataset_of("1.2.4")) == 0
    assert held(ward) == ["1.2.4"]


def held(ward: Ward) -> list[str]:
    """Names in the archive; nothing lies beside the spool."""
    root = ward.spool.root
    assert [path.name for path in root.parent.iterdir()] == [root.name]
    return [path.name for path in (root / ward.spool.form.folder).rglob("*") if path.is_file()]


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_a_data_set_with_a_uid_that_is_none_is_refused(make: Make, keyword: str) -> None:
    """Whatever the command says: each is read by somebody as a name of a file or a folder."""
    ward = make()
    with ward.peer() as peer:
        peer.associate()
        for uid in NO_UIDS:
            dataset = dataset_with(keyword, uid)
            assert (uid, peer.store("1.2.3", dataset)) == (uid, 0xC000)
        assert peer.store("1.2.4", dataset_of("1.2.4")) == 0
    assert held(ward) == ["1.2.4"]


def dataset_with(keyword: str, uid: str) -> bytes:
    """The data set of 1.2.3, but for this UID, which pydicom would not write."""
    stand_in = "1.2." + "7" * 20
    dataset = dataset_of(stand_in) if keyword == "SOPInstanceUID" else dataset_of("1.2.3", **{keyword: stand_in})
    return dataset.replace(stand_in.encode(), uid.encode().ljust(len(stand_in), b"\0"))


def test_what_is_no_uid_is_not_repeated_in_the_answer(make: Make) -> None:
    """A sender that checks what it hears, as pynetdicom does, would break the association off."""
    ward = make()
    with ward.peer() as peer:
        peer.associate()
        for uid in (*NO_UIDS, TOO_LONG):
            peer.send(data(store_command(uid), is_command=True), data(dataset_of("1.2.3")))
            _, body = peer.hear()
            assert CT_IMAGE.encode() in body
            assert (uid, struct.pack("<HH", 0, 0x1000) in body) == (uid, False)


def test_a_data_set_of_another_instance_than_was_named_is_refused(make: Make) -> None:
    ward = make()
    with ward.peer() as peer:
        peer.associate()
        assert peer.store("1.2.3", dataset_of("1.2.4")) == 0xA900
    assert not ward.is_held("1.2.3")
    assert not ward.is_held("1.2.4")


@pytest.mark.parametrize(
    "nonsense",
    [
        pdu(0x04, bytes(4)),
        pdu(0x09, b""),
        pdu(0x01, bytes(10)),
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x01\x00\xff\xff\xff\xff",
        request().replace(b"\x10\x00\x00\x15", b"\x10\x00\xff\xff"),
    ],
)
def test_what_is_no_association_request_is_turned_away(make: Make, nonsense: bytes) -> None:
    ward = make()
    with ward.peer() as peer:
        assert peer.send(nonsense).closed()
    with ward.peer() as peer:
        peer.associate()


@pytest.mark.parametrize(
    "nonsense",
    [
        request(),
        pdu(0x04, b"\0\0\0\x01\1\3"),  # a value that is shorter than its own head
        pdu(0x04, b"\0\0\xff\xff\1\3abc"),  # one that is longer than its PDU
        data(b"abc", context=99),
        data(b"abc"),  # a data set without a command
        data(b"\0\0\0\0\xff\xff\xff\xff", is_command=True),
        data(bytes(20_000), is_command=True, last=False),
        b"\x04\x00\xff\xff\xff\xff",
        b"\x2a\x00\x00\x00\x00\x00",
    ],
)
def test_a_broken_message_ends_its_association_alone(make: Make, nonsense: bytes) -> None:
    ward = make()
    with ward.peer() as broken, ward.peer() as honest:
        honest.associate()
        broken.associate()
        assert broken.send(nonsense).closed()
        assert honest.store("1.2.3", dataset_of("1.2.3")) == 0


@pytest.mark.parametrize(
    ("odd", "why"), [({"application": "1.2.3"}, (1, 1, 2)), ({"protocol": 2}, (1, 2, 2)), ({"called": "X"}, (1, 1, 7))]
)
def test_a_request_that_cannot_be_granted_is_rejected_with_the_reason(
    make: Make, odd: dict[str, object], why: tuple[int, int, int]
) -> None:
    """PS3.8 table 9-21."""
    ward = make()
    with ward.peer() as peer:
        kind, body = peer.send(request(**odd)).hear()  # type: ignore[arg-type]
        assert (kind, tuple(body[1:])) == (REJECTED, why)


def test_an_operation_that_is_not_served_is_answered_so(make: Make) -> None:
    """A C-FIND on a context of storage: unrecognized operation, and the association goes on."""
    ward = make()
    find = store_command("1.2.3").replace(b"\x00\x01\x02\x00\x00\x00\x01\x00", b"\x00\x01\x02\x00\x00\x00\x20\x00")
    with ward.peer() as peer:
        peer.associate()
        peer.send(data(find, is_command=True), data(b"whatever"))
        assert peer.status() == 0x0211
        assert peer.store("1.2.4", dataset_of("1.2.4")) == 0


def test_answers_keep_to_the_size_that_the_peer_takes(make: Make) -> None:
    ward = make()
    with ward.peer() as peer:
        peer.associate(max_pdu=64)
        peer.send(data(store_command("1.2.3"), is_command=True), data(dataset_of("1.2.3")))
        sizes = []
        while True:
            _, body = peer.hear()
            sizes.append(len(body))
            if body[5] & 0x02:
                break
    assert len(sizes) > 1
    assert max(sizes) <= 64
