"""Kill -9 between the steps of an erasure: all that is left of the person follows, and nothing of anybody else."""

import base64
import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest

from adapters.dicom.inlet import spool_at
from adapters.inbox.answers import answer_of, forgettings, keep_answer
from adapters.inbox.filed import file_under
from domain.actors import Caller
from domain.commands.announced import AnnouncedPatient, AnnouncePatient
from domain.commands.directory import RegisterProfessional
from domain.commands.erasures import ApproveErasure, RequestErasure
from domain.commands.orders import PlaceOrder
from domain.work import Envelope
from krypton.addresses import Addresses
from krypton.bootstrap import Krypton
from krypton.erasing import exports, lapsed, many, rows, shown, status, waiting
from krypton.erasing.again import Again
from krypton.services import policies
from krypton.settings import Settings
from krypton.views import lag
from policies.all import POLICIES
from projections.declared import VIEWS
from schemas.event import ERASED
from streams.broker.topics import PARTITIONS
from tests.fakes.erasing import without_delay
from tests.fakes.region import CLINICIAN, received
from tests.fakes.topic import records
from tests.forked import SERVER
from tests.integration.policy_world import PolicyWorld
from tests.waiting import WITHIN_S, until

pytestmark = [pytest.mark.live, pytest.mark.fault]
ROUNDS = 40
POLICY = "erasure"
PARTS = ("key", "instances", "answers", "exports", "views")
KILLS = (
    "claimed",
    "executed",
    "key removed",
    "instances removed",
    "answers removed",
    "exports removed",
    "views removed",
)


def connected(url: str, home: Path) -> Krypton:
    """As a process of its own would be."""
    settings = Settings(home, database=url, test_given=True, master_key_base64=base64.b64encode(bytes(32)).decode())
    return Krypton(settings, Addresses("127.0.0.1:1", url))


@dataclass
class Ward:
    """Two people with all that an installation keeps; the first is approved to be erased."""

    world: PolicyWorld
    home: Path
    erased: str
    other: str
    files: dict[str, Path]
    export: Path
    imported: UUID

    def texts(self) -> dict[str, set[Any]]:
        """Descriptions of studies and numbers of orders in the live rows, by identity."""
        found: dict[str, set[Any]] = {}
        for table, column in (("study", "description"), ("exam_order", "placer_number")):
            for identity, text in self.world.query(f"SELECT identity_id::text, {column} FROM patient_record.{table}"):
                found.setdefault(identity, set()).add(text)
        return found


@pytest.fixture
def ward(installed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ward]:
    monkeypatch.setattr(lag, "offsets_behind", lambda *_: {})  # no Kafka here, and views have read all
    monkeypatch.setattr(lag, "has_read", lambda *_: True)
    monkeypatch.setattr(rows, "FRESH_S", 0.0)  # no other process holds keys here
    world = PolicyWorld(installed_url, tmp_path)
    without_delay(world.ours)
    world.ask(RegisterProfessional(rpps=CLINICIAN, name="Dr Clinicien", profession="physician"))
    people: dict[str, str] = {}
    files: dict[str, Path] = {}
    spool = spool_at(world.ours.settings.instances)
    for who in ("erased", "other"):
        came = world.ask(received("CHA", f"2.25.{len(people) + 1}", local_id=who, stated={"family": "FICTIVE"}))
        people[who] = str(came.result["identity"])
        world.ask(
            PlaceOrder(
                identity=UUID(people[who]),
                site="CHA",
                ordered_by=CLINICIAN,
                modality="CT",
                question="stones?",
                placer_number=f"N-{who}",
            )
        )
        files[who] = spool.claim("CHA", f"1.2.{len(people)}")
        files[who].parent.mkdir(parents=True)
        files[who].write_text("pixels")
        file_under(spool, str(came.result["study"]), [spool.claim_below("CHA", files[who].name)])
    imported = uuid4()
    refused = [{"path": "/in/FICTIVE_ALEX.dcm", "reason": "no DICOM"}]
    keep_answer(spool, imported, "operator:one", {"files": 1, "refused": refused}, 0)
    export = tmp_path / "export"
    export.mkdir()
    (export / exports.UNSEALED).write_text("FICTIVE")
    (export / exports.MANIFEST).write_text(json.dumps({"files": {exports.UNSEALED: "ab", "x": "cd"}, "unsealed": True}))
    exports.note(tmp_path, export, [people["erased"]], "auditor:dpo", 1)
    for view in VIEWS:
        world.work(view)
    erased = UUID(people["erased"])
    world.ours.execute(RequestErasure(identity=erased, ground="error", reference="file 1"), Envelope("operator:one"))
    world.ours.execute(ApproveErasure(identity=erased), Envelope("operator:other"))
    yield Ward(world, tmp_path, people["erased"], people["other"], files, export, imported)
    world.close()


