"""Proofs and cosignatures, as people and other programs hold them in their hands."""

from hashlib import sha256
from pathlib import Path

import pytest

from adapters.notary.keys import SigningKey, verified_checkpoint, verify
from domain.errors import LedgerAltered, NotFound
from domain.proofs.inclusion import NotAProof, parse_inclusion
from domain.proofs.merkle import ProofWrong
from domain.proofs.note import COSIGNATURE, NotANote
from krypton.integrity.prove import Prover, Witness
from tests.fakes.two_logs import EVERY, TwoLogs, event

NOW_S = 1_790_000_000


@pytest.fixture
def logs(tmp_path: Path) -> TwoLogs:
    return TwoLogs(tmp_path / "log")


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    file = tmp_path / "witness.key"
    SigningKey.new("witness.example/w1", COSIGNATURE).store(file)
    from adapters.notary.keys import load

    return Witness(load(file), file)


def prover(logs: TwoLogs) -> Prover:
    return Prover.open(logs.folder, logs.key.verifier)


def test_a_proof_shows_that_an_events_very_bytes_are_in_the_signed_ledger(logs: TwoLogs) -> None:
    """From its text alone, with the log's public key."""
    proof = parse_inclusion(prover(logs).inclusion(20 * EVERY).format())
    head = verified_checkpoint(proof.checkpoint, logs.key.verifier)
    entry = proof.check()
    assert (proof.index, head.size, len(proof.hashes)) == (19, 60, 6)
    assert (entry.position, entry.digest) == (20 * EVERY, sha256(event(20)).hexdigest())


def test_a_proof_of_another_entry_does_not_hold(logs: TwoLogs) -> None:
    mine, other = prover(logs).inclusion(20 * EVERY), prover(logs).inclusion(21 * EVERY)
    with pytest.raises(ProofWrong):
        type(mine)(mine.index, mine.hashes, mine.checkpoint, other.entry).check()


@pytest.mark.parametrize("position", [1, 61 * EVERY, 10_000])
def test_a_position_without_a_signed_event_is_not_found(logs: TwoLogs, position: int) -> None:
    with pytest.raises(NotFound, match="not signed yet"):
        prover(logs).inclusion(position)


def test_consistency_is_shown_between_any_two_sizes(logs: TwoLogs) -> None:
    for first in range(61):
        prover(logs).consistency(first, 60).check()


def test_sizes_beyond_the_signed_tree_are_not_found(logs: TwoLogs) -> None:
    with pytest.raises(NotFound, match="sizes go up to 60"):
        prover(logs).consistency(10, 61)


def test_nothing_is_proven_before_the_first_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="krypton audit checkpoint"):
        Prover.open(tmp_path, SigningKey.new("log").verifier)


def test_nothing_is_proven_under_a_checkpoint_of_somebody_elses(logs: TwoLogs) -> None:
    with pytest.raises(LedgerAltered):
        Prover.open(logs.folder, SigningKey.new(logs.key.name).verifier)


WRONG = ("", "c2sp.org/tlog-proof@v1\n\n", "c2sp.org/tlog-proof@v1\nindex 3\nextra AAAA\n\n", "nonsense\n\nmore")


@pytest.mark.parametrize("content", WRONG)
def test_what_is_no_proof_is_refused(content: str) -> None:
    with pytest.raises((NotAProof, NotANote)):
        parse_inclusion(content)


def test_a_witness_cosigns_a_ledger_that_only_grew(logs: TwoLogs, witness: Witness) -> None:
    for _ in range(2):
        note = witness.cosign(logs.notes[-1], logs.key.verifier, logs.folder, NOW_S)
        assert verify(note, witness.key.verifier) == NOW_S
        logs.add(logs.count + 1)
        logs.count += 1
        logs.sign()


def test_a_witness_does_not_cosign_a_rewritten_ledger(logs: TwoLogs, witness: Witness, tmp_path: Path) -> None:
    witness.cosign(logs.notes[-1], logs.key.verifier, logs.folder, NOW_S)
    forged = TwoLogs(tmp_path / "forged", count=61, key=logs.key)
    forged.store.rows[EVERY] = (forged.store.rows[EVERY][0], event(1, "x"))
    (forged.folder / "checkpoint").unlink()
    forged.sign()
    with pytest.raises(LedgerAltered, match="not cosigned: the tree of 61 leaves does not begin with that of 60"):
        witness.cosign(forged.notes[-1], logs.key.verifier, forged.folder, NOW_S)


def test_a_witness_does_not_go_back(logs: TwoLogs, witness: Witness) -> None:
    witness.cosign(logs.notes[-1], logs.key.verifier, logs.folder, NOW_S)
    with pytest.raises(LedgerAltered, match="60 events was cosigned already"):
        witness.cosign(logs.head(30), logs.key.verifier, logs.folder, NOW_S)


def test_a_witness_does_not_cosign_what_the_log_did_not_sign(logs: TwoLogs, witness: Witness) -> None:
    with pytest.raises(LedgerAltered, match="not signed by"):
        witness.cosign(logs.notes[-1], SigningKey.new(logs.key.name).verifier, logs.folder, NOW_S)


def test_a_witness_does_not_cosign_without_a_proof(logs: TwoLogs, witness: Witness, tmp_path: Path) -> None:
    witness.cosign(logs.notes[-1], logs.key.verifier, logs.folder, NOW_S)
    logs.add(61)
    logs.sign()
    with pytest.raises(LedgerAltered, match="tiles are damaged"):
        witness.cosign(logs.notes[-1], logs.key.verifier, tmp_path / "nothing", NOW_S)
