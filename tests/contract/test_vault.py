"""What the ledger asks of a key vault, held by the one in memory and the one on PostgreSQL alike."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from threading import Barrier
from uuid import uuid4

import pytest

from adapters.vault.file_key import FileKey
from adapters.vault.postgres import PostgresVault
from adapters.vault.ring import Ring
from domain.errors import KeyBroken, KeyMissing, SealBroken, WrongMasterKey
from domain.ports import KeyVault
from tests.fakes.vault import MemoryVault

PLAIN, AAD = "Élodie ESSAI".encode(), b"identity.registered|1|1|traits"


def ring() -> Ring:
    """A master key that is nobody else's."""
    return Ring.of(FileKey(os.urandom(32)))


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.live)])
def vault(request: pytest.FixtureRequest) -> Iterator[KeyVault]:
    """An empty vault."""
    if request.param == "memory":
        yield MemoryVault()
        return
    with closing(PostgresVault(request.getfixturevalue("database_url"), ring(), beside_events=True)) as made:
        made.create()
        yield made


def known(vault: KeyVault) -> str:
    """An identity whose key was made with its first event."""
    subject = str(uuid4())
    vault.prepare([subject], [subject])
    return subject


@pytest.fixture
def subject(vault: KeyVault) -> str:
    """Such an identity."""
    return known(vault)


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
    other = known(vault)
    with pytest.raises(SealBroken, match=other):
        vault.unseal(other, vault.seal(subject, PLAIN, AAD), AAD)


def test_nothing_opens_once_the_key_is_destroyed(vault: KeyVault, subject: str) -> None:
    sealed = vault.seal(subject, PLAIN, AAD)
    vault.destroy(subject)
    assert vault.unseal(subject, sealed, AAD) is None


def test_nothing_is_sealed_any_more_once_the_key_is_destroyed(vault: KeyVault, subject: str) -> None:
    """Nor is another key made, whoever says that the subject is new."""
    vault.destroy(subject)
    vault.prepare([subject], [subject])
    assert vault.seal(subject, PLAIN, AAD) == b""


def test_what_never_had_a_key_opens_to_nothing(vault: KeyVault) -> None:
    never = str(uuid4())
    assert vault.unseal(never, b"x" * 40, AAD) is None
    assert vault.destroyed([never]) == set()


def test_no_key_is_made_for_who_is_not_new(vault: KeyVault, subject: str) -> None:
    """K1: a vault that is older than the ledger lacks keys of people who have sealed events."""
    lost = str(uuid4())
    vault.prepare([subject, lost])
    assert not vault.holds(lost)
    with pytest.raises(KeyMissing, match=f"no key for {lost}, of whom the ledger has sealed events"):
        vault.seal(lost, PLAIN, AAD)
    assert vault.seal(subject, PLAIN, AAD)


def test_who_is_new_again_keeps_the_key(vault: KeyVault, subject: str) -> None:
    """A process ended between the key and the event: the event is written later, under the same key."""
    sealed = vault.seal(subject, PLAIN, AAD)
    vault.prepare([subject], [subject])
    assert vault.unseal(subject, sealed, AAD) == PLAIN


def test_destroying_is_harmless_to_repeat_and_to_others(vault: KeyVault, subject: str) -> None:
    other = known(vault)
    sealed = vault.seal(other, PLAIN, AAD)
    for _ in range(2):
        vault.destroy(subject)
    assert vault.unseal(other, sealed, AAD) == PLAIN


def test_the_destroyed_are_told_apart(vault: KeyVault, subject: str) -> None:
    kept, never = known(vault), str(uuid4())
    vault.destroy(subject)
    assert vault.destroyed([subject, kept, never]) == {subject}
    assert vault.destroyed([]) == set()


