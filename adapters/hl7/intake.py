"""Makes an answer of an identity message (ADT): what it announces is stored in the ledger, then it is accepted.

Each message is one command, and its id is made of the sender and the message id: repeated, it is answered again and
writes nothing; the same id with other content is refused.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from adapters.hl7 import answers
from adapters.hl7.desk import Message
from adapters.hl7.er7 import Segment
from adapters.hl7.events import EVENTS, Announced, announced
from adapters.hl7.header import Header
from adapters.hl7.patient import FIELDS
from adapters.hl7.refusal import Condition, Place, Refused
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

TOLD: Final = {
    "review": "stored; the two differ, are barred from each other, or PID states somebody else than who bears its "
    "number: a human decides, and they stay apart until then",
    "swapped": "stored; the other of the two numbers was kept before: nothing changes, a clerk asks which is in use",
    "still_joined": "stored; other pairs hold the two one person all the same: a clerk undoes those",
    "in_doubt": "stored, with VALI in place of QUAL: the matricule is in doubt, and a clerk checks it with INSi",
}
"""What a sender should know of an outcome."""
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
    """See the module."""

    ledger: Executes

    events = frozenset(EVENTS)

    def answer(self, message: Message) -> bytes:
        """See ``desk.Clerk``."""
        head, found = message.head, message.found
        said = (each.marks.field.join(each.fields) for each in found[1:])  # MSH may change when it is sent again
        content = self.ledger.ids.of("hl7 content", head.event, *said)
        asked = announced(head.event, found, message.site, str(content))
        return answers.accepted(head, datetime.now(UTC), self._stored(head, asked, str(content), found))

    def _stored(self, head: Header, asked: Announced, content: str, found: list[Segment]) -> str:
        """What to tell the sender of a message that is stored now. Raises Refused."""
        whole = self.ledger.ids.of("hl7 message", head.application, head.control_id)
        actor, outcomes = f"aet:{head.application}", []
        try:
            if asked.before:
                self._refuse_other(self.ledger.log.answer_of(whole), content)
                part = self.ledger.ids.of("hl7 message", head.application, head.control_id, "before", content)
                outcomes.append(self._once(asked.before, Envelope(actor, part, whole), content))
            outcomes.append(self._once(asked.command, Envelope(actor, whole), content))
        except (RuleBroken, NotFound) as why:
            place, condition = _place(why, asked, found)
            raise Refused(place, condition, str(why)) from why
        return "; ".join(TOLD[one] for one in outcomes if one in TOLD)

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
    for n, patient in enumerate(asked.patients, 1):
        for trait, value in patient.stated.items():
            try:
                traits(datetime.now(UTC), **{"family": "A", trait: value})
            except BadTraits:
                return Place("PID", FIELDS[trait], n)
    return Place("PID", 3)
