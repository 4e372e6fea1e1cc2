"""Takes each message to whoever answers messages of its kind: it is read, its sender is known, and it has an answer.

Where the ledger cannot be asked nothing is answered, for a sender sends again what had no answer, and some give up what
was answered with an error.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from adapters.hl7 import answers
from adapters.hl7.charsets import decoded
from adapters.hl7.er7 import Segment, segments
from adapters.hl7.header import Header, header, refuse_unfit
from adapters.hl7.refusal import Condition, Refused, rejected

log = logging.getLogger(__name__)

Peer = Collection[str] | None
"""The names in the certificate of who is connected; None: none was asked for."""


@dataclass(frozen=True)
class Message:
    """A message that is read. ``codec``: it was written in; ``site``: the establishment that sent it."""

    head: Header
    found: list[Segment]
    codec: str
    site: str


class Clerk(Protocol):
    """Answers messages of one kind."""

    @property
    def events(self) -> Collection[str]:
        """The events of that kind that are taken."""

    def answer(self, message: Message) -> bytes:
        """The answer. Raises Refused."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """``clerks``: by kind of message, as MSH-9 writes it; ``site_of``: the establishment of a sending application; it
    raises where that cannot be told now. ``real_only``: nobody of tests and training is taken.
    """

    clerks: Mapping[str, Clerk]
    site_of: Callable[[str], str | None]
    real_only: bool

    def answer(self, raw: bytes, peer: Peer = None) -> bytes | None:
        """The answer to a message; None where there is none, and the connection is to be closed."""
        head = None
        try:
            if (head := header(raw)) is None or head.kind == "ACK":  # an answer to an answer would have no end
                return None
            return self._answered(head, raw, peer)
        except Refused as why:
            if head is None:
                return None
            told_of(why)
            return answers.refused(head, datetime.now(UTC), why)
        except Exception as broken:  # whatever it is, nothing was stored that is not there when the sender repeats it
            log.error("a message was not answered (%s): its sender sends it again", type(broken).__name__)
            return None

    def _answered(self, head: Header, raw: bytes, peer: Peer) -> bytes:
        refuse_unfit(head, {kind: clerk.events for kind, clerk in self.clerks.items()}, real_only=self.real_only)
        site = self._site(head, peer)
        text, codec = decoded(raw, head.charsets)
        return self.clerks[head.kind].answer(Message(head, segments(text, codec), codec, site))

    def _site(self, head: Header, peer: Peer) -> str:
        if peer is not None and head.application not in peer:
            raise rejected(
                3, Condition.NOT_IN_TABLE, "the certificate does not name this sending application: CN or a DNS name"
            )
        if (site := self.site_of(head.application)) is None:
            raise rejected(
                3, Condition.NOT_IN_TABLE, "no establishment has this sending application: krypton site device adds it"
            )
        if head.facility not in ("", site):
            raise rejected(4, Condition.NOT_IN_TABLE, f"the sending application is of {site}: write that, or nothing")
        return site


def told_of(why: Refused) -> None:
    """Say in the log that a message is refused, and nothing of it."""
    log.info("a message was refused: %s %s", why.condition.name, why.rule)
