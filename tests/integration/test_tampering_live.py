"""Tamper evidence on a real Kafka and PostgreSQL: what is altered in either log is found and named."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest

from adapters.notary.keys import SigningKey
from domain.proofs.note import Checkpoint, Note
from krypton.bootstrap import Krypton
from krypton.devstack.stack import Stack
from krypton.integrity.checkpoints import published
from krypton.integrity.findings import Kind, Log
from krypton.integrity.keys import signing_key
from krypton.integrity.verify import Question, verify
from krypton.settings import Settings
from schemas.event import Record
from streams.broker.checkpoints import Publisher
from streams.broker.topics import CHECKPOINTS, PARTITIONS
from tests.fakes.two_logs import with_header
from tests.integration.live_cli import CommandLine
from tests.integration.live_ledger import LiveLedger, live_ledger
from tests.integration.proof_world import (
    altered,
    empty,
    heads,
    krypton,
    mirror,
    records_of,
    relay_and_sign,
    run_sql,
    send,
    topics,
    verdict,
)

pytestmark = pytest.mark.live

EVENTS = 1_200
AT = 600  # a position in the middle
TABLE = "ledger.ledger_events"


@pytest.fixture(scope="module")
def ledger(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveLedger]:
    """All relayed and signed. Each test puts back what it altered."""
    with live_ledger(stack, tmp_path_factory.mktemp("logs")) as made:
        made.register(EVENTS)
        relay_and_sign(made)
        yield made


@pytest.fixture(scope="module")
def ours(ledger: LiveLedger) -> Krypton:
    """What verifies."""
    return krypton(ledger)


FLIP = f"UPDATE {TABLE} SET state = set_byte(state, 90, (get_byte(state, 90) + 1) % 256) WHERE id = {AT}"
MANY = "convert_to(repeat('x', 200000), 'UTF8')"
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
    "type of two lines": ((f"UPDATE {TABLE} SET topic = E'identity.\\nregistered' WHERE id = {AT}",), AT, Kind.CHANGED),
    "more bytes than a page holds": (
        (f"UPDATE {TABLE} SET state = state || {MANY} WHERE id = {AT}",),
        AT,
        Kind.CHANGED,
    ),
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


def test_since_a_checkpoint_only_what_follows_is_compared_and_the_whole_vault(ours: Krypton) -> None:
    known = heads(ours)
    since = known.signed[0].size
    told: list[int] = []
    found = verify(ours, Question(known, since=since), told.append)
    assert (found.difference, found.events, found.keys) == (None, EVENTS + 1 - since, EVENTS)
    assert sum(told) == found.events + EVENTS  # the keys count, too
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


def test_a_pair_that_nobody_stated_is_named_and_taken_out_again(
    ledger: LiveLedger, ours: Krypton, cli: CommandLine
) -> None:
    """In no log, so that both are right; decisions would go by it."""
    pair = f"{UUID(int=1)} {UUID(int=2)}"
    run_sql(ledger, f"INSERT INTO ledger.pair VALUES ('{UUID(int=1)}', '{UUID(int=2)}', 'merged', {AT}, 'human')")
    (found,) = verdict(ours).findings
    assert (found.position, found.log, found.kind) == (AT, Log.DECISION_TABLES, Kind.DECISION_TABLE)
    assert found.detail == f"pair {pair}: looked up as merged {AT} human, and the log says nothing"
    assert cli.ask("restore", "decision-tables") == {"rows": 1}
    assert (verdict(ours).difference, verdict(ours).document()["decision_tables"]) == (None, "ok")


def test_no_second_key_is_made_for_a_log_that_signed(cli: CommandLine, tmp_path: Path) -> None:
    """On a machine that has neither its key nor its folder."""
    given = dict(cli.settings) | {"KRYPTON_LOG_FOLDER": str(tmp_path), "KRYPTON_LOG_KEY_FILE": str(tmp_path / "key")}
    elsewhere = CommandLine(cli.home, tuple(given.items()))
    assert "log key: not on this machine; the log has one already" in elsewhere.run("init").err
    notary = elsewhere.run_apart("serve", "notary")
    assert (notary.code, "krypton.checkpoints holds what the key of" in notary.err) == (2, True)
    for words in (("--key",), ()):
        assert "not found: the log's signing key" in elsewhere.complaint(3, "audit", "checkpoint", *words)
    assert not (tmp_path / "key").exists()


def test_a_new_key_does_not_sign_what_another_one_signed(cli: CommandLine, tmp_path: Path) -> None:
    SigningKey.new(Settings.log_origin).store(tmp_path / "key")
    given = dict(cli.settings) | {"KRYPTON_LOG_FOLDER": str(tmp_path), "KRYPTON_LOG_KEY_FILE": str(tmp_path / "key")}
    said = CommandLine(cli.home, tuple(given.items())).complaint(2, "audit", "checkpoint")
    assert "another key signed checkpoints of krypton.local/ledger" in said


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
    assert "does not contain the bytes" in said
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
    assert "cannot be trusted: the signature of" in cli.complaint(1, "audit", "verify", "--since", kept)


def test_the_command_line_restores_what_is_missing(cli: CommandLine, ledger: LiveLedger) -> None:
    with altered(ledger, f"DELETE FROM {TABLE} WHERE id = {AT}"):
        assert cli.ask("restore", "event-store", "--from-kafka")["events"] == 1
        assert cli.ask("audit", "verify")["first_difference"] is None
    assert cli.ask("republish", "--from", 1)["events"] == 0


def swapped(lane: list[Record]) -> list[Record]:
    return [*lane[:3], lane[4], lane[3], *lane[5:]]


def changed(lane: list[Record]) -> list[Record]:
    return [*lane[:3], lane[3]._replace(value=lane[4].value[:-1] + b"x"), *lane[4:]]


def added(position: bytes) -> Callable[[list[Record]], list[Record]]:
    """The same event once more, right behind itself, under a position of its own."""

    def plant(lane: list[Record]) -> list[Record]:
        more = lane[3]._replace(headers=with_header(lane[3], "position", position))
        return [*lane[:4], more, *lane[4:]]

    return plant


IN_COPY: dict[str, tuple[Callable[[list[Record]], list[Record]], Kind]] = {
    "bytes changed": (changed, Kind.CHANGED),
    "record gone": (lambda lane: [*lane[:3], *lane[4:]], Kind.MISSING),
    "records swapped": (swapped, Kind.REORDERED),
    "end cut off": (lambda lane: lane[:3], Kind.TRUNCATED),
    "record added": (lambda lane: [*lane[:4], lane[3]._replace(value=lane[4].value), *lane[4:]], Kind.FORGED_RECORD),
    "position that is none": (added(b"-3"), Kind.FORGED_RECORD),
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
    with mirror(kafka, prefix, lanes | {chosen: plant(lanes[chosen])}):
        found = verdict(ours, f"{prefix}.").difference
    assert found
    assert (found.position, found.log, found.kind) == (position, Log.KAFKA, kind)


def test_a_record_on_another_partition_of_a_copy_is_found(ours: Krypton) -> None:
    kafka = ours.addresses.kafka
    lanes = records_of(kafka)
    home = max(lanes, key=lambda lane: len(lanes[lane]))
    record = lanes[home][3]
    other = (home[0], (home[1] + 1) % PARTITIONS[home[0]])
    moved = sorted([*lanes[other], record._replace(partition=other[1])], key=_position)
    with mirror(kafka, "copy-moved", lanes | {home: [*lanes[home][:3], *lanes[home][4:]], other: moved}):
        found = verdict(ours, "copy-moved.").difference
    assert found
    assert (found.position, found.log, found.kind) == (_position(record), Log.KAFKA, Kind.PARTITION)


def _position(record: Record) -> int:
    return int(dict(record.headers)["position"])


VERSIONS: dict[str, tuple[tuple[int, ...], Kind]] = {
    "a version left out": ((3,), Kind.VERSION_GAP),
    "a version twice": ((1,), Kind.VERSION_REPEATED),
    "a lower version later": ((3, 2), Kind.REORDERED),
}


@pytest.mark.parametrize(("versions", "kind"), VERSIONS.values(), ids=VERSIONS)
def test_versions_that_do_not_follow_are_found_although_both_logs_hold_them(
    ledger: LiveLedger, ours: Krypton, versions: tuple[int, ...], kind: Kind
) -> None:
    """Past the last checkpoint, where the two logs have nothing but each other to be held to."""
    lanes = records_of(ours.addresses.kafka)
    home = next(lane for lane in lanes if AT in map(_position, lanes[lane]))
    first = EVENTS + 2  # behind the last event
    planted = list(enumerate(versions, start=first))
    prefix = f"copy-versions-{'-'.join(map(str, versions))}"
    lanes[home] += _more(lanes[home], planted)
    stored = [statement for one in planted for statement in _stored(*one)]
    with mirror(ours.addresses.kafka, prefix, lanes), altered(ledger, UNIQUE, *stored):
        found = verdict(ours, f"{prefix}.", timeout_s=0)
    run_sql(ledger, AGAIN)
    assert [(one.position, one.log, one.kind) for one in found.findings] == [(first, Log.EVENT_STORE, kind)]
    assert found.unsigned == len(versions)


def _more(lane: list[Record], planted: list[tuple[int, int]]) -> list[Record]:
    """Records of the event at AT again, each under a position and a version."""
    held = next(one for one in lane if _position(one) == AT)
    subject = dict(held.headers)["ce_subject"]
    found = []
    for position, version in planted:
        said = {"position": b"%d" % position, "version": b"%d" % version, "ce_id": subject + b"/%d" % version}
        found.append(held._replace(headers=tuple((name, said.get(name, content)) for name, content in held.headers)))
    return found


def _stored(position: int, version: int) -> tuple[str, str]:
    """The same in the event store, with the record of its command."""
    return (
        f"INSERT INTO {TABLE} SELECT {position}, originator_id, {version}, topic, state FROM {TABLE} WHERE id = {AT}",
        f"UPDATE ledger.command SET positions = positions || {position}::bigint WHERE {OWN}",
    )


NOBODY = "a\n3\nb\n\n— nobody AAAAAAAA\n"


@pytest.fixture
def planted_note(ours: Krypton) -> Iterator[None]:
    """A note on the checkpoints' topic that anybody who may write there could have put there; gone afterwards."""
    notes = [note for _, note in published(ours, CHECKPOINTS)]
    with Publisher(ours.addresses.kafka) as publisher:
        publisher.publish("nobody", [NOBODY])
        yield
        empty(ours.addresses.kafka, CHECKPOINTS)
        publisher.publish("log", notes)


