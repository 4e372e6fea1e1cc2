"""DICOM in keeps its bounds: whoever is mute, slow, greedy or broken costs little, and locks nobody out."""

import gc
import os
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian

from adapters.dicom.bounds import Most
from adapters.dicom.inlet import spool_at
from adapters.dicom.network.admission import Slots
from adapters.dicom.network.association import Patience
from adapters.dicom.network.reception import Waits
from adapters.dicom.part10 import read_file_meta
from adapters.dicom.receiver import Ways
from adapters.dicom.storage import Doors, StorageService
from adapters.dicom.store import Bounds
from adapters.inbox.batches import Limits
from bench.dicom_peer import (
    ABORT,
    ACCEPTED,
    DEFLATED,
    EXPLICIT,
    REJECTED,
    Peer,
    data,
    pdu,
    request,
    store_command,
)
from tests.fakes.dicom import CT_IMAGE, OTHER_AE_TITLE, SITE, enrolled, instance, new_uid, part10
from tests.integration.test_dicom_storage import until

SHORT = Patience(idle_s=1.0, unfinished_s=1.0)
WORKLIST_FIND = "1.2.840.10008.5.1.4.31"
Make = Callable[..., "Ward"]


class Ward:
    """A service with small bounds."""

    def __init__(self, folder: Path, doors: Doors, ways: Ways) -> None:
        ledger = enrolled()

        def site_of(ae_title: str) -> str | None:
            site = ledger.directory().site_of_ae_title(ae_title)
            return site.code if site else None

        self.ledger, self.spool, self.told = ledger, spool_at(folder, room=0), []  # type: ignore[var-annotated]
        self.service = StorageService(
            ledger=ledger, spool=self.spool, site_of=site_of, refused=self.told.append, doors=doors, ways=ways
        )
        self.service.start()

    def peer(self, address: str = "127.0.0.1") -> Peer:
        return Peer(self.service.port, address)

    def is_held(self, uid: str) -> bool:
        return self.spool.claim(SITE, uid).exists()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    wards: list[Ward] = []

    def ward(
        waits: Waits | None = None,
        slots: Slots | None = None,
        patience: Patience | None = None,
        bounds: Bounds | None = None,
    ) -> Ward:
        doors = Doors(port=0, slots=slots or Slots(), waits=waits or Waits())
        limits = Limits(quiet_s=0.3, linger_s=0.05)
        ways = Ways(batches=limits, bounds=bounds or Bounds(), patience=patience or Patience())
        wards.append(Ward(tmp_path / f"spool{len(wards)}", doors, ways))
        return wards[-1]

    yield ward
    for one in wards:
        one.service.stop(grace_s=1)


def dataset_of(uid: str, **changes: object) -> bytes:
    """The encoded dataset of an instance."""
    whole = part10(instance(SOPInstanceUID=uid, **changes), ExplicitVRLittleEndian)
    return whole[read_file_meta(whole).offset :]


def test_a_connection_that_asks_for_nothing_is_closed(make: Make) -> None:
    ward = make(waits=Waits(request_s=0.3))
    with ward.peer() as mute, ward.peer() as half:
        half.send(request()[:20])
        assert mute.closed()
        assert half.closed()


@pytest.mark.parametrize("begun", [b"", pdu(0x04, bytes(50))[:3], pdu(0x04, bytes(50))[:30]])
def test_an_association_that_falls_silent_is_aborted(make: Make, begun: bytes) -> None:
    """Between messages, within a PDU's head and within its body."""
    ward = make(patience=SHORT)
    with ward.peer() as peer:
        peer.associate()
        assert peer.send(begun).hear()[0] == ABORT


def test_a_message_that_is_never_finished_is_aborted_and_leaves_nothing(make: Make) -> None:
    """Its data set has begun, and no PDU is under way."""
    ward = make(patience=SHORT)
    with ward.peer() as peer:
        peer.associate()
        peer.send(data(store_command("1.2.3"), is_command=True), data(b"x" * 9_000, last=False))
        assert peer.hear()[0] == ABORT
    until(lambda: not any(path.name != "lock" for path in files_below(ward.spool.root)))


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]


