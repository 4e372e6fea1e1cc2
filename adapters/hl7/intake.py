"""Makes an answer of a message: what it announces is stored in the ledger, then it is accepted.

Each message is one command, and its id is made of the sender and the message id: repeated, it is answered again and
writes nothing; the same id with other content is refused. Where the ledger cannot be asked nothing is answered, for a
sender sends again what had no answer, and some give up what was answered with an error.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from adapters.hl7 import answers
from adapters.hl7.charsets import decoded
from adapters.hl7.er7 import Segment, segments
from adapters.hl7.events import EVENTS, Announced, announced
from adapters.hl7.header import Header, header, refuse_unfit
from adapters.hl7.patient import FIELDS
from adapters.hl7.refusal import Condition, Place, Refused, rejected
from domain.errors import (
    AlreadyRegistered,
    BadIns,
    BadTraits,
    FlagUnchanged,
    IdTaken,
    NotFound,
    RuleBroken,
    SameIdentity,
    StatusNotAllowed,
)
from domain.ids import Ids
from domain.ports import Answer, CommandLog
from domain.traits import traits
from domain.work import Command, Envelope

log = logging.getLogger(__name__)

IN_REVIEW: Final = (
    "stored; the two differ, or are barred from each other: a human decides, and they stay apart until then"
)
OTHER_CONTENT: Final = "this message id was used for another message: give each message an id of its own"
PLACES: Final[dict[type[Exception], tuple[Place, Condition]]] = {
    IdTaken: (Place("MSH", 10), Condition.DUPLICATE_KEY),
    BadIns: (Place("PID", 3), Condition.DATA_TYPE),
    StatusNotAllowed: (Place("PID", 32), Condition.NOT_IN_TABLE),
    FlagUnchanged: (Place("PID", 32), Condition.NOT_IN_TABLE),
    AlreadyRegistered: (Place("PID", 3), Condition.DUPLICATE_KEY),
    NotFound: (Place("PID", 3), Condition.UNKNOWN_KEY),
    SameIdentity: (Place("PID", 3), Condition.DUPLICATE_KEY),
}
"""Where the cause of a refusal is; any other is the patient's number."""


class Executes(Protocol):
    """The ledger, as far as a message needs it."""

    @property
    def ids(self) -> Ids:
        """Makes ids of names."""

    @property
    def log(self) -> CommandLog:
        """Knows answered commands."""

    def execute(self, command: Command, by: Envelope) -> Answer:
        """Run a command once per command id."""


@dataclass(frozen=True, kw_only=True)
class Intake:
    """``site_of``: the establishment of a sending application; it raises where that cannot be told now. ``turn``:
    entered while the ledger is asked. ``real_only``: nobody of tests and training is taken.
    """

    ledger: Executes
    site_of: Callable[[str], str | None]
    turn: AbstractContextManager[Any]
    real_only: bool

    def answer(self, raw: bytes) -> bytes | None:
        """The answer to a message; None where there is none, and the connection is to be closed."""
        head = None
        try:
            if (head := header(raw)) is None or head.kind == "ACK":  # an answer to an answer would have no end
                return None
            told = self._taken(head, raw)
            return answers.accepted(head, datetime.now(UTC), told)
        except Refused as why:
            if head is None:
                return None
            rule = getattr(why.__cause__, "rule", "")
            log.info("a message was refused: %s %s", why.condition.name, rule)
            return answers.refused(head, datetime.now(UTC), why, rule)
        except Exception as broken:  # whatever it is, nothing was stored that is not there when the sender repeats it
            log.error("a message was not answered (%s): its sender sends it again", type(broken).__name__)
            return None

    def _taken(self, head: Header, raw: bytes) -> str:
        """What to tell the sender of a message that is stored now. Raises Refused."""
        refuse_unfit(head, frozenset(EVENTS), real_only=self.real_only)
        site = self._site(head)
        text, codec = decoded(raw, head.charsets)
        found = segments(text, codec)
        said = (each.marks.field.join(each.fields) for each in found[1:])  # MSH may change when it is sent again
        content = self.ledger.ids.of("hl7 content", head.event, *said)
        asked = announced(head.event, found, site, str(content))
        return self._stored(head, asked, str(content), found)

    def _site(self, head: Header) -> str:
        if (site := self.site_of(head.application)) is None:
            raise rejected(
                3, Condition.NOT_IN_TABLE, "no establishment has this sending application: krypton site device adds it"
            )
        if head.facility not in ("", site):
            raise rejected(4, Condition.NOT_IN_TABLE, f"the sending application is of {site}: write that, or nothing")
        return site

    def _stored(self, head: Header, asked: Announced, content: str, found: list[Segment]) -> str:
        whole = self.ledger.ids.of("hl7 message", head.application, head.control_id)
        actor, outcome = f"aet:{head.application}", ""
        try:
            with self.turn:
                if asked.before:
                    self._refuse_other(self.ledger.log.answer_of(whole), content)
                for n, command in enumerate(asked.before):
                    part = self.ledger.ids.of("hl7 message", head.application, head.control_id, f"before {n}", content)
                    self.ledger.execute(command, Envelope(actor, part, whole))
                outcome = self._once(asked.command, Envelope(actor, whole), content)
        except (RuleBroken, NotFound) as why:
            place, condition = _place(why, asked, found)
            raise Refused(place, condition, str(why)) from why
        return IN_REVIEW if outcome == "review" else ""

    def _once(self, command: Command, by: Envelope, content: str) -> str:
        answer = self.ledger.execute(command, by)
        self._refuse_other(answer if answer.repeated else None, content)
        return str(answer.result.get("outcome", ""))

    def _refuse_other(self, known: Answer | None, content: str) -> None:
        if known and known.result.get("content") != content:
            raise Refused(Place("MSH", 10), Condition.DUPLICATE_KEY, OTHER_CONTENT)


def _place(why: Exception, asked: Announced, found: list[Segment]) -> tuple[Place, Condition]:
    if isinstance(why, BadTraits):
        return _of_trait(asked), Condition.DATA_TYPE
    kind = next((kind for kind in PLACES if isinstance(why, kind)), None)
    place, condition = PLACES[kind] if kind else (Place("PID", 3), Condition.INTERNAL)
    merged = kind in (NotFound, SameIdentity) and any(segment.name == "MRG" for segment in found)
    return (Place("MRG", 1) if merged else place), condition


def _of_trait(asked: Announced) -> Place:
    """The first field whose trait is refused by itself; else the number."""
    stated = asked.patient.stated if asked.patient else {}
    for trait, value in stated.items():
        try:
            traits(datetime.now(UTC), **{"family": "A", trait: value})
        except BadTraits:
            return Place("PID", FIELDS[trait])
    return Place("PID", 3)
