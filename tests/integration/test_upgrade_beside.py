"""A running installation is upgraded as docs/upgrade.md says; readers see no gap, and it ends as it began.

So the next release comes the same way. A release is a program of its own: a copy of this one whose view of identities
has other code. What the page says is typed word for word; events are recorded and read all the while.
"""

import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import psycopg2
import pytest

from domain.commands.directory import EnrollSite
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.devstack.stack import Stack
from krypton.settings import Settings
from streams.broker import topics
from tests.integration.live_cli import CommandLine
from tests.integration.live_ledger import SITE, delete_topics, person
from tests.integration.test_docs_run import ROOT, blocks, typed
from tests.waiting import WITHIN_S, until

pytestmark = pytest.mark.live

BESIDE = ("beside", "promote", "switch", "drop")
VIEW = "identity_index"
PACKAGES = ("adapters", "domain", "krypton", "policies", "postgres", "projections", "schemas", "streams")
PAUSE_S = 0.02
RUN = '"$NEW/krypton" run > run.log 2>&1 &\necho $! > run.pid'
COMMAND = """#!/bin/sh
[ "$1" = run ] && set -- run --no-dicom --no-registry --no-notary --no-policies --no-health
PYTHONPATH={tree} exec {python} -m krypton.cli.main "$@"
"""
SHOWN = "SELECT definition FROM pg_views WHERE schemaname = %s AND viewname = 'identity'"
STATES = "SELECT version, state FROM views.view_version WHERE view = %s ORDER BY version"


class Installation:
    """What runs, and who asks of it."""

    def __init__(self, home: Path, command: CommandLine) -> None:
        self.home = home
        self._command = command
        self.ours = Krypton.connect(Settings.read(command.env, home))
        self.database = self.ours.addresses.database
        self.registered = 0

    def types(self, block: str, **given: str) -> str:
        """Type a block of the page."""
        return typed(blocks("docs/upgrade.md")[block], self._command.env | given, self.home)

    def register(self, count: int = 20) -> None:
        """That many new persons."""
        asked = [(person(f"{self.registered + n}"), Envelope()) for n in range(count)]
        assert not [one for one in self.ours.ledger.execute_many(asked) if isinstance(one, Exception)]
        self.registered += count

    def query(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Rows of the database."""
        with closing(psycopg2.connect(self.database)) as connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def persons(self, schema: str = VIEW) -> int:
        """How many readers see, or a version holds."""
        return int(str(self.query(f"SELECT count(*) FROM {schema}.identity")[0][0]))

    def shown(self) -> str:
        """The tables that readers look into."""
        return str(self.query(SHOWN, VIEW)[0][0])

    def runs(self) -> list[str]:
        """The words of each process of this installation, of whatever release and version it is."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):  # another user's, or gone
                words = process.cmdline()
                if "krypton.cli.main" in words and process.environ().get("KRYPTON_DATABASE") == self.database:
                    told = " ".join(words[words.index("krypton.cli.main") + 1 :])
                    found.append(told.partition(" --version")[0])
        return sorted(found)

    def stop(self) -> None:
        """End what the page started."""
        for name in ("run.pid", "worker.pid"):
            file = self.home / name
            if file.exists() and psutil.pid_exists(pid := int(file.read_text())):
                process = psutil.Process(pid)
                process.terminate()
                process.wait(WITHIN_S)


class Reader:
    """Reads again and again; ``wrong``: what it should not have seen."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self.wrong: list[str] = []
        self.reads = 0

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _read(self) -> None:
        seen = 0
        while not self._stop.is_set():
            try:
                found = self._installation.persons()
            except psycopg2.Error as error:
                self.wrong.append(type(error).__name__)
                continue
            if found < seen:
                self.wrong.append(f"{found} persons after {seen}")
            seen, self.reads = found, self.reads + 1
            self._stop.wait(PAUSE_S)


def release(folder: Path) -> Path:
    """The folder of the new release's commands; its view has other code than that of this program."""
    tree = folder / "release-2"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package)  # with the times of files, so that byte code stays valid
    with (tree / f"projections/{VIEW}/view.py").open("a") as view:
        view.write("\nRELEASE = 2\n")
    return commands(folder / "bin-2", tree)


def commands(folder: Path, tree: Path) -> Path:
    """A folder with the command of the program in a tree."""
    folder.mkdir()
    command = folder / "krypton"
    command.write_text(COMMAND.format(tree=tree, python=sys.executable))
    command.chmod(0o755)
    return folder


@pytest.fixture
def running(stack: Stack, tmp_path: Path) -> Iterator[Installation]:
    """An installation of the first release, as it runs; some persons are registered."""
    kafka = stack.addresses().kafka
    delete_topics(kafka)
    topics.create(kafka)
    settings = {
        "KRYPTON_DATABASE": stack.new_database("upgraded"),
        "KRYPTON_KAFKA": kafka,
        "KRYPTON_MASTER_KEY_FILE": str(stack.root / "master.key"),
    }
    command = CommandLine(tmp_path, tuple(settings.items()))
    command.show("init")
    made = Installation(tmp_path, command)
    made.ours.execute(EnrollSite(code=SITE, name="Hospital"), Envelope())
    made.register()
    first = commands(tmp_path / "bin-1", ROOT)
    try:
        typed(RUN, command.env | {"NEW": str(first)}, tmp_path)
        until(lambda: made.persons() == made.registered, "the first release runs")
        yield made
    finally:
        made.stop()
        made.ours.close()
        stack.drop_database("upgraded")


def test_a_release_takes_the_place_of_another(running: Installation, tmp_path: Path) -> None:
    """Built beside, promoted, put in the place of the old program, whose version is dropped."""
    new, former = release(tmp_path), running.shown()
    names = {"VIEW": VIEW, "VERSION": "2", "FORMER": "1", "NEW": str(new)}
    begun = running.runs()
    assert f"worker {VIEW}" in begun
    with Reader(running) as reader:
        assert f"{VIEW} v2 is ready" in running.types("beside", **names)
        goes_on(running)
        assert running.shown() == former
        until(lambda: running.persons(f"{VIEW}_v2") == running.registered, "the new version has caught up")
        assert f"{VIEW} v2 promoted, was v1" in running.types("promote", **names)
        assert f"{VIEW}_v2." in running.shown()
        goes_on(running)
        running.types("switch", **names)
        goes_on(running)
        running.types("drop", **names)
    assert (reader.wrong, reader.reads > 0) == ([], True)
    assert running.query(STATES, VIEW) == [(2, "live")]
    until(lambda: running.runs() == begun, "the same processes run as before, and no other")


def goes_on(running: Installation) -> None:
    """What is recorded now is seen."""
    running.register()
    until(lambda: running.persons() == running.registered, "readers see who was registered")
