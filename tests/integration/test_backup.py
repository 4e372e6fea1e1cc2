"""docs/backup.md and docs/upgrade.md, typed word for word, on one ledger; without a gap: ``test_upgrade_beside``.

All but backup and Kafka is lost, and comes back; who was erased does not. Then a view turns out to be of another
release, and is built again. At the end Kafka is lost.
"""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psutil
import psycopg2
import pytest

from domain.commands.directory import EnrollSite
from domain.commands.erasures import ApproveErasure, RequestErasure
from domain.commands.identities import Register
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.devstack import postgres, samples
from krypton.devstack.stack import Stack
from krypton.erasing.status import of_identity
from krypton.services import notary, policies
from krypton.services.dicom import ingest
from krypton.services.supervisor import krypton_command
from krypton.settings import Settings
from streams.broker import topics
from streams.broker.topics import LEDGER, PARTITIONS
from tests.fakes.erasing import without_delay
from tests.fakes.ports import free_ports
from tests.fakes.private import private
from tests.fakes.topic import records
from tests.integration.live_cli import CommandLine
from tests.integration.live_ledger import delete_topics, end_offsets
from tests.integration.test_docs_run import ROOT, blocks, typed
from tests.integration.test_upgrade_beside import BESIDE
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live

TOOLS = Path(postgres._program("pg_dump")).parent
STEPS, UPGRADE = blocks("docs/backup.md"), blocks("docs/upgrade.md")
SITE = "CHB"
SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')"
KEY = "SELECT wrapped IS NOT NULL FROM vault.subject_key WHERE subject = %s"


