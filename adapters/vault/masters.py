"""Which master key wrapped a row of the vault, and which one wraps new ones: as the vault's own table says.

A master key is held to its canary when it is first used: so a wrong one is told at once, and a row that does not open
is the row's own fault.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from adapters.vault.file_key import broken
from adapters.vault.ring import Ring
from adapters.vault.tables import CANARY
from domain.errors import KeyBroken, WrongMasterKey
from domain.ports import MasterKey

KNOWN: Final = "SELECT id, name, canary, retired_at IS NULL FROM vault.master_key ORDER BY id"
Ask = Callable[[str], list[tuple[Any, ...]]]


class _Stated(NamedTuple):
    """A line of the table."""

    name: str
    canary: bytes
    is_current: bool


class Masters:
    """The vault's master keys by number. Safe to share between threads."""

    def __init__(self, ask: Ask, ring: Ring) -> None:
        """``ask``: returns the rows of a query to the vault's database."""
        self._ask, self.ring = ask, ring
        self._stated: dict[int, _Stated] = {}
        self._held: dict[int, MasterKey] = {}

    def of(self, number: int) -> MasterKey:
        """The master key that wrapped a row. Raises WrongMasterKey; KeyError: no row says what that number is."""
        return self._held.get(number) or self._checked(number)

    def current(self) -> tuple[int, MasterKey]:
        """The number of the one that wraps new keys, and the key. Raises WrongMasterKey."""
        if not self._stated:
            self.look()
        number = next((number for number, stated in self._stated.items() if stated.is_current), None)
        if number is None:
            raise WrongMasterKey("the vault has no master key that wraps new keys: run krypton init")
        return number, self.of(number)

    def unwrapped(self, subject: str, wrapped: bytes, number: int) -> bytes:
        """A subject's key. Raises KeyBroken; WrongMasterKey."""
        try:
            master = self.of(number)
        except KeyError:
            raise broken(subject) from None
        return master.unwrap(subject, wrapped)

    def look(self) -> None:
        """Read the table again: another process may have changed the master key."""
        found = self._ask(KNOWN)
        self._stated = {number: _Stated(name, bytes(canary), current) for number, name, canary, current in found}

    def _checked(self, number: int) -> MasterKey:
        if number not in self._stated:
            self.look()
        stated = self._stated[number]
        key = self.ring.named(stated.name)
        try:
            key.unwrap(CANARY, stated.canary)
        except KeyBroken:
            raise WrongMasterKey(
                f"the master key {stated.name} of {self.ring.where} does not open the vault's canary: it is not the "
                "one that wrapped the vault's keys"
            ) from None
        self._held[number] = key
        return key
