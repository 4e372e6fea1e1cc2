"""Kill -9 at each single step of a carry-out: before each change of a file, each write and each commit of the program.

The steps are not listed here: an erasure that nobody kills tells them, as the places in the program that change
something. Then somebody is erased for each of them: the process is killed there, and the next one goes on.
"""

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from adapters.dicom.inlet import spool_at
from adapters.inbox.answers import forgettings, keep_answer
from domain.aggregates.erasure import Erasure
from domain.aggregates.identity import Identity
from domain.aggregates.study import Study
from domain.commands.directory import RegisterProfessional
from domain.commands.erasures import ApproveErasure, RequestErasure
from domain.commands.orders import PlaceOrder
from domain.commands.studies import WithdrawStudy
from domain.erased_parts import PARTS
from domain.work import Envelope
from krypton.erasing import exports, rows
from krypton.erasing.again import Again
from krypton.policies.fold import no_step
from krypton.policies.looker import Looker
from krypton.services import policies
from krypton.views import lag
from policies.all import POLICIES
from postgres import session
from projections.declared import VIEWS
from streams.broker.topics import PARTITIONS
from tests.fakes.databases import copied
from tests.fakes.dicom import ROOT, instance, new_uid, write
from tests.fakes.erasing import without_delay
from tests.fakes.region import CLINICIAN
from tests.fakes.topic import records
from tests.forked import SERVER
from tests.integration.policy_world import PolicyWorld
from tests.integration.test_erasure_followed import connected
from tests.unit.test_dicom_crash import receive
from tests.waiting import WITHIN_S, until

pytestmark = [pytest.mark.live, pytest.mark.fault]
POLICY = "erasure"
REPOSITORY: Final = Path(__file__).parents[2]
PROGRAM: Final = ("domain", "adapters", "postgres", "projections", "streams", "policies", "krypton")
FRAMES = 4
"""How much of the way into the program tells one step from another."""
SHARES = 6
"""The steps are shared out to so many tests: one for all would take too long for one."""
WRITES = re.compile(r"\b(INSERT|DELETE|TRUNCATE|(?<!FOR )(?<!NO KEY )UPDATE)\b", re.IGNORECASE)
CHANGES = {"os.remove": 0, "os.rmdir": 0, "os.mkdir": 0, "os.truncate": 0, "os.rename": 1, "os.link": 1, "open": 0}
"""What Python tells of changes to files before they are made, and which argument says where."""
NEIGHBOUR = "QXVNEIGHBOUR"
TABLES = """SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"""


