"""Keys by the thousand open what the vault sealed, and nothing else; on a real PostgreSQL."""

import os
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from random import Random
from uuid import uuid4

import psycopg2
import pytest

from adapters.vault.bulk import BulkVault
from adapters.vault.file_key import FileKey
from adapters.vault.postgres import PostgresVault
from adapters.vault.ring import Ring
from domain.errors import KeyBroken, SealBroken, WrongMasterKey
from postgres.session import connect

pytestmark = pytest.mark.live

AAD = b"study.arrived|1|1|description"
RING = Ring.of(FileKey(os.urandom(32)))


@pytest.fixture
def vault(database_url: str) -> Iterator[PostgresVault]:
    """The vault that seals."""
    with closing(PostgresVault(database_url, RING, beside_events=True)) as made:
        made.create()
        yield made


@pytest.fixture
def keys(vault: PostgresVault, database_url: str) -> Iterator[BulkVault]:
    """What reads the whole log."""
    with closing(BulkVault(database_url, RING)) as made:
        yield made


def sealed(vault: PostgresVault, count: int) -> dict[str, bytes]:
    """Subject to what was sealed under its key: its own name."""
    subjects = [str(uuid4()) for _ in range(count)]
    vault.prepare((), subjects)
    return {subject: vault.seal(subject, subject.encode(), AAD) for subject in subjects}


def test_all_are_opened_however_few_keys_are_held(vault: PostgresVault, database_url: str) -> None:
    """Asked for a batch ahead or not."""
    texts, chance = sealed(vault, 20), Random(1)
    batches = [chance.sample(sorted(texts), chance.randint(1, 9)) for _ in range(60)]
    with closing(BulkVault(database_url, RING, most=7)) as keys:
        for some, following in pairwise(batches):
            if chance.random() < 0.7:
                keys.ask(following)
            keys.prefetch(some)
            assert [keys.unseal(subject, texts[subject], AAD) for subject in some] == [s.encode() for s in some]


def test_a_key_that_was_destroyed_or_never_made_opens_nothing(vault: PostgresVault, keys: BulkVault) -> None:
    ((subject, text),) = sealed(vault, 1).items()
    vault.destroy(subject)
    assert keys.unseal(subject, text, AAD) is None
    assert keys.unseal(str(uuid4()), text, AAD) is None


def test_a_database_that_was_away_makes_no_key_seem_destroyed(
    vault: PostgresVault, keys: BulkVault, database_url: str
) -> None:
    ((subject, text),) = sealed(vault, 1).items()
    keys._connection.close()
    keys.ask([subject])
    for _ in range(2):
        with pytest.raises(psycopg2.InterfaceError):
            keys.prefetch([subject])
    keys._connection = connect(database_url, "test")
    assert keys.unseal(subject, text, AAD) == subject.encode()


def test_altered_bytes_and_another_master_key_are_told(
    vault: PostgresVault, keys: BulkVault, database_url: str
) -> None:
    ((subject, text),) = sealed(vault, 1).items()
    with pytest.raises(SealBroken, match=f"of subject {subject} cannot be decrypted"):
        keys.unseal(subject, text[:-1] + bytes([text[-1] ^ 1]), AAD)
    with (
        closing(BulkVault(database_url, Ring.of(FileKey(os.urandom(32))))) as others,
        pytest.raises(WrongMasterKey, match="the vault's keys are wrapped by master key"),
    ):
        others.prefetch([subject])


def test_a_bad_row_is_told_for_its_subject_alone(vault: PostgresVault, keys: BulkVault, database_url: str) -> None:
    """Not when keys are fetched together: a whole batch would be lost."""
    (bad, text), (good, other) = sealed(vault, 2).items()
    with closing(connect(database_url, "test", autocommit=True)) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE vault.subject_key SET wrapped = %s WHERE subject = %s", (bytes(60), bad))
    keys.ask([bad, good])
    keys.prefetch([bad, good])
    assert keys.unseal(good, other, AAD) == good.encode()
    with pytest.raises(KeyBroken, match=f"key of subject {bad} does not open"):
        keys.unseal(bad, text, AAD)
