"""Checks schema compatibility: every reader of an event can read every version of it (FULL_TRANSITIVE).

Every two versions are compared in both directions, for the part of Avro in use: records, primitives, unions, arrays and
maps. Stricter than Avro: no promotion (``int`` to ``long``), no change of logical type (a microsecond read as a number
is a wrong time), and topic and key of a schema never change. A sealed field stays sealed under its keys; a newer
version may add keys (``schemas.codec``). Source: Apache Avro 1.12 specification, "Schema Resolution"; Confluent Schema
Registry, "Compatibility Types".
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any, NamedTuple

from schemas.registry import subjects_of

ROOT_RULES = ("krypton.topic", "krypton.aggregate", "krypton.key")


class Breach(NamedTuple):
    """One thing that breaks readers. ``path``: dotted names from the record down; ``rule``: which of ``RULES``."""

    path: str
    rule: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.path}: {RULES[self.rule]} ({self.old} → {self.new})"


RULES = {
    "added-without-default": "a field was added without a default: give it one",
    "removed-without-default": "a field without a default was removed: keep it",
    "type-changed": "the type changed: add a field of another name instead",
    "logical-type-changed": "the logical type changed, and so the meaning: add a field of another name instead",
    "union-changed": "the branches of a union changed: add a field of another name instead",
    "record-renamed": "a record was renamed: keep its name",
    "sealing-changed": "a field is sealed otherwise than before, not only under more keys: add a field of another name "
    "instead",
    "topic-or-key-changed": "topic, key and aggregate of an event type are for life: make another event type",
    "default-wrong": "the default is not of the first branch of the union: put null first, and default to null",
}


def breaches(versions: Iterable[Mapping[str, Any]]) -> list[Breach]:
    """Incompatibilities between any two versions of one event's schema, oldest first; empty if there are none."""
    documents = list(versions)
    found = [breach for document in documents for breach in _wrong_defaults(document, document["name"])]
    for old, new in combinations(documents, 2):
        for attribute in ROOT_RULES:
            if old.get(attribute) != new.get(attribute):
                found.append(
                    Breach(attribute, "topic-or-key-changed", str(old.get(attribute)), str(new.get(attribute)))
                )
        found += _record(old, new, old["name"])
    return found


def _record(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[Breach]:
    if old["name"] != new["name"]:
        yield Breach(path, "record-renamed", old["name"], new["name"])
    before, after = ({f["name"]: f for f in document["fields"]} for document in (old, new))
    for name in sorted(after.keys() - before.keys()):
        if "default" not in after[name]:
            yield Breach(f"{path}.{name}", "added-without-default", "absent", _name(after[name]["type"]))
    for name in sorted(before.keys() - after.keys()):
        if "default" not in before[name]:
            yield Breach(f"{path}.{name}", "removed-without-default", _name(before[name]["type"]), "absent")
    for name in before.keys() & after.keys():
        yield from _field(before[name], after[name], f"{path}.{name}")


def _field(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[Breach]:
    before, after = subjects_of(old), subjects_of(new)
    if before != after and not (before and set(before) < set(after)):
        yield Breach(path, "sealing-changed", *(", ".join(sealed) or "not sealed" for sealed in (before, after)))
    yield from _type(old["type"], new["type"], path)


def _type(old: Any, new: Any, path: str) -> Iterator[Breach]:
    """Two types of one place: the same, all the way down."""
    before, after = _name(old), _name(new)
    if isinstance(old, list) and isinstance(new, list):
        yield from _union(old, new, path)
    elif before != after:
        yield Breach(path, "type-changed", before, after)
    elif isinstance(old, dict) or isinstance(new, dict):
        yield from _inside(_full(old), _full(new), before, path)


def _inside(old: Mapping[str, Any], new: Mapping[str, Any], kind: str, path: str) -> Iterator[Breach]:
    if old.get("logicalType") != new.get("logicalType"):
        logical = str(old.get("logicalType")), str(new.get("logicalType"))
        yield Breach(path, "logical-type-changed", *logical)
    match kind:
        case "record":
            yield from _record(old, new, path)
        case "array":
            yield from _type(old["items"], new["items"], f"{path}[]")
        case "map":
            yield from _type(old["values"], new["values"], f"{path}{{}}")


def _union(old: list[Any], new: list[Any], path: str) -> Iterator[Breach]:
    before, after = [_name(branch) for branch in old], [_name(branch) for branch in new]
    if before != after:  # the order counts too: the default belongs to the first branch
        yield Breach(path, "union-changed", "|".join(before), "|".join(after))
        return
    for one, other in zip(old, new, strict=True):
        yield from _type(one, other, path)


def _wrong_defaults(document: Mapping[str, Any], path: str) -> Iterator[Breach]:
    """Avro 1.12: a union's default belongs to its first branch; libraries differ in accepting others."""
    for field in document["fields"]:
        branches = field["type"]
        if "default" in field and isinstance(branches, list) and (field["default"] is None) != (branches[0] == "null"):
            yield Breach(f"{path}.{field['name']}", "default-wrong", _name(branches[0]), str(field["default"]))


def _full(avro_type: Any) -> Mapping[str, Any]:
    return avro_type if isinstance(avro_type, dict) else {"type": avro_type}


def _name(avro_type: Any) -> str:
    if isinstance(avro_type, list):
        return "|".join(_name(branch) for branch in avro_type)
    return _name(avro_type["type"]) if isinstance(avro_type, dict) else str(avro_type)