def test_keys_made_together_are_each_subjects_own(vault: KeyVault, subject: str) -> None:
    """Beside one that is there already."""
    new = [str(uuid4()) for _ in range(2)]
    subjects = [subject, *new]
    vault.prepare(subjects, new)
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
        master = ring()
        with (
            closing(PostgresVault(database_url, master, beside_events=True)) as one,
            closing(PostgresVault(database_url, master, beside_events=False)) as other,
        ):
            one.create()
            one.create()
            yield one, other

    @pytest.fixture
    def subject(self, pair: tuple[PostgresVault, PostgresVault]) -> str:
        """An identity of theirs."""
        return known(pair[0])

    def test_one_opens_what_the_other_sealed(self, pair: tuple[PostgresVault, PostgresVault], subject: str) -> None:
        one, other = pair
        assert other.unseal(subject, one.seal(subject, PLAIN, AAD), AAD) == PLAIN

    def test_one_knows_at_once_what_the_other_destroyed(
        self, pair: tuple[PostgresVault, PostgresVault], subject: str
    ) -> None:
        """Opened keys may be used some seconds longer, so queries ask ``destroyed``, which looks."""
        one, other = pair
        other.destroy(subject)
        assert one.destroyed([subject]) == {subject}

    def test_both_make_the_same_key_where_both_are_first(self, pair: tuple[PostgresVault, PostgresVault]) -> None:
        """Whoever loses the race uses the winner's key: nothing is sealed under a key that is not kept."""
        for _ in range(20):
            new, start = [str(uuid4()) for _ in range(5)], Barrier(2)

            def sealing(vault: PostgresVault, new: list[str] = new, start: Barrier = start) -> list[bytes]:
                start.wait()
                vault.prepare(new, new)
                return [vault.seal(subject, PLAIN, AAD) for subject in new]

            with ThreadPoolExecutor(2) as threads:
                sealed = list(threads.map(sealing, pair))
            for vault, others in zip(pair, reversed(sealed), strict=True):
                assert {vault.unseal(*named, AAD) for named in zip(new, others, strict=True)} == {PLAIN}

    def test_another_master_key_is_refused_before_it_opens_anything(
        self, pair: tuple[PostgresVault, PostgresVault], subject: str, database_url: str
    ) -> None:
        """Not as a row that does not open: the canary tells."""
        sealed = pair[0].seal(subject, PLAIN, AAD)
        with closing(PostgresVault(database_url, ring(), beside_events=True)) as stranger:
            unseals = partial(stranger.unseal, subject, sealed, AAD)
            ways: tuple[Callable[[], object], ...] = (stranger.check, stranger.create, unseals)
            for opens in ways:
                with pytest.raises(WrongMasterKey, match=r"wrapped by master key [0-9a-f]{16}, and the ring has"):
                    opens()

    def test_a_bad_row_is_told_for_its_subject_alone(
        self, pair: tuple[PostgresVault, PostgresVault], subject: str
    ) -> None:
        """Altered, swapped with another's, or of a master key that the vault does not know."""
        one, other = pair
        swapped, unknown = known(one), known(one)
        (taken,) = one._pool.read("SELECT wrapped FROM vault.subject_key WHERE subject = %s", (subject,))
        one._pool.read("UPDATE vault.subject_key SET wrapped = %s WHERE subject = %s", (taken[0], swapped))
        one._pool.read("UPDATE vault.subject_key SET master = 99 WHERE subject = %s", (unknown,))
        other.check()
        other.prefetch([subject, swapped, unknown])
        assert other.seal(subject, PLAIN, AAD)
        for bad in (swapped, unknown):
            for opens in (other.holds, lambda who: other.seal(who, PLAIN, AAD)):
                with pytest.raises(KeyBroken, match=f"key of subject {bad} does not open"):
                    opens(bad)

    def test_the_database_holds_no_key_in_clear(self, pair: tuple[PostgresVault, PostgresVault], subject: str) -> None:
        """The wrapped key is longer than a key, and another each time: GCM with a nonce."""
        wrapped = pair[0]._pool.read("SELECT wrapped FROM vault.subject_key WHERE subject = %s", (subject,))[0][0]
        assert len(bytes(wrapped)) == 12 + 32 + 16

    def test_a_vault_of_an_earlier_release_is_proven_before_it_gets_its_canary(self, database_url: str) -> None:
        """It has rows that say nothing of a master key: the one that is given must open them."""
        first, subject = FileKey(os.urandom(32)), str(uuid4())
        with closing(PostgresVault(database_url, Ring.of(first), beside_events=True)) as earlier:
            earlier.create()
            earlier.prepare([subject], [subject])
            sealed = earlier.seal(subject, PLAIN, AAD)
            earlier._pool.read("DROP TABLE vault.master_key; ALTER TABLE vault.subject_key DROP COLUMN master")
        with (
            closing(PostgresVault(database_url, ring(), beside_events=True)) as wrong,
            pytest.raises(WrongMasterKey, match="opens none of the vault's keys"),
        ):
            wrong.create()
        with closing(PostgresVault(database_url, Ring.of(first), beside_events=True)) as upgraded:
            upgraded.create()
            assert upgraded.unseal(subject, sealed, AAD) == PLAIN


def test_a_master_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="has 32 bytes, not 16"):
        FileKey(os.urandom(16))


def test_the_name_of_a_master_key_tells_nothing_of_it() -> None:
    key = os.urandom(32)
    assert FileKey(key).name == FileKey(key).name != FileKey(os.urandom(32)).name
    assert FileKey(key).name not in key.hex()
