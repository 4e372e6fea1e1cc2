"""Proofs from the command line and back: what ``prove`` prints, ``check-proof`` holds to, with public keys alone."""

import time
from pathlib import Path

import pytest

from adapters.notary.keys import SigningKey, verified_checkpoint
from domain.proofs.inclusion import parse_consistency
from domain.proofs.merkle import verify_consistency
from domain.proofs.note import COSIGNATURE, Note, parse
from tests.fakes.two_logs import EVERY, TwoLogs, event
from tests.integration.live_cli import CommandLine

SMALLER, LARGER = 33, 60


@pytest.fixture
def logs(tmp_path: Path) -> TwoLogs:
    return TwoLogs(tmp_path / "log", LARGER)


class Desk:
    """Somebody who asks for proofs, and checks them elsewhere."""

    def __init__(self, folder: Path, logs: TwoLogs) -> None:
        self.folder = folder
        self.logs = logs
        self.cli = CommandLine(folder / "elsewhere")
        self.key = ("--key", logs.key.verifier.format())

    def file(self, name: str, content: str) -> Path:
        """What somebody keeps."""
        made = self.folder / name
        made.write_text(content)
        return made

    def kept(self, size: int) -> Path:
        """A signed checkpoint."""
        return self.file(f"checkpoint-{size}", self.logs.head(size).format())

    def prove(self, *words: object) -> Path:
        """What ``audit prove`` printed."""
        return self.file("proof", self.cli.show("audit", "prove", *words, "--tiles", self.logs.folder, *self.key))


@pytest.fixture
def desk(tmp_path: Path, logs: TwoLogs) -> Desk:
    return Desk(tmp_path, logs)


@pytest.fixture
def witness() -> SigningKey:
    return SigningKey.new("witness.example/w1", COSIGNATURE)


def cosigned(note: Note, witness: SigningKey, at_s: int = 1_790_000_000) -> str:
    return note.signed_also([witness.cosign(note.text, at_s)]).format()


def test_the_text_of_a_consistency_proof_is_all_that_is_needed_to_verify_it(desk: Desk) -> None:
    """As a witness reads it: old size, hashes, an empty line, the signed checkpoint."""
    content = desk.prove("--from", SMALLER).read_text()
    assert content.split("\n")[0] == f"old {SMALLER}"
    steps = parse_consistency(content)
    old = verified_checkpoint(desk.logs.head(SMALLER), desk.logs.key.verifier)
    new = verified_checkpoint(steps.checkpoint, desk.logs.key.verifier)
    verify_consistency(old.size, new.size, old.root, new.root, steps.hashes)


@pytest.mark.parametrize("size", [0, 1, 32, SMALLER, LARGER])
def test_a_proof_is_checked_against_the_checkpoint_that_somebody_kept(desk: Desk, size: int) -> None:
    proof = desk.prove("--from", size)
    found = desk.cli.ask("audit", "check-proof", proof, "--from-checkpoint", desk.kept(size), *desk.key)
    assert (found["from"], found["to"]) == (size, LARGER)


def test_both_ends_may_be_checkpoints_that_somebody_kept(desk: Desk) -> None:
    proof = desk.prove("--from", desk.kept(10), "--to", desk.kept(SMALLER))
    found = desk.cli.ask("audit", "check-proof", proof, "--from-checkpoint", desk.kept(10), *desk.key)
    assert (found["from"], found["to"]) == (10, SMALLER)


def test_a_rewritten_ledger_is_refused(desk: Desk, tmp_path: Path) -> None:
    """The checkpoint that was kept is of another tree."""
    other = TwoLogs(tmp_path / "other", LARGER, key=desk.logs.key)
    other.store.rows[EVERY] = (other.store.rows[EVERY][0], event(1, "x"))
    kept = desk.file("kept", other.head(SMALLER).format())
    proof = desk.prove("--from", SMALLER)
    said = desk.cli.complaint(1, "audit", "check-proof", proof, "--from-checkpoint", kept, *desk.key)
    assert "the tree of 60 leaves does not begin with that of 33: the ledger was rewritten" in said
    said = desk.cli.complaint(1, "audit", "prove", "--from", kept, "--tiles", desk.logs.folder, *desk.key)
    assert "does not match the tree in" in said


