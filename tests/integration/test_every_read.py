"""Every command that reads personal data, asked by those who may, by those who may not, and without a reason.

The table is ``tests/reads.py``; a test of its own sees to it that no command is missing there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.eventstore.recorder import LedgerRecorder
from domain.actors import Role, role_of
from domain.commands.links import Propose
from domain.commands.orders import PlaceOrder
from domain.commands.readings import RequestReading
from domain.commands.rules import PublishRules
from domain.errors import StoreAway
from domain.rules.document import document
from domain.tasks import TASKS
from krypton.devstack.stack import Stack
from schemas.event import LedgerEvent
from tests.fakes.dicom import new_uid
from tests.fakes.region import dose, exposure, received, rules_in_force
from tests.fakes.roles import REASON, roles_file
from tests.fakes.weighing import EVERYBODY
from tests.integration.audit_world import AUDITOR, CLINICIAN, AuditWorld, audit_world
from tests.integration.live_cli import CommandLine, Said
from tests.reads import PERSONAL

pytestmark = pytest.mark.live
DOCTOR, CLERK, OPERATOR, SERVICE = f"rpps:{CLINICIAN}", "clerk:desk", "operator:one", "service:one"
DAY = "2026-01-02T08:00:00"
UNKNOWN = "00000000-0000-0000-0000-000000000007"
LISTS = (
    *("identity.review.list", "dose.alerts", "access.review.list", "order.list", "reading.list", "identity.search"),
    *("study.conflicts.list", "erase.lapsed", "erase.approve-lapsed", "dose.return"),
)
EMPTY_HERE = (  # years or hours must pass, or something come twice
    *("access.review.list", "study.conflicts.list", "erase.lapsed", "erase.approve-lapsed"),
)


@dataclass
class Desk:
    """A ledger with somebody to read about, and a command line whose user has one role of each kind."""

    world: AuditWorld
    cli: CommandLine
    person: str
    other: str
    order: str
    position: int
    number: str = "none"
    study: str = "none"
    foreign: str = "none"
    dosed: str = "none"
    dosed_study: str = "none"
    other_study: str = "none"

    @property
    def mine(self) -> dict[Role, str]:
        """The id of the user in each role."""
        ids = (DOCTOR, CLERK, OPERATOR, SERVICE, AUDITOR.actor, f"patient:{self.person}")
        return {role_of(one): one for one in ids}

    def run(self, task: str, folder: Path, *more: str) -> Said:
        """The command of a task."""
        names = ("person", "other", "order", "position", "number", "study", "dosed", "dosed_study")
        named = {name: getattr(self, name) for name in names}
        return self.cli.run(*PERSONAL[task].format(folder=folder / "export", **named).split(), *more)

    def may(self, task: str) -> str:
        """Somebody of the user's roles who may do the task."""
        return next(own for role, own in self.mine.items() if role in TASKS[task])

    def may_not(self, task: str) -> str:
        """Somebody who may not."""
        return next(own for role, own in self.mine.items() if role not in TASKS[task])

    def since(self, before: int) -> list[LedgerEvent]:
        """What was recorded after a position."""
        codec = self.world.krypton.codec
        found = []
        for stored in self.world.krypton.ledger.recorder.select_notifications(before, 100, inclusive_of_start=False):
            schema, data = codec.decode(stored.state, stored.originator_version)
            found.append(LedgerEvent(stored.id, schema.type, data[schema.aggregate], stored.originator_version, data))
        return found