def engine(url: str, home: Path, kill_at: str) -> None:
    """In a process of its own: the policy's processor and sender in turn; killed at a step."""

    def step(name: str) -> None:
        if name == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    patch = pytest.MonkeyPatch()
    patch.setattr(lag, "offsets_behind", lambda *_: {})
    patch.setattr(lag, "has_read", lambda *_: True)
    ours = connected(url, home)
    fold, sender = policies.store(ours, POLICY, step), policies.sender(ours, POLICY, step)
    for _ in range(ROUNDS):
        fold.apply(records(ours.ledger, POLICIES[POLICY].topics, PARTITIONS))
        step("stored")
        sender.once()


def test_an_erasure_that_is_killed_at_each_step_in_turn_is_whole(ward: Ward) -> None:
    """Each process goes on where the one before was killed."""
    for kill_at in KILLS:
        process = SERVER.Process(target=engine, args=(ward.world.url, ward.home, kill_at))
        process.start()
        process.join(WITHIN_S)
        assert process.exitcode == -signal.SIGKILL, kill_at
    finish(ward)
    types = ward.world.types(0)
    assert (types["identity.erased"], types["erasure.followed"], types["erasure.completed"]) == (1, len(PARTS), 1)
    assert ward.world.ours.vault.destroyed([ward.erased, ward.other]) == {ward.erased}
    assert {who: file.exists() for who, file in ward.files.items()} == {"erased": False, "other": True}
    assert ward.texts() == {ward.erased: {ERASED}, ward.other: {"an exam", "N-other"}}
    results = ward.world.query("SELECT result->>'placer_number' FROM ledger.command WHERE result ? 'placer_number'")
    assert {number for (number,) in results} == {ERASED, "N-other"}
    answer = answer_of(spool_at(ward.world.ours.settings.instances), ward.imported, "operator:one")
    assert answer == {"files": 1, "refused": [{"path": ERASED, "reason": "no DICOM"}]}
    assert not (ward.export / exports.UNSEALED).exists()
    assert json.loads((ward.export / exports.MANIFEST).read_text()) == {"files": {"x": "cd"}, "unsealed": False}


def finish(ward: Ward) -> None:
    """The next process takes over."""
    world = ward.world

    def done() -> bool:
        world.take_over()
        world.fold(POLICY)
        world.senders.setdefault(POLICY, policies.sender(world.ours, POLICY)).once()
        return bool(status.of_identity(world.ours, UUID(ward.erased))[0]["state"] == "completed")

    until(done, "completed")


def test_an_outbox_that_was_lost_asks_again_and_nothing_that_came_since_is_removed(ward: Ward) -> None:
    """What the ledger has noted is done: exports and imports of today are about people who live."""
    finish(ward)
    world, spool = ward.world, spool_at(ward.world.ours.settings.instances)
    imported, told = uuid4(), {"files": 1, "refused": [{"path": "/in/OTHER.dcm", "reason": "no DICOM"}]}
    keep_answer(spool, imported, "operator:one", told, forgettings(spool))
    (ward.export / exports.UNSEALED).write_text("AUTRE")
    (ward.export / exports.MANIFEST).write_text(json.dumps({"files": {exports.UNSEALED: "ab"}, "unsealed": True}))
    exports.note(ward.home, ward.export, [ward.erased, ward.other], "auditor:dpo", 1)
    before = world.types(0)
    world.query("UPDATE policies.outbox SET state = 'waiting', attempts = 0, try_at = 0 WHERE does LIKE 'erase\\_%'")
    left = "does LIKE 'erase\\_%' AND state = 'waiting'"

    def done() -> bool:
        world.senders[POLICY].once()
        return not world.outbox("id", left)

    assert len(world.outbox("id", left)) == len(PARTS)
    until(done, "asked again")
    assert world.types(0) == before
    assert answer_of(spool, imported, "operator:one") == told
    assert (ward.export / exports.UNSEALED).exists()


def test_an_export_that_was_moved_is_told(ward: Ward) -> None:
    ward.export.rename(ward.home / "handed on")
    finish(ward)
    (told,) = status.of_identity(ward.world.ours, UUID(ward.erased))[0]["exports"]
    assert (told["folder"], told["asked_by"]) == (str(ward.export), "auditor:dpo")


def test_what_exports_cover_is_told_once_they_followed(ward: Ward) -> None:
    finish(ward)
    (told,) = status.of_identity(ward.world.ours, UUID(ward.erased))
    assert (told["exports"], told["exports_cover"]) == ([], status.COVERS_EXPORTS)
    assert told["opened_exports"] == {"made": 0, "closed": 0, "left": 0, "elsewhere": 0}


