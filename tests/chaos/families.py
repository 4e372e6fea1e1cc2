"""Makes random commands of all families about a few people, so that they meet, race and are refused now and then."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from domain.commands import accesses, consents, identities, links, orders, readings, studies
from domain.identity_status import Status
from domain.ports import Answer
from domain.work import Command
from tests.fakes.region import CLINICIAN, RADIOLOGIST, SITES, dose, exposure, received

WHEN: Final = datetime(2026, 2, 1, 8, tzinfo=UTC)
OID: Final = "1.2.250.1.213.1.4.10"
FEW: Final = 400  # of each kind are remembered
LETTERS: Final = "ABCDEFGHIJ"
SINGULAR: Final = {"identity": "identities", "study": "studies", "order": "orders", "reading": "readings"}


class Families:
    """One asker's commands; ``told`` takes the answer of each, and later commands are about what it named."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._number = seed * 1_000_000
        self._known: dict[str, list[UUID]] = {kind: [] for kind in (*SINGULAR, "access")}
        self._makers: Mapping[Callable[[], Command], int] = {
            self._register: 4,
            self._state: 2,
            self._link: 3,
            self._receive: 6,
            self._correct_study: 1,
            self._consent: 2,
            self._access: 1,
            self._order: 3,
            self._reading: 2,
        }

    def next(self) -> Command:
        """The next command: registrations until there is somebody to ask about."""
        if len(self._known["identity"]) < 4:
            return self._register()
        (make,) = self._dice.choices(list(self._makers), list(self._makers.values()))
        return make()

    def told(self, command: Command, answer: Answer) -> None:
        """Remember what the answer names."""
        for kind in SINGULAR:
            if isinstance(named := answer.result.get(kind), str):
                self._remember(kind, UUID(named))
        if isinstance(command, accesses.OpenAccess):
            self._remember("access", command.access)

    def _remember(self, kind: str, one: UUID) -> None:
        known = self._known[kind]
        known.append(one)
        del known[:-FEW]

    def _one(self, kind: str) -> UUID:
        return self._dice.choice(self._known[kind])

    def _any(self, *commands: Callable[[], Command]) -> Command:
        return self._dice.choice(commands)()

    def _new(self) -> int:
        self._number += 1
        return self._number

    def _stated(self) -> dict[str, str | None]:
        """Traits of one of a few hundred people, so that some agree and rules merge them."""
        who = self._dice.randrange(300)
        family = "FICTIVE " + "".join(LETTERS[int(digit)] for digit in str(who))
        return {"family": family, "given": "Alex", "birth_date": f"19{who % 80 + 10}-01-02", "sex": "F"}

    def _register(self) -> Command:
        site, number = self._dice.choice(SITES), str(self._new())
        return identities.Register(assigner=site, local_id=number, stated=self._stated())

    def _state(self) -> Command:
        one, why = self._one("identity"), "chaos"
        return self._any(
            lambda: identities.Correct(identity=one, stated=self._stated(), reason=why),
            lambda: identities.SetStatus(identity=one, status=Status.VALI, reason=why),
            lambda: identities.SetStatus(identity=one, status=Status.PROV, reason=why),
            lambda: identities.AttachIns(identity=one, matricule="279035121518989", oid=OID),
            lambda: identities.DetachIns(identity=one, reason=why),
            lambda: identities.Flag(identity=one, flag="HOMA", reason=why),
            lambda: identities.ClearFlag(identity=one, flag="HOMA", reason=why),
        )

    def _link(self) -> Command:
        one, other = self._one("identity"), self._one("identity")
        sides: dict[str, Any] = {"one": one, "other": other, "reason": "chaos"}
        kinds = (links.Merge, links.Merge, links.Unmerge, links.Bar, links.Unbar, links.Dismiss)
        return self._any(*(lambda kind=kind: kind(**sides) for kind in kinds))

    def _receive(self) -> Command:
        number = self._new()
        uid = f"2.25.{number if self._dice.random() < 0.7 else number - self._dice.randrange(20)}"
        who = str(self._dice.randrange(200))
        doses = (dose(f"2.25.7.{number}", exposure(f"2.25.8.{number}", dlp_mgycm=100.0 + number % 50)),)
        return received(
            self._dice.choice(SITES),
            uid,
            local_id=f"R{who}",
            stated=self._stated(),
            root=f"{number:064x}",
            doses=doses if number % 3 == 0 else (),
        )

    def _correct_study(self) -> Command:
        if not self._known["study"]:
            return self._receive()
        study = self._one("study")
        return self._any(
            lambda: studies.ReassignStudy(study=study, to_identity=self._one("identity"), reason="chaos"),
            lambda: studies.WithdrawStudy(study=study, reason="chaos"),
        )

    def _consent(self) -> Command:
        one, party = self._one("identity"), self._dice.choice((f"rpps:{CLINICIAN}", "site:CHP"))
        return self._any(
            lambda: consents.Grant(identity=one, party=party),
            lambda: consents.Revoke(identity=one, party=party, reason="chaos"),
            lambda: consents.Oppose(identity=one, party=party, reason="chaos"),
            lambda: consents.LiftOpposition(identity=one, party=party, reason="chaos"),
            lambda: consents.IssueCode(identity=one, code="123456"),
        )

    def _access(self) -> Command:
        if self._known["access"] and self._dice.random() < 0.4:
            return accesses.CloseEmergency(access=self._one("access"), rpps=RADIOLOGIST, note="chaos")
        return accesses.OpenAccess(
            identity=self._one("identity"),
            rpps=RADIOLOGIST,
            reason="chaos",
            code=self._dice.choice((None, "123456")),
            emergency=self._dice.random() < 0.5,
        )

    def _order(self) -> Command:
        site = self._dice.choice(SITES)
        if not self._known["order"] or self._dice.random() < 0.4:
            return orders.PlaceOrder(
                identity=self._one("identity"), site=site, ordered_by=CLINICIAN, modality="CT", question="chaos"
            )
        one = self._one("order")
        return self._any(
            lambda: orders.PresentOrder(order=one, site=site),
            lambda: orders.ScheduleOrder(order=one, site=site, at=WHEN, accession=f"A{self._new()}"),
            lambda: orders.PerformOrder(order=one, study_uid=f"2.25.{self._number}"),
            lambda: orders.CancelOrder(order=one, reason="chaos"),
        )

    def _reading(self) -> Command:
        if not self._known["study"]:
            return self._receive()
        if not self._known["reading"] or self._dice.random() < 0.4:
            return readings.RequestReading(study=self._one("study"), from_site="CHB", to_site="CHP", question="chaos")
        one = self._one("reading")
        return self._any(
            lambda: readings.AcceptReading(reading=one, by=RADIOLOGIST),
            lambda: readings.DeclineReading(reading=one, reason="chaos"),
            lambda: readings.ReportReading(reading=one, by=RADIOLOGIST, report_uid="2.25.77", conclusion="chaos"),
        )
