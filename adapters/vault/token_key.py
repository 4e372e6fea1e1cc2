"""A master key in a hardware security module: PKCS#11 (OASIS, version 2.40), AES-GCM (CKM_AES_GCM) on the token.

The key never leaves the token: each wrapping and unwrapping is a call to it. A token forgets its sessions when it is
switched off, so a call that fails is made once more in a new session, for which the maker's library may have to be
started again. A token that does not answer says nothing of a row, so after each failure the token is tried with a value
of its own: where that fails too, it is away. One that never answered is a wrong setting; one that did is waited for.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

import pkcs11
from pkcs11 import (
    KeyType,
    Mechanism,
    ObjectClass,
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
)
from pkcs11.mechanisms import GCMParams

from adapters.vault.file_key import broken
from adapters.vault.sealing import NONCE
from domain.errors import StoreAway, WrongMasterKey

SCHEME: Final = "pkcs11:"
TAG_BITS: Final = 128
RANDOM_BITS: Final = 64
PROBE: Final = b"krypton"
PIN: Final = (PinExpired, PinIncorrect, PinInvalid, PinLocked)
"""Errors of the PIN: never asked twice, for a token locks itself after a few wrong ones."""
T = TypeVar("T")


class Token:
    """One logged-in session with a token; threads take turns. Raises WrongMasterKey; StoreAway."""

    def __init__(self, module: Path, label: str, pin: str) -> None:
        """``module``: the maker's library; ``label``: the token's."""
        self._module, self.label, self._pin = module, label, pin
        self._lock = Lock()
        self._session: Any = None
        self._was_there = False
        self._handles: dict[str, Any] = {}

    def key(self, label: str) -> "TokenKey":
        """Its AES key with that label. Raises WrongMasterKey where it has none."""
        if not self.has(label):
            raise self._without(label)
        return TokenKey(self, label)

    def named(self, name: str) -> "TokenKey | None":
        """The key of a name that the vault holds, where it is this token's."""
        token, _, label = name.removeprefix(SCHEME).partition("/")
        is_ours = name.startswith(SCHEME) and token == self.label
        return TokenKey(self, label) if is_ours and self.has(label) else None

    def has(self, label: str) -> bool:
        """Whether the token has such a key. Raises PKCS11Error; WrongMasterKey."""
        return self._twice(lambda: self._handle(label)) is not None

    def asked(self, label: str, what: str, content: bytes, params: GCMParams) -> bytes:
        """One call to the token, of its key with that label. Raises PKCS11Error; WrongMasterKey."""

        def call() -> bytes:
            if (key := self._handle(label)) is None:
                raise self._without(label)
            return bytes(getattr(key, what)(content, mechanism=Mechanism.AES_GCM, mechanism_param=params))

        return self._twice(call)

    def _twice(self, call: Callable[[], T]) -> T:
        with self._lock:
            try:
                return call()
            except PKCS11Error:
                self._forget()
            return call()

    def _handle(self, label: str) -> Any:
        """The key's handle in this session; None where the token has no such key."""
        if (known := self._handles.get(label)) is not None:
            return known
        named = {
            pkcs11.Attribute.CLASS: ObjectClass.SECRET_KEY,
            pkcs11.Attribute.KEY_TYPE: KeyType.AES,
            pkcs11.Attribute.LABEL: label,
        }
        session = self._opened()
        session.generate_random(RANDOM_BITS)  # fails where the token forgot the session; a search would log that, too
        found = next(iter(list(session.get_objects(named))), None)
        if found is not None:
            self._handles[label] = found
        return found

    def _without(self, label: str) -> WrongMasterKey:
        return WrongMasterKey(
            f"the token {self.label} has no AES key {label}: correct KRYPTON_PKCS11_KEY, or make the key with the "
            "tool of the token's maker"
        )

    def _forget(self) -> None:
        """Give the session up: the next call opens another one."""
        session, self._session, self._handles = self._session, None, {}
        if session is not None:
            with suppress(PKCS11Error):
                session.close()

    def _opened(self) -> Any:
        if self._session is None:
            try:
                self._session = self._found()
            except (PKCS11Error, RuntimeError, OSError) as failure:
                raise self._unusable(failure) from None
            self._was_there = True
        return self._session

    def _unusable(self, failure: Exception) -> WrongMasterKey | StoreAway:
        of = f"the token {self.label} of {self._module}"
        if self._was_there and not isinstance(failure, PIN):
            return StoreAway(f"{of} does not answer any more ({type(failure).__name__}): plug it in, then try again")
        return WrongMasterKey(
            f"{of} cannot be used ({type(failure).__name__}): check KRYPTON_PKCS11_MODULE, KRYPTON_PKCS11_TOKEN and "
            "KRYPTON_PKCS11_PIN_FILE, and that it is plugged in"
        )

    def _found(self) -> Any:
        library = pkcs11.lib(str(self._module))
        try:
            return self._logged_in(library)
        except PKCS11Error as failure:
            if not self._was_there or isinstance(failure, PIN):
                raise
            library.reinitialize()  # some see a token that came back only then
            return self._logged_in(library)

    def _logged_in(self, library: Any) -> Any:
        token = library.get_token(token_label=self.label)
        try:
            return token.open(user_pin=self._pin)
        except UserAlreadyLoggedIn:  # by the session given up, where the token still has it
            return token.open()


@cache
def token(module: Path, label: str, pin: str) -> Token:
    """The process's one session with a token: PKCS#11 lets a process log in once."""
    return Token(module, label, pin)


class TokenKey:
    """Implements ``domain.ports.MasterKey``; the wrapped form is that of ``FileKey``: nonce, ciphertext, tag."""

    def __init__(self, token: Token, label: str) -> None:
        self._token, self._label = token, label
        self.name = f"{SCHEME}{token.label}/{label}"

    def wrap(self, subject: str, key: bytes) -> bytes:
        """See ``domain.ports.MasterKey``. Raises StoreAway."""
        nonce = os.urandom(NONCE)
        try:
            return nonce + self._token.asked(self._label, "encrypt", key, _params(nonce, subject))
        except PKCS11Error as failure:
            raise self._away(failure) from None

    def unwrap(self, subject: str, wrapped: bytes) -> bytes:
        """See ``domain.ports.MasterKey``. Raises StoreAway."""
        nonce, content = wrapped[:NONCE], wrapped[NONCE:]
        try:
            if len(content) * 8 > TAG_BITS:
                return self._token.asked(self._label, "decrypt", content, _params(nonce, subject))
        except PKCS11Error:
            self.wrap("probe", PROBE)
        raise broken(subject)

    def _away(self, failure: PKCS11Error) -> StoreAway:
        return StoreAway(f"the token of master key {self.name} does not answer ({type(failure).__name__}): try again")


def _params(nonce: bytes, subject: str) -> GCMParams:
    return GCMParams(nonce, subject.encode(), TAG_BITS)
