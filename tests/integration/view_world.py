"""What tests of the view store share: a ledger in memory, its records, and stores on a real database."""

from contextlib import closing
from random import Random
from typing import Any

import psycopg2

from projections.engine.projection import Projection, Rows, schema_of
from projections.engine.store import ViewStore
from projections.patient_record.view import PatientRecord
from projections.versions import creation
from schemas.codec import Codec
from schemas.event import LedgerEvent, Record
from schemas.registry import registry
from tests.fakes.region import Region
from tests.fakes.topic import records

STUDIES = "krypton.studies"
INCOMPRESSIBLE = Random(6).randbytes(3_000).hex()
"""A text of 6,000 characters that fits into no index: PostgreSQL would take as many letters A."""
Tables = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


def with_accession(world: "World", record: Record, accession: str) -> Record:
    """An arrival as no command would store it."""
    body = world.codec.decode(record.value, 1)[1]
    study_id = str(body.pop("study_id"))
    value = world.codec.encode("study.arrived", body | {"accession": accession}, aggregate_id=study_id, version=1)
    return record._replace(value=value)


class Picky(PatientRecord):
    """The patient record, but it fails on some studies until it is fixed."""

    def __init__(self) -> None:
        self.fails_on: set[str] = set()

    def apply(self, event: LedgerEvent, rows: Rows) -> None:
        """Changes rows before it fails: nothing of that may stay."""
        super().apply(event, rows)
        if event.data.get("study_uid") in self.fails_on:
            raise ZeroDivisionError(f"a message that names {event.data['study_uid']}")


class World:
    """A region's ledger, and one version of a view of it."""

    def __init__(self, url: str, projection: Projection | None = None) -> None:
        self.url = url
        self.region = Region()
        self.projection = projection or PatientRecord()
        self.opened: list[ViewStore] = []
        creation.create(url, self.projection)

    @property
    def codec(self) -> Codec:
        """Opens what the region's ledger sealed."""
        return Codec(registry(), self.region.memory_vault)

    def store(self) -> ViewStore:
        """Another worker's store of the same view."""
        self.opened.append(ViewStore(self.projection, self.codec, self.url))
        return self.opened[-1]

    def records(self) -> list[Record]:
        """The topic of studies, whole."""
        return records(self.region, [STUDIES])

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What another session sees, or does."""
        with closing(psycopg2.connect(self.url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def tables(self) -> Tables:
        """All rows of the view, by table and key; tables without rows are left out."""
        found: Tables = {}
        for table in self.projection.tables.sorted_tables:
            width = len(table.primary_key.columns)
            names = [c.name for c in table.columns]
            schema = schema_of(self.projection)
            for row in self.query(f'SELECT {", ".join(names)} FROM "{schema}"."{table.name}"'):
                found.setdefault(table.name, {})[row[:width]] = dict(zip(names[width:], row[width:], strict=True))
        return found

    def instances(self) -> dict[str, int]:
        """Study UID to instances."""
        return dict(self.query("SELECT study_uid, instances FROM patient_record.study"))

    def position(self) -> tuple[int, int]:
        """Next offset and ledger position of the studies' partition; zeros where it was never read."""
        found = self.query("SELECT next, ledger_position FROM views.position WHERE topic = %s", STUDIES)
        return found[0] if found else (0, 0)

    def reasons(self) -> list[str]:
        """Why each dead letter is one, oldest first."""
        return [reason for (reason,) in self.query("SELECT reason FROM views.dead_letter ORDER BY id")]

    def close(self) -> None:
        """Give all connections back."""
        for store in self.opened:
            store.close()
