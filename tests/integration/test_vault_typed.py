"""``krypton vault`` as an operator types it, on a vault in a database of its own, while a relay and a worker run.

The master key is changed in its file and then goes to a security module; a change that is killed goes on where it was.
Servers go away in turn: nothing is lost, and what is said names the one that is away.
"""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from adapters.vault.file_key import FileKey
from krypton.bootstrap import Krypton
from krypton.devstack.stack import Stack
from krypton.services import notary
from krypton.services.supervisor import krypton_command
from krypton.settings import Settings
from streams.broker import topics
from tests.fakes import softhsm
from tests.fakes.private import private
from tests.integration.live_cli import SITE, CommandLine
from tests.integration.live_ledger import delete_topics, kill
from tests.integration.proof_world import relay_to_the_end
from tests.waiting import until

pytestmark = pytest.mark.live
PEOPLE = 2_500
TOKEN, PIN, KEY = "krypton-typed", "1234", "master"
LEDGER, VAULT = "vault_typed", "vault_typed_keys"
AGAIN = "another krypton vault rewrap runs: nothing was changed, wait for it"


def registering(given: str) -> tuple[str, ...]:
    """The words that register somebody made up."""
    traits = ("--family", "FICTIVE", "--given", given, "--birth-date", "1970-01-02", "--sex", "F")
    return ("identity", "register", "--assigner", SITE, "--id", given, *traits)


class Operator(CommandLine):
    """Somebody with a shell and the settings of this ledger."""

    @cached_property
    def ours(self) -> Krypton:
        """The ledger, for what nobody types."""
        return Krypton.connect(Settings.read(self.env, self.home))

    @property
    def keys(self) -> Path:
        """The file of master keys."""
        return self.home / "master_key"

    def puts_first(self) -> str:
        """A new master key before the others, as docs/backup.md says; its name."""
        key = os.urandom(32)
        held = self.keys.read_text() if self.keys.exists() else ""
        private(self.keys, f"{base64.b64encode(key).decode()}\n{held}")
        return FileKey(key).name

    def keeps_first(self) -> None:
        """The others are taken out of the file."""
        private(self.keys, self.keys.read_text().splitlines()[0])

    def sql(self, setting: str, statement: str, *values: object) -> list[Any]:
        """Ask one of the databases itself."""
        with closing(psycopg2.connect(dict(self.settings)[setting])) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    def registers(self, given: str, *words: str) -> None:
        """Somebody made up."""
        self.ask(*registering(given), *words)

    def is_shown(self, given: str) -> bool:
        """Whether the worker has opened the name, and written it."""
        sql = "SELECT count(*) FROM identity_index.identity WHERE traits->>'given' = %s"
        return self.sql("KRYPTON_DATABASE", sql, given) == [(1,)]

    def wrapped(self) -> dict[str, int]:
        """How many keys each master key wraps."""
        return {one["master_key"]: one["keys"] for one in self.ask("vault", "status")}

    def proves(self) -> str:
        """What ``audit verify`` says, once all is relayed and signed."""
        relay_to_the_end(self.ours)
        notary.sign_now(self.ours)
        return self.show("audit", "verify")


@contextmanager
def away(stack: Stack, database: str) -> Iterator[None]:
    """The server of one of the databases lets nobody in."""
    _lets_in(stack, database, False)
    try:
        yield
    finally:
        _lets_in(stack, database, True)


def _lets_in(stack: Stack, database: str, anybody: bool) -> None:
    with closing(psycopg2.connect(stack.addresses().database)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS {anybody}")
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,))


