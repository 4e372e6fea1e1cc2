"""The vault in a database of its own: the ledger's database, and so its backups, never hold a key."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from domain.work import Envelope
from krypton import vaults
from krypton.bootstrap import Krypton
from krypton.devstack import postgres
from krypton.devstack.stack import Stack
from krypton.integrity.findings import Kind
from krypton.services.install import install
from krypton.vaults import open_vault
from krypton.views import rebuild
from postgres.pool import Pool
from tests.fakes.erasing import erase
from tests.integration.live_ledger import LiveLedger, live_ledger, person
from tests.integration.proof_world import krypton, relay_all, run_sql, verdict

pytestmark = pytest.mark.live


@pytest.fixture
def apart(stack: Stack, tmp_path: Path) -> Iterator[tuple[LiveLedger, Krypton]]:
    """A ledger, and how its processes have it."""
    name = f"vault_{uuid4().hex}"
    with live_ledger(stack, tmp_path) as ledger:
        ours = krypton(ledger)
        moved = stack.new_database(name)
        _move(ledger.database, moved, tmp_path / "vault.dump")
        run_sql(ledger, "DROP SCHEMA vault CASCADE")
        ours = Krypton(replace(ours.settings, vault_database=moved), ours.addresses)
        for _ in install(ours, log_key=False):
            pass
        yield ledger, ours
        ours.close()
    stack.drop_database(name)


def _move(old: str, new: str, dump: Path) -> None:
    """As docs/backup.md says."""
    for words in (
        ("pg_dump", old, "--format=custom", "--schema=vault", f"--file={dump}"),
        ("pg_restore", f"--dbname={new}", str(dump)),
    ):
        subprocess.run((postgres._program(words[0]), *words[1:]), check=True)


def registered(ours: Krypton, local_id: str) -> UUID:
    return UUID(ours.execute(person(local_id), Envelope()).result["identity"])


def again(ours: Krypton) -> Krypton:
    """For a process that starts now."""
    return Krypton(ours.settings, ours.addresses)


def test_no_key_is_in_the_ledgers_database(apart: tuple[LiveLedger, Krypton]) -> None:
    """All that it holds of people opens with the other database alone."""
    ledger, ours = apart
    one = registered(ours, "1")
    assert ledger.query("SELECT to_regclass('vault.subject_key'), to_regnamespace('vault')") == [(None, None)]
    assert again(ours).vault.holds(str(one))


def test_a_vault_of_yesterday_brings_nobody_back(
    apart: tuple[LiveLedger, Krypton], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The erased are looked up page by page, for no statement reaches both databases."""
    monkeypatch.setattr(vaults, "PAGE", 2)
    ledger, ours = apart
    people = [registered(ours, str(n)) for n in range(7)]
    vault = Pool(ours.vault_database, "test", 1)
    vault.read("CREATE TABLE yesterday AS TABLE vault.subject_key")
    for one in people[:5]:
        erase(ours, one)
    later = registered(ours, "later")
    relay_all(ledger)
    assert verdict(ours).found == []
    vault.read("TRUNCATE vault.subject_key; INSERT INTO vault.subject_key SELECT * FROM yesterday")
    vault.close()
    ours = again(ours)
    assert [found.kind for found in verdict(ours).findings] == [Kind.KEY_BACK] * 5 + [Kind.KEY_MISSING]
    assert open_vault(ours) == 5
    assert open_vault(ours) == 0
    held = [str(one) for one in (*people, later)]
    assert ours.vault.destroyed(held) == set(held[:5])
    assert [ours.vault.holds(one) for one in held[5:]] == [True, True, False]


def test_views_are_built_with_it(apart: tuple[LiveLedger, Krypton]) -> None:
    ledger, ours = apart
    one = registered(ours, "1")
    relay_all(ledger)
    wish = rebuild.Wish("identity_index", processes=1)
    built = rebuild.run(ours, wish, rebuild.begin(ours, wish), lambda _: None)
    sql = f"SELECT traits->>'family' FROM identity_index_v{built.version}.identity WHERE identity_id = %s"
    assert ledger.query(sql, str(one)) == [("FICTIVE",)]
