"""What live tests share: one embedded Kafka and PostgreSQL for the whole session, in a folder of its own."""

import gc
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings

from krypton.devstack.stack import Stack

# How long one example takes says how busy the machine is; every test is bounded by pytest-timeout.
settings.register_profile("krypton", deadline=None)
settings.load_profile("krypton")


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay until the end: the collector need not walk over them again and again."""
    gc.collect()
    gc.freeze()


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


@pytest.fixture
def database_url(stack: Stack) -> Iterator[str]:
    """The URL of an empty database of the test's own, gone after the test."""
    name = f"test_{uuid4().hex}"
    yield stack.new_database(name)
    stack.drop_database(name)