class Steps:
    """Tells of each place that changes something, before it does; ends the process at one of them."""

    def __init__(self, home: Path, kill_at: str | None) -> None:
        self._home, self._kill_at = home, kill_at
        self.passed: list[str] = []

    def watch(self) -> None:
        """From now on, for the rest of the process."""
        steps = self

        class Cursor(session._Cursor):
            def execute(self, query: Any, vars: Any = None) -> None:
                if WRITES.search(query.decode() if isinstance(query, bytes) else str(query)):
                    if self.connection.autocommit:
                        steps.reached("write")
                    else:
                        self.connection.wrote = True  # type: ignore[attr-defined]  # a Session
                super().execute(query, vars)

        class Session(session.Session):
            wrote = False

            def commit(self) -> None:
                if self.wrote:
                    steps.reached("commit")
                super().commit()
                self.wrote = False

        session._Cursor, session.Session = Cursor, Session  # type: ignore[misc]
        sys.addaudithook(self._heard)

    def _heard(self, event: str, values: tuple[Any, ...]) -> None:
        if (place := CHANGES.get(event)) is None or not str(values[place]).startswith(str(self._home)):
            return
        if event != "open" or values[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self.reached(event)

    def reached(self, what: str) -> None:
        """One step, named after what it does and the way to it."""
        name = f"{what} at {_way()}"
        self.passed.append(name)
        if name == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def _way() -> str:
    """The innermost places in the program that led here, and which lookup it was."""
    found, lookup = list[str](), ""
    frame: FrameType | None = sys._getframe(2)
    while frame:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(REPOSITORY) and path.relative_to(REPOSITORY).parts[0] in PROGRAM:
            found.append(f"{path.relative_to(REPOSITORY)}:{frame.f_lineno}")
            lookup = lookup or (frame.f_locals["name"] if frame.f_code is Looker._look.__code__ else "")
        frame = frame.f_back
    return " < ".join([*found[:FRAMES], *filter(None, [lookup])])


def without_kafka(patch: pytest.MonkeyPatch) -> None:
    """No Kafka here, where views have read all; and no other process holds keys."""
    patch.setattr(lag, "offsets_behind", lambda *_: {})
    patch.setattr(lag, "has_read", lambda *_: True)
    patch.setattr(rows, "FRESH_S", 0.0)
    patch.setattr(rows, "LOOK_AGAIN_S", 0.0)


def engine(url: str, home: Path, identity: str, kill_at: str | None, told: Path) -> None:
    """In a process of its own: the policy's processor and sender in turn, until the erasure is completed, or killed."""
    without_kafka(pytest.MonkeyPatch())
    steps = Steps(home, kill_at)
    steps.watch()
    ours = connected(url, home)
    fold, sender = policies.store(ours, POLICY, no_step), policies.sender(ours, POLICY)

    def completed() -> bool:
        fold.apply(records(ours.ledger, POLICIES[POLICY].topics, PARTITIONS))
        sender.once()
        return state(ours.ledger, identity) == "completed"

    until(completed, "completed")
    told.write_text(json.dumps(list(dict.fromkeys(steps.passed))))


def state(ledger: Any, identity: str) -> str:
    """How the erasure stands."""
    held = ledger.find(Erasure, Erasure.create_id(ledger.ids, UUID(identity)))
    assert held is not None
    return str(held.state)


@dataclass
class Hospital:
    """A ledger with all that an installation keeps, of a neighbour and of whoever is to be erased."""

    world: PolicyWorld
    home: Path
    inbox: Path
    steps: list[str] = field(default_factory=list)
    count: int = 0

    def admit(self, mark: str) -> str:
        """Somebody with images, one of them put aside and one refused, an order, an import and an opened export."""
        world, spool, self.count = self.world, spool_at(self.world.ours.settings.instances), self.count + 1
        study, uid = f"{ROOT}{self.count}", new_uid()

        def arrives(number: str, below: str, *uids: str) -> None:
            told = {"PatientID": number, "PatientName": f"{number}^ALEX", "StudyInstanceUID": f"{study}.{below}"}
            made = [instance(**told, StudyDescription=f"{number} words", SOPInstanceUID=one) for one in uids]
            files = write(self.inbox / uuid4().hex, made)
            receive(spool, world.ours.ledger, files, lambda _: None)
            for file in files:
                file.unlink()

        arrives(mark, "1", new_uid(), new_uid(), new_uid())
        arrives(f"BESIDE{self.count}", "2", uid)
        arrives(mark, "3", uid)  # put aside: the same UID is another's
        arrives(mark, "4", new_uid())
        identity = Identity.create_id(world.ours.ids, "CHB", mark)
        withdrawn = Study.create_id(world.ours.ids, identity, f"{study}.4")
        world.ask(WithdrawStudy(study=withdrawn, reason=f"{mark} words"))
        arrives(mark, "4", new_uid())  # refused
        order: dict[str, Any] = {"site": "CHB", "ordered_by": CLINICIAN, "modality": "CT", "question": f"{mark}?"}
        world.ask(PlaceOrder(identity=identity, placer_number=f"{mark}-7", **order))
        self._export(mark, str(identity))
        for view in VIEWS:
            world.work(view)
        return str(identity)

    def _export(self, mark: str, identity: str) -> None:
        export = self.home / f"export {mark}"
        export.mkdir()
        (export / exports.UNSEALED).write_text(mark)
        told = {"files": {exports.UNSEALED: "ab", "x": "cd"}, "unsealed": True, "identities": [identity]}
        (export / exports.MANIFEST).write_text(json.dumps(told))
        exports.note(self.home, export, [identity], "auditor:dpo", self.count)

    def imports(self, mark: str) -> None:
        """An import answered which file was refused."""
        spool = spool_at(self.world.ours.settings.instances)
        refused = [{"path": f"/in/{mark}.dcm", "reason": "no DICOM"}]
        keep_answer(spool, uuid4(), "operator:one", {"files": 1, "refused": refused}, forgettings(spool))

    def approve(self, identity: str) -> None:
        ask = RequestErasure(identity=UUID(identity), ground="error", reference="a slip")
        self.world.ours.execute(ask, Envelope("operator:one"))
        self.world.ours.execute(ApproveErasure(identity=UUID(identity)), Envelope("operator:other"))

    def runs(self, identity: str, kill_at: str | None) -> int | None:
        """A process of the policy; how it ended."""
        self.told.unlink(missing_ok=True)
        process = SERVER.Process(target=engine, args=(self.world.url, self.home, identity, kill_at, self.told))
        process.start()
        process.join(WITHIN_S)
        return process.exitcode

    @property
    def told(self) -> Path:
        """Where a process that was not killed says which steps it passed."""
        return self.inbox / "steps.json"

    def finish(self, identity: str) -> None:
        """The next process takes over, and workers and policies go on until nothing is left."""
        world = self.world

        def done() -> bool:
            for view in VIEWS:
                world.work(view)
            world.take_over()
            world.fold(POLICY)
            world.senders.setdefault(POLICY, policies.sender(world.ours, POLICY)).once()
            return state(world.ours.ledger, identity) == "completed"

        until(done, "completed")

    def traces(self, mark: str) -> dict[str, int]:
        """How often a mark is in each table, and in each file."""
        found = {}
        for (table,) in self.world.query(TABLES):
            ((rows_with,),) = self.world.query(f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", f"%{mark}%")
            found[table] = rows_with
        for file in self.home.rglob("*"):
            if file.is_file():
                found[str(file)] = file.read_bytes().count(mark.encode())
        return {place: times for place, times in found.items() if times}

    def events(self, identity: str) -> list[str]:
        """The types of what is stored of an identity and its erasure."""
        ledger = self.world.ours.ledger
        ids = [UUID(identity), Erasure.create_id(ledger.ids, UUID(identity))]
        return [one.topic for one in ledger.log.events_of(ids)]


@pytest.fixture(scope="module")
def hospital(stack: Any, pattern: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """With a neighbour who stays, and the steps that an erasure passes."""
    with pytest.MonkeyPatch.context() as patch, copied(stack, pattern) as url:
        without_kafka(patch)
        world = PolicyWorld(url, tmp_path_factory.mktemp("home"))
        made = Hospital(world, world.ours.settings.home, tmp_path_factory.mktemp("inbox"))
        without_delay(world.ours)
        world.ask(RegisterProfessional(rpps=CLINICIAN, name="Dr Clinicien", profession="physician"))
        made.admit(NEIGHBOUR)
        for mark in ("QXVFIRST", "QXVSECOND"):  # what is made once for all is not there any more
            identity = made.admit(mark)
            made.imports(mark)
            assert len(made.traces(mark)) > 10
            made.approve(identity)
            assert made.runs(identity, None) == 0
        made.steps = json.loads(made.told.read_text())
        yield made
        world.close()


def test_the_steps_are_those_of_all_that_follows(hospital: Hospital) -> None:
    """Each module that removes something does so in one of them, or leads to it."""
    steps = " ".join(hospital.steps)
    for module in ("instances", "answers", "exports"):
        assert f"krypton/erasing/{module}.py" in steps
    for module in ("projections/versions/masking", "adapters/vault/postgres", "adapters/outbox/outbox"):
        assert f"{module}.py" in steps
    assert all(f"erase_{part}" in steps for part in PARTS)
    assert {step.split(" at ")[0] for step in hospital.steps} >= {"write", "commit", "os.remove", "os.rename", "open"}
    assert len(hospital.steps) > 20


@pytest.mark.parametrize("share", range(SHARES))
def test_whatever_step_a_carry_out_is_killed_at_the_next_one_ends_it_and_nobody_comes_back(
    hospital: Hospital, share: int
) -> None:
    before, gone = hospital.traces(NEIGHBOUR), list[str]()
    assert before
    for number in range(share, len(hospital.steps), SHARES):
        kill_at, mark = hospital.steps[number], f"QXV{number:03}GONE"
        identity = hospital.admit(mark)
        hospital.imports(mark)
        gone.append(mark)
        hospital.approve(identity)
        assert hospital.runs(identity, kill_at) == -signal.SIGKILL, kill_at
        hospital.finish(identity)
        types = hospital.events(identity)
        counted = {one: types.count(one) for one in ("identity.erased", "erasure.followed", "erasure.completed")}
        assert counted == {"identity.erased": 1, "erasure.followed": len(PARTS), "erasure.completed": 1}, kill_at
        assert hospital.world.ours.vault.destroyed([identity]) == {identity}, kill_at
        assert hospital.traces(mark) == {}, kill_at
    Again(hospital.world.ours).from_the_start()
    hospital.finish(identity)
    assert [mark for mark in gone if hospital.traces(mark)] == []
    assert hospital.world.query("SELECT count(*) FROM policies.outbox WHERE state IN ('waiting', 'parked')") == [(0,)]
    assert hospital.traces(NEIGHBOUR) == before
