"""One request that takes several answers, or messages of this side in between: a query, a retrieval, a commitment.

Source: PS3.7 9.1.2 (C-FIND), 9.1.3 (C-GET), 9.1.4 (C-MOVE), 9.3.2.3 (C-CANCEL), 10.1.1 (N-EVENT-REPORT).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.dicom.network.agreed import Agreed
from adapters.dicom.network.dimse import (
    Answer,
    Command,
    Operation,
    Response,
    write_answer,
    write_event_report,
    write_store,
)
from adapters.dicom.network.outgoing import Made, Source
from adapters.dicom.network.pdu import Malformed, Negotiated
from adapters.dicom.network.talk import Message, Talk


@dataclass
class Dialogue:
    """``asked`` came with ``data`` on ``context``. ``answer_s``: how long an answer of the peer is waited for."""

    agreed: Agreed
    context: Negotiated
    asked: Command
    data: bytes
    _talk: Talk
    _answer_s: float
    _cancelled: bool = False
    _statuses: dict[int, int] = field(default_factory=dict)

    def answer(self, answer: Answer, data: bytes = b"") -> None:
        """Answer once, of several times perhaps. Raises Gone."""
        said = write_answer(self.asked, answer, has_data=bool(data))
        self._talk.say(self.context.id, said, Made(data) if data else None)

    def cancelled(self) -> bool:
        """Whether the peer has asked for the end of this; waits for nothing. Raises Gone, Malformed, Released."""
        while self._talk.heard():
            self._attend(self._talk.hear(self._answer_s))
        return self._cancelled

    def store(
        self, context: Negotiated, sop_class: str, sop_uid: str, source: Source, between: Callable[[], None]
    ) -> int:
        """Send an instance on this association, and wait for its status. Raises as ``cancelled``; Late, OSError."""
        number = self._talk.next_number()
        self._talk.say(context.id, write_store(number, sop_class, sop_uid), source, between)
        return self._status_of(number)

    def report(self, sop_class: str, sop_uid: str, event: int, data: bytes) -> int:
        """Report an event on this association, and wait for its status. Raises as ``cancelled`` does; Late."""
        number = self._talk.next_number()
        self._talk.say(self.context.id, write_event_report(number, sop_class, sop_uid, event), Made(data))
        return self._status_of(number)

    def _status_of(self, number: int) -> int:
        while number not in self._statuses:
            self._attend(self._talk.hear(self._answer_s))
        return self._statuses.pop(number)

    def _attend(self, message: Message) -> None:
        match message.asked:
            case Response(answered=answered, status=status):
                self._statuses[answered] = status
            case Command(operation=Operation.C_CANCEL, message=ended):
                self._cancelled = self._cancelled or ended == self.asked.message
            case _:
                raise Malformed("a request before the answer to the one before it")
