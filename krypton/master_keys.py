"""The vault's master keys: which there are, and where each comes from: a setting, a file, or a security module."""

import base64
import binascii
from typing import TYPE_CHECKING, Final

from krypton import setting_values as values
from krypton.errors import SettingsWrong
from krypton.home import Home
from krypton.settings import Settings

if TYPE_CHECKING:  # imported where used: who only asks the ledger seals nothing
    from adapters.vault.file_key import FileKey
    from adapters.vault.ring import Ring

KEY_BYTES: Final = 32


def ring(settings: Settings) -> "Ring":
    """The keys, as the vault uses them. Raises SettingsWrong."""
    from adapters.vault.file_key import FileKey
    from adapters.vault.ring import Ring

    plain_keys(settings)  # whoever seals nothing yet is told at once

    def files() -> "list[FileKey]":
        return [FileKey(key) for key in plain_keys(settings)]

    if settings.pkcs11_module is None:
        return Ring(files, where(settings))
    from adapters.vault.token_key import token  # the library is an extra

    assert settings.pkcs11_token is not None
    assert settings.pkcs11_key is not None
    held, label = token(settings.pkcs11_module, settings.pkcs11_token, pin(settings)), settings.pkcs11_key
    return Ring(lambda: [held.key(label), *files()], where(settings), held.named)


def plain_keys(settings: Settings) -> tuple[bytes, ...]:
    """The keys outside of a security module, 32 bytes each, the newest first: read again at each call, for a file may
    be given another key. Raises SettingsWrong where one is missing or no such key.

    Taken from KRYPTON_MASTER_KEY, else from KRYPTON_MASTER_KEY_FILE, else from the file that
    `krypton dev up` makes for the embedded database.
    """
    if settings.master_key_base64:
        return _decoded(settings.master_key_base64, "KRYPTON_MASTER_KEY")
    if settings.master_key_file:
        return _decoded(values.key(settings.master_key_file, "KRYPTON_MASTER_KEY_FILE"), str(settings.master_key_file))
    own = Home(settings.home).master_key
    if not own.is_file():
        if settings.pkcs11_module:
            return ()
        raise SettingsWrong(
            "no master key: set KRYPTON_MASTER_KEY_FILE to a file with base64 of 32 random bytes "
            "(for the embedded database, krypton dev up makes one)"
        )
    return _decoded(values.key(own, "the embedded stack's master key"), str(own))


def pin(settings: Settings) -> str:
    """The PIN of the security module's token. Raises SettingsWrong."""
    assert settings.pkcs11_pin_file is not None, "read with the other settings of the token"
    return values.key(settings.pkcs11_pin_file, "KRYPTON_PKCS11_PIN_FILE")


def where(settings: Settings) -> str:
    """The setting that names the master key, for messages."""
    if settings.pkcs11_module:
        return f"KRYPTON_PKCS11_KEY ({settings.pkcs11_key} on {settings.pkcs11_token})"
    if settings.master_key_base64:
        return "KRYPTON_MASTER_KEY"
    return f"KRYPTON_MASTER_KEY_FILE ({settings.master_key_file or Home(settings.home).master_key})"


def _decoded(text: str, where: str) -> tuple[bytes, ...]:
    """Keys in base64. ``where``: they stand, for messages."""
    return tuple(_key(one, where) for one in text.split() or ("",))


def _key(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingsWrong(f"{where} must hold base64 of exactly {KEY_BYTES} bytes, and does not")
    return key