def group_of_one(world: AuditWorld) -> None:
    """One adult is enough for a return of this act."""
    named = {"act": "Essai", "modality": "CT", "population": "adult", "quantity": "dlp_mgycm"}
    level = {**named, "value": 1000, "unit": "mGy.cm"}
    texts: dict[str, dict[str, Any]] = {
        "dose-acts": {"entries": [{"act": "Essai", "protocols": ["essai"]}]},
        "reference-levels": {"levels": [level], "adults": 1},
    }
    for kind, body in texts.items():
        told = {"kind": kind, "version": 1, "in_force_from": "2020-01-01", "body": body}
        world.ask(PublishRules(document=document(told)))


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    with audit_world(stack) as world:
        person, other = world.register(), world.register("CHP")
        over = exposure(new_uid(), forward_dlp_mgycm=900.0, check_dlp_mgycm=100.0)  # the device's own level: an alert
        shown = world.identity(person)
        stated = {name: shown["traits"][name] for name in ("family", "given", "birth_date")}
        returned = dose(new_uid(), exposure(new_uid(), dlp_mgycm=40.0) | {"protocol": "essai", "started_at": DAY})
        returned.device.update(model="Salle", serial=None, station=None)
        returned.said["patient"] = {"age_days": 15_000.0, "weight_kg": 71.5, "size_cm": None, "pregnant": None}
        taken = received(
            "CHB",
            dosed := new_uid(),
            local_id=shown["local_id"],
            stated=stated,
            doses=(dose(new_uid(), over), returned),
        )
        group_of_one(world)
        other_dose = dose(new_uid(), exposure(new_uid(), dlp_mgycm=10.0))
        theirs = received("CHP", new_uid(), local_id=world.identity(other)["local_id"], doses=(other_dose,))
        other_study = str(world.ask(theirs).result["study"])
        study = UUID(str(world.ask(taken).result["study"]))
        world.ask(RequestReading(study=study, from_site="CHB", to_site="CHP", question="nodule?"))
        placed = PlaceOrder(identity=UUID(person), site="CHB", ordered_by=CLINICIAN, modality="CT", question="nodule?")
        order = str(world.ask(placed).result["order"])
        rules_in_force(world.krypton.ledger, **EVERYBODY)
        world.ask(
            Propose(
                one=UUID(person),
                other=UUID(other),
                reason="same names",
                rule="review",
                rule_version=1,
                score=0.5,
                compared=[],
            )
        )
        images, foreign = world.images(person), world.images(other)
        world.open(person)
        world.settle()
        world.sign()
        places = (world.head, shown["local_id"], images, foreign, dosed, str(study), other_study)
        made = Desk(world, world.cli, person, other, order, *places)
        roles_file(world.krypton.settings.roles.parent, *made.mine.values())
        yield made


@pytest.mark.parametrize("task", sorted(PERSONAL))
def test_it_is_answered_once_that_is_on_record(desk: Desk, task: str, tmp_path: Path) -> None:
    before, caller = desk.world.head, desk.may(task)
    said = desk.run(task, tmp_path, "--as", caller)
    assert said.code == 0, said.err
    (decided,) = desk.since(before)
    assert decided.type == ("access.listed" if task in LISTS else "access.viewed")
    told = {name: decided.data[name] for name in ("actor", "role", "kind", "reason")}
    assert told == {"actor": caller, "role": role_of(caller), "kind": task, "reason": REASON}
    ground = "self" if caller.startswith("patient:") else "open access" if caller == DOCTOR else "task"
    assert decided.data["ground"] == ("task" if task in LISTS else ground)
    about = decided.data["identities" if task in LISTS else "members"]
    assert desk.person in about or task in EMPTY_HERE


