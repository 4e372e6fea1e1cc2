"""krypton audit checkpoint, prove, check-proof, cosign: commands on the signed tree and its proofs.

Parses and prints.
"""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from krypton.cli.audit_proofs import kafka_answers
from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.log_given import Key, Tiles, environment, note_in, verifier_given, witness_given
from krypton.cli.options import AsJson
from krypton.cli.output import document, err, facts, out

if TYPE_CHECKING:
    from domain.proofs.note import VerifierKey
    from krypton.integrity.prove import Prover


def checkpoint(
    key: Annotated[bool, typer.Option("--key", help="Show the log's origin and public key instead.")] = False,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """The latest signed checkpoint, signed now unless a notary runs; or the log's public key. Never makes a key."""
    from domain.proofs.tiles import CHECKPOINT
    from krypton.integrity.keys import signing_key
    from krypton.integrity.prove import Prover
    from krypton.services import notary

    if key:
        settings = environment()
        own = signing_key(settings).verifier
        if not (settings.log_folder / CHECKPOINT).exists():
            said = f"it signed nothing in {settings.log_folder} yet: ask where the notary runs, if not here"
            err.print(said)
        known = {"origin": own.name, "key": own.format()}
        document(known) if as_json else out.print(own.format())
        return
    ours = krypton()
    verifier = signing_key(ours.settings).verifier
    with kafka_answers(ours):
        notary.sign_now(ours)
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
    first: Annotated[
        str | None, typer.Option("--from", help="The smaller tree: its size, or a file with its signed checkpoint.")
    ] = None,
    second: Annotated[
        str | None,
        typer.Option("--to", help="The larger tree, or the one to prove an event in: likewise; by default the latest."),
    ] = None,
    key: Key = None,
    tiles: Tiles = None,
    as_json: AsJson = False,
) -> None:
    """That an event is in the signed ledger, or (--from, --to) that nothing before was changed."""
    from krypton.integrity.prove import Prover

    if (position is None) == (first is None):
        raise typer.BadParameter("give the position of an event, or --from with a size or a checkpoint")
    settings = environment()
    verifier = verifier_given(settings, key)
    prover = Prover.open(tiles or settings.log_folder, verifier)
    if second is not None and not _is_size(second):
        prover = prover.as_of(note_in(Path(second)), verifier)
    if position is not None:
        if second is not None and _is_size(second):
            raise typer.BadParameter("an event is proven in a signed tree: give --to a file with its checkpoint")
        proof = prover.inclusion(position)
        document(_shown(proof, prover.head)) if as_json else print(proof.format(), end="")
        return
    _prove_growth(prover, verifier, first or "", second, as_json)


def _prove_growth(prover: "Prover", verifier: "VerifierKey", first: str, second: str | None, as_json: bool) -> None:
    begin = int(first) if _is_size(first) else prover.as_of(note_in(Path(first)), verifier).head.size
    steps = prover.consistency(begin, int(second) if second is not None and _is_size(second) else None)
    if as_json:
        hashes = [one.hex() for one in steps.hashes]
        roots = {"from_root": steps.first.root.hex(), "to_root": steps.second.root.hex()}
        document({"from": steps.first.size, "to": steps.second.size, **roots, "proof": hashes})
        return
    signed = steps.second.size == prover.head.size
    if not signed:
        err.print(
            f"the checkpoint of {steps.second.size} events is not signed here, so nobody need believe this proof: "
            "give --to a file with the signed one, or leave it out for the latest"
        )
    print(steps.format(prover.note.format() if signed else steps.second.text()), end="")


def check_proof(
    file: Annotated[Path, typer.Argument(help="What audit prove printed; - for standard input.")],
    key: Key = None,
    old: Annotated[
        Path | None,
        typer.Option("--from-checkpoint", help="Of a proof that the ledger only grew: the checkpoint you kept."),
    ] = None,
    event: Annotated[Path | None, typer.Option("--event", help="File of the event's bytes, to compare.")] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option("--witness", help="Public key of a witness that must have cosigned; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify a proof: with the log's public key alone, without database and Kafka."""
    from domain.errors import LedgerAltered, NotFound
    from domain.proofs.inclusion import OLD
    from krypton.integrity import offline_check

    verifier = verifier_given(environment(), key)
    witnesses = [witness_given(one) for one in witness or ()]
    try:
        content = sys.stdin.read() if str(file) == "-" else file.read_text()
        stored = event.read_bytes() if event else None
    except OSError as unread:
        raise NotFound(f"{unread.filename} cannot be read") from None
    except UnicodeDecodeError:
        raise LedgerAltered(f"{file} is no proof: it is not text") from None
    if (old is not None) != content.startswith(OLD):
        raise typer.BadParameter(
            "a proof that the ledger only grew begins with 'old' and needs --from-checkpoint; one of an event does not"
        )
    if old is None:
        found = offline_check.event_in_tree(content, verifier, witnesses, stored)
        document(found) if as_json else facts(found, "The proof holds")
        return
    if event is not None:
        raise typer.BadParameter("the proof is of two trees: --event belongs to a proof of an event")
    found = offline_check.only_grew(content, note_in(old), verifier, witnesses)
    document(found) if as_json else facts(found, "The proof holds: the ledger only grew")


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
    from krypton.errors import SettingsWrong
    from krypton.integrity.prove import Witness

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
    err.print(f"cosigned as {witness.key.verifier.format()}")
    print(signed.format(), end="")


def add_to(app: typer.Typer) -> None:
    """Commands of ``krypton audit``."""
    for command in (checkpoint, prove, check_proof, cosign):
        app.command()(command)


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit()


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
