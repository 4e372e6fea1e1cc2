"""A day-old copy of the vault, of the event store, or of both comes back; and what a thief reads in each copy.

All is done by what an operator types: ``krypton``, ``pg_dump`` and ``pg_restore``. Of three people one was erased since
the copies were made, and one was registered since. What each of them said is marked, and copies are searched byte by
byte, in each form in which a program may have written it.
"""

import base64
import subprocess
from collections.abc import Iterator
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psycopg2
import pytest

from adapters.vault.file_key import FileKey
from adapters.vault.postgres import PostgresVault
from adapters.vault.ring import Ring
from domain.commands.studies import ReceivedReport
from domain.errors import WrongMasterKey
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.devstack import postgres
from krypton.devstack.stack import Stack
from krypton.erasing import answers
from krypton.services import notary
from krypton.settings import Settings
from postgres.session import connect
from projections.declared import VIEWS
from schemas.codec import Codec
from schemas.event import ERASED
from schemas.registry import registry
from streams.broker import topics
from streams.broker.topics import PARTITIONS
from tests.fakes.dicom import new_uid
from tests.fakes.erasing import erase
from tests.fakes.private import private
from tests.fakes.region import dose, exposure, received
from tests.fakes.topic import records
from tests.integration.live_cli import CLINICIAN, SITE, CommandLine
from tests.integration.live_ledger import delete_topics
from tests.integration.proof_world import relay_to_the_end

pytestmark = pytest.mark.live
KEPT, GONE, LATER = "QZVXKEPT", "QZVXGONE", "QZVXLATER"
BORN = {KEPT: "1903-07-19", GONE: "1904-08-21", LATER: "1905-09-23"}
DOCTOR = f"rpps:{CLINICIAN}"
SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')"
TABLES = "SELECT format('%%I.%%I', table_schema, table_name) FROM information_schema.tables WHERE table_schema = %s"
BESIDE_VIEWS = {"ledger", "policies", "views"}
SHOWN = ("identity show", "record show", "dose show")


def forms(text: str) -> Iterator[bytes]:
    """How a text may stand in a file: as it is, in UTF-16, in hexadecimal digits, in base64 at any place."""
    plain = text.encode()
    yield from (plain, plain.lower(), text.encode("utf-16-le"), plain.hex().encode(), plain.hex().upper().encode())
    for before in range(3):
        coded = base64.b64encode(bytes(before) + plain)
        yield coded[4 if before else 0 : -4]  # without the signs that what stands around changes


def number_of(who: str) -> str:
    """The number of somebody's order."""
    return f"{who}8"


