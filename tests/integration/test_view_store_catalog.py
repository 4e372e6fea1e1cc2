"""Versions of a view: made once, registered, shown to readers under a stable name."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest
from sqlalchemy import Column, MetaData, Table, Text

from projections.patient_record.view import PatientRecord
from projections.versions import catalog, creation
from projections.versions.creation import VersionChanged
from tests.integration.view_world import STUDIES, World

pytestmark = pytest.mark.live


class NextVersion(PatientRecord):
    """Beside the first."""

    version = 2


class Changed(PatientRecord):
    """Another table under the same version."""

    tables = MetaData()
    Table("study", tables, Column("study_id", Text, primary_key=True), Column("colour", Text))


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    made.region.receive(study_uid="2.25.1")
    made.region.receive(study_uid="2.25.2")
    yield made
    made.close()


def status(world: World, ends: dict[tuple[str, int], int]) -> list[dict[str, object]]:
    with closing(psycopg2.connect(world.url)) as connection:
        return catalog.status(connection, ends)


def test_the_first_version_is_live(world: World) -> None:
    """Readers see it under the view's own name."""
    world.store().apply(world.records())
    with closing(psycopg2.connect(world.url)) as connection:
        assert catalog.live_version(connection, "patient_record") == 1
    assert world.query("SELECT count(*) FROM patient_record.study") == [(2,)]


def test_a_view_that_was_never_made_has_no_live_version(world: World) -> None:
    """None, for the caller to explain."""
    with closing(psycopg2.connect(world.url)) as connection:
        assert catalog.live_version(connection, "weather") is None


def test_a_later_version_is_built_beside_it(world: World) -> None:
    """Readers go on seeing the first until it is promoted."""
    world.store().apply(world.records())
    creation.create(world.url, NextVersion())
    states = {version["version"]: version["state"] for version in status(world, {})}
    assert (states, world.query("SELECT count(*) FROM patient_record.study")) == ({1: "live", 2: "building"}, [(2,)])


def test_making_a_view_again_changes_nothing(world: World) -> None:
    """Rows, positions and state stay."""
    world.store().apply(world.records())
    before = world.tables(), world.position(), status(world, {})
    creation.create(world.url, PatientRecord())
    assert (world.tables(), world.position(), status(world, {})) == before


def test_views_can_be_made_by_several_processes_at_once(database_url: str) -> None:
    """As when all workers start together on an empty database."""
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda _: creation.create(database_url, PatientRecord()), range(8)))
    with closing(psycopg2.connect(database_url)) as connection:
        assert [v["state"] for v in catalog.status(connection, {})] == ["live"]


def test_other_tables_under_the_same_version_are_refused(world: World) -> None:
    """The message names the table and what to do."""
    with pytest.raises(VersionChanged, match=r"patient_record_v1\.study .*colour.*raise the version"):
        creation.create(world.url, Changed())


def test_status_tells_position_lag_and_rows(world: World) -> None:
    """Lag counts records not yet read, of all partitions of the view's topics, read or not."""
    records = world.records()
    world.store().apply(records[:1])
    (shown,) = status(world, {(STUDIES, 0): 2, (STUDIES, 1): 5, ("krypton.links", 0): 99})
    position = int(dict(records[0].headers)["position"])
    assert {
        k: shown[k] for k in ("view", "version", "state", "position", "lag", "rows", "rows_estimated", "rules")
    } == {
        "view": "patient_record",
        "version": 1,
        "state": "live",
        "position": position,
        "lag": 6,
        "rows": 1,
        "rows_estimated": False,
        "rules": {},
    }


def test_a_live_view_is_behind_by_what_it_has_not_read(world: World) -> None:
    """A version that is being built is no one's wait."""
    creation.create(world.url, NextVersion())
    world.store().apply(world.records()[:1])
    with closing(psycopg2.connect(world.url)) as connection:
        assert catalog.behind(connection, {(STUDIES, 0): 2}) == {"patient_record": 1}
