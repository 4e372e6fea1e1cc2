"""One established association: reads requests from its connection, hands instances on piece by piece, and answers.

A thread of its own runs it, and waits for nothing but the socket and the disk. Whatever the peer does ends this one
association at most. Source: PS3.8 9.2 (the acceptor's states from Sta6 on), PS3.7 9.1.1 (C-STORE), 9.1.5 (C-ECHO).
"""

import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from adapters.dicom.network import pdu
from adapters.dicom.network.contexts import VERIFICATION
from adapters.dicom.network.dimse import (
    LONGEST_COMMAND,
    Answer,
    Command,
    Operation,
    Refusal,
    read_command,
    write_answer,
)
from adapters.dicom.network.pdu import Because, Fragment, Kind, Malformed, Negotiated, Result
from adapters.dicom.network.wire import Gone, Late, Wire

log = logging.getLogger(__name__)

SUCCESS = 0x0000


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """What was agreed when the association was established. ``max_pdu``: most bytes that the peer takes in a PDU."""

    calling: str
    called: str
    address: str
    site: str
    contexts: tuple[Negotiated, ...]
    max_pdu: int


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long an association waits. Seconds."""

    idle_s: float = 30.0  # between two messages
    unfinished_s: float = 30.0  # for the rest of a PDU, and for the next one of a message


@dataclass(frozen=True, kw_only=True)
class ToStore:
    """A C-STORE whose data set follows."""

    sop_class: str
    sop_uid: str
    transfer_syntax: str


class Receiving(Protocol):
    """An instance that is coming in."""

    def write(self, data: memoryview) -> None:
        """Take the next bytes, valid during the call. Raises Malformed where there is no end of them."""

    def end(self) -> Answer:
        """All is there: keep it, and say what to answer."""

    def discard(self) -> None:
        """The rest does not come."""


Begin = Callable[[ToStore], Receiving]


@dataclass
class _Message:
    """What has come of a message."""

    context: int
    command: bytearray = field(default_factory=bytearray)
    asked: Command | None = None
    receiving: Receiving | None = None


class Association:
    """``begin``: called at the start of each C-STORE's data set; ``max_pdu``: most bytes taken in a PDU."""

    def __init__(
        self,
        connection: socket.socket,
        agreed: Agreed,
        begin: Begin,
        patience: Patience,
        max_pdu: int,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.agreed = agreed
        self._wire = Wire(connection, max_pdu, stopping)
        self._contexts = {context.id: context for context in agreed.contexts if context.result is Result.ACCEPTED}
        self._begin, self._patience = begin, patience
        self._message: _Message | None = None

    def run(self) -> None:
        """Serve it to its end, whatever that is."""
        try:
            self._wire.bid_farewell(self._serve())
        except Gone:
            pass
        except Late:
            log.info("association of %r from %s ended: nothing came in time", self.agreed.calling, self.agreed.address)
            self._wire.bid_farewell(pdu.abort(Because.NOT_SPECIFIED))
        except Malformed as broken:
            log.warning("association of %r from %s aborted: %s", self.agreed.calling, self.agreed.address, broken)
            self._wire.bid_farewell(pdu.abort(broken.because))
        finally:
            if self._message and self._message.receiving:
                self._message.receiving.discard()
            self._wire.close()

    def close(self) -> None:
        """End it from another thread."""
        self._wire.close()

    def _serve(self) -> bytes:
        """Until the peer ends it; the PDU to say goodbye with, empty for none."""
        while True:
            idle_s = self._patience.unfinished_s if self._message else self._patience.idle_s
            kind, body = self._wire.next(idle_s, self._patience.unfinished_s)
            if kind == Kind.P_DATA:
                for fragment in pdu.fragments(body):
                    self._take(fragment)
            elif kind == Kind.RELEASE_RQ:
                return pdu.release()
            elif kind == Kind.ABORT:
                raise Gone
            elif kind in set(Kind):
                raise Malformed("a PDU that has no place here", Because.UNEXPECTED_PDU)
            else:
                raise Malformed("a PDU of no known type", Because.UNRECOGNIZED_PDU)

    def _take(self, fragment: Fragment) -> None:
        if fragment.context not in self._contexts:
            raise Malformed("a message on a context that was not accepted")
        message = self._message = self._message or _Message(fragment.context)
        if fragment.context != message.context or fragment.command == bool(message.asked):
            raise Malformed("a message mixed with another one")
        if fragment.command:
            self._take_command(message, fragment)
        elif message.receiving:
            message.receiving.write(fragment.data)
        if fragment.last and message.asked and not (fragment.command and message.asked.has_data):
            self._message = None
            self._answer(message, message.asked)

    def _take_command(self, message: _Message, fragment: Fragment) -> None:
        message.command += fragment.data
        if len(message.command) > LONGEST_COMMAND:
            raise Malformed("a command without end")
        if not fragment.last:
            return
        asked = message.asked = read_command(bytes(message.command))
        context = self._contexts[message.context]
        if asked.operation == Operation.C_STORE and context.abstract != VERIFICATION:
            if not asked.has_data:
                raise Malformed("a C-STORE without data set")
            message.receiving = self._begin(
                ToStore(sop_class=asked.sop_class, sop_uid=asked.sop_uid, transfer_syntax=context.transfer)
            )

    def _answer(self, message: _Message, asked: Command) -> None:
        if asked.operation == Operation.C_CANCEL:
            return
        if message.receiving:
            answer = message.receiving.end()
        elif asked.operation == Operation.C_ECHO:
            answer = Answer(SUCCESS)
        elif asked.operation == Operation.C_STORE:
            answer = Answer(Refusal.NO_SUCH_SOP_CLASS, "this context is for verification alone")
        else:
            answer = Answer(Refusal.UNRECOGNIZED_OPERATION, "only C-STORE and C-ECHO are served here")
        self._wire.send(pdu.command(message.context, write_answer(asked, answer), self.agreed.max_pdu))
