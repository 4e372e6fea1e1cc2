"""Fixed values for any event schema: what stored samples hold. Plainly made up, and the same at every run."""

from typing import Any
from uuid import NAMESPACE_OID, uuid5

from schemas.registry import Schema

PRIMITIVES: dict[str, Any] = {"int": 3, "long": 1_767_600_000_000_000, "double": 12.5, "boolean": True, "null": None}
TRAITS = {"family": "ÉCHANTILLON", "given": "Zoé", "birth_date": "1979-03-05", "sex": "F", "birth_place": "33063"}
SEALED: dict[str, Any] = {"traits": TRAITS, "matricule": "279035121518989"}  # of the ANS's own test sample


def sample_body(schema: Schema) -> dict[str, Any]:
    """One value for each field, sealed ones in clear; optional fields are filled in."""
    return {
        field["name"]: SEALED.get(field["name"], f"{field['name']} en toutes lettres")
        if "krypton.sealed" in field
        else sample_value(field["type"], field["name"])
        for field in schema.document["fields"]
    }


def sample_value(avro_type: Any, name: str) -> Any:
    """A value of an Avro type; ``name`` is of the field, so that fields differ."""
    match avro_type:
        case [_, filled]:
            return sample_value(filled, name)
        case {"logicalType": "uuid"}:
            return str(uuid5(NAMESPACE_OID, name))
        case {"type": "array", "items": items}:
            return [sample_value(items, name)]
        case {"type": "map", "values": values}:
            return {name: sample_value(values, name)}
        case {"type": "record", "fields": fields}:
            return {field["name"]: sample_value(field["type"], field["name"]) for field in fields}
        case {"type": simple}:
            return sample_value(simple, name)
        case "string":
            return f"sample {name}"
        case _:
            return PRIMITIVES[avro_type]
