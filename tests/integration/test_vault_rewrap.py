"""The master key is changed while processes read and seal, and a run that is killed goes on where it was."""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from uuid import uuid4

import pytest

from adapters.vault import rewrap
from adapters.vault.bulk import BulkVault
from adapters.vault.file_key import FileKey
from adapters.vault.postgres import PostgresVault
from adapters.vault.ring import Ring
from domain.errors import Contended, WrongMasterKey
from krypton.master_keys import ring
from krypton.settings import Settings
from postgres.session import connect
from tests.fakes.private import private
from tests.waiting import until

pytestmark = pytest.mark.live
AAD, PLAIN = b"study.arrived|1|1|description", b"SCANNER"
KILLED = """
import sys
from pathlib import Path
from adapters.vault.rewrap import rewrap
from tests.integration.test_vault_rewrap import Keys
keys = Keys(Path(sys.argv[2]))
def reach(done, of):
    print(done, of, flush=True)
    if done >= 2000:
        sys.stdin.read()  # until it is killed, between two pages
rewrap(sys.argv[1], keys.ring(), reach)
"""


class Keys:
    """A file of master keys, as KRYPTON_MASTER_KEY_FILE names it."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def put_first(self, key: bytes) -> str:
        """Add a key before the others; returns its name."""
        held = self.file.read_text() if self.file.exists() else ""
        private(self.file, f"{base64.b64encode(key).decode()}\n{held}")
        return FileKey(key).name

    def keep_first(self) -> None:
        """Take the others out."""
        private(self.file, self.file.read_text().splitlines()[0])

    def ring(self) -> Ring:
        """As a process has it."""
        return ring(Settings(self.file.parent, master_key_file=self.file))


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """One master key."""
    made = Keys(tmp_path / "master_key")
    made.put_first(os.urandom(32))
    return made


@pytest.fixture
def vault(database_url: str, keys: Keys) -> Iterator[PostgresVault]:
    """A running process."""
    with closing(PostgresVault(database_url, keys.ring(), beside_events=True)) as made:
        made.create()
        yield made


def sealed(vault: PostgresVault, count: int) -> dict[str, bytes]:
    """New people, and something sealed for each."""
    new = [str(uuid4()) for _ in range(count)]
    vault.prepare((), new)
    return {subject: vault.seal(subject, PLAIN, AAD) for subject in new}


def opened(url: str, keys: Keys, texts: dict[str, bytes]) -> bool:
    """Whether a process that starts now reads all of it, and one that reads in bulk does."""
    with (
        closing(PostgresVault(url, keys.ring(), beside_events=True)) as one,
        closing(BulkVault(url, keys.ring())) as bulk,
    ):
        one.prefetch(texts)
        return all(one.unseal(*t, AAD) == bulk.unseal(*t, AAD) == PLAIN for t in texts.items())


def wrapped_by(url: str) -> dict[str, int]:
    """How many keys each master key wraps."""
    return {state.name: state.keys for state in rewrap.states(url)}


def test_the_old_key_is_not_needed_once_all_is_wrapped_again(
    vault: PostgresVault, keys: Keys, database_url: str
) -> None:
    """Nor by the process that ran all the time: its file was given the new key."""
    texts, gone, secret = sealed(vault, 30), str(uuid4()), vault.make_region_secret()
    vault.destroy(gone)
    (old,) = wrapped_by(database_url)
    new = keys.put_first(os.urandom(32))
    assert wrapped_by(database_url) == {old: 30}  # the file alone changes nothing
    done = rewrap.rewrap(database_url, keys.ring())
    assert (done.name, done.keys, done.broken) == (new, 30, [])
    assert [(one.name, one.is_needed) for one in rewrap.states(database_url)] == [(old, False), (new, True)]
    keys.keep_first()
    texts |= sealed(vault, 2)
    assert wrapped_by(database_url) == {old: 0, new: 32}
    assert opened(database_url, keys, texts)
    assert vault.destroyed([gone]) == {gone}
    with closing(PostgresVault(database_url, keys.ring(), beside_events=True)) as later:
        assert later.region_secret() == secret
    assert rewrap.rewrap(database_url, keys.ring()).keys == 0


def test_processes_read_and_seal_meanwhile(vault: PostgresVault, keys: Keys, database_url: str) -> None:
    """Under whichever master key wraps at that moment; nothing is wrapped by the old one in the end."""
    texts, stop = sealed(vault, 6_000), Event()
    (old,) = wrapped_by(database_url)

    def working() -> dict[str, bytes]:
        made: dict[str, bytes] = {}
        some = list(texts.items())
        with closing(PostgresVault(database_url, keys.ring(), beside_events=True)) as other:
            while not stop.is_set():
                made |= sealed(other, 5)
                other.prefetch(subject for subject, _ in some)
                assert all(other.unseal(subject, text, AAD) == PLAIN for subject, text in some[:200])
        return made

    with ThreadPoolExecutor(2) as threads:
        workers = [threads.submit(working) for _ in range(2)]
        keys.put_first(os.urandom(32))
        told: list[tuple[int, int]] = []
        rewrap.rewrap(database_url, keys.ring(), lambda *at: told.append(at))
        made = sealed(vault, 1)
        stop.set()
        for worker in workers:
            made |= worker.result()
    assert told[0][0] < told[-1][0]
    assert told[-1][0] == told[-1][1]
    assert len(made) > 10
    assert wrapped_by(database_url)[old] == 0
    keys.keep_first()
    assert opened(database_url, keys, dict(list(texts.items())[:500]) | made)


def test_a_run_that_was_killed_goes_on_where_it_was(vault: PostgresVault, keys: Keys, database_url: str) -> None:
    texts = sealed(vault, 4_500)
    (old,) = wrapped_by(database_url)
    new = keys.put_first(os.urandom(32))
    words: Sequence[str] = (sys.executable, "-c", KILLED, database_url, str(keys.file))
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        until(lambda: run.stdout is not None and run.stdout.readline().startswith("2000 "), "two pages done")
        with pytest.raises(Contended, match="another krypton vault rewrap runs"):
            rewrap.rewrap(database_url, keys.ring())
        run.kill()
    assert wrapped_by(database_url) == {old: 2_500, new: 2_000}
    assert opened(database_url, keys, texts)
    until(lambda: _free(database_url), "the killed run's session gone")
    assert rewrap.rewrap(database_url, keys.ring()).keys == 2_500
    keys.keep_first()
    assert opened(database_url, keys, texts)


def _free(url: str) -> bool:
    """Whether the server has noticed the end of the killed run."""
    with closing(connect(url, "test", autocommit=True)) as connection, connection.cursor() as cursor:
        mine = "datname = current_database() AND application_name = 'krypton vault rewrap'"
        cursor.execute(f"SELECT count(*) FROM pg_stat_activity WHERE {mine}")
        return bool(cursor.fetchall() == [(0,)])


def test_nothing_is_changed_where_the_old_key_is_missing(vault: PostgresVault, keys: Keys, database_url: str) -> None:
    texts = sealed(vault, 3)
    before = keys.file.read_text()
    keys.put_first(os.urandom(32))
    keys.keep_first()
    with pytest.raises(WrongMasterKey, match=r"and KRYPTON_MASTER_KEY_FILE \(.*\) has"):
        rewrap.rewrap(database_url, keys.ring())
    private(keys.file, before)
    assert opened(database_url, keys, texts)
    assert len(wrapped_by(database_url)) == 1


def test_a_region_secret_that_the_old_key_wrapped_meanwhile_keeps_it_needed(
    vault: PostgresVault, keys: Keys, database_url: str
) -> None:
    """``krypton init`` on one machine, and the change on another: without the secret nobody's id is found again."""
    vault.check()
    (old,) = wrapped_by(database_url)
    new = keys.put_first(os.urandom(32))
    rewrap.rewrap(database_url, keys.ring())
    secret = vault.make_region_secret()  # by a process that has not looked since
    assert [(one.name, one.is_needed) for one in rewrap.states(database_url)] == [(old, True), (new, True)]
    rewrap.rewrap(database_url, keys.ring())
    assert [(one.name, one.is_needed) for one in rewrap.states(database_url)] == [(old, False), (new, True)]
    keys.keep_first()
    with closing(PostgresVault(database_url, keys.ring(), beside_events=True)) as later:
        assert later.region_secret() == secret


