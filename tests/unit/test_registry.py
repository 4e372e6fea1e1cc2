"""The schema files: complete, documented, pinned for life, and what was written under each still reads."""

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from schemas.codec import Codec
from schemas.pin import pin
from schemas.registry import ENVELOPE, FOLDER, Registry, Schema, UnknownSchema, read_lock, registry
from tests.samples import FOLDER as SAMPLES
from tests.samples import VERSION, FixedVault

SCHEMAS = list(registry())
by_name = pytest.mark.parametrize("schema", SCHEMAS, ids=lambda s: s.name)
FAMILIES = "erasures identities links studies doses consents accesses orders directory rules views"
TOPICS = {f"krypton.{family}" for family in FAMILIES.split()}
PERSONAL = {"traits", "matricule", "local_id", "question", "conclusion", "description", "title", "note"}


def every_field(node: Any) -> list[dict[str, Any]]:
    """All fields, nested ones too."""
    found: list[dict[str, Any]] = []
    if isinstance(node, dict):
        found += node.get("fields", [])
        for value in node.values():
            found += every_field(value)
    elif isinstance(node, list):
        for value in node:
            found += every_field(value)
    return found


@by_name
def test_the_envelope_comes_first(schema: Schema) -> None:
    """Recorded at, actor, command, correlation: in every event, in this order."""
    assert tuple(f["name"] for f in schema.document["fields"][:4]) == ENVELOPE


@by_name
def test_every_field_says_what_it_means(schema: Schema) -> None:
    """A ``doc`` on the event and on each field, nested ones too."""
    assert schema.document["doc"].endswith(".")
    undocumented = [f["name"] for f in every_field(schema.document) if not f.get("doc", "").strip()]
    assert undocumented == []


@by_name
def test_key_aggregate_and_seals_name_fields_of_the_event(schema: Schema) -> None:
    """And the topic is one of the regional ones."""
    names = {f["name"] for f in schema.document["fields"]}
    assert {schema.key, schema.aggregate, *chain(*schema.sealed.values())} <= names
    assert schema.topic in TOPICS


@by_name
def test_a_subject_is_never_optional_nor_sealed_itself(schema: Schema) -> None:
    """Else nothing would say whose key opens the field. A second subject there may be or not."""
    fields = {f["name"]: f for f in schema.document["fields"]}
    for first, *others in schema.sealed.values():
        assert not isinstance(fields[first]["type"], list)
        assert not any("krypton.sealed" in fields[subject] for subject in (first, *others))


@by_name
def test_what_names_a_person_is_sealed(schema: Schema) -> None:
    """The field names that hold traits, numbers of persons or free text."""
    names = {f["name"] for f in schema.document["fields"]}
    assert PERSONAL & names <= schema.sealed.keys()


@by_name
def test_the_file_is_named_as_the_record(schema: Schema) -> None:
    """``link.merged.v1.avsc`` holds ``LinkMerged``."""
    words = schema.type.replace(".", "_").split("_")
    assert schema.document["name"] == "".join(word.capitalize() for word in words)


@by_name
def test_a_stored_sample_of_every_version_still_reads(schema: Schema) -> None:
    """Write a missing one with ``python -m tools``; never write one again."""
    raw = (SAMPLES / f"{schema.name}.bin").read_bytes()
    expected = json.loads((SAMPLES / f"{schema.name}.json").read_text())
    newest, decoded = Codec(registry(), FixedVault()).decode(raw, VERSION)
    kept = {f["name"] for f in newest.document["fields"]}
    for name in kept & expected.keys():
        assert as_written(decoded[name], expected[name]) == expected[name]


def as_written(read: Any, written: Any) -> Any:
    """What was read, without what later versions added to the records within."""
    if isinstance(written, dict):
        return {name: as_written(read[name], held) for name, held in written.items()}
    if isinstance(written, list):
        return [as_written(one, other) for one, other in zip(read, written, strict=True)]
    return read


def test_every_pinned_schema_has_its_file_and_its_sample() -> None:
    """A schema that is pinned was written with: neither file nor sample may go."""
    pinned = set(read_lock())
    assert {p.name.removesuffix(".avsc") for p in FOLDER.glob("*.avsc")} == pinned
    assert {p.stem for p in SAMPLES.glob("*.bin")} == pinned
    assert {p.stem for p in SAMPLES.glob("*.json")} == pinned


def test_no_id_is_used_twice() -> None:
    """Ids lie in stored bytes."""
    ids = list(read_lock().values())
    assert len(ids) == len(set(ids))


def test_a_new_schema_gets_the_next_free_id_and_old_ids_stay(tmp_path: Path) -> None:
    """Pinning twice changes nothing."""
    lock = tmp_path / "ids.lock"
    lock.write_text("7 b.thing_done.v1\n")
    for name in ("b.thing_done.v1", "a.thing_done.v1"):
        (tmp_path / f"{name}.avsc").write_text("{}")
    assert pin(tmp_path, lock) == ["8 a.thing_done.v1"]
    assert pin(tmp_path, lock) == []
    assert read_lock(lock) == {"b.thing_done.v1": 7, "a.thing_done.v1": 8}


def test_topics_list_their_event_types() -> None:
    """What ``krypton init`` creates and the documentation shows."""
    topics = registry().topics()
    assert topics["krypton.links"] == [
        *("link.assigned", "link.barred", "link.dismissed", "link.merged", "link.postponed", "link.proposed"),
        *("link.review_requested", "link.unbarred", "link.unmerged"),
    ]
    assert set(topics) <= TOPICS


def test_an_unknown_type_says_which_file_to_add() -> None:
    """For the developer of a new event."""
    with pytest.raises(UnknownSchema, match=r"schemas/avro/link\.forgotten\.v1\.avsc"):
        Registry(SCHEMAS).of_type("link.forgotten")


def test_an_unknown_id_says_to_upgrade() -> None:
    """An older program meets an event of a newer one."""
    with pytest.raises(UnknownSchema, match="no schema has id 9999: this program is older"):
        Registry(SCHEMAS).of_id(9999)
