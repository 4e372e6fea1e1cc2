"""The region's secret on a real PostgreSQL: made once, the same ever after, and refused where it is not the one."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from adapters.eventstore import tables
from adapters.vault.file_key import FileKey
from adapters.vault.postgres import PostgresVault
from adapters.vault.rewrap import rewrap
from adapters.vault.ring import Ring
from domain.errors import WrongMasterKey
from krypton import region
from krypton.errors import ServiceUnavailable, SettingsWrong
from postgres.session import connect

pytestmark = pytest.mark.live

MASTER = os.urandom(32)


def ring(*masters: bytes) -> Ring:
    return Ring.of(*map(FileKey, masters or (MASTER,)))


@contextmanager
def vault_of(database: str, *masters: bytes) -> Iterator[PostgresVault]:
    """As a process has it."""
    with closing(PostgresVault(database, ring(*masters), beside_events=True)) as opened:
        yield opened


@pytest.fixture
def vault(database_url: str) -> Iterator[PostgresVault]:
    """Installed, with nothing in it yet."""
    tables.create(database_url)
    with vault_of(database_url) as opened:
        opened.create()
        yield opened


def run(database: str, sql: str) -> None:
    with closing(connect(database, "test", autocommit=True)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)


def an_event(database: str) -> None:
    """Whatever it says: there is one."""
    run(
        database,
        "INSERT INTO ledger.ledger_events (originator_id, originator_version, topic, state)"
        " VALUES (gen_random_uuid(), 1, 'identity.registered', '')",
    )


def test_it_is_made_once_and_is_the_same_in_every_process(vault: PostgresVault, database_url: str) -> None:
    assert [region.make(vault, database_url) for _ in range(3)] == [True, False, False]
    secret = region.secret_of(vault, database_url)
    assert len(secret) == 32
    an_event(database_url)
    with vault_of(database_url) as other:
        assert region.secret_of(other, database_url) == secret
        assert not region.make(other, database_url)


def test_two_who_install_at_once_make_one(vault: PostgresVault, database_url: str) -> None:
    def install(_: int) -> bytes:
        with vault_of(database_url) as own:
            region.make(own, database_url)
            return region.secret_of(own, database_url)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(install, range(8)))) == 1


def test_before_it_is_made_it_says_what_makes_it(vault: PostgresVault, database_url: str) -> None:
    with pytest.raises(ServiceUnavailable, match="run krypton init"):
        region.secret_of(vault, database_url)


def test_a_vault_that_lost_it_is_refused_and_gets_no_other(vault: PostgresVault, database_url: str) -> None:
    """Another secret would give everybody another id."""
    region.make(vault, database_url)
    an_event(database_url)
    run(database_url, "DELETE FROM vault.region_secret")
    for ask in (region.secret_of, region.make):
        with pytest.raises(SettingsWrong, match="restore the vault's backup"):
            ask(vault, database_url)
    assert vault.region_secret() is None


def test_the_vault_of_another_ledger_is_refused(vault: PostgresVault, database_url: str) -> None:
    region.make(vault, database_url)
    run(database_url, "DELETE FROM vault.region_secret")
    vault.make_region_secret()
    for ask in (region.secret_of, region.make):
        with pytest.raises(SettingsWrong, match="another ledger's"):
            ask(vault, database_url)


def test_a_vault_that_came_back_to_an_empty_event_store_keeps_its_secret(
    vault: PostgresVault, database_url: str
) -> None:
    """The events come back from Kafka then: their ids were made with it."""
    region.make(vault, database_url)
    secret = region.secret_of(vault, database_url)
    run(database_url, "DELETE FROM ledger.region")
    assert not region.make(vault, database_url)
    assert region.secret_of(vault, database_url) == secret


def test_another_master_key_does_not_open_it(vault: PostgresVault, database_url: str) -> None:
    region.make(vault, database_url)
    with vault_of(database_url, os.urandom(32)) as stranger, pytest.raises(WrongMasterKey):
        region.secret_of(stranger, database_url)


def test_a_ledger_of_an_earlier_program_is_not_taken_over(vault: PostgresVault, database_url: str) -> None:
    """Its ids can be worked out: new ones beside them would be of the same people, and others."""
    an_event(database_url)
    with pytest.raises(SettingsWrong, match="earlier program"):
        region.make(vault, database_url)
    with pytest.raises(ServiceUnavailable, match="earlier program"):
        region.secret_of(vault, database_url)
    assert vault.region_secret() is None


def test_another_master_key_changes_neither_the_secret_nor_what_is_derived_from_it(
    vault: PostgresVault, database_url: str
) -> None:
    """Ids and codes stay what they were; the old master key is not needed any more."""
    region.make(vault, database_url)
    secret, new = region.secret_of(vault, database_url), os.urandom(32)
    rewrap(database_url, ring(new, MASTER))
    with vault_of(database_url, new) as changed:
        assert region.secret_of(changed, database_url) == secret
    rewrap(database_url, ring(new))