class Operator(CommandLine):
    """Somebody with a shell and the settings of this ledger."""

    def program(self, *words: object) -> None:
        """A program of PostgreSQL."""
        name, *rest = (str(word) for word in words)
        subprocess.run((postgres._program(name), *rest), check=True)

    @property
    def database(self) -> str:
        """Its URL."""
        return dict(self.settings)["KRYPTON_DATABASE"]

    def dumped(self, name: str, *schemas: str) -> Path:
        """A copy of these schemas, or of everything."""
        file = self.home / f"{name}.dump"
        self.program("pg_dump", self.database, "-Fc", f"--file={file}", *(f"--schema={one}" for one in schemas))
        return file

    def text_of(self, dump: Path) -> bytes:
        """All that a copy holds, as SQL; but for the numbers of orders, which stored answers hold."""
        self.program("pg_restore", f"--file={dump}.sql", dump)
        text = Path(f"{dump}.sql").read_bytes()
        for who in BORN:
            text = text.replace(f'"placer_number": "{number_of(who)}"'.encode(), b"")
        return text

    def comes_back(self, *copies: Path) -> None:
        """What is there is lost, and these copies are restored."""
        self.ours.close()
        for copy in copies:
            self.sql(f"DROP SCHEMA {copy.stem.partition('-')[0]} CASCADE")
            self.program("pg_restore", f"--dbname={self.database}", copy)

    def sql(self, statement: str, *values: object) -> list[Any]:
        """Ask the database itself."""
        with closing(psycopg2.connect(self.database)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    @cached_property
    def ours(self) -> Krypton:
        """The ledger, for what nobody types."""
        return Krypton.connect(Settings.read(self.env, self.home))

    def settle(self) -> None:
        """All that is stored is in the views."""
        for name in VIEWS:
            with closing(self.ours.view(name)) as store:
                store.apply(records(self.ours.ledger, store.topics, PARTITIONS))

    def comes(self, who: str) -> UUID:
        """An exam of somebody with a report and a dose, an order, and a reason to look."""
        stated: dict[str, str | None] = {"family": who, "given": f"{who}GIVEN", "birth_date": BORN[who], "sex": "F"}
        exam = received(
            SITE,
            new_uid(),
            local_id=f"{who}7",
            stated=stated,
            reports=(ReceivedReport(report_uid=new_uid(), kind="SR", title=f"{who} title"),),
            doses=(dose(new_uid(), exposure(new_uid(), dlp_mgycm=300.0)),),
        )
        self.ours.execute(exam, Envelope("system:test"))
        ref, words = f"{SITE}|{who}7", f"{who} words"
        order = ("--site", SITE, "--by", CLINICIAN, "--modality", "CT", "--question", words, "--number", number_of(who))
        self.ask("order", "place", ref, *order)
        self.ask("access", "open", ref, "--as", DOCTOR, "--reason", words)
        return self.ours.resolve(ref)

    def shown(self, who: str) -> dict[str, Any]:
        """What readers are shown of somebody."""
        self.settle()
        return {command: self.ask(*command.split(), f"{SITE}|{who}7", "--as", DOCTOR) for command in SHOWN}

    def rows(self) -> dict[str, list[str]]:
        """Every row of what a view tells of these people, as text."""
        return {
            table: sorted(row for (row,) in self.sql(f"SELECT row_to_json(t)::text FROM {table} t"))
            for view in ("identity_index", "patient_record", "cumulative_dose")
            for (table,) in self.sql(TABLES, view)
        }


class Today(NamedTuple):
    """The ledger a day after its copies were made; all relayed and signed."""

    operator: Operator
    stack: Stack
    yesterday: dict[str, Path]
    vault: Path
    shown: dict[str, Any]
    ids: dict[str, UUID]


@pytest.fixture(scope="module")
def today(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Today]:
    home, name = tmp_path_factory.mktemp("copies"), "copies_typed"
    delete_topics(stack.addresses().kafka)
    topics.create(stack.addresses().kafka)
    private(home / "master_key", (stack.root / "master.key").read_text())
    settings = {
        "KRYPTON_DATABASE": stack.new_database(name),
        "KRYPTON_KAFKA": stack.addresses().kafka,
        "KRYPTON_MASTER_KEY_FILE": str(home / "master_key"),
        "KRYPTON_TEST_INSTALLATION": "1",
    }
    operator = Operator(home, tuple(settings.items()))
    operator.show("init")
    operator.ask("site", "enroll", SITE, "--name", "CH du Bac à sable")
    doctor = ("--name", "Dr Essai", "--profession", "radiologist")
    operator.ask("professional", "register", CLINICIAN, *doctor, "--site", SITE)
    ids = {who: operator.comes(who) for who in (KEPT, GONE)}
    yesterday = {schema: operator.dumped(f"{schema}-yesterday", schema) for schema in ("ledger", "vault")}
    erase(operator.ours, ids[GONE])
    answers.forgotten(operator.ours, {str(ids[GONE]): 0})
    ids[LATER] = operator.comes(LATER)
    _signed(operator)
    shown = {who: operator.shown(who) for who in (KEPT, LATER)}
    _signed(operator)
    yield Today(operator, stack, yesterday, operator.dumped("vault-today", "vault"), shown, ids)
    operator.ours.close()
    stack.drop_database(name)


def _signed(operator: Operator) -> None:
    relay_to_the_end(operator.ours)
    notary.sign_now(operator.ours)


def told_of(copy: bytes) -> set[str]:
    """Of whom anything marked stands in it."""
    return {who for who in BORN if any(form in copy for text in (who, BORN[who]) for form in forms(text))}


class TestThief:
    """With one copy, and nothing else; what is found is what docs/security.md says."""

    def test_a_copy_of_kafka_tells_of_nobody(self, today: Today) -> None:
        """The broker's own files, with ids and times of everybody."""
        files = [*(today.stack.root / "kafka").rglob("*.log")]
        copy = b"".join(one.read_bytes() for one in files)
        assert all(str(one).encode() in copy for one in today.ids.values())
        assert told_of(copy) == set()

    def test_nor_do_the_signed_tree_and_the_logs(self, today: Today) -> None:
        folder = today.operator.home
        files = [one for one in folder.rglob("*") if one.is_file() and ".dump" not in one.name]
        assert any("tile" in str(one) for one in files)
        assert told_of(b"".join(one.read_bytes() for one in files)) == set()

    def test_the_database_without_the_vault_tells_what_views_show_and_nothing_of_the_erased(self, today: Today) -> None:
        operator = today.operator
        every = {schema for (schema,) in operator.sql(SCHEMAS)} - {"vault"}
        copies = {one: operator.text_of(operator.dumped(f"{one}-stolen", one)) for one in sorted(every)}
        assert str(today.ids[GONE]).encode() in copies["ledger"]
        assert {one: told_of(copies[one]) for one in BESIDE_VIEWS} == {one: set() for one in BESIDE_VIEWS}
        assert set().union(*(told_of(copies[one]) for one in every - BESIDE_VIEWS)) == {KEPT, LATER}

    def test_a_backup_with_yesterdays_vault_opens_with_the_master_key_alone(self, today: Today) -> None:
        """And then tells of who was erased since, too: until the master key is changed, and the old one destroyed."""
        operator, true = today.operator, operator_key(today)
        copy = operator.text_of(today.yesterday["vault"]) + operator.text_of(today.yesterday["ledger"])
        assert str(today.ids[GONE]).encode() in copy
        assert told_of(copy) == set()
        stolen = today.stack.new_database("stolen")
        try:
            for schema in ("vault", "ledger"):
                operator.program("pg_restore", f"--dbname={stolen}", today.yesterday[schema])
            with pytest.raises(WrongMasterKey):
                read_with(stolen, FileKey(bytes(32)))
            assert read_with(stolen, FileKey(true)) == {KEPT, GONE}
        finally:
            today.stack.drop_database("stolen")


class TestRestore:
    """The copies come back in turn, by the words of docs/backup.md; what is lost with a copy, another one brings."""

    def test_the_vault_of_yesterday(self, today: Today) -> None:
        operator = today.operator
        operator.comes_back(today.yesterday["vault"])
        assert "1 keys of erased people were there again and are destroyed" in operator.run("init").err
        assert operator.shown(KEPT) == today.shown[KEPT]
        assert_erased(today)
        said = operator.complaint(1, "identity", "show", f"{SITE}|{LATER}7", "--as", DOCTOR)
        assert said.startswith(f"refused: the vault has no key for {today.ids[LATER]}")
        found = operator.run("audit", "verify", "--json")
        assert (found.code, str(today.ids[LATER]) in found.out, str(today.ids[KEPT]) in found.out) == (1, True, False)
        operator.comes_back(today.vault)
        assert_all_is_there(today)

    def test_the_event_store_of_yesterday(self, today: Today) -> None:
        operator = today.operator
        _signed(operator)
        assert (rows := operator.rows())["patient_record.study"]
        operator.comes_back(today.yesterday["ledger"])
        operator.show("init")
        told = operator.ask("restore", "event-store", "--from-kafka")
        assert (told["keys_destroyed"], told["events"] > 0) == (0, True)
        assert operator.rows() == rows
        assert_all_is_there(today)

    def test_both_of_yesterday(self, today: Today) -> None:
        operator = today.operator
        _signed(operator)
        operator.comes_back(*today.yesterday.values())
        operator.show("init")
        assert operator.ask("restore", "event-store", "--from-kafka")["keys_destroyed"] == 1
        assert operator.shown(KEPT) == today.shown[KEPT]
        assert_erased(today)
        operator.comes_back(today.vault)
        assert_all_is_there(today)


def assert_erased(today: Today) -> None:
    """Nothing that the person said is shown, nor opens."""
    operator, ref = today.operator, str(today.ids[GONE])
    assert GONE not in operator.show("identity", "show", ref) + operator.show(
        "audit", "history", ref, "--as", "auditor"
    )
    assert not operator.ours.vault.holds(ref)


def assert_all_is_there(today: Today) -> None:
    """The person stays erased, and everything else is as it was before anything was lost."""
    operator = today.operator
    assert {who: operator.shown(who) for who in today.shown} == today.shown
    assert_erased(today)
    _signed(operator)
    assert operator.run("audit", "verify").code == 0


def operator_key(today: Today) -> bytes:
    return base64.b64decode((today.operator.home / "master_key").read_text())


def read_with(database: str, master: FileKey) -> set[str]:
    """Whose names a thief of a ledger and a vault reads with a master key. Raises WrongMasterKey."""
    with (
        closing(PostgresVault(database, Ring.of(master), beside_events=True)) as vault,
        closing(connect(database, "thief", autocommit=True)) as connection,
        connection.cursor() as cursor,
    ):
        codec = Codec(registry(), vault)
        cursor.execute("SELECT originator_version, state FROM ledger.ledger_events WHERE topic = 'identity.registered'")
        said = [codec.decode(bytes(state), version)[1]["traits"] for version, state in cursor.fetchall()]
        return {traits["family"] for traits in said if traits != ERASED}