def test_a_proof_of_other_sizes_is_refused(desk: Desk) -> None:
    said = desk.cli.complaint(
        1, "audit", "check-proof", desk.prove("--from", 10), "--from-checkpoint", desk.kept(SMALLER), *desk.key
    )
    assert "the proof starts at 10 events, but the checkpoint is of 33" in said


def test_an_unsigned_end_is_said_to_prove_nothing(desk: Desk) -> None:
    where = ("--tiles", desk.logs.folder, *desk.key)
    said = desk.cli.run("audit", "prove", "--from", 10, "--to", SMALLER, *where)
    assert (said.code, "is not signed here" in said.err) == (0, True)
    proof = desk.file("proof", said.out)
    refused = desk.cli.complaint(1, "audit", "check-proof", proof, "--from-checkpoint", desk.kept(10), *desk.key)
    assert "its checkpoint is not signed" in refused


def test_each_kind_of_proof_is_asked_for_what_it_needs(desk: Desk) -> None:
    growth = desk.prove("--from", 10)
    assert "needs --from-checkpoint" in desk.cli.run("audit", "check-proof", growth, *desk.key).err
    one = desk.prove(20 * EVERY)
    said = desk.cli.run("audit", "check-proof", one, "--from-checkpoint", desk.kept(10), *desk.key)
    assert (said.code, "one of an event does not" in said.err) == (2, True)


def test_a_proof_names_the_witnesses_that_must_have_cosigned(desk: Desk, witness: SigningKey) -> None:
    kept = desk.file("cosigned", cosigned(desk.logs.notes[-1], witness))
    asked = ("--witness", witness.verifier.format(), *desk.key)
    event_proof = desk.prove(20 * EVERY, "--to", kept)
    found = desk.cli.ask("audit", "check-proof", event_proof, *asked)
    assert (found["position"], found["cosigned"]) == (20 * EVERY, {witness.name: "2026-09-21T14:13:20Z"})
    growth = desk.prove("--from", 10, "--to", kept)
    found = desk.cli.ask("audit", "check-proof", growth, "--from-checkpoint", desk.kept(10), *asked)
    assert list(found["cosigned"]) == [witness.name]


def test_a_proof_without_the_witness_is_refused(desk: Desk, witness: SigningKey) -> None:
    said = desk.cli.complaint(
        1, "audit", "check-proof", desk.prove(20 * EVERY), "--witness", witness.verifier.format(), *desk.key
    )
    assert "witness.example/w1 did not cosign the checkpoint" in said


def test_a_forged_cosignature_is_refused(desk: Desk, witness: SigningKey) -> None:
    note = parse(cosigned(desk.logs.notes[-1], witness))
    forged = note.format().replace(note.signatures[-1].line(), witness.cosign("other\n", int(time.time())).line())
    proof = desk.prove(20 * EVERY, "--to", desk.file("cosigned", forged))
    said = desk.cli.complaint(1, "audit", "check-proof", proof, "--witness", witness.verifier.format(), *desk.key)
    assert "the signature of witness.example/w1" in said


def test_the_key_of_a_log_is_no_witnesses(desk: Desk) -> None:
    said = desk.cli.run("audit", "check-proof", desk.prove(20 * EVERY), "--witness", desk.key[1], *desk.key)
    assert (said.code, "is the key of a log, not of a witness" in said.err) == (2, True)


def test_an_event_past_a_checkpoint_is_not_in_its_tree(desk: Desk) -> None:
    where = ("--tiles", desk.logs.folder, *desk.key)
    assert "position 60 in the signed tree of 10 events" in desk.cli.complaint(
        3, "audit", "prove", 20 * EVERY, "--to", desk.kept(10), *where
    )


def test_a_file_that_is_not_there_is_named(desk: Desk) -> None:
    said = desk.cli.complaint(3, "audit", "check-proof", desk.folder / "nothing", *desk.key)
    assert said.startswith(f"not found: {desk.folder / 'nothing'} cannot be read")