def test_a_byte_now_and_then_does_not_keep_a_pdu_alive(make: Make) -> None:
    """The deadline is of the PDU, not of the next byte."""
    ward = make(patience=SHORT)
    stop = threading.Event()
    with ward.peer() as peer:
        peer.associate()

        def dribble() -> None:
            for byte in pdu(0x04, bytes(1_000)):
                if stop.wait(0.1):
                    return
                try:
                    peer.send(bytes((byte,)))
                except OSError:
                    return

        drip = threading.Thread(target=dribble)
        drip.start()
        try:
            assert peer.closed()
        finally:
            stop.set()
            drip.join()


def test_mute_connections_lock_nobody_out(make: Make) -> None:
    """130 of them on one address, more than may wait; the caller comes from the same one."""
    ward = make()
    mute = [ward.peer() for _ in range(130)]
    try:
        with ward.peer() as peer:
            peer.associate()
            assert peer.store("1.2.3", dataset_of("1.2.3")) == 0
        assert ward.service.callers <= Waits.from_an_address
    finally:
        for one in mute:
            one.socket.close()


def test_mute_connections_of_many_addresses_lock_nobody_out(make: Make) -> None:
    ward = make(waits=Waits(in_all=20))
    mute = [ward.peer(f"127.0.0.{2 + n % 50}") for n in range(60)]
    try:
        with ward.peer() as peer:
            peer.associate()
        assert ward.service.callers <= 20
    finally:
        for one in mute:
            one.socket.close()


def test_one_ae_title_leaves_slots_to_the_others(make: Make) -> None:
    ward = make(slots=Slots(in_all=10, of_an_ae_title=3))
    greedy = [ward.peer() for _ in range(3)]
    try:
        for one in greedy:
            one.associate()
        with ward.peer() as fourth, ward.peer() as other:
            kind, body = fourth.send(request()).hear()
            assert (kind, tuple(body[1:])) == (REJECTED, (2, 3, 2))
            other.associate(calling=OTHER_AE_TITLE)
    finally:
        for one in greedy:
            one.socket.close()
    with_a_slot_again(ward)


def with_a_slot_again(ward: Ward) -> None:
    """Slots come back when their associations end."""

    def gets_in() -> bool:
        with ward.peer() as peer:
            return peer.send(request()).hear()[0] == ACCEPTED

    until(gets_in)


def test_one_address_leaves_slots_to_the_others(make: Make) -> None:
    ward = make(slots=Slots(from_an_address=2))
    with ward.peer() as one, ward.peer() as two, ward.peer() as three, ward.peer("127.0.0.2") as elsewhere:
        one.associate()
        two.associate()
        assert three.send(request()).hear()[0] == REJECTED
        elsewhere.associate()


def test_an_ae_title_that_calls_too_often_waits_and_is_served(make: Make) -> None:
    """Not rejected: devices exist that open an association for each image."""
    ward = make(waits=Waits(accepted_per_s=20.0))
    started = time.monotonic()
    for _ in range(30):  # 20 at once, then 20 a second
        with ward.peer() as peer:
            peer.associate()
            peer.send(pdu(0x05, bytes(4)))
            assert peer.hear()[0] == 0x06
    assert time.monotonic() - started >= 0.4


def test_a_flood_of_connections_waits_outside(make: Make) -> None:
    """And is heard all the same, one after another."""
    ward = make(waits=Waits(connected_per_s=20.0))
    started = time.monotonic()
    for _ in range(30):  # 20 at once, then 20 a second
        with ward.peer() as peer:
            peer.associate()
    assert time.monotonic() - started >= 0.4


def test_a_stranger_that_calls_all_the_time_is_reported_once(make: Make) -> None:
    ward = make(waits=Waits(refused_per_s=1_000.0))
    for _ in range(20):
        with ward.peer() as peer:
            assert peer.send(request(calling="STRANGER")).hear()[0] == REJECTED
    until(lambda: len(ward.told) == 1)


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


