"""One established association: reads requests from its connection, hands instances on piece by piece, and answers.

A thread of its own runs it, and waits for nothing but the socket and the disk; while a query is served, for what serves
it. Whatever the peer does ends this one association at most. Source: PS3.8 9.2 (the acceptor's states from Sta6 on),
PS3.7 9.1.1 (C-STORE), 9.1.5 (C-ECHO).
"""

import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from adapters.dicom.network import pdu
from adapters.dicom.network.agreed import Agreed, Patience
from adapters.dicom.network.contexts import SERVES, is_storage
from adapters.dicom.network.dialogue import Dialogue
from adapters.dicom.network.dimse import (
    LONGEST_COMMAND,
    Answer,
    Command,
    Operation,
    Refusal,
    Response,
    read_command,
    write_answer,
)
from adapters.dicom.network.pdu import Because, Fragment, Kind, Malformed
from adapters.dicom.network.talk import LONGEST_DATA, CutOff, Released, Talk
from adapters.dicom.network.wire import Gone, Late, Wire

log = logging.getLogger(__name__)

SUCCESS = 0x0000


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
Serve = Callable[[Dialogue], None]
"""Serves a query, a retrieval or a commitment to its last answer."""


@dataclass
class _Message:
    """What has come of a message."""

    context: int
    command: bytearray = field(default_factory=bytearray)
    asked: Command | None = None
    receiving: Receiving | None = None
    data: bytearray = field(default_factory=bytearray)


class Association:
    """``begin``: called at the start of each C-STORE's data set; ``serve``: with what takes more than one answer;
    ``max_pdu``: most bytes taken in a PDU.
    """

    def __init__(
        self,
        connection: socket.socket,
        agreed: Agreed,
        begin: Begin,
        patience: Patience,
        max_pdu: int,
        stopping: Callable[[], bool] = lambda: False,
        serve: Serve | None = None,
    ) -> None:
        self.agreed = agreed
        self._wire = Wire(connection, max_pdu, stopping)
        self._contexts = agreed.accepted
        self._begin, self._patience, self._serving = begin, patience, serve
        self._talk = Talk(self._wire, self._contexts, agreed.max_pdu, patience.unfinished_s)
        self._message: _Message | None = None
        self._due: Dialogue | None = None

    def run(self) -> None:
        """Serve it to its end, whatever that is."""
        try:
            self._wire.bid_farewell(self._serve())
        except Gone:
            pass
        except Released:
            self._wire.bid_farewell(pdu.release())
        except CutOff:
            self._wire.bid_farewell(pdu.abort(Because.NOT_SPECIFIED))
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
                self._served()
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
        if self._due:
            raise Malformed("a message before the answer to the one before it")
        message = self._message = self._message or _Message(fragment.context)
        if fragment.context != message.context or fragment.command == bool(message.asked):
            raise Malformed("a message mixed with another one")
        if fragment.command:
            self._take_command(message, fragment)
        elif message.receiving:
            message.receiving.write(fragment.data)
        elif self._is_served(message):
            message.data += fragment.data
            if len(message.data) > LONGEST_DATA:
                raise Malformed("an identifier without end")
        if fragment.last and message.asked and not (fragment.command and message.asked.has_data):
            self._message = None
            self._answer(message, message.asked)

    def _take_command(self, message: _Message, fragment: Fragment) -> None:
        message.command += fragment.data
        if len(message.command) > LONGEST_COMMAND:
            raise Malformed("a command without end")
        if not fragment.last:
            return
        asked = read_command(bytes(message.command))
        if isinstance(asked, Response):
            raise Malformed("an answer to nothing")
        message.asked = asked
        context = self._contexts[message.context]
        if asked.operation == Operation.C_STORE and is_storage(context.abstract):
            if not asked.has_data:
                raise Malformed("a C-STORE without data set")
            message.receiving = self._begin(
                ToStore(sop_class=asked.sop_class, sop_uid=asked.sop_uid, transfer_syntax=context.transfer)
            )

    def _is_served(self, message: _Message) -> bool:
        asked, context = message.asked, self._contexts[message.context]
        return bool(self._serving and asked and SERVES.get(context.abstract) == asked.operation)

    def _served(self) -> None:
        """Serve what came whole with the last PDU."""
        if self._due and self._serving:
            try:
                self._serving(self._due)
            finally:
                self._due = None

    def _answer(self, message: _Message, asked: Command) -> None:
        if asked.operation == Operation.C_CANCEL:
            return
        if self._is_served(message):
            context = self._contexts[message.context]
            self._due = Dialogue(
                self.agreed, context, asked, bytes(message.data), self._talk, self._patience.unfinished_s
            )
            return
        if message.receiving:
            answer = message.receiving.end()
        elif asked.operation == Operation.C_ECHO:
            answer = Answer(SUCCESS)
        elif asked.operation == Operation.C_STORE:
            answer = Answer(Refusal.NO_SUCH_SOP_CLASS, "this context is for another service")
        else:
            answer = Answer(Refusal.UNRECOGNIZED_OPERATION, "this operation is not served here")
        self._wire.send(pdu.command(message.context, write_answer(asked, answer), self.agreed.max_pdu))