@pytest.mark.usefixtures("planted_note")
def test_a_note_planted_among_the_checkpoints_is_named_and_hides_nothing(cli: CommandLine, ledger: LiveLedger) -> None:
    said = cli.complaint(1, "audit", "verify")
    assert said.startswith("forged checkpoint: checkpoint ")
    assert "on krypton.checkpoints" in said
    with altered(ledger, FLIP):
        first, second = cli.complaint(1, "audit", "verify").splitlines()
    assert first.startswith("forged checkpoint: ")
    assert second.startswith(f"changed: position {AT} does not hold the event that was signed")


def test_a_damaged_checkpoint_in_the_folder_is_named(cli: CommandLine, ours: Krypton) -> None:
    file = ours.settings.log_folder / "checkpoint"
    content = file.read_bytes()
    file.write_bytes(bytes([content[0] | 0x80]) + content[1:])
    try:
        assert cli.complaint(1, "audit", "verify").startswith("forged checkpoint: the checkpoint in ")
    finally:
        file.write_bytes(content)


def test_the_ledger_is_held_to_checkpoints_on_another_topic(cli: CommandLine, ours: Krypton) -> None:
    """Where somebody else publishes those that they cosigned."""
    topic, kafka = "kept.checkpoints", ours.addresses.kafka
    note = Record(topic, 0, 0, b"log", cli.show("audit", "checkpoint").encode(), ())
    with topics(kafka, {topic: 1}):
        send(kafka, [(topic, [note])])
        assert cli.ask("audit", "verify", "--against", topic)["findings"] == []
        send(kafka, [(topic, [note._replace(value=NOBODY.encode())])])
        said = cli.complaint(1, "audit", "verify", "--against", topic)
    assert said.startswith(f"forged checkpoint: checkpoint 1 on {topic}: ")
