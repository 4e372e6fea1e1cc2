"""Tamper evidence on a real Kafka and PostgreSQL: what is altered in either log is found and named."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from domain.proofs.note import Checkpoint, Note
from krypton import notary_service
from krypton.bootstrap import Krypton
from krypton.devstack.stack import Stack
from krypton.log_keys import signing_key
from krypton.tampering import Kind, Log
from krypton.verifying import Question, verify
from schemas.event import Record
from tests.integration.live_cli import CommandLine
from tests.integration.live_ledger import LiveLedger, live_ledger
from tests.integration.proof_world import altered, heads, krypton, mirror, records_of, relay_all, verdict

pytestmark = pytest.mark.live

EVENTS = 1_200
AT = 600  # a position in the middle
TABLE = "ledger.ledger_events"


@pytest.fixture(scope="module")
def ledger(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveLedger]:
    """All relayed and signed. Each test puts back what it altered."""
    with live_ledger(stack, tmp_path_factory.mktemp("logs")) as made:
        made.register(EVENTS)
        relay_all(made)
        notary_service.sign_now(krypton(made))
        yield made


@pytest.fixture(scope="module")
def ours(ledger: LiveLedger) -> Krypton:
    """What verifies."""
    return krypton(ledger)


FLIP = f"UPDATE {TABLE} SET state = set_byte(state, 90, (get_byte(state, 90) + 1) % 256) WHERE id = {AT}"
INSERT = f"INSERT INTO {TABLE} SELECT 0, gen_random_uuid(), 1, topic, state FROM {TABLE} WHERE id = {AT}"
SWAP = f"""UPDATE {TABLE} AS event SET state = other.state, originator_id = other.originator_id
FROM (SELECT id, state, originator_id FROM {TABLE}) AS other
WHERE event.id IN ({AT}, {AT + 1}) AND other.id = 2 * {AT} + 1 - event.id"""
UNIQUE = "DROP INDEX ledger.ledger_events_aggregate_idx"
AGAIN = f"CREATE UNIQUE INDEX ledger_events_aggregate_idx ON {TABLE} (originator_id, originator_version)"
OWN, NEXT = f"positions @> ARRAY[{AT}::bigint]", f"positions @> ARRAY[{AT + 1}::bigint]"
TAKE = f"UPDATE ledger.command SET positions = positions || {AT}::bigint WHERE {NEXT}"
LEAVE = f"UPDATE ledger.command SET positions = '{{}}' WHERE positions = ARRAY[{AT}::bigint]"
IN_STORE: dict[str, tuple[tuple[str, ...], int, Kind]] = {
    "bytes changed": ((FLIP,), AT, Kind.CHANGED),
    "type changed": ((f"UPDATE {TABLE} SET topic = 'identity.flagged' WHERE id = {AT}",), AT, Kind.CHANGED),
    "version changed": ((f"UPDATE {TABLE} SET originator_version = 7 WHERE id = {AT}",), AT, Kind.CHANGED),
    "row gone": ((f"DELETE FROM {TABLE} WHERE id = {AT}",), AT, Kind.MISSING),
    "row moved": ((f"UPDATE {TABLE} SET id = 5000000 WHERE id = {AT}",), AT, Kind.REORDERED),
    "rows swapped": ((UNIQUE, SWAP, AGAIN), AT, Kind.REORDERED),
    "end cut off": ((f"DELETE FROM {TABLE} WHERE id > {AT}",), AT + 1, Kind.TRUNCATED),
    "row inserted": ((INSERT,), 0, Kind.EXTRA),
    "command forgotten": ((f"DELETE FROM ledger.command WHERE {OWN}",), AT, Kind.COMMAND_ALTERED),
    "command repeated": ((TAKE, LEAVE), AT, Kind.COMMAND_REPEATED),
}


@pytest.mark.parametrize(("statements", "position", "kind"), IN_STORE.values(), ids=IN_STORE)
def test_an_altered_event_store_is_found(
    ledger: LiveLedger, ours: Krypton, statements: tuple[str, ...], position: int, kind: Kind
) -> None:
    with altered(ledger, *statements):
        found = verdict(ours).difference
    assert found
    assert (found.position, found.log, found.kind) == (position, Log.EVENT_STORE, kind)


def test_an_untouched_ledger_is_whole(ours: Krypton) -> None:
    found = verdict(ours)
    assert (found.difference, found.events, found.waiting) == (None, EVENTS + 1, 0)
    assert found.checkpoints >= 2


def test_since_a_checkpoint_only_what_follows_is_compared(ours: Krypton) -> None:
    known = heads(ours)
    since = known.signed[0].size
    found = verify(ours, Question(known, since=since))
    assert (found.difference, found.events) == (None, EVENTS + 1 - since)
    assert found.root == verdict(ours).root


@pytest.fixture(scope="module")
def cli(ledger: LiveLedger, ours: Krypton) -> CommandLine:
    """The command line of this ledger."""
    settings = {
        "KRYPTON_KAFKA": ours.addresses.kafka,
        "KRYPTON_DATABASE": ledger.database,
        "KRYPTON_LOG_FOLDER": str(ours.settings.log_folder),
        "KRYPTON_LOG_KEY_FILE": str(ours.settings.log_key),
    }
    return CommandLine(ledger.stack.root, tuple(settings.items()))


def test_the_command_line_verifies_as_other_programs_read_it(cli: CommandLine) -> None:
    said = cli.ask("audit", "verify")
    assert (said["events"], said["event_store"], said["kafka"], said["first_difference"]) == (
        EVENTS + 1,
        "ok",
        "ok",
        None,
    )
    assert said["root"] == cli.ask("audit", "checkpoint")["root"]


def test_the_command_line_names_a_difference_and_ends_with_1(cli: CommandLine, ledger: LiveLedger) -> None:
    with altered(ledger, FLIP):
        complaint = cli.complaint(1, "audit", "verify", "--json")
    assert complaint.startswith("changed: position 600 does not hold the event that was signed")


def test_a_proof_is_checked_with_the_public_key_alone(cli: CommandLine, ledger: LiveLedger, tmp_path: Path) -> None:
    key = cli.show("audit", "checkpoint", "--key").strip()
    proof, event = tmp_path / "event.tlog-proof", tmp_path / "event"
    proof.write_text(cli.show("audit", "prove", AT))
    event.write_bytes(bytes(ledger.query(f"SELECT state FROM {TABLE} WHERE id = {AT}")[0][0]))
    elsewhere = CommandLine(tmp_path)
    assert elsewhere.ask("audit", "check-proof", proof, "--key", key, "--event", event)["position"] == AT
    event.write_bytes(b"other")
    said = elsewhere.complaint(1, "audit", "check-proof", proof, "--key", key, "--event", event)
    assert "does not hold the bytes" in said
    assert "not found" in elsewhere.complaint(3, "audit", "check-proof", proof)


def test_two_sizes_are_proven_consistent_and_a_witness_cosigns(cli: CommandLine, tmp_path: Path) -> None:
    assert cli.ask("audit", "prove", "--from", 768, "--to", 1_000)["proof"]
    assert cli.show("audit", "prove", "--from", 768).startswith("old 768\n")
    head, key = tmp_path / "checkpoint", tmp_path / "witness.key"
    head.write_text(cli.show("audit", "checkpoint"))
    cosigned = cli.show("audit", "cosign", head, "--key", key, "--new", "witness.example/w1")
    assert cosigned.startswith(head.read_text())
    assert "\n— witness.example/w1 " in cosigned
    cli.show("audit", "cosign", head, "--key", key)


def test_the_ledger_is_held_to_checkpoints_that_somebody_kept(cli: CommandLine, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text(cli.show("audit", "checkpoint"))
    assert cli.ask("audit", "verify", "--against", kept)["first_difference"] is None
    assert cli.ask("audit", "verify", "--since", kept)["events"] == 0
    kept.write_text(kept.read_text().replace("\n1201\n", "\n1200\n"))
    assert cli.complaint(1, "audit", "verify", "--against", kept).startswith("forged checkpoint: a checkpoint in")
    assert "as a file, as a topic" in cli.complaint(3, "audit", "verify", "--against", "nothing-of-that-name")


def test_since_a_kept_checkpoint_the_ledger_must_have_its_root(cli: CommandLine, ours: Krypton, tmp_path: Path) -> None:
    """Whoever holds the key signed another ledger: size and signature are right, and only the root tells."""
    kept, key = tmp_path / "kept", signing_key(ours.settings)
    text = Checkpoint(key.name, EVENTS + 1, sha256(b"as it was").digest()).text()
    kept.write_text(Note(text, (key.sign(text),)).format())
    said = cli.complaint(1, "audit", "verify", "--since", kept)
    assert said.startswith(f"forged checkpoint: the checkpoint in {kept} is signed")
    kept.write_text(kept.read_text().replace(f"\n{EVENTS + 1}\n", f"\n{EVENTS}\n"))
    assert "is not to be believed: the signature of" in cli.complaint(1, "audit", "verify", "--since", kept)


def test_the_command_line_restores_what_is_missing(cli: CommandLine, ledger: LiveLedger) -> None:
    with altered(ledger, f"DELETE FROM {TABLE} WHERE id = {AT}"):
        assert cli.ask("restore", "event-store", "--from-kafka")["events"] == 1
        assert cli.ask("audit", "verify")["first_difference"] is None
    assert cli.ask("republish", "--from", 1)["events"] == 0


def swapped(lane: list[Record]) -> list[Record]:
    return [*lane[:3], lane[4], lane[3], *lane[5:]]


def changed(lane: list[Record]) -> list[Record]:
    return [*lane[:3], lane[3]._replace(value=lane[4].value[:-1] + b"x"), *lane[4:]]


IN_COPY: dict[str, tuple[Callable[[list[Record]], list[Record]], Kind]] = {
    "bytes changed": (changed, Kind.CHANGED),
    "record gone": (lambda lane: [*lane[:3], *lane[4:]], Kind.MISSING),
    "records swapped": (swapped, Kind.REORDERED),
    "end cut off": (lambda lane: lane[:3], Kind.TRUNCATED),
}


@pytest.mark.parametrize(("plant", "kind"), IN_COPY.values(), ids=IN_COPY)
def test_an_altered_copy_of_kafka_is_found(
    ours: Krypton, plant: Callable[[list[Record]], list[Record]], kind: Kind
) -> None:
    kafka = ours.addresses.kafka
    lanes = records_of(kafka)
    chosen = max(lanes, key=lambda lane: len(lanes[lane]))
    position = int(dict(lanes[chosen][3].headers)["position"])
    prefix = f"copy-{kind.name.lower()}"
    mirror(kafka, prefix, lanes | {chosen: plant(lanes[chosen])})
    found = verdict(ours, f"{prefix}.").difference
    assert found
    assert (found.position, found.log, found.kind) == (position, Log.KAFKA, kind)
