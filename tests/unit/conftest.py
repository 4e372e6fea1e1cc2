"""A web service whose reads answer what a test says, and somebody who asks it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from krypton.faces.http.app import Face
from tests.fakes.images import Kept
from tests.fakes.web import Queries, asking, wired


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> Queries:
    """What its reads answer."""
    made = Queries()
    made.install(monkeypatch)
    return made


@pytest.fixture
def kept(tmp_path: Path, queries: Queries) -> Kept:
    """Its archive of images."""
    return Kept(tmp_path, queries)


@pytest.fixture
def web(tmp_path: Path, kept: Kept) -> Iterator[Face]:
    """The service."""
    with wired(tmp_path, archive=kept.archive) as made:
        yield made


@pytest.fixture
def client(web: Face) -> Iterator[TestClient]:
    """Asks it, without a network."""
    with asking(web) as made:
        yield made
