"""The calling side of an association: asks for it, sends instances or reports on it, and releases it.

Every wait is bounded. Whatever goes wrong, ``close`` leaves nothing open. Source: PS3.8 9.2.
"""

import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Self

from adapters.dicom.implementation import CLASS_UID, VERSION_NAME
from adapters.dicom.network import pdu
from adapters.dicom.network.dimse import Response, write_event_report, write_store
from adapters.dicom.network.outgoing import LARGEST, Made, Source
from adapters.dicom.network.pdu import Because, Kind, Malformed, Negotiated, Proposed, Result, Roles
from adapters.dicom.network.request import read_acceptance, request
from adapters.dicom.network.talk import Released, Talk
from adapters.dicom.network.wire import Gone, Late, Wire
from adapters.tls import names_of

CONNECT_S: Final = 10.0
ANSWER_S: Final = 60.0
"""For an answer: a receiver may write to a slow disk before it gives one."""
RELEASE_S: Final = 5.0
MOST_CONTEXTS: Final = 128


class NotAssociated(Exception):
    """The other side is not there, or takes no association; the message says which, and names nobody."""


@dataclass(frozen=True, kw_only=True)
class Callee:
    """Who is called. ``tls``: how it is spoken to, and its certificate then names its AE title; None: in clear."""

    ae_title: str
    host: str
    port: int
    tls: ssl.SSLContext | None = None


@dataclass
class Requestor:
    """An association that was agreed to, from this side; a context manager, which aborts what was not released."""

    _wire: Wire
    _talk: Talk
    contexts: Sequence[Negotiated]
    _released: bool = field(default=False)

    @staticmethod
    def associate(
        callee: Callee,
        calling: str,
        contexts: Sequence[Proposed],
        roles: Mapping[str, Roles] | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> "Requestor":
        """Ask for an association. Raises NotAssociated."""
        wire = Wire(_connected(callee), LARGEST, stopping)
        try:
            wire.send(
                request(
                    called=callee.ae_title,
                    calling=calling,
                    contexts=contexts,
                    max_pdu=LARGEST,
                    uid=CLASS_UID,
                    version=VERSION_NAME,
                    roles=roles or {},
                )
            )
            kind, body = wire.next(ANSWER_S, ANSWER_S)
            if kind != Kind.ASSOCIATE_AC:
                raise NotAssociated(
                    "it takes no association from here" if kind == Kind.ASSOCIATE_RJ else "it broke off"
                )
            agreed, max_pdu = read_acceptance(bytes(body), contexts)
        except (Gone, Late, Malformed):
            wire.close()
            raise NotAssociated("it does not answer as a DICOM application does") from None
        except NotAssociated:
            wire.close()
            raise
        accepted = {one.id: one for one in agreed if one.result is Result.ACCEPTED}
        return Requestor(wire, Talk(wire, accepted, max_pdu, ANSWER_S), tuple(accepted.values()))

    def store(
        self,
        context: Negotiated,
        sop_class: str,
        sop_uid: str,
        source: Source,
        between: Callable[[], None] = lambda: None,
        originator: tuple[str, int] | None = None,
    ) -> int:
        """Send an instance; the status that it is answered with. Raises Gone, Late, Malformed; OSError, and what
        ``between`` raises, after which the association is to be closed.
        """
        number = self._talk.next_number()
        self._talk.say(context.id, write_store(number, sop_class, sop_uid, originator), source, between)
        return self._status_of(number)

    def report(self, context: Negotiated, sop_class: str, sop_uid: str, event: int, data: bytes) -> int:
        """Report an event; the status that it is answered with. Raises as ``store``."""
        number = self._talk.next_number()
        self._talk.say(context.id, write_event_report(number, sop_class, sop_uid, event), Made(data))
        return self._status_of(number)

    def _status_of(self, number: int) -> int:
        while True:
            try:
                heard = self._talk.hear(ANSWER_S).asked
            except Released:
                raise Gone from None
            if isinstance(heard, Response) and heard.answered == number:
                return heard.status

    def release(self) -> None:
        """End it in good order, as far as the other side takes part."""
        self._released = True
        with suppress(Gone, Late, Malformed):
            self._wire.send(pdu.release_request())
            while self._wire.next(RELEASE_S, RELEASE_S)[0] == Kind.P_DATA:
                pass
        self._wire.close()

    def abort(self) -> None:
        """Break it off, so that what was sent in part counts as nothing."""
        if not self._released:
            self._released = True
            with suppress(Gone):
                self._wire.send(pdu.abort(Because.NOT_SPECIFIED))
            self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()


def _connected(callee: Callee) -> socket.socket:
    """Raises NotAssociated."""
    try:
        plain = socket.create_connection((callee.host, callee.port), CONNECT_S)
    except OSError:
        raise NotAssociated("nobody listens at its address") from None
    if callee.tls is None:
        return plain
    try:
        encrypted = callee.tls.wrap_socket(plain)
    except OSError:
        plain.close()
        raise NotAssociated("its certificate is not taken, or it takes none from here") from None
    if callee.ae_title not in names_of(encrypted):
        encrypted.close()
        raise NotAssociated("its certificate names another application")
    return encrypted
