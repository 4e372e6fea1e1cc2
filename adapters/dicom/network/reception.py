"""Takes connections in until their association is accepted or rejected: one thread for all, however many say nothing.

Where it speaks TLS, hands are shaken here too, within the time for the request; a name in the certificate of who calls,
where one is asked for, is its AE title.

A connection that has asked for nothing yet holds no slot. Of one address, and in all, a bounded number wait; when one
more comes, the one that has waited longest is closed, so that mute connections lock nobody out. Source: PS3.8 9.2, Sta2
and Sta3, 9.1.4 (ARTIM timer).
"""

import heapq
import logging
import selectors
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from threading import Thread

from adapters.dicom.implementation import CLASS_UID, VERSION_NAME
from adapters.dicom.network import pdu
from adapters.dicom.network.admission import Admission
from adapters.dicom.network.agreed import Agreed
from adapters.dicom.network.knocking import NOTHING_YET, Knocking, Waits
from adapters.dicom.network.pace import Pace
from adapters.dicom.network.pdu import HEAD, Malformed, Rejection
from adapters.dicom.network.request import Request, acceptance, read_request, rejection

log = logging.getLogger(__name__)

BACKLOG = 512  # connections that the kernel holds for us
FAREWELL_S = 2.0  # in which one that was turned away may close
AT_A_TIME = 64  # accepted before those that have something to say are heard

Refuse = Callable[[Request, str, Rejection], None]
Welcome = Callable[[socket.socket, Agreed], None]


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
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(name="dicom-reception", daemon=True)
        self._tls = tls
        self._listening, self._admission, self._waits, self._max_pdu = listening, admission, waits, max_pdu
        self._welcome, self._refused = welcome, refused
        self._callers: OrderedDict[Knocking, None] = OrderedDict()  # the one that waits longest is first
        self._accepted: set[Knocking] = set()  # of an AE title that asks too often: each has its slot
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
            if self._tls:
                try:
                    connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                except OSError:
                    continue  # it is gone already, and closed
            until = time.monotonic() + self._waits.request_s
            caller = Knocking(connection, address, until, shaken=self._tls is None)
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

    def _hear(self, caller: Knocking) -> None:
        """Read no more than the request: what follows it is the association's."""
        while self._heard(caller) and caller in self._callers and not caller.answered:
            if not caller.is_opened:
                return

    def _heard(self, caller: Knocking) -> bool:
        """Whether it said something."""
        try:
            heard = caller.hear()
        except NOTHING_YET:
            return False
        except OSError as unfit:
            if isinstance(unfit, ssl.SSLError):
                log.info("connection from %s closed: no TLS that is taken (%s)", caller.address, unfit.reason)
            heard = b""
        if not heard:
            self._close(caller)
        elif not caller.answered:
            caller.heard += heard
            self._consider(caller)
        return bool(heard)

    def _consider(self, caller: Knocking) -> None:
        try:
            if not caller.missing:
                self._decide(caller, read_request(bytes(caller.heard[HEAD.size :])))
        except Malformed as broken:
            said, why = pdu.abort(broken.because), str(broken)
            self._refuse(caller, said, lambda: log.warning("connection from %s aborted: %s", caller.address, why))

    def _decide(self, caller: Knocking, request: Request) -> None:
        verdict = self._admission.decide(request, caller.address, caller.names)
        if isinstance(verdict, Rejection):
            self._refuse(caller, rejection(verdict), lambda: self._refused(request, caller.address, verdict))
            return
        self._selector.unregister(caller.connection)
        del self._callers[caller]  # it has a slot, and is not closed for others
        self._accepted.add(caller)
        at = self._accepted_pace.next(request.calling, time.monotonic())
        self._at(at, lambda: self._let_in(caller, verdict, request))

    def _refuse(self, caller: Knocking, answer: bytes, tell: Callable[[], None]) -> None:
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

    def _turn_away(self, caller: Knocking, answer: bytes) -> None:
        """Say why, then leave it to the caller to close: else what was said might not arrive."""
        try:
            caller.turn_away(answer)
        except OSError:
            self._close(caller)
            return
        self._selector.register(caller.connection, selectors.EVENT_READ, caller)
        self._at(time.monotonic() + FAREWELL_S, lambda: self._close(caller))

    def _let_in(self, caller: Knocking, agreed: Agreed, request: Request) -> None:
        self._accepted.discard(caller)
        accepted = acceptance(request.echoed, agreed.contexts, self._max_pdu, CLASS_UID, VERSION_NAME, agreed.roles)
        try:
            caller.connection.sendall(accepted)
            self._welcome(caller.connection, agreed)
        except OSError:
            self._admission.leave(agreed)
            caller.connection.close()

    def _close(self, caller: Knocking) -> None:
        if self._callers.pop(caller, self) is not self:
            with suppress(KeyError):
                self._selector.unregister(caller.connection)
            caller.connection.close()
