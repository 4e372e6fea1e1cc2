"""Every version of an event can be read by every program; and a change that would break that is found and named."""

import json
from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from schemas.compatibility import RULES, breaches
from schemas.registry import registry

Document = dict[str, Any]
ORDER: Document = {
    "type": "record",
    "name": "Drawn",
    "krypton.topic": "krypton.drawings",
    "krypton.aggregate": "drawing_id",
    "krypton.key": "drawing_id",
    "fields": [
        {"name": "drawing_id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "recorded_at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "title", "type": "bytes", "krypton.sealed": "drawing_id"},
        {"name": "both", "type": "bytes", "krypton.sealed": ["drawing_id", "author_id"]},
        {"name": "pages", "type": "int"},
        {"name": "scale", "type": ["null", "double"], "default": None},
        {"name": "colours", "type": {"type": "array", "items": "string"}},
        {"name": "sizes", "type": {"type": "map", "values": ["null", "double"]}},
        {
            "name": "lines",
            "type": {
                "type": "array",
                "items": {"type": "record", "name": "Line", "fields": [{"name": "length_mm", "type": "double"}]},
            },
        },
    ],
}


def field(document: Document, name: str) -> Document:
    """The field, to be changed in place."""
    found: Document = next(f for f in document["fields"] if f["name"] == name)
    return found


def changed(change: Callable[[Document], object]) -> Document:
    """A copy with one change."""
    document = deepcopy(ORDER)
    change(document)
    return document


def drop(document: Document, name: str) -> None:
    document["fields"].remove(field(document, name))


def line(document: Document) -> Document:
    """The nested record."""
    found: Document = field(document, "lines")["type"]["items"]
    return found


