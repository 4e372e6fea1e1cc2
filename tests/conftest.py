"""What live tests share: one embedded Kafka and PostgreSQL for the whole session, in a folder of its own."""

import gc
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from krypton.devstack.stack import Stack
from postgres.session import keep_within
from tests.fakes import databases
from tests.fakes.roles import REASON, every_role

SHARES_REGION = re.compile(r"^from tests\.integration\.live_cli import .*\bregion\b", re.MULTILINE)

LONG = {
    "test_backup",
    "test_chaos",
    "test_demo",
    "test_docs_run",
    "test_erasure_kill",
    "test_orphans",
    "test_poisoned_topics",
    "test_processor_live",
    "test_proofs_under_load",
    "test_rebuild_kill",
    "test_rejoin",
    "test_two_brokers",
    "test_upgrade_beside",
}
"""Files of half a minute and more."""
EARLIER = 0.6

gc.disable()  # until all is collected: what is made until then stays

# How long one example takes says how busy the machine is; every test is bounded by pytest-timeout.
settings.register_profile("krypton", deadline=None)
settings.load_profile("krypton")


class _Together(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist ships no types
    """Gives a process the tests of a whole file, or of all files that share one running region."""

    def _split_scope(self, nodeid: str) -> str:
        return _shared(nodeid.partition("::")[0])


@cache
def _shared(file: str) -> str:
    if file.startswith("tests/features/"):
        return "the region of the features"
    text = Path(__file__).parents[1].joinpath(file).read_text()
    return "the region of the command line" if SHARES_REGION.search(text) else file


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the work, files that wait for servers and files that compute take turns.

    Else all would wait at first, with cores idle, and compute in the end, more of them than there are cores. The last
    third has no file that takes long: one process would work alone at the end.
    """
    if not hasattr(config, "workerinput"):
        return
    scopes: dict[str, list[pytest.Item]] = {}
    for item in items:
        scopes.setdefault(_shared(item.nodeid.partition("::")[0]), []).append(item)
    computing = [name for name in scopes if name.startswith("tests/unit/")]
    places = {name: at for at, name in enumerate(name for name in scopes if not name.startswith("tests/unit/"))}
    waiting = sorted(places, key=lambda name: places[name] * (EARLIER if Path(name).stem in LONG else 1))
    each = len(computing) // (len(waiting) + 1)
    turns = [[name, *computing[n * each : (n + 1) * each]] for n, name in enumerate(waiting)]
    order = [*(name for turn in turns for name in turn), *computing[len(waiting) * each :]]
    items[:] = [item for name in order for item in scopes[name]]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _Together:
    """How the processes of ``pytest -n`` share the work. (Group marks of pytest-xdist 3.8 do nothing on pytest 9.)"""
    return _Together(config, log)


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay until the end: the collector need not walk over them again and again."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _priority() -> Iterator[None]:
    """A rebuild in this process lowers no later test's priority: it would starve beside other load."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "nice", lambda by: 0)
        yield


@pytest.fixture(autouse=True)
def _no_budget() -> Iterator[None]:
    """A service that a test runs in this process holds no later test to its budget of connections."""
    yield
    keep_within("", None)


@pytest.fixture(autouse=True)
def _who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests has every role on the command line, and a reason to ask."""
    monkeypatch.setenv("KRYPTON_ROLES", str(every_role()))
    monkeypatch.setenv("KRYPTON_REASON", REASON)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A running stack: ``stack.addresses()`` tells where. Tests that stop a server start it again."""
    home = Path(tempfile.mkdtemp(prefix="krypton-live-"))
    ours = Stack(home)
    try:
        ours.up()
        yield ours
    finally:
        ours.down()
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def pattern(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database where a ``RuledWorld`` is installed: to copy it takes a third of the time."""
    from tests.integration.ruled_world import install_to  # for those who ask: it imports the whole ledger

    home = tmp_path_factory.mktemp("pattern")
    return databases.pattern(stack, f"pattern_{uuid4().hex}", lambda url: install_to(url, home))


@pytest.fixture
def installed_url(stack: Stack, pattern: str) -> Iterator[str]:
    """The URL of a database of the test's own where a ``RuledWorld`` is installed, gone after the test."""
    with databases.copied(stack, pattern) as url:
        yield url


@pytest.fixture
def database_url(stack: Stack) -> Iterator[str]:
    """The URL of an empty database of the test's own, gone after the test."""
    name = f"test_{uuid4().hex}"
    yield stack.new_database(name)
    stack.drop_database(name)
