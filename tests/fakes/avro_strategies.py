"""Hypothesis strategies for the fields of any event schema."""

from typing import Any

from hypothesis import strategies as st

from schemas.registry import Schema

TEXT = st.text(max_size=20)
PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "string": TEXT,
}
CLEAR = TEXT | st.dictionaries(TEXT, st.none() | TEXT, max_size=4)  # what sealed fields hold before they are sealed


def values(avro_type: Any) -> st.SearchStrategy[Any]:
    """Values of an Avro type."""
    match avro_type:
        case list():
            return st.one_of(*(values(branch) for branch in avro_type))
        case {"logicalType": "uuid"}:
            return st.uuids().map(str)
        case {"type": "array", "items": items}:
            return st.lists(values(items), max_size=3)
        case {"type": "map", "values": held}:
            return st.dictionaries(TEXT, values(held), max_size=3)
        case {"type": "record", "fields": fields}:
            return st.fixed_dictionaries({f["name"]: values(f["type"]) for f in fields})
        case {"type": simple}:
            return values(simple)
        case _:
            return PRIMITIVES[avro_type]


def bodies(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    """Whole bodies of an event, sealed fields in clear; optional ones at times absent."""
    return st.fixed_dictionaries({f["name"]: _field(f) for f in schema.document["fields"]})


def _field(field: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "krypton.sealed" not in field:
        return values(field["type"])
    return st.none() | CLEAR if isinstance(field["type"], list) else CLEAR
