"""Runs the notary as a process, or signs the log once on request."""

import logging
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Final

import psycopg2
from kafka.errors import KafkaError

from adapters.eventstore.scan import Follow
from adapters.notary.folder import FolderBusy, TileFolder, TileWriter
from adapters.notary.keys import SignatureWrong, SigningKey, verified_checkpoint
from domain.errors import LedgerAltered
from domain.proofs.note import NotANote, Note, parse
from krypton.bootstrap import Krypton
from krypton.errors import SettingsWrong
from krypton.integrity.keys import Notes, made, of_log, signing_key
from krypton.integrity.tree import PAGE, Notary
from krypton.settings import Settings
from postgres.session import connect
from streams.broker import checkpoints
from streams.broker.backoff import Backoff

log = logging.getLogger(__name__)

IDLE_S: Final = 0.5
STAND_BY_S: Final = 1.0


def run(ours: Krypton, stop: Event) -> None:
    """Follow the event store until ``stop`` is set; waits for an unavailable database or Kafka.

    One notary at a time writes to the folder, others stand by. Raises LedgerAltered, SettingsWrong.
    """
    backoff = Backoff(stop)
    writer = _writer(ours.settings.log_folder, stop)
    if writer is None:
        return
    try:
        while not stop.is_set():
            try:
                _follow(ours, writer, stop)
            except psycopg2.Error as away:
                backoff.wait(f"waiting for the database ({type(away).__name__})")
            except KafkaError as away:
                backoff.wait(f"waiting for Kafka ({type(away).__name__})")
    finally:
        writer.close()


def _writer(folder: Path, stop: Event) -> TileWriter | None:
    told = False
    while not stop.is_set():
        try:
            return TileWriter(folder)
        except FolderBusy as busy:
            if not told:
                log.info("%s: standing by", busy)
            told = True
            stop.wait(STAND_BY_S)
    return None


def sign_now(ours: Krypton) -> bool:
    """Bring the log up to date and sign it, unless a notary is running. Returns whether this process signed.

    Raises LedgerAltered, SettingsWrong, NotFound (no key: only a notary creates one).
    """
    key = signing_key(ours.settings)
    try:
        writer = TileWriter(ours.settings.log_folder)
    except FolderBusy:
        return False
    try:
        with checkpoints.Publisher(ours.addresses.kafka) as publisher:
            notary, follow = _begun(ours, key, writer, publisher)
            with follow as pages:
                while rows := pages.page(notary.after, PAGE):
                    notary.add(rows)
            notary.caught_up()
            if notary.size > notary.signed or not notary.size:
                notary.sign()
    finally:
        writer.close()
    return True


def _follow(ours: Krypton, writer: TileWriter, stop: Event) -> None:
    key = made(ours.settings, lambda: checkpoints.read(ours.addresses.kafka))
    with checkpoints.Publisher(ours.addresses.kafka) as publisher:
        notary, follow = _begun(ours, key, writer, publisher)
        with follow as pages:
            log.info("following the event store from position %d, %d leaves", notary.after, notary.size)
            while not stop.is_set():
                rows = pages.page(notary.after, PAGE)
                notary.add(rows)
                if len(rows) < PAGE:
                    notary.caught_up()
                    stop.wait(IDLE_S)
            if notary.size > notary.signed:
                notary.sign()


def _begun(
    ours: Krypton, key: SigningKey, writer: TileWriter, publisher: checkpoints.Publisher
) -> tuple[Notary, "_Session"]:
    published = last_published(ours, key)
    never_a_second_key(ours.settings, key, published, lambda: checkpoints.read(ours.addresses.kafka))
    notary = Notary(writer, key, lambda notes: publisher.publish(key.name, [note.format() for note in notes]))
    notary.resume(published)
    session = _Session(ours.addresses.database)
    try:
        _check_store(session, notary)
    except BaseException:
        session.close()
        raise
    return notary, session


def never_a_second_key(settings: Settings, key: SigningKey, published: Note | None, notes: Notes) -> None:
    """Make sure that a key that has signed nothing yet is the origin's first one. Raises SettingsWrong.

    ``published``: the last note on Kafka that it signed. A key that has signed before may continue: otherwise anybody
    who may write to the topic could stop every notary.
    """
    if published is None and not _signed(settings.log_folder) and any(of_log(note, key.name) for note in notes()):
        raise SettingsWrong(
            f"KRYPTON_LOG_KEY_FILE: {settings.log_key} signed nothing yet, and another key signed checkpoints of "
            f"{key.name} on krypton.checkpoints: bring that key back, or start a new log with another "
            "KRYPTON_LOG_ORIGIN, a new key and a new folder"
        )


def _signed(folder: Path) -> bool:
    """Whether the folder holds a checkpoint; whose it is, the notary holds it to."""
    try:
        return TileFolder(folder).checkpoint() is not None
    except NotANote:
        return False


class _Session:
    """A session that follows the store; to use in a ``with`` block."""

    def __init__(self, database: str) -> None:
        self._connection = connect(database, "event store", autocommit=True)
        self.follow = Follow(self._connection)

    def __enter__(self) -> Follow:
        return self.follow

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        self._connection.close()


def _check_store(session: _Session, notary: Notary) -> None:
    """Compare the store with the tree's end: same last leaf, same number of events up to it. Raises LedgerAltered."""
    if not notary.size:
        return
    held = session.follow.page(notary.after - 1, 1)
    entries = [heading + sha256(stored).hexdigest().encode() for heading, stored in held]
    folder = TileFolder(notary.writer.root, notary.size)
    if entries != [folder.entry(notary.size - 1)]:
        raise LedgerAltered(
            f"the event store does not hold the signed event at position {notary.after}, or holds another one: restore "
            "it with krypton restore event-store; nothing is signed until then"
        )
    if (count := session.follow.count(notary.after)) != notary.size:
        raise LedgerAltered(
            f"the event store holds {count} events up to position {notary.after}, and {notary.size} were signed: "
            "krypton audit verify names the first difference; nothing is signed until then"
        )


def last_published(ours: Krypton, key: SigningKey) -> Note | None:
    """The last checkpoint on Kafka signed by this log's key; others are skipped. Raises KafkaError."""
    for note in _newest_first(ours.addresses.kafka):
        try:
            verified_checkpoint(note, key.verifier)
        except SignatureWrong:
            continue
        return note
    return None


def _newest_first(kafka: str) -> Iterator[Note]:
    for raw in reversed(checkpoints.read(kafka, last=100)):
        try:
            yield parse(raw.decode())
        except (NotANote, UnicodeDecodeError):
            continue