def test_people_are_erased_meanwhile(vault: PostgresVault, keys: Keys, database_url: str) -> None:
    """Between two pages, of those that are done and of those that are not: no key comes back."""
    texts = sealed(vault, 1_500)
    gone = set(list(texts)[::2])
    (old,), new = wrapped_by(database_url), keys.put_first(os.urandom(32))

    def erase(_done: int, _of: int) -> None:
        vault.destroy_all(sorted(gone))

    rewrap.rewrap(database_url, keys.ring(), erase)
    assert wrapped_by(database_url) == {old: 0, new: 750}
    assert vault.all_destroyed() == gone
    keys.keep_first()
    assert opened(database_url, keys, {who: text for who, text in texts.items() if who not in gone})


def test_keys_are_destroyed_in_the_order_in_which_they_are_wrapped_again(
    vault: PostgresVault, database_url: str
) -> None:
    """So that of a start after a restore and a change of the master key neither waits for the other for ever."""
    everybody = sorted(sealed(vault, 100))
    lock = "SELECT FROM vault.subject_key WHERE subject = ANY(%s::uuid[]) ORDER BY subject FOR UPDATE NOWAIT"
    mine = "datname = current_database() AND application_name = 'krypton vault'"
    waits = f"SELECT FROM pg_stat_activity WHERE {mine} AND wait_event_type = 'Lock'"
    with (
        ThreadPoolExecutor(1) as threads,
        closing(connect(database_url, "looks", autocommit=True)) as looks,
        closing(connect(database_url, "rewraps")) as rewraps,
        rewraps.cursor() as cursor,
        looks.cursor() as looking,
    ):
        cursor.execute(lock, (everybody[:1],))
        erased = threads.submit(vault.destroy_all, everybody)

        def waiting() -> bool:
            looking.execute(waits)
            return looking.rowcount == 1

        until(waiting, "waiting for the first key")
        cursor.execute(lock, (everybody,))
        rewraps.rollback()
        assert erased.result() == set(everybody)


