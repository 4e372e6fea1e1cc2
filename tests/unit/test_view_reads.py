"""What a view says that it reads of each event: all of that, and nothing else, decides its rows."""

from collections.abc import Iterator
from typing import Any

import pytest

from projections.engine.projection import Projection
from schemas.event import LedgerEvent
from schemas.registry import Schema, registry
from tests.fakes.avro import sample_body
from tests.fakes.rows import MemoryRows
from tests.fakes.ruled_views import TWICE

FIRST = {"krypton.identities": "identity.registered"}
"""By topic, the event that the others of an aggregate rest on."""


class Read(dict[str, Any]):
    """An event's fields, which remembers those that were asked for."""

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """As a dict does."""
        self.asked.add(name)
        return super().get(name, default)

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("a view names the fields that it reads")


def applied(view: Projection, schema: Schema) -> set[str]:
    """The fields that a view asks for, of an event that makes its row and of one that finds it made."""
    body, rows = sample_body(schema), MemoryRows()
    if first := registry().latest.get(FIRST.get(schema.topic, "")):
        view.apply(LedgerEvent(1, first.type, body[schema.aggregate], 1, sample_body(first)), rows)
    data = Read(body)
    for position in (2, 3):
        event = LedgerEvent(position, schema.type, body[schema.aggregate], position, data)
        list(view.keys(event))
        view.apply(event, rows)
    return data.asked


def cases() -> Iterator[Any]:
    for name, make in TWICE.items():
        topics = make().topics
        for schema in registry().latest.values():
            if schema.topic in topics:
                yield pytest.param(make(), schema, id=f"{name}-{schema.type}")


@pytest.mark.parametrize(("view", "schema"), [*cases()])
def test_a_view_reads_what_it_says_that_it_reads(view: Projection, schema: Schema) -> None:
    assert applied(view, schema) <= {*view.reads[schema.type]}


@pytest.mark.parametrize("name", TWICE)
def test_a_view_says_what_it_reads_of_every_type_of_its_topics(name: str) -> None:
    view = TWICE[name]()
    assert view.reads.keys() == {one.type for one in registry().latest.values() if one.topic in view.topics}
