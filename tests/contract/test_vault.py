"""What the ledger asks of a key vault, held by the one in memory and the one on PostgreSQL alike."""

import os
from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest

from adapters.vault.postgres import PostgresVault
from domain.errors import SealBroken
from domain.ports import KeyVault
from tests.fakes.vault import MemoryVault

PLAIN, AAD = "Élodie ESSAI".encode(), b"identity.registered|1|1|traits"


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.live)])
def vault(request: pytest.FixtureRequest) -> Iterator[KeyVault]:
    """An empty vault."""
    if request.param == "memory":
        yield MemoryVault()
        return
    with closing(PostgresVault(request.getfixturevalue("database_url"), os.urandom(32), beside_events=True)) as made:
        made.create()
        yield made


@pytest.fixture
def subject() -> str:
    """An identity."""
    return str(uuid4())


def test_what_was_sealed_opens(vault: KeyVault, subject: str) -> None:
    assert vault.unseal(subject, vault.seal(subject, PLAIN, AAD), AAD) == PLAIN


def test_sealed_bytes_hold_nothing_of_the_text_and_never_repeat(vault: KeyVault, subject: str) -> None:
    once, again = vault.seal(subject, PLAIN, AAD), vault.seal(subject, PLAIN, AAD)
    assert once != again
    assert PLAIN not in once


def test_sealed_bytes_do_not_open_elsewhere(vault: KeyVault, subject: str) -> None:
    sealed = vault.seal(subject, PLAIN, AAD)
    with pytest.raises(SealBroken, match=f"of subject {subject} cannot be decrypted"):
        vault.unseal(subject, sealed, AAD + b"!")


def test_altered_bytes_do_not_open(vault: KeyVault, subject: str) -> None:
    sealed = bytearray(vault.seal(subject, PLAIN, AAD))
    sealed[-1] ^= 1
    with pytest.raises(SealBroken, match="cannot be decrypted"):
        vault.unseal(subject, bytes(sealed), AAD)


def test_another_subjects_key_does_not_open_it(vault: KeyVault, subject: str) -> None:
    other = str(uuid4())
    vault.seal(other, PLAIN, AAD)
    with pytest.raises(SealBroken, match=other):
        vault.unseal(other, vault.seal(subject, PLAIN, AAD), AAD)


def test_nothing_opens_once_the_key_is_destroyed(vault: KeyVault, subject: str) -> None:
    sealed = vault.seal(subject, PLAIN, AAD)
    vault.destroy(subject)
    assert vault.unseal(subject, sealed, AAD) is None


def test_nothing_is_sealed_any_more_once_the_key_is_destroyed(vault: KeyVault, subject: str) -> None:
    vault.seal(subject, PLAIN, AAD)
    vault.destroy(subject)
    vault.prepare([subject])
    assert vault.seal(subject, PLAIN, AAD) == b""


def test_what_never_had_a_key_opens_to_nothing(vault: KeyVault, subject: str) -> None:
    assert vault.unseal(subject, b"x" * 40, AAD) is None
    assert vault.destroyed([subject]) == set()


def test_destroying_is_harmless_to_repeat_and_to_others(vault: KeyVault, subject: str) -> None:
    other = str(uuid4())
    sealed = vault.seal(other, PLAIN, AAD)
    for _ in range(2):
        vault.destroy(subject)
    assert vault.unseal(other, sealed, AAD) == PLAIN


def test_the_destroyed_are_told_apart(vault: KeyVault, subject: str) -> None:
    kept, never = str(uuid4()), str(uuid4())
    vault.prepare([subject, kept])
    vault.destroy(subject)
    assert vault.destroyed([subject, kept, never]) == {subject}
    assert vault.destroyed([]) == set()


def test_keys_made_together_are_each_subjects_own(vault: KeyVault) -> None:
    subjects = [str(uuid4()) for _ in range(3)]
    vault.prepare(subjects)
    vault.prefetch(subjects)
    sealed = [vault.seal(one, PLAIN, AAD) for one in subjects]
    assert [vault.unseal(one, raw, AAD) for one, raw in zip(subjects, sealed, strict=True)] == [PLAIN] * 3
    with pytest.raises(SealBroken):
        vault.unseal(subjects[0], sealed[1], AAD)


@pytest.mark.live
class TestTwoProcesses:
    """Vaults of one database, as the ledger's processes have them."""

    @pytest.fixture
    def pair(self, database_url: str) -> Iterator[tuple[PostgresVault, PostgresVault]]:
        """Two of them, with one master key."""
        master = os.urandom(32)
        with (
            closing(PostgresVault(database_url, master, beside_events=True)) as one,
            closing(PostgresVault(database_url, master, beside_events=False)) as other,
        ):
            one.create()
            one.create()
            yield one, other

    def test_one_opens_what_the_other_sealed(self, pair: tuple[PostgresVault, PostgresVault], subject: str) -> None:
        one, other = pair
        assert other.unseal(subject, one.seal(subject, PLAIN, AAD), AAD) == PLAIN

    def test_one_knows_at_once_what_the_other_destroyed(
        self, pair: tuple[PostgresVault, PostgresVault], subject: str
    ) -> None:
        """Opened keys may be used some seconds longer, so queries ask ``destroyed``, which looks."""
        one, other = pair
        one.seal(subject, PLAIN, AAD)
        other.destroy(subject)
        assert one.destroyed([subject]) == {subject}

    def test_another_master_key_opens_nothing(
        self, pair: tuple[PostgresVault, PostgresVault], subject: str, database_url: str
    ) -> None:
        sealed = pair[0].seal(subject, PLAIN, AAD)
        with (
            closing(PostgresVault(database_url, os.urandom(32), beside_events=True)) as stranger,
            pytest.raises(SealBroken, match="not the one this vault was created with"),
        ):
            stranger.unseal(subject, sealed, AAD)

    def test_a_master_key_of_another_length_is_refused(self, database_url: str) -> None:
        with pytest.raises(SealBroken, match="has 16 bytes, 32 are needed"):
            PostgresVault(database_url, os.urandom(16), beside_events=True)

    def test_the_database_holds_no_key_in_clear(
        self, pair: tuple[PostgresVault, PostgresVault], subject: str, database_url: str
    ) -> None:
        """The wrapped key is longer than a key, and another each time: GCM with a nonce."""
        pair[0].seal(subject, PLAIN, AAD)
        wrapped = pair[0]._pool.read("SELECT wrapped FROM vault.subject_key WHERE subject = %s", (subject,))[0][0]
        assert len(bytes(wrapped)) == 12 + 32 + 16
