"""Finds the region's secret, has it made once, and refuses another one.

Ids are made with it (``domain.ids``), and what else is derived (``adapters.vault.derived``). It is random, lies in the
vault, wrapped by the master key, and never changes, also when the master key does. The event store keeps its
fingerprint: a vault that lost it, or another ledger's, is refused before any id is made.
"""

import hmac
from typing import Protocol

from adapters.eventstore import region
from adapters.vault.derived import Purpose, derived
from krypton.errors import ServiceUnavailable, SettingsWrong


class Vault(Protocol):
    """The part of the vault that keeps the secret."""

    def region_secret(self) -> bytes | None:
        """The secret; None where it was never made. Raises SealBroken: the master key is another one."""

    def make_region_secret(self) -> bytes:
        """Make it, where there is none, and keep it for good; returns the one that is kept."""


def secret_of(vault: Vault, database: str) -> bytes:
    """The secret. Raises ServiceUnavailable before ``krypton init``, SettingsWrong: it is gone, or another ledger's."""
    noted, held = region.fingerprint(database), vault.region_secret()
    if noted is None:
        raise ServiceUnavailable(_earlier() if held is None and not region.is_empty(database) else _not_made())
    return _checked(held, noted)


def make(vault: Vault, database: str) -> bool:
    """Make the secret where the ledger has no event yet; returns whether it was made. Raises SettingsWrong."""
    noted, held = region.fingerprint(database), vault.region_secret()
    if noted is not None:
        _checked(held, noted)
        return False
    if not region.is_empty(database):
        raise SettingsWrong(_earlier())
    secret = held or vault.make_region_secret()
    region.note(database, derived(secret, Purpose.FINGERPRINT))
    _checked(secret, region.fingerprint(database) or b"")
    return held is None


def _checked(held: bytes | None, noted: bytes) -> bytes:
    if held is None:
        raise SettingsWrong(
            "the vault holds no region secret, and this ledger's ids were made with one: restore the vault's backup; "
            "a new secret would give everybody another id"
        )
    if not hmac.compare_digest(derived(held, Purpose.FINGERPRINT), noted):
        raise SettingsWrong(
            "the vault's region secret is another ledger's: this ledger's ids were not made with it; restore the "
            "vault that belongs to this event store"
        )
    return held


def _earlier() -> str:
    return (
        "this ledger was made by an earlier program, whose ids can be worked out from local ids: it is not taken over; "
        "start a new ledger (see docs/upgrade.md)"
    )


def _not_made() -> str:
    return "the region's secret is not made yet: run krypton init"