def test_another_key_under_a_name_that_the_vault_knows_changes_nothing(vault: PostgresVault, database_url: str) -> None:
    """As of a token that was made again under its old label: the canary of that name tells."""

    class Labelled(FileKey):
        """Named by its label."""

        def __init__(self, key: bytes, name: str) -> None:
            super().__init__(key)
            self.name = name

    first = vault.masters.ring.first
    of_token, remade = (Labelled(os.urandom(32), "pkcs11:token/master") for _ in range(2))
    rewrap.rewrap(database_url, Ring.of(of_token, first))
    rewrap.rewrap(database_url, Ring.of(first, of_token))
    with pytest.raises(WrongMasterKey, match="does not open the vault's canary"):
        rewrap.rewrap(database_url, Ring.of(remade, first))
    assert [one.retired_at is None for one in rewrap.states(database_url)] == [True, False]


def test_a_row_that_does_not_open_stays_and_is_named(vault: PostgresVault, keys: Keys, database_url: str) -> None:
    """The old master key is needed until it is repaired: the row may come back from a backup."""
    bad, *_ = sealed(vault, 3)
    vault._pool.read("UPDATE vault.subject_key SET wrapped = %s WHERE subject = %s", (bytes(60), bad))
    (old,) = wrapped_by(database_url)
    keys.put_first(os.urandom(32))
    done = rewrap.rewrap(database_url, keys.ring())
    assert (done.keys, done.broken) == (2, [bad])
    assert wrapped_by(database_url)[old] == 1