@pytest.mark.parametrize(
    "uid", [".", "..", "...", "1..2", ".1", "1.", "../../etc", "1/2", "1.2\\3", "1." + "2" * 63, ""]
)
def test_an_instance_named_by_no_uid_is_refused_and_the_association_goes_on(make: Make, uid: str) -> None:
    """Before any path is made of it, and without an abort."""
    ward = make()
    with ward.peer() as peer:
        peer.associate()
        assert peer.store(uid, dataset_of("1.2.3")) == 0xC000
        assert peer.store("1.2.4", dataset_of("1.2.4")) == 0
    assert ward.is_held("1.2.4")
    assert not ward.is_held("1.2.3")


@pytest.mark.parametrize("uid", [".", "..", "1..2", "../x"])
def test_a_data_set_whose_uid_is_none_is_refused(make: Make, uid: str) -> None:
    ward = make()
    with ward.peer() as peer:
        peer.associate()
        assert peer.store("1.2.3", dataset_of("1.2.3").replace(b"1.2.3\0", uid.encode().ljust(6, b"\0"))) == 0xC000


def test_a_data_set_of_another_instance_than_was_named_is_refused(make: Make) -> None:
    ward = make()
    with ward.peer() as peer:
        peer.associate()
        assert peer.store("1.2.3", dataset_of("1.2.4")) == 0xA900
    assert not ward.is_held("1.2.3")
    assert not ward.is_held("1.2.4")


def test_an_instance_above_the_bound_is_refused_and_leaves_nothing(make: Make) -> None:
    ward = make(bounds=Bounds(instance_mib=1))
    with ward.peer() as peer:
        peer.associate()
        large = dataset_of("1.2.3", PixelData=bytes(1_500_000), BitsAllocated=8)
        assert peer.store("1.2.3", large) == 0xC000
        assert peer.store("1.2.4", dataset_of("1.2.4", PixelData=bytes(900_000), BitsAllocated=8)) == 0
    assert not any(path.stat().st_size > 1_000_000 for path in files_below(ward.spool.root))


def test_a_data_set_without_end_is_aborted(make: Make) -> None:
    """Passing it over has a bound too."""
    ward = make(bounds=Bounds(instance_mib=1))
    with ward.peer() as peer:
        peer.associate()
        peer.send(data(store_command("1.2.3"), is_command=True))
        try:
            for _ in range(400):
                peer.send(data(bytes(16_000), last=False))
        except OSError:
            return
        assert peer.closed()


def test_a_large_instance_is_not_held_in_memory(make: Make) -> None:
    """It is written as it comes."""
    ward = make()
    large = dataset_of("1.2.3", PixelData=os.urandom(24 << 20), BitsAllocated=8)
    tracemalloc.start()
    try:
        with ward.peer() as peer:
            peer.associate()
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            assert peer.store("1.2.3", large) == 0
            assert tracemalloc.get_traced_memory()[1] - before < 8 << 20
    finally:
        tracemalloc.stop()
    kept = ward.spool.claim(SITE, "1.2.3").read_bytes()
    assert kept.endswith(large)


def test_what_inflates_without_end_is_refused_at_its_bound_in_little_memory(make: Make) -> None:
    """Some kilobytes that become 64 MiB: refused at 24 of them."""
    ward = make(bounds=Bounds(read=Most(inflated_mib=24)))
    tail = dataset_of("1.2.3") + b"\x09\x00\x01\x10OB\x00\x00" + (64 << 20).to_bytes(4, "little")
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = deflater.compress(tail) + b"".join(deflater.compress(bytes(1 << 20)) for _ in range(64)) + deflater.flush()
    tracemalloc.start()
    try:
        with ward.peer() as peer:
            peer.associate(contexts=((CT_IMAGE, DEFLATED),))
            tracemalloc.reset_peak()
            assert peer.store("1.2.3", bomb) == 0xC000
            assert tracemalloc.get_traced_memory()[1] < 16 << 20
            assert peer.store("1.2.4", deflated("1.2.4")) == 0
    finally:
        tracemalloc.stop()
    assert ward.is_held("1.2.4")


