"""Takes connections in until their association is accepted or rejected: one thread for all, however many say nothing.

A connection that has asked for nothing yet holds no slot. Of one address, and in all, a bounded number wait; when one
more comes, the one that has waited longest is closed, so that mute connections lock nobody out. Source: PS3.8 9.2, Sta2
and Sta3, 9.1.4 (ARTIM timer).
"""

import heapq
import logging
import selectors
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from threading import Thread

from adapters.dicom.implementation import CLASS_UID, VERSION_NAME
from adapters.dicom.network import pdu
from adapters.dicom.network.admission import Admission
from adapters.dicom.network.association import Agreed
from adapters.dicom.network.pace import Pace
from adapters.dicom.network.pdu import HEAD, LONGEST_REQUEST, Because, Kind, Malformed, Rejection, Request

log = logging.getLogger(__name__)

BACKLOG = 512  # connections that the kernel holds for us
FAREWELL, FAREWELL_S = 65_536, 2.0  # bytes and seconds in which one that was turned away may close
AT_A_TIME = 64  # accepted before those that have something to say are heard

Refuse = Callable[[Request, str, Rejection], None]
Welcome = Callable[[socket.socket, Agreed], None]


@dataclass(frozen=True, kw_only=True)
class Waits:
    """Bounds of what is not associated yet."""

    request_s: float = 30.0  # from the connection to the end of its request
    from_an_address: int = 32
    in_all: int = 128
    accepted_per_s: float = 200.0  # associations of one AE title; beyond, they wait
    refused_per_s: float = 50.0  # of one address; beyond, the answer waits
    connected_per_s: float = 500.0  # in all; beyond, they wait in the kernel's queue


@dataclass(eq=False)
class _Caller:
    """A connection without an association. ``answered``: it is to be told no more than goodbye."""

    connection: socket.socket
    address: str
    until: float
    heard: bytearray = field(default_factory=bytearray)
    answered: bool = False


