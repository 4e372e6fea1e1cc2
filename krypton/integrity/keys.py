"""The signing key of the tamper-evident log: creates it once, loads it, and never replaces it.

``krypton init`` and the notary create the key, and only if nothing was ever signed under the log's origin, neither in
the folder nor on Kafka. All others only load it. Two keys under one origin would make the checkpoints of one of them
look forged for ever, since checkpoints are never deleted.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress

from adapters.notary import keys
from adapters.notary.keys import SigningKey
from domain.errors import NotFound
from domain.proofs import tiles
from domain.proofs.note import ED25519, VerifierKey
from krypton.errors import SettingsWrong
from krypton.settings import Settings

Notes = Callable[[], Iterable[bytes]]
"""Reads every note on ``krypton.checkpoints``, unverified."""


class KeyGone(SettingsWrong):
    """The log has signed checkpoints but its key is missing; no replacement is created."""


def signing_key(settings: Settings) -> SigningKey:
    """The log's signing key. Raises NotFound where this machine has none, SettingsWrong where it is unusable."""
    if not settings.log_key.exists():
        raise NotFound(
            f"the log's signing key {settings.log_key}: ask where the notary runs, or name its file in "
            "KRYPTON_LOG_KEY_FILE; krypton init makes the key of a log that never signed"
        )
    return _loaded(settings)


def made(settings: Settings, published: Notes) -> SigningKey:
    """The log's signing key; created if the log never signed anything. Raises KeyGone, SettingsWrong."""
    if not settings.log_key.exists():
        if (settings.log_folder / tiles.CHECKPOINT).exists():
            raise KeyGone(_gone(settings, str(settings.log_folder)))
        if any(of_log(note, settings.log_origin) for note in published()):
            raise KeyGone(_gone(settings, "krypton.checkpoints"))
        with suppress(FileExistsError):  # another process on this machine created the key first
            _store(SigningKey.new(settings.log_origin), settings)
    return _loaded(settings)


def _store(key: SigningKey, settings: Settings) -> None:
    try:
        key.store(settings.log_key)
    except FileExistsError:
        raise
    except OSError as failure:
        raise SettingsWrong(
            f"KRYPTON_LOG_KEY_FILE: {settings.log_key} cannot be written ({failure.strerror}): name a file that can"
        ) from None


def of_log(note: bytes, origin: str) -> bool:
    """Whether a note is a checkpoint of this log; the signature is not checked."""
    return note.startswith(f"{origin}\n".encode())


def _gone(settings: Settings, where: str) -> str:
    return (
        f"KRYPTON_LOG_KEY_FILE: {settings.log_key} is not there, and {where} holds what the key of "
        f"{settings.log_origin} signed: bring the key back, or start a new log with another KRYPTON_LOG_ORIGIN and "
        "another KRYPTON_LOG_FOLDER"
    )


def _loaded(settings: Settings) -> SigningKey:
    try:
        key = keys.load(settings.log_key)
    except keys.KeyUnusable as unusable:
        raise SettingsWrong(f"KRYPTON_LOG_KEY_FILE: {unusable}") from None
    if key.kind != ED25519 or key.name != settings.log_origin:
        raise SettingsWrong(
            f"KRYPTON_LOG_KEY_FILE: {settings.log_key} is the key of {key.name}, and KRYPTON_LOG_ORIGIN is "
            f"{settings.log_origin}: they belong together"
        )
    return key


def verifier_key(settings: Settings) -> VerifierKey | None:
    """The public key of the log; None if this machine does not have it. Raises SettingsWrong."""
    return _loaded(settings).verifier if settings.log_key.exists() else None
