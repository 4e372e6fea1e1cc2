"""Says in plain words why a schema or a value of a request cannot be read; the libraries' own words stay inside."""

import json
from collections.abc import Mapping
from typing import Any, Final

import fastavro

MOST_QUOTED: Final = 100
TYPES: Final = "null, boolean, int, long, float, double, bytes, string, record, enum, array, map, fixed"
NO_AVRO: Final = "it is no Avro schema: https://avro.apache.org/docs/1.12.0/specification/ says how one is written"
BY_BEGINNING: Final = (
    ('"name" is a required field', "a record, enum or fixed has no name"),
    ("Default value for enum", "the default of an enum is none of its symbols"),
    ("Default value", "the default of a field is not of its type"),
    ("decimal", "the precision and the scale of a decimal do not fit each other or its size"),
    ("redefined named type", "two types have the same name"),
    ("Record field must be a dict", "a field of a record is no JSON object"),
    ("Record field is missing", "a field of a record has no name"),
    ("Record field", "a field of a record has no type"),
    ("aliases", "aliases are a list of names"),
    ("Every symbol", "a symbol of an enum is no name: use letters, digits and _, beginning with none of the digits"),
    ("All symbols", "an enum has the same symbol twice"),
)
"""How messages of fastavro's SchemaParseException begin, and what is said in their place."""
VALUES: Final = {"int_parsing": "is not a whole number", "bool_parsing": "is neither true nor false"}
"""By pydantic's name of the error."""


def schema(wrong: Exception) -> str:
    """Why a schema cannot be read. ``wrong``: as ``json`` or fastavro raised it."""
    if isinstance(wrong, json.JSONDecodeError):
        return f"it is no JSON from line {wrong.lineno}, column {wrong.colno} on"
    if isinstance(wrong, RecursionError):
        return "its types lie too deep within each other"
    if isinstance(wrong, fastavro.schema.UnknownType):
        named = wrong.name.get("type") if isinstance(wrong.name, dict) else wrong.name
        quoted = f" is called {named[:MOST_QUOTED]!r}" if isinstance(named, str) else " is written like that"
        return f"no type{quoted}: there are {TYPES}, and those that it names itself"
    said = str(wrong) if isinstance(wrong, fastavro.schema.SchemaParseException) else ""
    return next((plain for beginning, plain in BY_BEGINNING if said.startswith(beginning)), NO_AVRO)


def value(wrong: Mapping[str, Any]) -> str:
    """Why a value of a path or query cannot be read. ``wrong``: one error of FastAPI's validation."""
    return f"{wrong['loc'][-1]} {VALUES.get(wrong['type'], 'cannot be read')}"
