"""DICOM in keeps its bounds: whoever is mute, slow or greedy costs little, and locks nobody out."""

import gc
import os
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from adapters.dicom.bounds import Most
from adapters.dicom.network.admission import Slots
from adapters.dicom.network.agreed import Patience
from adapters.dicom.network.knocking import Waits
from adapters.dicom.store import Bounds
from bench.dicom_peer import ABORT, ACCEPTED, DEFLATED, REJECTED, Peer, data, pdu, request, store_command
from tests.fakes.dicom import CT_IMAGE, OTHER_AE_TITLE, SITE, new_uid
from tests.integration.dicom_ward import Make, Ward, dataset_of, make
from tests.waiting import WITHIN_S, until

__all__ = ["make"]

PUSHED_OUT = 0  # no PDU: the connection was closed
SHORT = Patience(idle_s=1.0, unfinished_s=1.0)


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
    until(lambda: not any(path.name != "lock" for path in files_below(ward.spool.root)), "nothing is left of it")


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


@pytest.mark.parametrize("begun", [b"", request()[:50]])
def test_connections_that_ask_for_nothing_lock_nobody_out(make: Make, begun: bytes) -> None:
    """Mute, or with half a request; 130 on one address, more than may wait, and the caller comes from the same one."""
    ward = make()
    mute = [ward.peer().send(begun) for _ in range(130)]
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

    until(gets_in, "a slot is free")


def test_a_hundred_that_never_finish_a_message_keep_nobody_out(make: Make) -> None:
    """Of one AE title, as many as are let in; the others come from the same address."""
    ward = make()
    greedy, let_in = list[Peer](), 0
    try:
        for _ in range(100):
            greedy.append(ward.peer().send(request()))
            if greedy[-1].hear()[0] == ACCEPTED:
                greedy[-1].send(pdu(0x04, bytes(50))[:30])
                let_in += 1
        assert let_in == Slots.of_an_ae_title
        with ward.peer() as other:
            other.associate(calling=OTHER_AE_TITLE)
            assert other.store("1.2.3", dataset_of("1.2.3")) == 0
    finally:
        for one in greedy:
            one.socket.close()
    with_a_slot_again(ward)


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
    assert time.monotonic() - started >= 0.4  # on any machine: the last comes 0.5 s after the first


def test_a_flood_of_connections_waits_outside(make: Make) -> None:
    """And is heard all the same, one after another."""
    ward = make(waits=Waits(connected_per_s=20.0))
    started = time.monotonic()
    for _ in range(30):  # 20 at once, then 20 a second
        with ward.peer() as peer:
            peer.associate()
    assert time.monotonic() - started >= 0.4  # on any machine: the last comes 0.5 s after the first


def test_a_stranger_that_calls_all_the_time_is_reported_once(make: Make) -> None:
    ward = make(waits=Waits(refused_per_s=1_000.0))
    for _ in range(20):
        with ward.peer() as peer:
            assert peer.send(request(calling="STRANGER")).hear()[0] == REJECTED
    until(lambda: len(ward.told) == 1, "the stranger is reported")


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
    until(lambda: ward.service.associations == 0, "every association has ended")
    before, threads, files = resident(), threading.active_count(), open_files()
    some(300)
    # a slot is free before its socket is:
    until(lambda: threading.active_count() <= threads and open_files() <= files, "threads and files are given back")
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
    ward = make()
    stop = threading.Event()
    hostile = [
        threading.Thread(target=torment, args=(ward.service.port, kind, stop), daemon=True) for kind in range(60)
    ]
    before = open_files()
    for one in hostile:
        one.start()
    try:
        with associated(ward) as honest:
            uids = [new_uid() for _ in range(40)]
            for uid in uids:
                assert honest.store(uid, dataset_of(uid)) == 0
            for _ in range(5):
                with associated(ward):
                    pass
        assert all(ward.is_held(uid) for uid in uids)
        assert ward.service.callers <= Waits.in_all
    finally:
        stop.set()
        for one in hostile:
            one.join()
    until(lambda: ward.service.associations == 0 and ward.service.callers == 0, "everybody has gone")
    assert open_files() <= before + 64  # blanks and a desk


@contextmanager
def associated(ward: Ward) -> Iterator[Peer]:
    """A caller with an association. One that newcomers pushed out before its request was read asks again, as devices
    do.
    """
    end = time.monotonic() + WITHIN_S
    while True:
        with ward.peer() as peer:
            kind = PUSHED_OUT
            with suppress(OSError):
                kind, _ = peer.send(request()).hear()
            if kind == ACCEPTED:
                yield peer
                return
        assert kind == PUSHED_OUT, kind
        assert time.monotonic() < end, "pushed out again and again"


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