@pytest.mark.parametrize(
    ("once", "then", "said"),
    [
        ("state = 'building'", "state = 'live'", "which is being built"),
        ("until = 1", "until = NULL", "which was built up to a position"),
        ("code = 'x'", "code = %s", "which another release made"),
    ],
)
def test_rows_wait_for_a_version_that_is_built_or_was_up_to_a_position_or_is_anothers(
    ward: Ward, once: str, then: str, said: str
) -> None:
    """A rebuild may have opened what it will write later; what ends at a position never reads of the erasure."""
    ((code,),) = ward.world.query("SELECT code FROM views.view_version WHERE view = 'cumulative_dose'")
    ward.world.query(f"UPDATE views.view_version SET {once} WHERE view = 'cumulative_dose'")
    sender = policies.sender(ward.world.ours, POLICY)

    def left() -> list[str]:
        ward.world.fold(POLICY)
        sender.once()
        found: list[str] = status.of_identity(ward.world.ours, UUID(ward.erased))[0]["left"]
        return found

    until(lambda: left() == ["views"], "all but rows")
    (waits,) = status.of_identity(ward.world.ours, UUID(ward.erased))[0]["waits"]
    assert waits["for"] == f"cumulative_dose v1, {said}"
    assert "krypton views drop cumulative_dose --version 1" in waits["do"]
    ward.world.query(f"UPDATE views.view_version SET {then} WHERE view = 'cumulative_dose'", *[code] * then.count("%s"))
    finish(ward)


def test_where_nothing_else_is_waited_for_it_is_views_that_have_not_read(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lag, "has_read", lambda *_: False)
    sender = policies.sender(ward.world.ours, POLICY)

    def stands() -> dict[str, Any]:
        ward.world.fold(POLICY)
        sender.once()
        return status.of_identity(ward.world.ours, UUID(ward.erased))[0]

    until(lambda: stands()["left"] == ["views"], "all but rows")
    assert stands()["waits"] == [waiting.UNREAD]


def test_a_folder_of_yesterday_brings_no_instance_back(ward: Ward) -> None:
    """The list of the study comes back with it, and the ledger knows which studies they were."""
    spool, study = spool_at(ward.world.ours.settings.instances), next((ward.home / "dicom/filed").glob("*/*"))
    lists = {file: file.read_text() for file in (ward.home / "dicom/filed").glob("*/*")}
    finish(ward)
    for file, told in lists.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(told)
    ward.files["erased"].write_text("pixels")
    assert Again(ward.world.ours).follow() == 1
    assert status.of_identity(ward.world.ours, UUID(ward.erased))[0]["instances"] == status.COVERS
    assert {who: file.exists() for who, file in ward.files.items()} == {"erased": False, "other": True}
    assert (spool.root / "filed").exists()
    assert study.parent.exists()


def test_a_missed_deadline_is_told(ward: Ward) -> None:
    """Nobody runs the policy: a day after it was due it is late."""
    from adapters.outbox.operators import late_erasures

    ward.world.fold(POLICY)
    day = 24 * 3600 * 1_000_000
    with closing(psycopg2.connect(ward.world.url)) as connection:
        due = ward.world.outbox("due_at", f"policy = '{POLICY}'")[0][0]
        assert late_erasures(connection, due + day) == (0, None)
        assert late_erasures(connection, due + day + 1) == (1, due + day)


def test_whose_retention_is_over_is_found_and_requested_once(ward: Ward) -> None:
    stated: dict[str, str | None] = {"family": "FICTIVE", "birth_date": "1950-01-01"}
    came = replace(received("CHA", "2.25.9", local_id="old", stated=stated), started_at="2001-02-03T10:00:00")
    identity = ward.world.ask(came).result["identity"]
    sent = received("CHA", "2.25.10", local_id="dead clock", stated=stated)
    ward.world.ours.execute(replace(sent, started_at="2001-02-03T10:00:00"), Envelope("aet:CT1"))
    ward.world.ask(replace(came, study_uid="2.25.11", patient=replace(came.patient, local_id="admitted")))
    admitted = AnnouncedPatient(local_id="admitted", stated=stated)
    ward.world.ask(AnnouncePatient(site="CHA", patient=admitted, content="x", seen=()))
    for view in VIEWS:
        ward.world.work(view)
    found = over(ward)
    assert found == [{"identity": identity, "assigner": "CHA", "last": "2001-02-03", "state": None}]
    by = Envelope("operator:one")
    told = [many.request(ward.world.ours, found, "list 2026", by) for _ in range(2)]
    assert told[0] == told[1]
    assert (told[0]["requested"], told[0]["refused"]) == (1, [])
    assert [one["state"] for one in over(ward)] == ["requested"]
    first, second = (Caller(one, "the list was checked") for one in ("operator:one", "operator:second"))
    assert shown.to_approve(ward.world.ours, first, "list 2026") == []
    (waits,) = shown.to_approve(ward.world.ours, second, "list 2026")
    assert (waits["identity"], waits["requested_by"], waits["last"]) == (identity, "operator:one", "2001-02-03")
    assert many.approve(ward.world.ours, [waits], Envelope("operator:second"))["approved"] == 1
    assert shown.to_approve(ward.world.ours, second, "list 2026") == []


def over(ward: Ward) -> list[dict[str, Any]]:
    """Whose retention is over."""
    with ward.world.ours.snapshot() as connection:
        return list(lapsed.lapsed(ward.world.ours, connection))
