"""The inspector's export: checked by its own verify.py, in a Python without Krypton; tampering is found."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import fastavro
import pytest

from adapters.notary.keys import SigningKey
from domain.actors import Caller
from domain.errors import LedgerAltered, ReasonMissing
from domain.proofs.note import Note, parse
from krypton.auditing.export import FolderNotEmpty, export
from krypton.auditing.history import history
from krypton.bootstrap import Krypton
from krypton.devstack.stack import Stack
from krypton.erasing import exports
from krypton.errors import ServiceUnavailable
from krypton.home import Home
from schemas.event import ERASED
from tests.fakes.erasing import Erase
from tests.integration.audit_world import AUDITOR, AuditWorld, audit_world
from tests.integration.export_tamperings import TAMPERINGS, changed_byte, cut_file, lines, lost_container, relist
from tests.waiting import WITHIN_S

pytestmark = pytest.mark.live
Document = dict[str, Any]
MARK = "QXVMARKFAM"


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[AuditWorld]:
    with audit_world(stack) as made:
        yield made


@pytest.fixture(scope="module")
def person(world: AuditWorld) -> str:
    """Merged once, with studies, a dose and accesses, all of it signed."""
    one, other = world.register(family=MARK), world.register("CHP")
    world.receive(one, dlp=100.25)
    world.merge(one, other)
    world.open(other)
    world.unmerge(one, other)
    world.receive(one)
    world.settle()
    world.sign()
    return one


@pytest.fixture(scope="module")
def exported(world: AuditWorld, person: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "new"
    export(world.krypton, person, folder, AUDITOR, unsealed=False)
    return folder


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    """An export to tamper with."""
    return Path(shutil.copytree(exported, tmp_path / "copy"))


def verify(folder: Path, *words: str) -> tuple[int, str]:
    """Run its verify.py; exit code and what it said."""
    command = [sys.executable, "-I", str(folder / "verify.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_good_export_holds(world: AuditWorld, exported: Path) -> None:
    code, said = verify(exported)
    assert (code, said.startswith("ok: ")) == (0, True), said
    assert "compare it with the operator's" in said


def test_it_holds_against_the_key_from_the_operator(exported: Path) -> None:
    code, said = verify(exported, "--key", (exported / "log.key").read_text())
    assert (code, "compare" in said) == (0, False)


def test_the_events_are_those_of_the_event_store(world: AuditWorld, exported: Path) -> None:
    for event in lines(exported / "events.jsonl"):
        (stored,) = world.krypton.ledger.recorder.select_notifications(event["position"], 1)
        assert (exported / "stored" / f"{event['position']}.bin").read_bytes() == stored.state
        assert (event["type"], event["version"]) == (stored.topic, stored.originator_version)


def test_an_export_tells_how_far_it_is(world: AuditWorld, person: str, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    found = export(
        world.krypton, person, tmp_path / "new", AUDITOR, unsealed=False, reach=lambda *reached: told.append(reached)
    )
    assert told == [(n, found["events"]) for n in range(1, found["events"] + 1)]


def test_any_avro_tool_reads_the_container_files(exported: Path) -> None:
    read: list[tuple[str, str]] = []
    for path in (exported / "avro").iterdir():
        with path.open("rb") as file:
            objects: list[Any] = list(fastavro.reader(file))
        read += [(path.name.partition("-")[0], str(one["command_id"])) for one in objects]
    written = [(str(e["schema"]), e["data"]["command_id"]) for e in lines(exported / "events.jsonl")]
    assert sorted(read) == sorted(written)


def test_nothing_that_names_the_person_is_in_it(exported: Path) -> None:
    assert not [p for p in exported.rglob("*") if p.is_file() and MARK.encode() in p.read_bytes()]


def test_unsealed_it_says_what_the_sealed_fields_hold_and_that_is_on_record(
    world: AuditWorld, person: str, tmp_path: Path
) -> None:
    found = export(world.krypton, person, tmp_path / "new", AUDITOR, unsealed=True)
    opened = lines(tmp_path / "new" / "unsealed.jsonl")
    registered = next(one for one in opened if one["type"] == "identity.registered")
    assert registered["fields"]["traits"]["family"] == MARK
    (asked,) = world.krypton.ledger.recorder.select_notifications(found["access_position"], 1)
    data = world.krypton.codec.decode(asked.state, 1)[1]
    assert (data["kind"], data["unsealed"], data["reason"]) == ("audit.export", True, AUDITOR.reason)
    assert verify(tmp_path / "new")[0] == 0


def test_of_an_erased_person_the_unsealed_fields_read_erased_and_all_proofs_hold(
    world: AuditWorld, tmp_path: Path
) -> None:
    one = world.register(family=MARK)
    world.ask(Erase(identity=UUID(one), reason="asked for"))
    world.krypton.vault.destroy(one)
    world.sign()
    export(world.krypton, one, tmp_path / "new", AUDITOR, unsealed=True)
    (registered,) = [e for e in lines(tmp_path / "new" / "unsealed.jsonl") if e["type"] == "identity.registered"]
    assert registered["fields"]["traits"] == ERASED
    assert verify(tmp_path / "new")[0] == 0
    assert exports.handed_on(world.krypton, [one]) == [], "it names nobody: there is nothing to have destroyed"


def test_exports_of_another_machine_are_counted_here_and_closed_there(world: AuditWorld, tmp_path: Path) -> None:
    one = world.register(family=MARK)
    world.sign()
    for name in ("there", "here"):
        export(world.krypton, one, tmp_path / name, AUDITOR, unsealed=True)
        if name == "there":  # it was asked for under another state folder, which has the note of it
            (tmp_path / "other").mkdir()
            world.krypton.settings.home.joinpath("exports").rename(tmp_path / "other" / "exports")
    export(world.krypton, one, tmp_path / "sealed", AUDITOR, unsealed=False)
    settings = world.krypton.settings
    same_key = replace(settings, home=tmp_path / "other", master_key_file=Home(settings.home).master_key)
    there = Krypton(same_key, world.krypton.addresses)
    world.ask(Erase(identity=UUID(one), reason="error: file 1"))
    exports.follow(world.krypton)
    assert [(tmp_path / name / exports.UNSEALED).exists() for name in ("there", "here")] == [True, False]
    assert exports.asked_for(world.krypton, one) == {"made": 2, "closed": 1, "left": 0, "elsewhere": 1}
    history(there, one, AUDITOR)
    assert not (tmp_path / "there" / exports.UNSEALED).exists()
    assert exports.asked_for(there, one) == {"made": 2, "closed": 1, "left": 0, "elsewhere": 1}


def test_what_is_not_signed_yet_is_left_out_and_counted(world: AuditWorld, person: str, tmp_path: Path) -> None:
    world.open(person)
    found = export(world.krypton, person, tmp_path / "new", AUDITOR, unsealed=False)
    assert found["not_yet_signed"] >= 1
    assert verify(tmp_path / "new")[0] == 0


@pytest.fixture
def altered(world: AuditWorld) -> Iterator[tuple[str, int]]:
    """A person with a study whose site was changed in the event store after it was signed; and its position."""
    one = world.register()
    world.receive(one)
    world.settle()
    world.sign()
    position = world.head
    set_site(world, position, "CHB", "CHX")
    yield one, position
    set_site(world, position, "CHX", "CHB")


def set_site(world: AuditWorld, position: int, was: str, now: str) -> None:
    """Of one event, past all that is ours."""
    changed = (
        "UPDATE ledger.ledger_events SET state = overlay(state PLACING %s FROM position(%s IN state)) WHERE id = %s"
    )
    with world.cursor() as cursor:
        cursor.execute(changed, (now.encode(), was.encode(), position))


def test_an_event_that_was_altered_in_the_store_is_not_exported(
    world: AuditWorld, altered: tuple[str, int], tmp_path: Path
) -> None:
    one, position = altered
    with pytest.raises(LedgerAltered, match=f"at position {position} is not the one that was signed"):
        export(world.krypton, one, tmp_path / "new", AUDITOR, unsealed=False)
    assert not (tmp_path / "new").exists()


def test_a_person_whose_own_event_cannot_be_read_is_not_answered_about(world: AuditWorld, tmp_path: Path) -> None:
    one = world.register()
    cut = "UPDATE ledger.ledger_events SET state = substring(state FROM 1 FOR 60) WHERE id = %s"
    with world.cursor() as cursor:
        cursor.execute(cut, (world.head,))
    said = world.cli.complaint(1, "audit", "history", one)
    assert said.startswith("refused: an event cannot be read (truncated or damaged body of identity.registered.v1")
    assert said.endswith("see krypton audit verify")


def test_a_folder_that_holds_something_is_refused(world: AuditWorld, person: str, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FolderNotEmpty):
        export(world.krypton, person, tmp_path, AUDITOR, unsealed=False)
    assert "is not empty: give a new folder" in world.cli.run("audit", "export", person, "--out", tmp_path).err


def test_without_a_reason_nothing_is_exported(world: AuditWorld, person: str, tmp_path: Path) -> None:
    with pytest.raises(ReasonMissing):
        export(world.krypton, person, tmp_path / "new", Caller("auditor:other", ""), unsealed=False)
    assert not (tmp_path / "new").exists()


def test_before_anything_is_signed_there_is_nothing_to_prove(stack: Stack, tmp_path: Path) -> None:
    with audit_world(stack) as new:
        one = new.register()
        with pytest.raises(ServiceUnavailable, match="nothing is signed yet"):
            export(new.krypton, one, tmp_path / "new", AUDITOR, unsealed=False)


def test_the_command_says_how_to_check_it(world: AuditWorld, person: str, tmp_path: Path) -> None:
    said = world.cli.show("audit", "export", person, "--out", tmp_path / "new", "--wait", "0", "--reason", "inspection")
    assert f"python3 -I {tmp_path / 'new' / 'verify.py'}" in said
    assert verify(tmp_path / "new")[0] == 0


# --- tampering ---


@pytest.mark.parametrize(("tamper", "words"), TAMPERINGS, ids=[t.__name__ for t, _ in TAMPERINGS])
def test_a_tampering_is_found_and_named_even_where_the_manifest_was_made_to_fit(
    copy: Path, tamper: Callable[[Path], None], words: str
) -> None:
    tamper(copy)
    if tamper is not cut_file:
        relist(copy)
    code, said = verify(copy)
    assert (code, said.startswith("FAILED: ")) == (1, True)
    assert words in said or "not the file that was exported" in said


@pytest.mark.parametrize("tamper", [changed_byte, lost_container, cut_file], ids=lambda t: t.__name__)
def test_a_careless_one_is_found_by_the_manifest(copy: Path, tamper: Callable[[Path], None]) -> None:
    tamper(copy)
    code, said = verify(copy)
    assert code == 1
    assert "not the file that was exported" in said or "files added or lost" in said


def test_a_forged_key_beside_a_forged_checkpoint_is_found_with_the_operators_key(copy: Path) -> None:
    operators = (copy / "log.key").read_text()
    note = parse((copy / "checkpoint").read_text())
    key = SigningKey.new(note.text.split("\n")[0])
    (copy / "checkpoint").write_text(Note(note.text, (key.sign(note.text),)).format())
    (copy / "log.key").write_text(key.verifier.format())
    relist(copy)
    assert verify(copy)[0] == 0
    code, said = verify(copy, "--key", operators)
    assert (code, "it is not signed by" in said) == (1, True)
