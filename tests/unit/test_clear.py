"""What stands in clear on topics: each field of each schema is sealed, or listed with its reason; headers hold ids."""

from itertools import chain
from uuid import UUID

import pytest

from schemas.clear import KINDS, clear_fields, reason_of
from schemas.registry import Schema, registry
from streams.relay.outgoing import Addresser, Stored
from tests.samples import FOLDER, VERSION

SCHEMAS = list(registry())
ASKED_FOR = (
    *("order.placed.placer_number", "order.placed.act", "order.placed.accession", "order.scheduled.accession"),
    *("order.scheduled.ae_title", "study.arrived.accession", "study.report_added.unread", "dose.reported.words"),
    *("directory.caller_refused.ae_title", "directory.caller_refused.called", "directory.caller_refused.address"),
)
HEADERS = {
    *("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "content-type"),
    *("position", "version"),
}


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)
def test_each_field_is_sealed_or_has_a_reason_to_stand_in_clear(schema: Schema) -> None:
    """Whoever adds a field seals it, or says in ``schemas/clear.py`` who needs it."""
    unsaid = [field for field in clear_fields(schema) if reason_of(schema, field) is None]
    assert unsaid == []


def test_each_listed_field_stands_in_clear_somewhere_and_has_one_reason() -> None:
    """Else the page of the security model would say what is not so."""
    listed = [*chain.from_iterable(kind.fields for kind in KINDS)]
    assert len(listed) == len(set(listed))
    found = {name for schema in SCHEMAS for field in clear_fields(schema) for name in (field, f"{schema.type}.{field}")}
    assert set(listed) <= found


@pytest.mark.parametrize("field", ASKED_FOR)
def test_what_tells_of_an_exam_or_a_stranger_is_sealed(field: str) -> None:
    event_type, _, name = field.rpartition(".")
    assert name in registry().of_type(event_type).sealed


@pytest.mark.parametrize("name", ["protocol", "target_region", "station", "not_understood", "laterality", "raw"])
def test_no_words_of_a_device_stand_in_clear(name: str) -> None:
    """They are within the words that an event seals together."""
    clear = {field.rpartition(".")[2] for schema in SCHEMAS for field in clear_fields(schema)}
    assert name not in clear


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)
def test_key_and_headers_of_a_record_hold_ids_places_and_a_time(schema: Schema) -> None:
    """Nothing that the event seals gets out beside it."""
    raw = (FOLDER / f"{schema.name}.bin").read_bytes()
    subject = str(UUID(int=5))
    sent = Addresser.of(registry()).outgoing(Stored(9, subject, VERSION, raw))
    held = dict(sent.headers)
    assert held.keys() == HEADERS
    assert str(UUID(sent.key.decode())) == sent.key.decode()
    told = {
        name: held[name].decode() for name in ("ce_id", "ce_type", "ce_source", "ce_subject", "position", "version")
    }
    assert told == {
        "ce_id": f"{subject}/{VERSION}",
        "ce_type": schema.type,
        "ce_source": "krypton",
        "ce_subject": subject,
        "position": "9",
        "version": str(VERSION),
    }