class Reception(Thread):
    """``welcome``: takes an accepted association over; ``refused``: told of each rejection. Neither may wait."""

    def __init__(
        self,
        listening: socket.socket,
        admission: Admission,
        welcome: Welcome,
        refused: Refuse,
        waits: Waits,
        max_pdu: int,
    ) -> None:
        super().__init__(name="dicom-reception", daemon=True)
        self._listening, self._admission, self._waits, self._max_pdu = listening, admission, waits, max_pdu
        self._welcome, self._refused = welcome, refused
        self._callers: OrderedDict[_Caller, None] = OrderedDict()  # the one that waits longest is first
        self._accepted: set[_Caller] = set()  # of an AE title that asks too often: each has its slot
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._accepted_pace, self._refused_pace = Pace(waits.accepted_per_s), Pace(waits.refused_per_s)
        self._connected_pace = Pace(waits.connected_per_s)
        self._selector = selectors.DefaultSelector()
        self._waking, self._wake = socket.socketpair()

    def stop(self) -> None:
        """Listen no more, and close what waits."""
        self._wake.send(b"\0")
        if self.is_alive():
            self.join()
        self._wake.close()

    @property
    def waiting(self) -> int:
        """How many connections have no association yet."""
        return len(self._callers)

    def run(self) -> None:
        """Run until stopped."""
        self._listening.setblocking(False)
        self._listen()
        self._selector.register(self._waking, selectors.EVENT_READ)
        try:
            while self._turn():
                pass
        finally:
            for caller in list(self._callers):
                self._close(caller)
            for caller in self._accepted:
                caller.connection.close()
            for open_one in (self._selector, self._listening, self._waking):
                open_one.close()

    def _turn(self) -> bool:
        """Hear whoever speaks, then do what is due; False when stopping."""
        for key, _ in self._selector.select(self._next_due()):
            if key.fileobj is self._waking:
                return False
            if key.fileobj is self._listening:
                self._accept()
            elif key.data in self._callers:  # not closed meanwhile
                self._hear(key.data)
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            heapq.heappop(self._later)[2]()
        while self._callers and (oldest := next(iter(self._callers))).until <= now:
            log.info("connection from %s closed: it asked for no association in time", oldest.address)
            self._close(oldest)
        return True

    def _next_due(self) -> float | None:
        due = [next(iter(self._callers)).until] if self._callers else []
        due += [self._later[0][0]] if self._later else []
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _accept(self) -> None:
        for _ in range(AT_A_TIME):
            try:
                connection, (address, *_rest) = self._listening.accept()
            except BlockingIOError:
                return
            except OSError as failed:  # no file descriptor left, or gone already
                log.warning("a connection could not be accepted (%s)", failed.strerror)
                return
            self._make_room(address)
            connection.setblocking(False)
            caller = _Caller(connection, address, time.monotonic() + self._waits.request_s)
            self._callers[caller] = None
            self._selector.register(connection, selectors.EVENT_READ, caller)
            if (at := self._connected_pace.next("", time.monotonic())) > time.monotonic():
                self._selector.unregister(self._listening)  # a flood costs associations that are open little
                self._at(at, self._listen)
                return

    def _listen(self) -> None:
        self._selector.register(self._listening, selectors.EVENT_READ)

    def _make_room(self, address: str) -> None:
        same = [caller for caller in self._callers if caller.address == address]
        if len(same) >= self._waits.from_an_address:
            self._close(same[0])
        elif len(self._callers) >= self._waits.in_all:
            self._close(next(iter(self._callers)))

    def _hear(self, caller: _Caller) -> None:
        """Read no more than the request: what follows it is the association's."""
        try:
            heard = caller.connection.recv(FAREWELL if caller.answered else self._missing(caller))
        except BlockingIOError:
            return
        except OSError:
            heard = b""
        if not heard:
            self._close(caller)
        elif not caller.answered:
            caller.heard += heard
            self._consider(caller)

    def _consider(self, caller: _Caller) -> None:
        try:
            if not self._missing(caller):
                self._decide(caller, pdu.read_request(bytes(caller.heard[HEAD.size :])))
        except Malformed as broken:
            said, why = pdu.abort(broken.because), str(broken)
            self._refuse(caller, said, lambda: log.warning("connection from %s aborted: %s", caller.address, why))

    @staticmethod
    def _missing(caller: _Caller) -> int:
        """Bytes that its request still lacks, as far as is known. Raises Malformed where it is no request."""
        if len(caller.heard) < HEAD.size:
            return HEAD.size - len(caller.heard)
        kind, length = HEAD.unpack_from(caller.heard)
        if kind != Kind.ASSOCIATE_RQ:
            known = kind in set(Kind)
            raise Malformed("no association request", Because.UNEXPECTED_PDU if known else Because.UNRECOGNIZED_PDU)
        if length > LONGEST_REQUEST:
            raise Malformed("an association request that is too long")
        return HEAD.size + int(length) - len(caller.heard)

    def _decide(self, caller: _Caller, request: Request) -> None:
        verdict = self._admission.decide(request, caller.address)
        if isinstance(verdict, Rejection):
            self._refuse(caller, pdu.rejection(verdict), lambda: self._refused(request, caller.address, verdict))
            return
        self._selector.unregister(caller.connection)
        del self._callers[caller]  # it has a slot, and is not closed for others
        self._accepted.add(caller)
        at = self._accepted_pace.next(request.calling, time.monotonic())
        self._at(at, lambda: self._let_in(caller, verdict, request))

    def _refuse(self, caller: _Caller, answer: bytes, tell: Callable[[], None]) -> None:
        """Turn it away, at its address's pace; ``tell``: called then."""

        def now() -> None:
            if caller in self._callers:
                tell()
                self._turn_away(caller, answer)

        self._selector.unregister(caller.connection)
        caller.heard.clear()
        self._at(self._refused_pace.next(caller.address, time.monotonic()), now)

    def _at(self, at: float, do: Callable[[], None]) -> None:
        if at <= time.monotonic():
            do()
        else:
            heapq.heappush(self._later, (at, next(self._order), do))

    def _turn_away(self, caller: _Caller, answer: bytes) -> None:
        """Say why, then leave it to the caller to close: else what was said might not arrive."""
        caller.answered = True
        try:
            caller.connection.send(answer)
            caller.connection.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(caller)
            return
        self._selector.register(caller.connection, selectors.EVENT_READ, caller)
        self._at(time.monotonic() + FAREWELL_S, lambda: self._close(caller))

    def _let_in(self, caller: _Caller, agreed: Agreed, request: Request) -> None:
        self._accepted.discard(caller)
        accepted = pdu.acceptance(request.echoed, agreed.contexts, self._max_pdu, CLASS_UID, VERSION_NAME)
        try:
            caller.connection.sendall(accepted)
            self._welcome(caller.connection, agreed)
        except OSError:
            self._admission.leave(agreed)
            caller.connection.close()

    def _close(self, caller: _Caller) -> None:
        if self._callers.pop(caller, self) is not self:
            with suppress(KeyError):
                self._selector.unregister(caller.connection)
            caller.connection.close()
