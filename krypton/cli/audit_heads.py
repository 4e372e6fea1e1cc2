"""krypton audit checkpoint, prove, check-proof, cosign: the signed tree and its proofs. Parses and prints."""

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from krypton.cli.audit_proofs import kafka_answers
from krypton.cli.connection import krypton
from krypton.cli.log_given import Key, Tiles, environment, note_in, verifier_given
from krypton.cli.options import AsJson
from krypton.cli.output import document, err, facts, out


def checkpoint(
    key: Annotated[bool, typer.Option("--key", help="Show the log's origin and public key instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """The latest signed checkpoint, signed now unless a notary runs; or the log's public key. Never makes a key."""
    from domain.proofs.tiles import CHECKPOINT
    from krypton import notary_service
    from krypton.log_keys import signing_key
    from krypton.proving import Prover

    if key:
        settings = environment()
        own = signing_key(settings).verifier
        if not (settings.log_folder / CHECKPOINT).exists():
            err.print(f"it signed nothing in {settings.log_folder} yet: ask where the notary runs, if not here")
        known = {"origin": own.name, "key": own.format()}
        document(known) if as_json else out.print(own.format(), markup=False, soft_wrap=True)
        return
    ours = krypton()
    verifier = signing_key(ours.settings).verifier
    with kafka_answers(ours):
        notary_service.sign_now(ours)
    prover = Prover.open(ours.settings.log_folder, verifier)
    head = prover.head
    if as_json:
        text = prover.note.format()
        root = head.root.hex()
        document({"origin": head.origin, "size": head.size, "root": root, "note": text, "key": verifier.format()})
        return
    print(prover.note.format(), end="")


def prove(
    position: Annotated[int | None, typer.Argument(help="Of the event.")] = None,
    first: Annotated[int | None, typer.Option("--from", help="Size of the smaller tree, in events.")] = None,
    second: Annotated[int | None, typer.Option("--to", help="Size of the larger; by default the signed one.")] = None,
    key: Key = None,
    tiles: Tiles = None,
    as_json: AsJson = False,
) -> None:
    """That an event is in the signed ledger, or (--from, --to) that nothing before was changed."""
    from krypton.proving import Prover

    if (position is None) == (first is None):
        raise typer.BadParameter("give the position of an event, or --from with a size")
    settings = environment()
    prover = Prover.open(tiles or settings.log_folder, verifier_given(settings, key))
    if position is not None:
        proof = prover.inclusion(position)
        document(_shown(proof, prover.head)) if as_json else print(proof.format(), end="")
        return
    steps = prover.consistency(first or 0, second)
    if as_json:
        hashes = [one.hex() for one in steps.hashes]
        roots = {"from_root": steps.first.root.hex(), "to_root": steps.second.root.hex()}
        document({"from": steps.first.size, "to": steps.second.size, **roots, "proof": hashes})
        return
    is_latest = steps.second.size == prover.head.size
    print(steps.format(prover.note.format() if is_latest else steps.second.text()), end="")


def check_proof(
    file: Annotated[Path, typer.Argument(help="What audit prove POSITION printed; - for standard input.")],
    key: Key = None,
    event: Annotated[Path | None, typer.Option("--event", help="File of the event's bytes, to compare.")] = None,
    as_json: AsJson = False,
) -> None:
    """Verify a proof: with the log's public key alone, without database and Kafka."""
    from hashlib import sha256

    from adapters.notary.keys import SignatureWrong, verified_checkpoint
    from domain.errors import LedgerAltered, NotFound
    from domain.proofs.inclusion import parse_inclusion

    verifier = verifier_given(environment(), key)
    try:
        content = sys.stdin.read() if str(file) == "-" else file.read_text()
        proof = parse_inclusion(content)
        head = verified_checkpoint(proof.checkpoint, verifier)
        entry = proof.check()
        stored = event.read_bytes() if event else None
    except OSError as unread:
        raise NotFound(f"{unread.filename} cannot be read") from None
    except (SignatureWrong, ValueError) as wrong:
        raise LedgerAltered(f"the proof does not hold: {wrong}") from None
    if stored is not None and sha256(stored).hexdigest() != entry.digest:
        raise LedgerAltered(f"{event} does not hold the bytes of the event at position {entry.position}")
    found = entry._asdict() | {"index": proof.index, "size": head.size, "root": head.root.hex()}
    document(found) if as_json else facts(found, "The proof holds")


def cosign(
    checkpoint: Annotated[Path, typer.Argument(help="File of the signed checkpoint; - for standard input.")],
    key: Annotated[Path, typer.Option("--key", help="File of the witness's private key.")],
    new: Annotated[str | None, typer.Option("--new", help="Make that key first, under this name.")] = None,
    log_key: Annotated[str | None, typer.Option("--log-key", help="The log's public key.")] = None,
    tiles: Tiles = None,
) -> None:
    """Cosign a checkpoint as a witness, where it follows from the last one that this witness cosigned."""
    from adapters.notary.keys import KeyUnusable, SigningKey, load
    from domain.proofs.note import COSIGNATURE
    from krypton.proving import Witness
    from krypton.settings import SettingsWrong

    settings = environment()
    note = note_in(checkpoint)
    try:
        if new is not None:
            SigningKey.new(new, COSIGNATURE).store(key)
        witness = Witness(load(key), key)
    except FileExistsError:
        raise SettingsWrong(f"{key} is there already: leave out --new to use it") from None
    except (KeyUnusable, ValueError) as unusable:
        raise SettingsWrong(f"--key: {unusable}") from None
    if witness.key.kind != COSIGNATURE:
        raise SettingsWrong(f"--key: {key} is the key of a log, not of a witness: make one with --new NAME")
    signed = witness.cosign(note, verifier_given(settings, log_key), tiles or settings.log_folder, int(time.time()))
    err.print(f"cosigned as {witness.key.verifier.format()}", markup=False)
    print(signed.format(), end="")


def add_to(app: typer.Typer) -> None:
    """Commands of ``krypton audit``."""
    for command in (checkpoint, prove, check_proof, cosign):
        app.command()(command)


def _shown(proof: Any, head: Any) -> dict[str, Any]:
    from domain.proofs.merkle import leaf_hash

    entry = proof.check()
    return {
        **entry._asdict(),
        "index": proof.index,
        "size": head.size,
        "root": head.root.hex(),
        "leaf": leaf_hash(proof.entry).hex(),
        "proof": [one.hex() for one in proof.hashes],
        "entry": proof.entry.decode(),
        "checkpoint": proof.checkpoint.format(),
    }
