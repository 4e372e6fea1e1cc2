"""The world that a scenario acts in: a real ledger, the views that are asked, and whatever was refused last."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from domain.check_digit import check_digit, fits
from domain.commands.directory import EnrollSite
from domain.commands.identities import Register
from domain.errors import NotFound, RuleBroken
from domain.ledger import Ledger
from domain.ports import Answer
from domain.work import Command, Envelope
from schemas.event import LedgerEvent
from tests.fakes.ledger import FixedClock
from tests.fakes.region import received
from tests.features.worlds.views import Document, Views

RPPS_DIGITS = 11
WRITTEN = ("reason", "note", "question", "conclusion")
TELLING = 4
"""Characters: a shorter text, such as a sex, stands in any message by chance."""


class World:
    """A ledger and its views, the identities that the scenario calls by name, the last answer and the last refusal.

    Scenarios of one live ledger must not meet. ``number`` tells them apart: it is worked into every establishment,
    professional and device that they speak of. A ledger that is the scenario's own needs none.
    """

    def __init__(self, ledger: Ledger, views: Views, number: int | None = None) -> None:
        self.ledger = ledger
        self.views = views
        self.number = number
        self.start = ledger.recorder.max_notification_id() or 0
        self.identities: dict[str, UUID] = {}
        self.answer: Answer | None = None
        self.refusal: RuleBroken | NotFound | None = None
        self.personal: set[str] = set()
        """Traits that were stated, and texts that somebody wrote: no message repeats one."""

    # what the scenario speaks of, as this ledger names it

    def code(self, spoken: str) -> str:
        """An establishment's code."""
        return spoken if self.number is None else f"{self.number}-{spoken}"

    def rpps(self, spoken: str) -> str:
        """A professional's number. One that is not well formed stays as it is."""
        if self.number is None or len(spoken) != RPPS_DIGITS or not fits(spoken):
            return spoken
        ten = f"{self.number:04}{spoken[4:-1]}"
        return ten + check_digit(ten)

    def ae_title(self, spoken: str) -> str:
        """A device's AE title."""
        return spoken if self.number is None else f"{self.number}_{spoken}"

    # what scenarios do

    def ask(self, command: Command, actor: str = "system:test") -> Answer | None:
        """Execute; a refusal is kept for the step that speaks of it."""
        assert self.refusal is None, f"nobody looked at the refusal: {self.refusal}"
        self.answer = None
        self._note(command)
        try:
            self.answer = self.ledger.execute(command, Envelope(actor))
        except (RuleBroken, NotFound) as refusal:
            self.refusal = refusal
        return self.answer

    def _note(self, command: Command) -> None:
        given = vars(command)
        texts = {*(given.get("stated") or {}).values(), *(given.get(name) for name in WRITTEN)}
        self.personal |= {text for text in texts if isinstance(text, str) and len(text.strip()) >= TELLING}

    def let_pass(self, time: timedelta) -> None:
        """Move the ledger's clock on."""
        clock = self.ledger.clock
        assert isinstance(clock, FixedClock), "a real clock cannot be moved: the scenario is not for @live"
        clock.now += time

    def enroll(self, *codes: str) -> None:
        """Establishments named by their codes; one that is enrolled already stays as it is."""
        for code in map(self.code, codes):
            if code not in self.ledger.directory().sites:
                self.ledger.execute(EnrollSite(code=code, name=f"Hospital {code}"), Envelope("system:test"))

    def register(self, name: str, assigner: str, local_id: str, **stated: str) -> UUID:
        """One local identity, known to later steps by ``name``."""
        self.enroll(assigner)
        command = Register(assigner=self.code(assigner), local_id=local_id, stated={"family": "Fictif", **stated})
        self._note(command)
        answer = self.ledger.execute(command, Envelope("system:test"))
        self.identities[name] = UUID(answer.result["identity"])
        return self.identities[name]

    def receive(self, code: str, study_uid: str = "2.25.1", **change: Any) -> Answer | None:
        """A batch of a study comes in from an establishment; see ``tests.fakes.region.received``."""
        return self.ask(received(self.code(code), study_uid, **change))

    # what users then see

    def shown(self, name: str) -> Document:
        """The identity of that name, as the index shows it."""
        return self.views.identity(self.identities[name])

    def person(self, name: str) -> frozenset[UUID]:
        """All identities of the same person as the one with that name."""
        return frozenset(UUID(member["identity"]) for member in self.shown(name)["members"])

    def accesses(self, name: str) -> Sequence[Document]:
        """Every request to see that person's record."""
        return self.views.accesses(self.identities[name])

    def log(self) -> list[LedgerEvent]:
        """What this scenario wrote, as auditors read it from the ledger itself."""
        found = []
        for stored in self.ledger.recorder.select_notifications(self.start, 1_000, inclusive_of_start=False):
            schema, data = self.ledger.codec.decode(stored.state, stored.originator_version)
            found.append(LedgerEvent(stored.id, schema.type, data[schema.aggregate], stored.originator_version, data))
        return found
