"""The key of the tamper-evident log: made when the log first signs, read afterwards, never replaced in silence."""

from adapters.notary import keys
from adapters.notary.keys import SigningKey
from domain.proofs import tiles
from domain.proofs.note import ED25519, VerifierKey
from krypton.settings import Settings, SettingsWrong


def signing_key(settings: Settings) -> SigningKey:
    """The log's key; a new one for a log that never signed. Raises SettingsWrong."""
    path = settings.log_key
    if not path.exists():
        if (settings.log_folder / tiles.CHECKPOINT).exists():
            raise SettingsWrong(
                f"KRYPTON_LOG_KEY_FILE: {path} is gone, and {settings.log_folder} holds what its key signed: bring the "
                "key back, or start a new log with another folder and another KRYPTON_LOG_ORIGIN"
            )
        SigningKey.new(settings.log_origin).store(path)
    return _loaded(settings)


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
    """The public half of the log's key; None where this machine has none. Raises SettingsWrong."""
    return _loaded(settings).verifier if settings.log_key.exists() else None
