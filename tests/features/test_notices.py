"""Steps of features/notices.feature, on PostgreSQL, through the gate: identity case 29."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.actors import Caller
from domain.commands.accesses import OpenAccess, ReviewEmergency
from domain.commands.directory import RegisterProfessional
from domain.commands.doses import AcknowledgeAlert
from domain.commands.links import Dismiss, Merge, Propose, Unmerge
from domain.commands.studies import ReassignStudy
from domain.errors import NotFound
from krypton.queries.glance import Glance, glance_of
from krypton.queries.review import pair_to_review
from krypton.queries.worklists import alerts_of, emergencies_to_review
from tests.fakes.region import CLINICIAN, dose, exposure, received
from tests.fakes.views import pair
from tests.fakes.weighing import ALIKE
from tests.features.conftest import FEATURES
from tests.integration.policy_world import INDEX, PolicyWorld, made

pytestmark = pytest.mark.live
scenarios(str(FEATURES / "notices.feature"))
WHY = "asked at the desk"
AUDITOR, CLERK = Caller("auditor:dpo", WHY), Caller("clerk:front-desk", WHY)
PHYSICIAN = Caller(f"rpps:{CLINICIAN}", WHY, site="CHB")
HOT = dose("1.9.9", exposure("1.8.9", dose_rp_mgy=2_500.0), dose_rp_mgy=2_500.0)
SINCE = {"merged with others": "merged", "parted from others": "split", "given to somebody else": "reassigned"}
Opened = Mapping[str, Any]


class Desk:
    """Two people of one name, and what somebody is told of one of them."""

    def __init__(self, world: PolicyWorld) -> None:
        self.world = world
        unknown = {"birth_place": ""}  # a rule puts the two to a human
        self.known = {site: world.register(site, **unknown) for site in ("CHA", "CHB", "CHC")}
        self.open: Callable[[], Opened]
        self.settle: Callable[[], Any]

    @property
    def two(self) -> Any:
        return pair(self.known["CHA"], self.known["CHB"])

    def see(self) -> PolicyWorld:
        """The views have read all."""
        for view in (INDEX, "access_history", "cumulative_dose", "patient_record"):
            self.world.work(view)
        return self.world

    def emergency(self) -> None:
        ask = OpenAccess(
            identity=UUID(self.known["CHB"]), rpps=CLINICIAN, reason="unconscious", emergency=True, site="CHB"
        )
        access = UUID(self.world.ask(ask).result["access"])
        self.world.ours.ledger.clock = lambda: self.world.ours.ledger.log.now() + timedelta(hours=5)
        self.world.react("emergency")
        self.open = lambda: self.emergencies(access)[0]
        self.settle = lambda: self.world.ask(ReviewEmergency(access=access, by=AUDITOR.actor, note="unconscious"))

    def emergencies(self, access: UUID) -> list[Any]:
        return emergencies_to_review(self.see().ours, AUDITOR, access=access)

    def alert(self) -> None:
        sent = received("CHB", "2.25.7", local_id="1", stated={**ALIKE, "birth_place": ""}, doses=(HOT,))
        answer = self.world.ask(sent).result
        assert answer["identity"] == self.known["CHB"]
        study = UUID(answer["study"])
        (alert,) = (UUID(event.data["alert_id"]) for event in self.raised())
        self.study = study
        self.open = lambda: self.alerts(alert)[0]
        self.settle = lambda: self.world.ask(AcknowledgeAlert(study=study, alert=alert, note="skin checked"))

    def raised(self) -> list[Any]:
        return [event for event in self.world.history() if event.type == "dose.alert_raised"]

    def alerts(self, alert: UUID) -> list[Any]:
        return alerts_of(self.see().ours, PHYSICIAN, open_only=True, site=None, alert=alert)

    def proposal(self) -> None:
        rule: dict[str, Any] = {"rule": "review", "rule_version": 1, "score": 0.5, "compared": ["family"]}
        sides = pair(self.known["CHB"], self.known["CHC"])
        self.world.ask(Propose(**sides, reason="alike", **rule))
        self.open = self.shown
        self.settle = lambda: self.world.ask(Dismiss(**sides, reason="two people"))

    def shown(self) -> Opened:
        found = pair_to_review(self.see().ours, CLERK, self.known["CHC"], self.known["CHB"])
        return next(side for side in found["identities"] if side["identity"] == self.known["CHB"])


@pytest.fixture
def desk(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    world = made(installed_url, tmp_path, monkeypatch)
    world.in_force()
    world.ask(RegisterProfessional(rpps=CLINICIAN, name="Dr Clinicien", profession="physician", sites=("CHB",)))
    yield Desk(world)
    world.close()


@given("CHA and CHB each know an Alex")
def known(desk: Desk) -> None:
    assert len({*desk.known.values()}) == 3


@given(parsers.re(r"somebody is told of (?P<what>an emergency access|a dose alert|a proposal) of CHB's Alex"))
def told(desk: Desk, what: str) -> None:
    {"an emergency access": desk.emergency, "a dose alert": desk.alert, "a proposal": desk.proposal}[what]()


@step("the two are merged")
def merged(desk: Desk) -> None:
    desk.world.ask(Merge(**desk.two, reason="papers seen"))


@when("the two are unmerged")
def unmerged(desk: Desk) -> None:
    desk.world.ask(Unmerge(**desk.two, reason="two people"))


@when("CHB's Alex is merged with CHC's")
def merged_with_another(desk: Desk) -> None:
    desk.world.ask(Merge(**pair(desk.known["CHB"], desk.known["CHC"]), reason="papers seen"))


@when("its study is given to CHA's Alex")
def given_away(desk: Desk) -> None:
    desk.world.ask(ReassignStudy(study=desk.study, to_identity=UUID(desk.known["CHA"]), reason="wrong patient"))
    desk.world.react("alerts")


@when("somebody settled it")
def settled(desk: Desk) -> None:
    desk.settle()


@then(
    parsers.re(r"the notice opens, and tells of (?P<before>CH[AB])'s Alex then and of (?P<after>CH[AB])'s Alex now"),
    target_fixture="notice",
)
def opens(desk: Desk, before: str, after: str) -> Opened:
    notice = desk.open()
    assert (notice["person_then"], notice["person_now"]) == (desk.known[before], desk.known[after])
    return notice


@then("nothing happened in between")
def nothing(notice: Opened) -> None:
    assert [*notice["since_then"]] == []


@then(parsers.parse("in between that person was {what}"))
def happened(notice: Opened, what: str) -> None:
    assert notice["since_then"] == [SINCE[one] for one in what.split(" and ")]


@then("it is on record whose data were shown")
def on_record(desk: Desk) -> None:
    last = desk.world.history()[-1]
    assert last.type == "access.listed"
    assert {desk.known["CHA"], desk.known["CHB"]} <= {*last.data["identities"]}


@when(
    parsers.re(r"somebody opens a notice of (?P<what>an emergency access|a dose alert) that was never made"),
    target_fixture="never_made",
)
def never_made(desk: Desk, what: str) -> Callable[[], Any]:
    opens_it = {"an emergency access": desk.emergencies, "a dose alert": desk.alerts}[what]
    return lambda: opens_it(uuid4())


@then("it is not found")
def not_found(never_made: Callable[[], Any]) -> None:
    with pytest.raises(NotFound, match="see krypton "):
        never_made()


@when("a physician of CHB opens the page of the study in an emergency", target_fixture="page")
def page(desk: Desk) -> Glance:
    ask = OpenAccess(identity=UUID(desk.known["CHB"]), rpps=CLINICIAN, reason="unconscious", emergency=True, site="CHB")
    desk.world.ask(ask)
    return glance_of(desk.see().ours, PHYSICIAN, desk.study)


@then(parsers.re(r"the page tells of (?P<before>CH[AB])'s Alex then and of (?P<after>CH[AB])'s Alex now"))
def page_tells(desk: Desk, page: Glance, before: str, after: str) -> None:
    (alert,) = page.told["alerts"]
    told = (alert["person_then"], alert["person_now"], alert["since_then"])
    assert told == (desk.known[before], desk.known[after], ["merged"])
