"""Messages on an association that is established, in both directions: what either side sends, and hears in between.

The side that is called talks so while it serves a query; the side that calls does all the time. Source:
PS3.7 9.1, 10.1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.dicom.network import pdu
from adapters.dicom.network.dimse import LONGEST_COMMAND, Command, Response, read_command
from adapters.dicom.network.outgoing import Outgoing, Source
from adapters.dicom.network.pdu import Because, Fragment, Kind, Malformed, Negotiated
from adapters.dicom.network.wire import Gone, Wire

LONGEST_DATA: Final = 1024 * 1024
"""Bytes of a data set that is no instance."""


class Released(Exception):
    """The peer asks for the association's end."""


class CutOff(Exception):
    """A data set is not sent to its end: nothing more can be said on the association."""


@dataclass
class Message:
    """What has come of a message."""

    context: int
    asked: Command | Response | None = None
    command: bytearray = field(default_factory=bytearray)
    data: bytearray = field(default_factory=bytearray)


class Talk:
    """``contexts``: those that were accepted, by id; ``max_pdu``: most bytes that the peer takes in a PDU."""

    def __init__(self, wire: Wire, contexts: Mapping[int, Negotiated], max_pdu: int, unfinished_s: float) -> None:
        self._wire, self.contexts, self._max_pdu, self._unfinished_s = wire, contexts, max_pdu, unfinished_s
        self._outgoing: Outgoing | None = None
        self._coming: Message | None = None
        self._whole: list[Message] = []
        self._number = 0

    def next_number(self) -> int:
        """A message id that no other message of this side has now."""
        self._number = self._number % 0xFFFF + 1
        return self._number

    def say(
        self, context: int, command: bytes, data: Source | None = None, between: Callable[[], None] = lambda: None
    ) -> None:
        """Send a message. ``between``: called before each part of its data set but the first; what it raises cuts
        the message off.

        Raises Gone; OSError where the data set cannot be read.
        """
        said = pdu.command(context, command, self._max_pdu)
        if data is None:
            self._wire.send(said)
            return
        self._outgoing = self._outgoing or Outgoing(self._max_pdu)
        for place, pdus in enumerate(self._outgoing.pdus(context, data, said)):
            if place:
                between()
            self._wire.send(pdus)

    def heard(self) -> bool:
        """Whether the peer has begun to say something."""
        return bool(self._whole) or self._wire.ready()

    def hear(self, within_s: float) -> Message:
        """The next message. Raises Gone, Late, Malformed, Released."""
        while not self._whole:
            kind, body = self._wire.next(within_s, self._unfinished_s)
            if kind == Kind.P_DATA:
                for fragment in pdu.fragments(body):
                    self._take(fragment)
            elif kind == Kind.RELEASE_RQ:
                raise Released
            elif kind == Kind.ABORT:
                raise Gone
            else:
                known = kind in set(Kind)
                raise Malformed(
                    "a PDU that has no place here", Because.UNEXPECTED_PDU if known else Because.UNRECOGNIZED_PDU
                )
        return self._whole.pop(0)

    def _take(self, fragment: Fragment) -> None:
        if fragment.context not in self.contexts:
            raise Malformed("a message on a context that was not accepted")
        message = self._coming = self._coming or Message(fragment.context)
        if fragment.context != message.context or fragment.command == bool(message.asked):
            raise Malformed("a message mixed with another one")
        part = message.command if fragment.command else message.data
        part += fragment.data
        if len(part) > (LONGEST_COMMAND if fragment.command else LONGEST_DATA):
            raise Malformed("a message without end")
        if fragment.command and fragment.last:
            message.asked = read_command(bytes(message.command))
        if fragment.last and message.asked and not (fragment.command and message.asked.has_data):
            self._coming = None
            self._whole.append(message)
