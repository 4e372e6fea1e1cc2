"""Steps of ``features/reading_gate.feature``: a real ledger with its views, asked as the command line asks."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pytest_bdd import given, parsers, scenarios, step, then, when

from domain.actors import Caller
from domain.commands.consents import Grant, LiftOpposition, Oppose, Revoke
from domain.commands.orders import PlaceOrder, ScheduleOrder
from domain.commands.readings import RequestReading
from domain.commands.splits import Split
from domain.consent_statements import Scope
from domain.errors import RuleBroken
from krypton.auditing.accesses import Limits, accesses
from krypton.auditing.as_of import as_of
from krypton.auditing.export import export
from krypton.devstack.stack import Stack
from krypton.queries.person import dose_of, record_of
from krypton.queries.worklists import orders_of, readings_of
from tests.fakes.dicom import new_uid
from tests.fakes.erasing import Erase
from tests.fakes.region import dose, exposure, received
from tests.features.conftest import FEATURES
from tests.integration.audit_world import CLINICIAN, RADIOLOGIST, AuditWorld, audit_world

pytestmark = pytest.mark.live
scenarios(str(FEATURES / "reading_gate.feature"))
DOCTORS = {"Dr Berger": CLINICIAN, "Dr Arnaud": RADIOLOGIST}
STAFF = {"the clerk": "clerk:desk", "the auditor": "auditor:dpo"}


class Scene:
    """One scenario: people and studies by name, and what was answered or refused last."""

    def __init__(self, world: AuditWorld) -> None:
        self.world = world
        self.people: dict[str, str] = {}
        self.studies: dict[str, str] = {}
        self.start = self.before = world.head
        self.decision: dict[str, Any] = {}
        self.told: Any = None
        self.refusal: RuleBroken | None = None
        self.ids: dict[str, str] = {}
        self.work = ""
        self.lags: str | None = None

    def caller(self, who: str, reason: str | None = "to know") -> Caller:
        """Somebody by name, who says why."""
        if who in DOCTORS:
            return Caller(f"rpps:{DOCTORS[who]}", reason)
        if who in STAFF:
            return Caller(STAFF[who], reason)
        return Caller(f"patient:{self.people[who]}", reason)

    def party(self, name: str) -> str:
        """As consents name it."""
        return f"rpps:{DOCTORS[name]}" if name in DOCTORS else name if name == "everyone" else f"site:{name}"

    def ask(self, question: Any, *asked: Any) -> None:
        """Put a question once the views hold all that was said; keep the answer or the refusal."""
        self.world.settle(but=self.lags)
        self.before, self.told, self.refusal = self.world.head, None, None
        try:
            self.told = question(self.world.krypton, *asked)
        except RuleBroken as refusal:
            self.refusal = refusal

    def shown(self) -> list[str]:
        """The names of the studies in the answer."""
        record = self.told.get("record", self.told)
        return sorted(name for name, uid in self.studies.items() if uid in {s["study_uid"] for s in record["studies"]})

    def send(self, site: str, name: str, person: str, instances: int = 2) -> None:
        """A batch of a study comes in, with a dose report when it is the first."""
        shown = self.world.identity(self.people[person], but=self.lags)
        stated = {trait: shown["traits"][trait] for trait in ("family", "given", "birth_date")}
        reports = () if name in self.studies else (dose(new_uid(), exposure(new_uid(), dlp_mgycm=100.0)),)
        uid = self.studies.setdefault(name, new_uid())
        batch = received(site, uid, local_id=shown["local_id"], stated=stated, instances=instances, doses=reports)
        self.ids[name] = str(self.world.ask(batch).result["study"])


@pytest.fixture(scope="module")
def ledger(stack: Stack) -> Iterator[AuditWorld]:
    with audit_world(stack) as made:
        yield made


@pytest.fixture
def scene(ledger: AuditWorld) -> Scene:
    """People of its own."""
    return Scene(ledger)


def named(words: str) -> list[str]:
    """The names in ``A and B``."""
    return words.split(" and ")


@given(parsers.re(r"(?P<site>CH\w) knows (?P<name>\w+)"))
def knows(scene: Scene, site: str, name: str) -> None:
    scene.people[name] = scene.world.register(site)


@step(parsers.re(r"(?P<site>CH\w) sends the study (?P<study>\w) of (?P<name>\w+)"))
def sends(scene: Scene, site: str, study: str, name: str) -> None:
    scene.send(site, study, name)


@step(parsers.re(r"(?P<site>CH\w) sends more of the study (?P<study>\w) of (?P<name>\w+)"))
def sends_more(scene: Scene, site: str, study: str, name: str) -> None:
    scene.send(site, study, name, instances=3)


@step(parsers.parse("the study {study} is split off {name} as {other}"))
def split_off(scene: Scene, study: str, name: str, other: str) -> None:
    mixed, moved = UUID(scene.people[name]), UUID(scene.ids[study])
    found = scene.world.ask(Split(identity=mixed, studies=(moved,), reason="asked at the desk"))
    scene.people[other] = found.result["other"]


@step(parsers.parse("{doctor} opens the record of {name}"))
def opens(scene: Scene, doctor: str, name: str) -> None:
    scene.world.open(scene.people[name], DOCTORS[doctor])


@step(parsers.parse("{doctor} breaks the glass for {name}"))
def breaks_the_glass(scene: Scene, doctor: str, name: str) -> None:
    scene.world.open(scene.people[name], DOCTORS[doctor], emergency=True)


@step("the record lags behind the doses")
def lags(scene: Scene) -> None:
    scene.lags = "patient_record"


@step(parsers.re(r"(?P<doctor>Dr \w+) orders an exam(?: of (?P<site>CH\w))? for (?P<name>\w+)"))
def orders(scene: Scene, doctor: str, site: str | None, name: str) -> None:
    person, number = UUID(scene.people[name]), DOCTORS[doctor]
    placed = PlaceOrder(identity=person, site=site or "CHB", ordered_by=number, modality="CT", question="nodule?")
    scene.work = str(scene.world.ask(placed).result["order"])


@step("the exam is scheduled")
def scheduled(scene: Scene) -> None:
    at = scene.world.krypton.ledger.clock()
    scene.world.ask(ScheduleOrder(order=UUID(scene.work), site="CHB", at=at, accession="A-1"))


@then("the order is told as it was placed")
def told_as_placed(scene: Scene) -> None:
    (found,) = scene.told["orders"]
    assert (found["state"], found["scheduled_for"], found["modality"]) == ("placed", None, "CT")


@step(parsers.re(r"(?P<doctor>Dr \w+) of (?P<own>CH\w) asks (?P<site>CH\w) to read the study (?P<study>\w)"))
def asks_to_read(scene: Scene, doctor: str, own: str, site: str, study: str) -> None:
    asked = RequestReading(study=UUID(scene.ids[study]), from_site=own, to_site=site, question="nodule?")
    scene.work = str(scene.world.ask(asked, f"rpps:{DOCTORS[doctor]}").result["reading"])


@when(parsers.re(r"(?P<doctor>Dr \w+) asks for the (?P<what>orders|readings)"))
def asks_for_list(scene: Scene, doctor: str, what: str) -> None:
    scene.ask(orders_of if what == "orders" else readings_of, scene.caller(doctor))


@then(parsers.re(r"the (?P<kind>order|reading) of Marie is on the list (?P<how>by name|without a name, .+)"))
def on_the_list(scene: Scene, kind: str, how: str) -> None:
    (row,) = [row for row in scene.told if row[kind] == scene.work]
    assert row["identity"] == scene.people["Marie"]
    assert (row["patient"] or {}).get("family") == ("FICTIVE" if how == "by name" else None)
    assert row["question"] == (None if how.endswith("without anything clinical") else "nodule?")
    assert (row.get("modality") or row.get("modalities")) == ("CT" if row["question"] and kind == "order" else None)


@then(parsers.re(r"the reading tells (?P<what>of|nothing of) the study"))
def tells_of_the_study(scene: Scene, what: str) -> None:
    (row,) = [row for row in scene.told if row["reading"] == scene.work]
    assert row["patient"] is not None
    told = [row[name] is not None for name in ("study_uid", "modalities", "date")]
    assert told == [what == "of"] * 3


@step(parsers.re(r"(?P<one>\w+) and (?P<other>\w+) are (?P<said>merged|unmerged)"))
def say(scene: Scene, one: str, other: str, said: str) -> None:
    (scene.world.merge if said == "merged" else scene.world.unmerge)(scene.people[one], scene.people[other])


@step(parsers.re(r"(?P<name>\w+) opposes consultation"))
def opposes_consultation(scene: Scene, name: str) -> None:
    scene.world.ask(Oppose(identity=UUID(scene.people[name])))


@step(parsers.re(r"(?P<name>\w+) opposes feeding by (?P<whom>.+)"))
def opposes_feeding(scene: Scene, name: str, whom: str) -> None:
    said = Oppose(identity=UUID(scene.people[name]), scope=Scope.FEED, party=scene.party(whom), reason="a relative")
    scene.world.ask(said)


@step(parsers.re(r"(?P<name>\w+) lifts her opposition to feeding by (?P<whom>.+)"))
def lifts(scene: Scene, name: str, whom: str) -> None:
    scene.world.ask(LiftOpposition(identity=UUID(scene.people[name]), scope=Scope.FEED, party=scene.party(whom)))


@step(parsers.re(r"(?P<name>\w+) consents to (?P<whom>Dr \w+)(?: but not to (?P<out>.+))?"))
def consents(scene: Scene, name: str, whom: str, out: str | None) -> None:
    left_out = {
        "the study A": f"study:{scene.studies['A']}",
        "the period of the study A": "period:2026-01-01/2026-01-31",
        "what Dr Berger wrote": f"author:rpps:{CLINICIAN}",
    }
    exclusions = [left_out[out]] if out else []
    scene.world.ask(Grant(identity=UUID(scene.people[name]), party=scene.party(whom), exclusions=exclusions))


@step(parsers.parse("{name} revokes her consent to {whom}"))
def revokes(scene: Scene, name: str, whom: str) -> None:
    scene.world.ask(Revoke(identity=UUID(scene.people[name]), party=scene.party(whom)))


@step(parsers.parse("{name} is erased"))
def erased(scene: Scene, name: str) -> None:
    scene.world.ask(Erase(identity=UUID(scene.people[name]), reason="asked for by the person"))
    scene.world.krypton.vault.destroy(scene.people[name])


@step(parsers.re(r"(?P<who>.+) reads the record of (?P<name>\w+)(?P<silent> without a reason)?"))
def reads(scene: Scene, who: str, name: str, silent: str | None) -> None:
    scene.ask(record_of, scene.caller(who, None if silent else "to know"), scene.people[name])


@when(parsers.parse("the auditor asks for {name} as of now"))
def as_of_now(scene: Scene, name: str) -> None:
    scene.ask(as_of, scene.world.head, scene.people[name], scene.caller("the auditor"))
    scene.told["withheld"] = scene.told["record"]["withheld"]


@when(parsers.parse("the auditor exports {name}"))
def exports(scene: Scene, name: str, tmp_path: Path) -> None:
    scene.world.sign()

    def asked(*words: Any) -> Any:
        return export(*words, unsealed=False)

    scene.ask(asked, scene.people[name], tmp_path / "export", scene.caller("the auditor"))


@when(parsers.parse("{name} asks who looked at {whom}"))
def asks_who(scene: Scene, name: str, whom: str) -> None:
    scene.ask(accesses, scene.people[whom], scene.caller(name), Limits())


@then(parsers.re(r"the answer holds (?:the studies (?P<names>.+)|no studies)"))
def holds(scene: Scene, names: str | None) -> None:
    assert scene.refusal is None
    assert scene.shown() == (named(names) if names else [])


@then("the answer holds no studies")
def no_studies(scene: Scene) -> None:
    assert scene.shown() == []


@then("the answer holds no orders")
def no_orders(scene: Scene) -> None:
    assert scene.told["orders"] == []


@then(parsers.re(r"the doses that (?P<who>.+) reads of (?P<name>\w+) are of (?:the studies (?P<names>.+)|no studies)"))
def doses(scene: Scene, who: str, name: str, names: str | None) -> None:
    scene.ask(dose_of, scene.caller(who), scene.people[name])
    expected = named(names) if names else []
    carried = {one["study_uid"] for one in (*scene.told["exposures"], *scene.told["reports"])}
    assert carried == {scene.studies[one] for one in expected}
    assert scene.told["totals"]["dlp_mgycm"] == (100.0 * len(expected) if expected else None)


@then(parsers.parse("the study {study} has {count:d} instances"))
def instances(scene: Scene, study: str, count: int) -> None:
    (found,) = [s for s in scene.told["studies"] if s["study_uid"] == scene.studies[study]]
    assert (found["instances"], found["series"], found["modalities"]) == (count, 1, ["CT"])


@then(parsers.parse("it counts {count:d} thing withheld"))
def counts(scene: Scene, count: int) -> None:
    assert scene.told["withheld"] == count


@then("it does not say that anything is withheld")
def says_nothing(scene: Scene) -> None:
    assert "withheld" not in scene.told


@then(parsers.parse("the answer is refused by rule {rule}"))
def refused(scene: Scene, rule: str) -> None:
    assert scene.told is None
    assert scene.refusal is not None
    assert scene.refusal.rule == rule


def recorded(scene: Scene) -> dict[str, Any]:
    """What the question put on record, and nothing beside it."""
    (stored,) = scene.world.krypton.ledger.recorder.select_notifications(scene.before, 9, inclusive_of_start=False)
    return {"type": stored.topic} | scene.world.krypton.codec.decode(stored.state, stored.originator_version)[1]


@then(parsers.re(r"a look of (?P<who>.+) on the ground of an (?P<ground>.+) was on record before"))
def look(scene: Scene, who: str, ground: str) -> None:
    found = recorded(scene)
    expected = ("access.viewed", scene.caller(who).actor, ground, "to know")
    assert (found["type"], found["actor"], found["ground"], found["reason"]) == expected


@then(parsers.re(r"a refusal of (?P<who>.+) by rule (?P<rule>\w+) is on record"))
def refusal(scene: Scene, who: str, rule: str) -> None:
    found = recorded(scene)
    assert (found["type"], found["actor"], found["rule"]) == ("access.view_refused", scene.caller(who).actor, rule)


@then(parsers.parse("that access is denied by rule {rule}"))
def denied(scene: Scene, rule: str) -> None:
    scene.ask(accesses, scene.people["Marie"], scene.caller("the auditor"), Limits(looks=False))
    assert [(one["decision"], one["rule"]) for one in scene.told] == [("denied", rule)]


@then("the export holds the study A and not the study B, and can be checked")
def exported(scene: Scene, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    arrived = {one["data"]["study_uid"] for one in lines if one["type"] == "study.arrived"}
    assert arrived == {scene.studies["A"]}
    assert scene.told["withheld"] >= 2  # the study, and its dose
    assert scene.studies["B"] not in (folder / "events.jsonl").read_text()
    checked = subprocess.run([sys.executable, "-I", folder / "verify.py"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@then(parsers.parse("she is told that {one} looked and {other} was refused"))
def told_who(scene: Scene, one: str, other: str) -> None:
    looks = [(look["actor"], look["outcome"]) for look in scene.told if look.get("kind") == "record.show"]
    assert looks == [(scene.caller(one).actor, "viewed"), (scene.caller(other).actor, "refused")]
