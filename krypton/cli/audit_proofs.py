"""krypton audit checkpoint, prove, check-proof, verify, cosign: tamper evidence. Parses and prints."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from krypton.cli.connection import krypton
from krypton.cli.options import AsJson
from krypton.cli.output import document, err, facts, out

if TYPE_CHECKING:
    from domain.proofs.note import Note, VerifierKey
    from krypton.bootstrap import Krypton
    from krypton.heads import Head, Heads
    from krypton.settings import Settings
    from krypton.verdict import Verdict

DIFFERS = 1
SHOWN = 10
Key = Annotated[str | None, typer.Option("--key", help="The log's public key, as audit checkpoint --key shows it.")]
Tiles = Annotated[Path | None, typer.Option("--tiles", help="The folder of the log's tiles.")]


def checkpoint(
    key: Annotated[bool, typer.Option("--key", help="Show the log's origin and public key instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """The latest signed checkpoint, signed now unless a notary runs; or the log's public key."""
    from krypton import notary_service
    from krypton.log_keys import signing_key
    from krypton.proving import Prover

    ours = krypton()
    verifier = signing_key(ours.settings).verifier
    if key:
        known = {"origin": verifier.name, "key": verifier.format()}
        document(known) if as_json else out.print(verifier.format(), markup=False)
        return
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
    settings = _settings()
    prover = Prover.open(tiles or settings.log_folder, _verifier(settings, key))
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

    verifier = _verifier(_settings(), key)
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


def verify(
    since: Annotated[str | None, typer.Option("--since", help="Begin after this checkpoint: file or size.")] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", help="Checkpoints kept in a file or on a topic, or the prefix of copied topics."),
    ] = None,
    key: Key = None,
    patience: Annotated[float, typer.Option("--patience", help="Seconds to wait for the relay.")] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Compare event store and Kafka byte for byte, and both with every signed checkpoint."""
    from krypton.progress import progress
    from krypton.verifying import Question
    from krypton.verifying import verify as answer

    ours = krypton()
    size, kept = _since(ours.settings, since, key)
    with kafka_answers(ours):
        heads, prefix = heads_to_hold(ours, against, key)
        question = Question(heads.also(kept), prefix, size, patience)
        with progress("events", ours.ledger.recorder.max_notification_id()) as bar:
            verdict = answer(ours, question, bar.advance)
    shown = verdict.document()
    document(shown) if as_json else facts({name: shown[name] for name in shown if _is_fact(shown[name])}, "The ledger")
    _say_findings(verdict)


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

    settings = _settings()
    note = _note(checkpoint)
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
    signed = witness.cosign(note, _verifier(settings, log_key), tiles or settings.log_folder, int(time.time()))
    err.print(f"cosigned as {witness.key.verifier.format()}", markup=False)
    print(signed.format(), end="")


def add_to(app: typer.Typer) -> None:
    """Commands of ``krypton audit``."""
    for command in (checkpoint, prove, check_proof, verify, cosign):
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


def _settings() -> "Settings":
    """Of the environment: proofs need no service."""
    import os

    from krypton.settings import Settings

    return Settings.read(os.environ, Path.cwd())


def _key(settings: "Settings", given: str | None) -> "VerifierKey | None":
    from domain.proofs.note import NotANote, verifier_key
    from krypton import log_keys

    if given is None:
        return log_keys.verifier_key(settings)
    try:
        return verifier_key(given)
    except NotANote as wrong:
        raise typer.BadParameter(str(wrong)) from None


def _verifier(settings: "Settings", given: str | None) -> "VerifierKey":
    from domain.errors import NotFound

    if (found := _key(settings, given)) is None:
        raise NotFound("the log's public key: give it as krypton audit checkpoint --key shows it")
    return found


def heads_to_hold(ours: "Krypton", against: str | None, key: str | None) -> "tuple[Heads, str]":
    """The checkpoints to hold the ledger to, and the prefix of the topics to read."""
    from domain.errors import NotFound
    from krypton import heads
    from streams import checkpoints
    from streams.topics import CHECKPOINTS, LEDGER

    found, prefix = heads.published(ours, CHECKPOINTS) + heads.in_folder(ours.settings.log_folder), ""
    if against and Path(against).is_file():
        found += heads.in_file(Path(against))
    elif against:
        there = checkpoints.topics(ours.addresses.kafka)
        if against in there:
            found += heads.published(ours, against)
        elif {f"{against}.{topic}" for topic in LEDGER} <= there:
            prefix = f"{against}."
        else:
            raise NotFound(f"{against} as a file, as a topic, or as the prefix of copies ({against}.krypton.…)")
    return heads.heads_of(found, _key(ours.settings, key)), prefix


def _is_fact(value: object) -> bool:
    return value is not None and not isinstance(value, list)


def _say_findings(verdict: "Verdict") -> None:
    """Findings on standard error, the first one first. Raises Exit where there is one."""
    if verdict.is_overdue and not verdict.found:
        err.print(
            f"warning: {verdict.unsigned} events are past the last checkpoint, for more than a minute: start the "
            "notary (krypton run), or sign now (krypton audit checkpoint)",
            markup=False,
        )
    for one in verdict.findings[:SHOWN]:
        err.print(f"{one.kind}: {one.detail}", markup=False)
    if (more := len(verdict.found) - SHOWN) > 0:
        err.print(f"and {more} more: --json lists all", markup=False)
    if verdict.found:
        raise typer.Exit(DIFFERS)


def _since(settings: "Settings", since: str | None, key: str | None) -> "tuple[int, list[Head]]":
    """The size of the tree to begin after, and its checkpoint where one was given. Raises LedgerAltered."""
    from domain.proofs.note import NUMBER
    from krypton.heads import kept

    if since is None or NUMBER.fullmatch(since):
        return int(since or 0), []
    head = kept(_note(Path(since)), f"the checkpoint in {since}", _verifier(settings, key))
    return head.size, [head]


def _note(file: Path) -> "Note":
    from domain.errors import NotFound
    from domain.proofs.note import NotANote, parse

    try:
        return parse(sys.stdin.read() if str(file) == "-" else file.read_text())
    except (OSError, UnicodeDecodeError):
        raise NotFound(f"{file} cannot be read: give a file with a signed checkpoint") from None
    except NotANote as wrong:
        raise NotFound(f"{file} holds no signed checkpoint: {wrong}") from None


@contextmanager
def kafka_answers(ours: "Krypton") -> Iterator[None]:
    """A Kafka that is away, or lacks a topic, as a sentence."""
    import aiokafka.errors
    from kafka.errors import KafkaError

    from domain.errors import NotFound
    from streams.record_source import NotThere

    try:
        yield
    except NotThere as missing:
        raise NotFound(f"{missing}: run krypton init") from None
    except (KafkaError, aiokafka.errors.KafkaError) as away:
        _unreachable(ours, away)


def _unreachable(ours: "Krypton", away: Exception) -> NoReturn:
    from krypton.settings import ServiceUnavailable

    raise ServiceUnavailable(
        f"kafka does not answer at {ours.addresses.kafka} ({type(away).__name__}): run krypton dev up, or check "
        "KRYPTON_KAFKA"
    ) from None