@pytest.fixture(scope="module")
def operator(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """A ledger of its own, installed, with a relay and a worker."""
    home, kafka = tmp_path_factory.mktemp("vault"), stack.addresses().kafka
    delete_topics(kafka)
    topics.create(kafka)
    settings = {
        "KRYPTON_DATABASE": stack.new_database(LEDGER),
        "KRYPTON_VAULT_DATABASE": stack.new_database(VAULT),
        "KRYPTON_KAFKA": kafka,
        "KRYPTON_MASTER_KEY_FILE": str(home / "master_key"),
    }
    ours = Operator(home, tuple(settings.items()))
    ours.puts_first()
    ours.show("init")
    ours.ask("site", "enroll", SITE, "--name", "CH du Bac à sable")
    with (home / "processes.log").open("wb") as out:
        running = [
            subprocess.Popen(krypton_command(*words), env=ours.env, stdout=out, stderr=out)
            for words in (("relay",), ("worker", "identity_index"))
        ]
    yield ours
    for process in running:
        kill(process)
    ours.ours.close()
    for name in (LEDGER, VAULT):
        stack.drop_database(name)


def test_the_ledgers_database_holds_no_key(operator: Operator) -> None:
    operator.registers("Before")
    until(lambda: operator.is_shown("Before"), "read by the worker")
    assert operator.sql("KRYPTON_DATABASE", "SELECT to_regnamespace('vault')") == [(None,)]
    assert sum(operator.wrapped().values()) > 0


def test_a_change_of_the_master_key_that_is_killed_goes_on_where_it_was(operator: Operator) -> None:
    """Others register and read meanwhile; a second change is told of the first; the old key is needed till the end."""
    operator.ours.vault.prepare((), {str(uuid4()) for _ in range(PEOPLE)})
    (old,), new = operator.wrapped(), operator.puts_first()
    assert operator.wrapped().keys() == {old}  # the file alone changes nothing
    with held_up(operator) as going_on:
        run = subprocess.Popen(krypton_command("vault", "rewrap"), env=operator.env, stderr=subprocess.DEVNULL)
        until(lambda: operator.wrapped().get(new) == 1_000, "one page done")
        assert operator.complaint(4, "vault", "rewrap") == f"unavailable: {AGAIN}"
        operator.registers("Meanwhile")
        until(lambda: operator.is_shown("Meanwhile"), "read by the worker")
        kill(run)
        assert operator.wrapped()[new] == 1_001
        assert operator.complaint(1, "vault", "status", "--needed", old).startswith(f"master key {old} is needed")
        going_on()
    until(lambda: operator.run("vault", "rewrap").code == 0, "the killed run's session gone")
    assert operator.wrapped()[old] == 0
    assert "is not needed any more" in operator.complaint(0, "vault", "status", "--needed", old)
    assert operator.complaint(3, "vault", "status", "--needed", "another").startswith("not found: master key another")
    assert f"{new} wraps every key already" in operator.complaint(0, "vault", "rewrap")


@contextmanager
def held_up(operator: Operator) -> Iterator[Any]:
    """Somebody holds a row of the second page; gives what lets it go."""
    with closing(psycopg2.connect(dict(operator.settings)["KRYPTON_VAULT_DATABASE"])) as connection:
        one = "SELECT subject FROM vault.subject_key ORDER BY subject OFFSET 1500 LIMIT 1"
        connection.cursor().execute(f"SELECT FROM vault.subject_key WHERE subject = ({one}) FOR UPDATE")
        yield connection.rollback


def test_processes_that_run_go_on_once_the_old_key_is_gone(operator: Operator) -> None:
    operator.keeps_first()
    operator.registers("After")
    until(lambda: operator.is_shown("After"), "read by the worker")
    assert "ok" in operator.proves()


@pytest.mark.parametrize("content", [b"", b"\n", b"c2hvcnQ=", b"\xff", None], ids=repr)
def test_a_file_that_holds_no_master_key_is_named_and_changes_nothing(
    operator: Operator, content: bytes | None, tmp_path: Path
) -> None:
    """None: a folder."""
    if content is not None:
        (tmp_path / "key").touch(0o600)
        (tmp_path / "key").write_bytes(content)
    file = tmp_path if content is None else tmp_path / "key"
    wrong = CommandLine(operator.home, (*operator.settings, ("KRYPTON_MASTER_KEY_FILE", str(file))))
    for words in (("vault", "rewrap"), ("init",), ("identity", "show", f"{SITE}|Before")):
        said = wrong.complaint(2, *words)
        assert said.startswith("settings: ")
        assert str(file) in said
    assert len(operator.wrapped()) == 2


def test_a_vault_that_is_away_is_named_and_what_was_asked_is_stored_once_it_is_back(
    operator: Operator, stack: Stack
) -> None:
    asked = ("--command-id", str(uuid4()))
    with away(stack, VAULT):
        said = operator.run(*registering("Away"), *asked)
        assert said.code == 4
        assert said.err.startswith(
            "unavailable: the vault's database does not answer (Unreachable): start it, or check"
        )
        assert "KRYPTON_VAULT_DATABASE" in operator.complaint(4, "vault", "status")
        problems = json.loads(operator.run("health", "--json").out)["problems"]
        assert "vault" in {one["part"] for one in problems}
    operator.registers("Away", *asked)
    until(lambda: operator.is_shown("Away"), "read by the worker, which waited")


def test_an_event_store_that_is_away_is_named_and_the_vault_can_still_be_asked(
    operator: Operator, stack: Stack
) -> None:
    keys = operator.wrapped()
    with away(stack, LEDGER):
        assert "KRYPTON_VAULT_DATABASE" not in operator.complaint(4, "identity", "show", f"{SITE}|Before")
        assert operator.wrapped() == keys
    operator.registers("Again")
    until(lambda: operator.is_shown("Again"), "read by the worker")


def test_the_master_key_goes_to_a_security_module(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last change: commands that end with the file taken away read and register with the token alone."""
    monkeypatch.setenv(softhsm.CONF, str(softhsm.token_in(tmp_path, TOKEN, PIN, [KEY])))
    private(operator.home / "pin", PIN)
    given = {"MODULE": softhsm.library(), "TOKEN": TOKEN, "KEY": KEY, "PIN_FILE": operator.home / "pin"}
    token = tuple((f"KRYPTON_PKCS11_{name}", str(value)) for name, value in given.items())
    both = Operator(operator.home, (*operator.settings, *token))
    done = json.loads(both.run_apart("vault", "rewrap", "--json").out)
    assert (done["master_key"], done["broken"]) == (f"pkcs11:{TOKEN}/{KEY}", 0)
    assert [keys for keys in operator.wrapped().values() if keys] == [done["keys"]]
    alone = Operator(operator.home, tuple((n, v) for n, v in both.settings if n != "KRYPTON_MASTER_KEY_FILE"))
    assert alone.run_apart(*registering("Token")).code == 0
    assert json.loads(alone.run_apart("audit", "verify", "--json").out)["vault"] == "ok"
    said = operator.complaint(2, "identity", "show", f"{SITE}|Before")
    assert said.startswith(f"settings: the vault's keys are wrapped by master key pkcs11:{TOKEN}/{KEY}")
