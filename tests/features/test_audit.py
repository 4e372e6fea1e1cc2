"""Steps of features/audit.feature, on a real ledger: auditors ask the event store, so there is no world in memory."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.actors import Caller
from domain.commands.studies import ReassignStudy
from domain.errors import RuleBroken
from krypton.auditing.accesses import Limits, accesses
from krypton.auditing.as_of import as_of
from krypton.auditing.exposure import exposure
from krypton.auditing.history import history
from krypton.devstack.stack import Stack
from tests.fakes.erasing import Erase
from tests.features.conftest import FEATURES
from tests.integration.audit_world import CLINICIAN, RADIOLOGIST, AuditWorld, audit_world

pytestmark = pytest.mark.live
scenarios(str(FEATURES / "audit.feature"))
ACTOR = "auditor:dpo"
DOCTORS = {"Dr Berger": CLINICIAN, "Dr Arnaud": RADIOLOGIST}
GROUNDS = {"the care team": "care_team", "an emergency": "emergency"}


class Scene:
    """One scenario: two Maries, and what was asked last."""

    def __init__(self, world: AuditWorld) -> None:
        self.world = world
        self.marie = {site: world.register(site, "FICTIVE") for site in ("CHB", "CHP")}
        self.study = self.access = ""
        self.remembered = 0
        self.told: Any = None
        self.refusal: RuleBroken | None = None

    @property
    def pair(self) -> tuple[str, str]:
        """Both."""
        return self.marie["CHB"], self.marie["CHP"]


@pytest.fixture(scope="module")
def audited(stack: Stack) -> Iterator[AuditWorld]:
    with audit_world(stack) as made:
        yield made


@given("CHB and CHP each know a Marie Fictive", target_fixture="scene")
def each_knows(audited: AuditWorld) -> Scene:
    return Scene(audited)


@step(parsers.re(r'the two are (?P<said>merged|unmerged) because "(?P<reason>.+)"'))
def say(scene: Scene, said: str, reason: str) -> None:
    (scene.world.merge if said == "merged" else scene.world.unmerge)(*scene.pair, reason)


@step(parsers.re(r"(?P<site>CH\w) receives a study of Marie"))
def receives(scene: Scene, site: str) -> None:
    scene.study = scene.world.receive(scene.marie[site])


@step(parsers.parse('that study is reassigned to Marie at {site} because "{reason}"'))
def reassigned(scene: Scene, site: str, reason: str) -> None:
    scene.world.ask(ReassignStudy(study=UUID(scene.study), to_identity=UUID(scene.marie[site]), reason=reason))


@step(
    parsers.re(
        r"(?P<doctor>Dr \w+) of CH\w opens the record of Marie at (?P<site>CH\w)(?P<emergency> in an emergency)?"
    )
)
def opens(scene: Scene, doctor: str, site: str, emergency: str | None) -> None:
    scene.access = scene.world.open(scene.marie[site], DOCTORS[doctor], emergency=bool(emergency))


@step(parsers.parse("{doctor} closes the emergency"))
def closes(scene: Scene, doctor: str) -> None:
    scene.world.close(scene.access, DOCTORS[doctor])


@step("this moment is remembered")
def remember(scene: Scene) -> None:
    scene.remembered = scene.world.head


@step(parsers.parse("Marie at {site} is erased"))
def erased(scene: Scene, site: str) -> None:
    scene.world.ask(Erase(identity=UUID(scene.marie[site]), reason="asked for by the person"))
    scene.world.krypton.vault.destroy(scene.marie[site])


@step(parsers.re(r'the auditor asks for the history of Marie at (?P<site>CH\w)(?: because "(?P<reason>.+)")?'))
def ask_history(scene: Scene, site: str, reason: str | None) -> None:
    try:
        scene.told = history(scene.world.krypton, scene.marie[site], Caller(ACTOR, reason or "audit"))
    except RuleBroken as refusal:
        scene.refusal = refusal


@when(parsers.parse("the auditor asks who had access to Marie at {site}"))
def ask_accesses(scene: Scene, site: str) -> None:
    scene.told = accesses(scene.world.krypton, scene.marie[site], Caller(ACTOR, "audit"), Limits())


@when(parsers.parse("the auditor asks for Marie at {site} as of the moment remembered"))
def ask_as_of(scene: Scene, site: str) -> None:
    scene.told = as_of(scene.world.krypton, scene.remembered, scene.marie[site], Caller(ACTOR, "audit"))


@when("the auditor asks who saw data of the one as the other's")
def ask_exposure(scene: Scene) -> None:
    scene.told = exposure(scene.world.krypton, *scene.pair, Caller(ACTOR, "audit"))


@then(parsers.re(r'an? (?P<said>merge|unmerge) because "(?P<reason>.+)" made (?P<after>\d) persons? of (?P<before>\d)'))
def made(scene: Scene, said: str, reason: str, before: str, after: str) -> None:
    (entry,) = [e for e in scene.told if e["type"] == f"link.{said}d"]
    assert (entry["reason"], len(entry["before"]), len(entry["after"])) == (reason, int(before), int(after))


@then(parsers.parse('a reassignment because "{reason}" is told'))
def moved(scene: Scene, reason: str) -> None:
    (entry,) = [e for e in scene.told if e["type"] == "study.reassigned"]
    assert (entry["reason"], entry["identities"]) == (reason, list(scene.marie.values()))


def requests(scene: Scene) -> list[Any]:
    """What professionals asked for; the others told are those who looked."""
    return [entry for entry in scene.told if "rpps" in entry]


@then(
    parsers.re(
        r"1 access of (?P<doctor>Dr \w+) on the ground of (?P<ground>.+) is told, with (?P<count>\d) stud(?:y|ies)"
    )
)
def shown(scene: Scene, doctor: str, ground: str, count: str) -> None:
    (entry,) = requests(scene)
    assert (entry["rpps"], entry["ground"]) == (DOCTORS[doctor], GROUNDS[ground])
    assert len(entry["shown"]["studies"]) == int(count)


@then(parsers.parse("1 denied request of {doctor} is told"))
def denied(scene: Scene, doctor: str) -> None:
    (entry,) = requests(scene)
    assert (entry["rpps"], entry["decision"], entry["shown"]) == (DOCTORS[doctor], "denied", None)


@then(parsers.parse('1 question of the auditor because "{reason}" is told'))
def question(scene: Scene, reason: str) -> None:
    (entry,) = [e for e in scene.told if e.get("kind") == "audit.history"]
    assert (entry["decision"], entry["actor"], entry["reason"]) == ("viewed", ACTOR, reason)


@then(parsers.parse("the auditor is refused by rule {rule}"))
def refused(scene: Scene, rule: str) -> None:
    assert scene.refusal is not None
    assert (scene.refusal.rule, scene.told) == (rule, None)


@then(parsers.re(r"the record showed (?P<studies>\d) stud(?:y|ies), and (?P<identities>\d) identit(?:y|ies)"))
def record_showed(scene: Scene, studies: str, identities: str) -> None:
    assert (len(scene.told["record"]["studies"]), len(scene.told["members"])) == (int(studies), int(identities))


@then(parsers.parse('her name reads "{text}"'))
def name_reads(scene: Scene, text: str) -> None:
    assert scene.told["identity"]["traits"]["family"] == text


@then(parsers.parse("{doctor} saw 1 study of Marie at {owner} as of Marie at {asked}"))
def saw(scene: Scene, doctor: str, owner: str, asked: str) -> None:
    (access,) = scene.told["accesses"]
    (foreign,) = access["foreign"]
    assert (access["rpps"], access["asked_for"]) == (DOCTORS[doctor], scene.marie[asked])
    assert (foreign["kind"], foreign["identity"]) == ("study", scene.marie[owner])


@then("nobody did")
def nobody(scene: Scene) -> None:
    assert scene.told["accesses"] == []
