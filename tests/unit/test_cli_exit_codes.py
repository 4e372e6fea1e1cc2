"""What the command line answers where nothing runs, or where it is asked wrongly: exit codes and sentences."""

import base64
from pathlib import Path

import pytest

from tests.fakes.ports import free_port
from tests.fakes.roles import every_role_by_name
from tests.integration.live_cli import CLINICIAN, CommandLine

UUID = "00000000-0000-0000-0000-000000000001"
REF = "CHB|MARKED-ID"
NEEDS_LEDGER = [
    "init",
    "wait --timeout 1",
    "topics",
    "events",
    "relay",
    "worker patient_record",
    "dicom serve",
    "site list",
    "site enroll CHB --name Essai",
    "professional list",
    f"identity show {REF}",
    f"identity merge {REF} {UUID} --reason essai",
    "identity review list",
    f"record show {REF}",
    f"dose show {REF}",
    "dose alerts",
    f"consent code {REF}",
    f"consent show {REF}",
    f"access open {REF} --as rpps:10101201233 --reason essai",
    f"order show {UUID}",
    f"order cancel {UUID} --reason essai",
    f"reading accept {UUID} --by 10101201233",
    f"study withdraw {UUID} --reason essai",
    f"audit accesses {REF}",
    "ingest --site CHB .",
    "views status",
    "dead-letters list",
    "dead-letters replay 1",
]
WAIT_FOR_THE_DATABASE = {"relay", "worker patient_record", "dicom serve"}  # as services do
ASK_KAFKA_FIRST = {"topics", "events", "views status"}


@pytest.fixture
def nothing_runs(tmp_path: Path) -> CommandLine:
    """A state folder that holds nothing."""
    return CommandLine(tmp_path / "empty", (("KRYPTON_ROLES", str(every_role_by_name(CLINICIAN))),))


@pytest.fixture
def nobody_answers(tmp_path: Path) -> CommandLine:
    """Servers of one's own, at a port where nobody listens."""
    closed = f"127.0.0.1:{free_port()}"
    key = base64.b64encode(bytes(32)).decode()
    given = {
        "KRYPTON_DATABASE": f"postgresql://u:hush@{closed}/k",
        "KRYPTON_KAFKA": closed,
        "KRYPTON_MASTER_KEY": key,
    }
    return CommandLine(tmp_path, tuple(given.items()))


@pytest.mark.parametrize("command", NEEDS_LEDGER)
def test_where_nothing_runs_the_service_and_the_command_that_starts_it_are_named(
    nothing_runs: CommandLine, command: str
) -> None:
    said = nothing_runs.complaint(4, *command.split())
    assert said.startswith("unavailable: kafka does not run")
    assert "run krypton dev up, or set KRYPTON_KAFKA" in said
    assert not nothing_runs.home.exists()


def test_a_folder_that_cannot_be_is_wrong_usage_and_no_traceback(nothing_runs: CommandLine) -> None:
    said = nothing_runs.complaint(2, "dev", "samples", "/dev/null/samples")
    assert said.startswith("usage: /dev/null/samples")
    assert "(Not a directory): name another file or folder" in said


@pytest.mark.parametrize("command", [c for c in NEEDS_LEDGER if c not in WAIT_FOR_THE_DATABASE | ASK_KAFKA_FIRST])
def test_a_database_that_does_not_answer_is_named_and_its_password_is_not(
    nobody_answers: CommandLine, command: str
) -> None:
    said = nobody_answers.complaint(4, *command.split())
    assert said.startswith("unavailable: the database does not answer")
    assert "run krypton dev up, or check KRYPTON_DATABASE" in said
    assert "hush" not in said


def test_a_broker_that_does_not_answer_is_named(nobody_answers: CommandLine) -> None:
    said = nobody_answers.run_apart("topics")
    assert said.code == 4
    assert said.err.startswith("unavailable: kafka does not answer at 127.0.0.1:")
    assert said.err.endswith("run krypton dev up, or check KRYPTON_KAFKA\n")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("identity", "Usage: krypton identity"),
        ("identity show", "Missing argument 'ref'"),
        (f"identity merge {REF} {UUID}", "Missing option '--reason'"),
        ("identity shew", "No such command 'shew'"),
        ("identity register --sex X", "'X' is not one of 'M', 'F', 'I'"),
        ("order cancel 12 --reason x", "Input should be a valid UUID"),
        ("site list --jsn", "No such option: --jsn"),
        ("consent grant CHB|1 --to everyone --until tomorrow", "Input should be a valid datetime"),
        ("identity import /nowhere.csv", "there is no file /nowhere.csv"),
        ("identity status CHB|1 --to GOOD --reason x", "'GOOD' is not one of"),
    ],
)
def test_wrong_usage_says_what_was_expected(nothing_runs: CommandLine, command: str, words: str) -> None:
    said = nothing_runs.run(*command.split())
    assert said.code == 2
    assert words in said.out + said.err


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("KRYPTON_DICOM_PORT", "many", "must be a whole number"),
        ("KRYPTON_DATABASE", "mysql://x", "must be a URL: postgresql://"),
        ("KRYPTON_BATCH_QUIET_S", "-1", "must be seconds, above 0"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_must_be(tmp_path: Path, name: str, value: str, words: str) -> None:
    said = CommandLine(tmp_path, ((name, value),)).complaint(2, "site", "list")
    assert said.startswith(f"settings: {name}")
    assert words in said


def test_a_missing_master_key_says_how_to_give_one(nobody_answers: CommandLine) -> None:
    without = CommandLine(nobody_answers.home, nobody_answers.settings[:2])
    assert "set KRYPTON_MASTER_KEY_FILE" in without.complaint(2, "site", "list")


def test_help_is_no_error(nothing_runs: CommandLine) -> None:
    assert "health-record ledger" in nothing_runs.show("--help")
    assert "--reason" in nothing_runs.show("identity", "merge", "-h")
