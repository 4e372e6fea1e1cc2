"""The AsyncAPI document: as made from the schemas, valid by the official schema, and with nothing left out."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # no types of its own, and one test needs none
import pytest
import yaml

from schemas.registry import registry
from streams.broker.topics import CHECKPOINTS, PARTITIONS
from tests.fakes.published import samples
from tools import asyncapi_page

ROOT = Path(__file__).parents[2]
WRITTEN = asyncapi_page.PAGE.read_text()
DOCUMENT: dict[str, Any] = yaml.load(WRITTEN, Loader=yaml.CSafeLoader)  # libyaml: all processes of a run read it
EVENTS = [m for m in DOCUMENT["components"]["messages"].values() if "x-schema-ids" in m]
OFFICIAL: dict[str, Any] = json.loads((ROOT / "tests/data/asyncapi/3.0.0.json").read_text())


def referred(node: Any) -> list[str]:
    """Every ``$ref`` below a node."""
    if isinstance(node, dict):
        return [node["$ref"]] if isinstance(node.get("$ref"), str) else [r for v in node.values() for r in referred(v)]
    return [r for v in node for r in referred(v)] if isinstance(node, list) else []


def test_the_document_is_as_made_from_the_schemas() -> None:
    assert asyncapi_page.page() == WRITTEN, "run python -m tools.asyncapi_page"


def test_it_is_valid_by_the_official_schema() -> None:
    errors = jsonschema.Draft7Validator(OFFICIAL).iter_errors(DOCUMENT)
    assert [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in errors] == []


@pytest.mark.parametrize("spoilt", ["channels", "operations"])
def test_the_official_schema_would_find_an_error(spoilt: str) -> None:
    first = next(iter(DOCUMENT[spoilt]))
    wrong = DOCUMENT | {spoilt: {first: DOCUMENT[spoilt][first] | {"surprise": 1}}}
    assert not jsonschema.Draft7Validator(OFFICIAL).is_valid(wrong)


def test_every_reference_leads_somewhere() -> None:
    for reference in referred(DOCUMENT):
        node: Any = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            node = node[name]


def test_each_topic_that_carries_events_is_a_channel_with_its_partitions() -> None:
    found = {c["address"]: c["bindings"]["kafka"]["partitions"] for c in DOCUMENT["channels"].values()}
    assert found == {topic: PARTITIONS[topic] for topic in (*registry().topics(), CHECKPOINTS)}


def test_each_event_type_is_a_message_of_its_topic_with_its_schema() -> None:
    carried = {
        (channel["address"], DOCUMENT["components"]["messages"][message]["name"])
        for channel in DOCUMENT["channels"].values()
        for message in channel["messages"]
    }
    assert carried == {(schema.topic, schema.type) for schema in registry()} | {(CHECKPOINTS, "checkpoint")}
    payloads = {m["name"]: m["payload"]["schema"] for m in EVENTS}
    assert payloads == {schema.type: schema.document for schema in registry().latest.values()}


def test_each_pinned_schema_id_is_named() -> None:
    named = {ident for message in EVENTS for ident in message["x-schema-ids"].values()}
    assert named == set(registry().by_id)


def test_the_headers_are_those_that_the_relay_writes() -> None:
    headers: dict[str, Any] = DOCUMENT["components"]["schemas"]["CloudEvent"]
    for event in samples(1):
        written = {name: value.decode() for name, value in event.headers}
        jsonschema.Draft7Validator(headers).validate(written)
        assert written.keys() == headers["properties"].keys()