BAD: dict[str, tuple[str, str, Callable[[Document], object]]] = {
    "a field without default": (
        "added-without-default",
        "Drawn.author",
        lambda d: d["fields"].append({"name": "author", "type": "string"}),
    ),
    "a required field gone": ("removed-without-default", "Drawn.pages", lambda d: drop(d, "pages")),
    "a renamed field": ("removed-without-default", "Drawn.pages", lambda d: field(d, "pages").update(name="sheets")),
    "a wider number": ("type-changed", "Drawn.pages", lambda d: field(d, "pages").update(type="long")),
    "bytes read as text": ("type-changed", "Drawn.title", lambda d: field(d, "title").update(type="string")),
    "a list made a text": ("type-changed", "Drawn.colours", lambda d: field(d, "colours").update(type="string")),
    "an optional made required": ("type-changed", "Drawn.scale", lambda d: field(d, "scale").update(type="double")),
    "milliseconds for microseconds": (
        "logical-type-changed",
        "Drawn.recorded_at",
        lambda d: field(d, "recorded_at")["type"].update(logicalType="timestamp-millis"),
    ),
    "a time made a number": (
        "logical-type-changed",
        "Drawn.recorded_at",
        lambda d: field(d, "recorded_at").update(type="long"),
    ),
    "one more branch": (
        "union-changed",
        "Drawn.scale",
        lambda d: field(d, "scale").update(type=["null", "double", "string"]),
    ),
    "another kind of item": (
        "type-changed",
        "Drawn.colours[]",
        lambda d: field(d, "colours")["type"].update(items="int"),
    ),
    "another kind of value": (
        "union-changed",
        "Drawn.sizes{}",
        lambda d: field(d, "sizes")["type"].update(values=["null", "string"]),
    ),
    "a nested record renamed": ("record-renamed", "Drawn.lines[]", lambda d: line(d).update(name="Stroke")),
    "a nested field without default": (
        "added-without-default",
        "Drawn.lines[].width_mm",
        lambda d: line(d)["fields"].append({"name": "width_mm", "type": "double"}),
    ),
    "a nested type": ("type-changed", "Drawn.lines[].length_mm", lambda d: line(d)["fields"][0].update(type="int")),
    "the record renamed": ("record-renamed", "Drawn", lambda d: d.update(name="Sketched")),
    "a seal taken off": ("sealing-changed", "Drawn.title", lambda d: field(d, "title").pop("krypton.sealed")),
    "a seal of another subject": (
        "sealing-changed",
        "Drawn.title",
        lambda d: field(d, "title").update({"krypton.sealed": "author_id"}),
    ),
    "a seal of one subject less": (
        "sealing-changed",
        "Drawn.both",
        lambda d: field(d, "both").update({"krypton.sealed": "drawing_id"}),
    ),
    "another topic": ("topic-or-key-changed", "krypton.topic", lambda d: d.update({"krypton.topic": "krypton.other"})),
    "another key": ("topic-or-key-changed", "krypton.key", lambda d: d.update({"krypton.key": "page_id"})),
    "a default of the second branch": (
        "default-wrong",
        "Drawn.scale",
        lambda d: field(d, "scale").update(default=1.0),
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_change_that_breaks_a_reader_is_found_and_named(what: str) -> None:
    """By its rule and by the field it is about, in whichever order the versions came."""
    rule, path, change = BAD[what]
    found = breaches([ORDER, changed(change)])
    assert (rule, path) in {(breach.rule, breach.path) for breach in found}


@pytest.mark.parametrize("what", [what for what, (rule, _, _) in BAD.items() if rule.startswith("added")])
def test_a_breaking_addition_seen_backwards_is_a_breaking_removal(what: str) -> None:
    """FULL: both directions."""
    _, path, change = BAD[what]
    found = {(breach.rule, breach.path) for breach in breaches([changed(change), ORDER])}
    assert ("removed-without-default", path) in found


def test_every_rule_is_shown_by_a_bad_change() -> None:
    """So that no rule is there in name only."""
    assert {rule for rule, _, _ in BAD.values()} == set(RULES)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["fields"].append({"name": "author", "type": ["null", "string"], "default": None}),
        lambda d: drop(d, "scale"),
        lambda d: field(d, "pages").update(doc="How many pages there are."),
        lambda d: line(d)["fields"].append({"name": "width_mm", "type": ["null", "double"], "default": None}),
        lambda d: d["fields"].reverse(),
        lambda d: field(d, "title").update({"krypton.sealed": ["drawing_id", "author_id"]}),
    ],
    ids=[
        "optional field added",
        "optional field removed",
        "doc changed",
        "nested optional added",
        "order changed",
        "sealed under one key more",
    ],
)
def test_a_change_that_every_reader_can_take_passes(change: Callable[[Document], object]) -> None:
    """Fields come and go with a default."""
    assert breaches([ORDER, changed(change)]) == []


def test_versions_are_compared_with_all_earlier_ones_not_only_the_last() -> None:
    """TRANSITIVE: v1 to v2 and v2 to v3 may pass, and v1 to v3 not."""
    with_note = changed(lambda d: d["fields"].append({"name": "note", "type": ["null", "string"], "default": None}))
    retyped = changed(lambda d: d["fields"].append({"name": "note", "type": ["null", "double"], "default": None}))
    assert breaches([with_note, ORDER]) == breaches([ORDER, retyped]) == []
    assert [breach.rule for breach in breaches([with_note, ORDER, retyped])] == ["union-changed"]


def test_a_breach_says_what_to_do() -> None:
    """Field, what is wrong, and what instead."""
    (breach,) = breaches([ORDER, changed(lambda d: field(d, "pages").update(type="long"))])
    assert str(breach) == "Drawn.pages: the type changed: add a field of another name instead (int → long)"


def test_all_versions_of_all_events_in_the_folder_are_compatible() -> None:
    """FULL_TRANSITIVE over what is in git."""
    versions: dict[str, list[Document]] = defaultdict(list)
    for schema in sorted(registry(), key=lambda s: s.version):
        versions[schema.type].append(schema.document)
    found = {name: [str(b) for b in breaches(documents)] for name, documents in versions.items()}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_schemas_use_only_the_part_of_avro_that_is_checked() -> None:
    """An enum or a fixed would pass the check unseen."""
    for schema in registry():
        text = json.dumps(schema.document)
        assert '"enum"' not in text, schema.name
        assert '"fixed"' not in text, schema.name