class Operator(CommandLine):
    """Somebody with a shell, who follows the pages."""

    def types(self, step: str) -> str:
        """Type one block of a page."""
        return typed(
            (STEPS | UPGRADE)[step], self.env | {"PATH": f"{ROOT / '.venv/bin'}:{TOOLS}:/usr/bin:/bin"}, self.home
        )

    def sql(self, statement: str, *values: object) -> list[Any]:
        """Ask the database itself."""
        database = dict(self.settings)["KRYPTON_DATABASE"]
        with closing(psycopg2.connect(database)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def lose_the_database(self) -> None:
        """Every schema, and the DICOM folder."""
        for (schema,) in self.sql(SCHEMAS):
            self.sql(f'DROP SCHEMA "{schema}" CASCADE')
        shutil.rmtree(self.home / "dicom")

    def register(self, local_id: str) -> UUID:
        """Somebody made up; returns the identity."""
        traits = {"family": "FICTIVE", "given": "Alex", "birth_date": "1970-01-02", "sex": "F"}
        answer = self.ours.execute(Register(assigner=SITE, local_id=local_id, stated=traits), Envelope())
        return UUID(answer.result["identity"])

    @cached_property
    def ours(self) -> Krypton:
        """The ledger, for what the page does not type."""
        return Krypton.connect(Settings.read(self.env, self.home))

    def photographed(self) -> UUID:
        """Somebody of whom there are images."""
        (first, *_) = self.ours.ledger.recorder.select_notifications(1, 1, topics=("study.arrived",))
        _, told = self.ours.codec.decode(first.state, first.originator_version, unseal=False)
        return UUID(told["identity_id"])

    def lets_erase(self, identity: UUID) -> None:
        """Two people decide, and the policy, which runs here, carries it out: of views nothing follows yet."""
        without_delay(self.ours)
        request = RequestErasure(identity=identity, ground="error", reference="file 1")
        self.ours.execute(request, Envelope("operator:one"))
        self.ours.execute(ApproveErasure(identity=identity), Envelope("operator:other"))
        fold, sender = policies.store(self.ours, "erasure"), policies.sender(self.ours, "erasure")

        def followed() -> bool:
            fold.apply(records(self.ours.ledger, fold.topics, PARTITIONS))
            sender.once()
            return bool(of_identity(self.ours, identity)[0]["left"] == ["views"])

        until(followed, "all but rows of views followed")
        fold.close()

    def family_of(self, identity: UUID) -> str:
        """As readers see it."""
        sql = "SELECT traits->>'family' FROM identity_index.identity WHERE identity_id = %s"
        return str(self.sql(sql, str(identity))[0][0])

    def has_key(self, identity: UUID) -> bool:
        """Whether the vault holds the key."""
        return bool(self.sql(KEY, str(identity))[0][0])

    def instances(self) -> int:
        """How many the DICOM folder holds."""
        return len(list(self.home.glob("dicom/instances/*/*/*")))

    def stored(self, upto: int = 2**62) -> int:
        """Events in the event store, up to a position."""
        return int(self.sql("SELECT count(*) FROM ledger.ledger_events WHERE id <= %s", upto)[0][0])

    def head(self) -> int:
        """The last position."""
        return int(self.sql("SELECT max(id) FROM ledger.ledger_events")[0][0])

    def published(self) -> int:
        """Events on Kafka."""
        return sum(end_offsets(dict(self.settings)["KRYPTON_KAFKA"], LEDGER).values())

    def stop(self) -> None:
        """End what ``krypton run`` started."""
        running = psutil.Process(int((self.home / "run.pid").read_text()))
        running.terminate()
        running.wait(WITHIN_S)

    @contextmanager
    def relaying(self) -> Iterator[None]:
        """While a relay runs; in the end it has copied all."""
        process = subprocess.Popen(
            krypton_command("relay"), env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield
            until(lambda: self.published() == self.stored(), "all published")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(WITHIN_S)


class After(NamedTuple):
    """The ledger that came back."""

    operator: Operator
    kept: UUID
    erased: UUID
    events: int
    head: int
    instances: int
    restored: str
    checked: str


@pytest.fixture(scope="module")
def operator(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """A ledger of its own, installed."""
    home, addresses = tmp_path_factory.mktemp("backup"), stack.addresses()
    delete_topics(addresses.kafka)
    topics.create(addresses.kafka)
    master = home / "master_key"
    private(master, (stack.root / "master.key").read_text())
    settings = {
        "KRYPTON_DATABASE": stack.new_database("backup"),
        "KRYPTON_KAFKA": addresses.kafka,
        "KRYPTON_MASTER_KEY_FILE": str(master),
        **free_ports(),
    }
    ours = Operator(home, tuple(settings.items()))
    ours.show("init")
    yield ours
    ours.ours.vault.close()
    stack.drop_database("backup")


@pytest.fixture(scope="module")
def after(operator: Operator) -> Iterator[After]:
    """Backed up, gone on, lost, restored as the page says; running."""
    ours = operator.ours
    ours.execute(EnrollSite(code=SITE, name="CH du Bac à sable"), Envelope())
    with operator.relaying():
        kept = operator.register("K-1")
        ingest(ours, SITE, samples.write(operator.home / "samples"), "system:test", None)
        for step in ("backup", "keys"):
            operator.types(step)
        erased = operator.photographed()
        operator.lets_erase(erased)
    notary.sign_now(ours)  # the last events: no notary runs any more
    events, head, instances = operator.stored(), operator.head(), operator.instances()
    operator.lose_the_database()
    restored = operator.types("restore")
    checked = operator.types("check")
    yield After(operator, kept, erased, events, head, instances, restored, checked)
    with suppress(psutil.NoSuchProcess):  # the last test stopped it
        operator.stop()


class Upgraded(NamedTuple):
    """What the steps of an upgrade said, where one view was of another release."""

    operator: Operator
    noticed: str
    built: str
    proven: str


@pytest.fixture(scope="module")
def upgraded(after: After) -> Upgraded:
    """As docs/upgrade.md says."""
    operator = after.operator
    for step in ("before", "stop"):
        operator.types(step)
    operator.sql("UPDATE views.view_version SET code = 'of another release' WHERE view = 'patient_record'")
    return Upgraded(operator, *(operator.types(step) for step in ("start", "view", "after")))


def test_every_block_of_the_pages_is_typed() -> None:
    assert STEPS.keys() == {"backup", "keys", "restore", "check", "kafka"}
    assert UPGRADE.keys() == {"before", "stop", "start", "view", "after", *BESIDE}


def test_every_event_is_back(after: After) -> None:
    assert after.operator.stored(after.head) == after.events
    assert "event store" in after.checked
    assert "ok" in after.checked


def test_names_are_readable_again(after: After) -> None:
    assert after.operator.family_of(after.kept) == "FICTIVE"


def test_who_was_erased_after_the_backup_stays_erased(after: After) -> None:
    assert not after.operator.has_key(after.erased)
    assert after.operator.has_key(after.kept)
    assert after.operator.family_of(after.erased) == "[erased]"
    assert re.search(r"keys destroyed +1", after.restored)


def test_what_was_still_to_follow_of_the_erasure_follows(after: After) -> None:
    """The views, which were built from Kafka."""
    ours = after.operator.ours
    until(lambda: of_identity(ours, after.erased)[0]["state"] == "completed", "rows of views followed")


def test_instances_are_back_with_their_links_but_for_those_of_who_was_erased(after: After) -> None:
    """The folder's backup has them: it is from before."""
    assert after.operator.instances() == after.instances > 0
    assert re.search(r"instances deleted of +1", after.restored)


def test_the_keys_were_copied_to_a_place_of_their_owner_alone(after: After) -> None:
    for name in ("master_key", "tlog.key"):
        assert (after.operator.home / "keys" / name).stat().st_mode & 0o077 == 0


def test_an_upgrade_builds_the_view_of_another_release_again(upgraded: Upgraded) -> None:
    assert re.search(r"patient_record +1 +live +no ", upgraded.noticed)
    assert "v1 and v2 are equal" in upgraded.built
    assert "patient_record v2 promoted, was v1" in upgraded.built
    assert upgraded.operator.sql("SELECT count(*) > 0 FROM patient_record.study") == [(True,)]


def test_after_an_upgrade_the_ledger_is_the_one_that_was_signed_before(upgraded: Upgraded) -> None:
    assert re.search(r"event store +ok", upgraded.proven)


def test_lost_topics_come_back_from_the_event_store(upgraded: Upgraded) -> None:
    """The last test of the file: the views would have to be built again."""
    operator = upgraded.operator
    operator.stop()
    delete_topics(dict(operator.settings)["KRYPTON_KAFKA"])
    held = operator.stored()
    operator.types("kafka")
    assert operator.published() == held  # the switches of the views that were built are the relay's to send