@pytest.mark.parametrize("task", sorted(PERSONAL))
def test_where_that_cannot_be_recorded_nothing_is_shown(
    desk: Desk, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the decision precedes the answer."""

    def away(*_: Any, **__: Any) -> Any:
        raise StoreAway("the event store does not answer")

    monkeypatch.setattr(LedgerRecorder, "insert_events", away)
    said = desk.run(task, tmp_path, "--as", desk.may(task))
    assert (said.code, said.out) == (4, "")
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize("task", sorted(PERSONAL))
def test_without_a_reason_it_is_refused(desk: Desk, task: str, tmp_path: Path) -> None:
    before = desk.world.head
    said = desk.run(task, tmp_path, "--as", desk.may(task), "--reason", " ")
    assert (said.code, said.out) == (1, "")
    assert said.err.strip().endswith("(X3)")
    assert desk.since(before) == []


@pytest.mark.parametrize("task", sorted(PERSONAL))
def test_a_role_that_may_not_is_refused_and_on_record(desk: Desk, task: str, tmp_path: Path) -> None:
    before, caller = desk.world.head, desk.may_not(task)
    said = desk.run(task, tmp_path, "--as", caller)
    assert (said.code, said.out) == (1, "")
    assert said.err.strip().endswith("(W2)")
    (refused,) = desk.since(before)
    assert refused.type == "access.view_refused"
    told = {name: refused.data[name] for name in ("actor", "role", "kind", "reason", "rule", "identity_id")}
    assert told == {
        "actor": caller,
        "role": role_of(caller),
        "kind": task,
        "reason": REASON,
        "rule": "W2",
        "identity_id": None if task in LISTS else desk.person,
    }


@pytest.mark.parametrize("task", sorted(set(PERSONAL) - {*LISTS}))
def test_a_professional_without_an_open_access_is_refused(desk: Desk, task: str, tmp_path: Path) -> None:
    """X12, where it is a professional's task."""
    if Role.PROFESSIONAL not in TASKS[task]:
        return
    others = {"study": desk.foreign, "dosed_study": desk.foreign}
    other = Desk(desk.world, desk.cli, desk.other, desk.person, desk.order, desk.position, **others)
    if task == "order.show":
        placed = PlaceOrder(identity=UUID(desk.other), site="CHB", ordered_by=CLINICIAN, modality="CT", question="x")
        other.order = str(desk.world.ask(placed).result["order"])
        desk.world.settle()
    said = other.run(task, tmp_path, "--as", DOCTOR)
    assert (said.code, said.out) == (1, "")
    assert said.err.strip().endswith("(X12)")


@pytest.mark.parametrize("task", sorted(set(PERSONAL) - {*LISTS}))
def test_a_patient_reads_nobody_elses(desk: Desk, task: str, tmp_path: Path) -> None:
    """X13, where it is a patient's task."""
    if Role.PATIENT not in TASKS[task] or task == "order.show":
        return
    others = {"study": desk.foreign, "dosed_study": desk.foreign}
    other = Desk(desk.world, desk.cli, desk.other, desk.person, desk.order, desk.position, **others)
    said = other.run(task, tmp_path, "--as", f"patient:{desk.person}")
    assert (said.code, said.out) == (1, "")
    assert said.err.strip().endswith("(X13)")


def test_somebody_nobody_knows_is_not_told_to_whom_it_is_no_business(desk: Desk) -> None:
    """Not even that nobody of that number is known."""
    said = desk.cli.run("record", "show", "INS|279035121518989", "--as", CLERK)
    assert said.err.strip().endswith("(W2)")
    assert desk.cli.run("record", "show", "INS|279035121518989", "--as", DOCTOR).code == 3


def test_implausible_values_are_accepted_under_an_access_and_of_a_study_that_is_there(desk: Desk) -> None:
    """Whoever rules on what counts of a patient's dose is let in to that patient, on record."""
    said = desk.cli.run("dose", "accept", UNKNOWN, "1.2.3", "--note", "it was so", "--as", DOCTOR)
    assert (said.code, UNKNOWN in said.err) == (3, True)
    before = desk.world.head
    said = desk.cli.run("dose", "accept", desk.dosed_study, "1.2.3", "--note", "it was so", "--as", DOCTOR)
    assert said.err.strip().endswith("(D4)")  # let in, and of that report nothing is doubted
    assert [(one.type, one.data["kind"]) for one in desk.since(before)] == [("access.viewed", "dose.accept")]
    before = desk.world.head
    said = desk.cli.run("dose", "accept", desk.other_study, "1.2.3", "--note", "it was so", "--as", DOCTOR)
    assert said.err.strip().endswith("(X12)")
    assert [one.type for one in desk.since(before)] == ["access.view_refused"]