def deflated(uid: str) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(dataset_of(uid)) + deflater.flush()


def test_a_header_that_would_not_fit_in_memory_is_refused(make: Make) -> None:
    """A sequence without length before the pixels, of which every item would be parsed."""
    ward = make(bounds=Bounds(read=Most(header_mib=1)))
    item = b"\xfe\xff\x00\xe0\xd0\x00\x00\x00" + b"\x09\x00\x02\x10LO\xc8\x00" + b"x" * 200
    sequence = b"\x09\x00\x01\x10SQ\x00\x00\xff\xff\xff\xff" + item * 8_000 + b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
    whole = dataset_of("1.2.3")
    split = whole.index(b"\x10\x00\x10\x00PN")  # between two elements, in their order
    with ward.peer() as peer:
        peer.associate()
        assert peer.store("1.2.3", whole[:split] + sequence + whole[split:]) == 0xC000


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


def test_three_hundred_associations_one_after_another_leave_nothing(make: Make) -> None:
    """Neither threads nor files nor memory."""
    ward = make(waits=Waits(accepted_per_s=10_000.0))
    images = [dataset_of("1.2.3"), dataset_of("1.2.4")]

    def some(count: int) -> None:
        for number in range(count):
            with ward.peer() as peer:
                peer.associate()
                assert peer.store("1.2.3", images[0]) == 0
                if number % 3:
                    peer.send(pdu(0x05, bytes(4)))
                    assert peer.hear()[0] == 0x06

    some(30)
    until(lambda: ward.service.associations == 0)
    before, threads, files = resident(), threading.active_count(), open_files()
    some(300)
    until(lambda: threading.active_count() <= threads and open_files() <= files)  # a slot is free before its socket is
    assert ward.service.associations == 0
    assert resident() - before < 16 << 20  # one buffer kept each would be 37 MiB


def resident() -> int:
    """Bytes of memory that this process has."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def test_honest_senders_are_served_beside_sixty_hostile_ones(make: Make) -> None:
    """All at once: mute, half a request, strangers, broken PDUs, messages never finished, from the same address."""
    ward = make(patience=SHORT, waits=Waits(request_s=1.0))
    stop = threading.Event()
    hostile = [
        threading.Thread(target=torment, args=(ward.service.port, kind, stop), daemon=True) for kind in range(60)
    ]
    before = open_files()
    for one in hostile:
        one.start()
    try:
        with ward.peer() as honest:
            honest.associate()
            uids = [new_uid() for _ in range(40)]
            for uid in uids:
                assert honest.store(uid, dataset_of(uid)) == 0
            for _ in range(5):
                with ward.peer() as another:
                    another.associate()
        assert all(ward.is_held(uid) for uid in uids)
        assert ward.service.callers <= Waits.in_all
    finally:
        stop.set()
        for one in hostile:
            one.join()
    until(lambda: ward.service.associations == 0 and ward.service.callers == 0)
    assert open_files() <= before + 64  # blanks and a desk


def torment(port: int, kind: int, stop: threading.Event) -> None:
    """One hostile caller, again and again."""
    while not stop.is_set():
        try:
            with Peer(port) as peer:
                match kind % 5:
                    case 0:
                        stop.wait(0.3)
                    case 1:
                        peer.send(request()[:50])
                        stop.wait(0.3)
                    case 2:
                        peer.send(request(calling="STRANGER")).hear()
                    case 3:
                        peer.send(os.urandom(300)).hear()
                    case _:
                        peer.send(request(calling=OTHER_AE_TITLE)).hear()
                        peer.send(data(store_command("1.2.9"), is_command=True), data(b"x", last=False))
                        stop.wait(0.3)
        except OSError:
            stop.wait(0.01)


def test_a_listening_address_is_kept_to(make: Make) -> None:
    """The loopback, unless a setting says otherwise."""
    ward = make()
    listening = Path("/proc/net/tcp").read_text().splitlines()
    (mine,) = (line for line in listening if f":{ward.service.port:04X} 00000000:0000 0A" in line)
    assert "0100007F:" in mine
