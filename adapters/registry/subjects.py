"""Maps the event schemas to Confluent subjects, versions and ids.

A subject is ``<topic>-<record's full name>`` (TopicRecordNameStrategy): a topic carries many event types, each evolves
separately, and the topic prefix lets a subscriber list a topic's types. ``docs/subscribing.md`` explains more.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import fastavro

from adapters.registry import unreadable
from adapters.registry.refusals import (
    Refusal,
    invalid_schema,
    invalid_version,
    schema_not_found,
    subject_not_found,
    version_not_found,
)
from schemas.compatibility import breaches
from schemas.registry import Registry, Schema

LATEST = "latest"
MOST_DIGITS = len(str(1 << 31))
NOT_AVRO = (ValueError, TypeError, LookupError, AttributeError, RecursionError, fastavro.schema.SchemaParseException)


def subject_of(schema: Schema) -> str:
    """The subject of a schema: its topic and the full name of its record."""
    return f"{schema.topic}-{schema.document['namespace']}.{schema.document['name']}"


def text_of(schema: Schema) -> str:
    """The schema as served to subscribers: the file, with its documentation, on one line."""
    return json.dumps(schema.document, ensure_ascii=False, separators=(",", ":"))


class Subjects:
    """Every subject, its versions in order, and the schema of each id."""

    def __init__(self, registry: Registry) -> None:
        self._by_id = registry.by_id
        self._versions: dict[str, dict[int, Schema]] = {}
        for schema in sorted(registry, key=lambda s: (subject_of(s), s.version)):
            self._versions.setdefault(subject_of(schema), {})[schema.version] = schema

    def __iter__(self) -> Any:
        """The subjects, sorted."""
        return iter(self._versions)

    def versions(self, subject: str) -> Mapping[int, Schema]:
        """Version to schema, oldest first. Raises Refusal 40401."""
        try:
            return self._versions[subject]
        except KeyError:
            raise subject_not_found(subject) from None

    def version(self, subject: str, version: str) -> Schema:
        """``version``: a number, ``latest`` or -1. Raises Refusal 40401, 40402, 42202."""
        found = self.versions(subject)
        if version in (LATEST, "-1"):
            return found[max(found)]
        digits = version.isascii() and version.isdigit() and len(version) <= MOST_DIGITS
        if not (digits and 1 <= int(version) < 1 << 31):
            raise invalid_version(version)
        if int(version) not in found:
            raise version_not_found(version)
        return found[int(version)]

    def of_id(self, ident: int) -> Schema:
        """Raises Refusal 40403."""
        try:
            return self._by_id[ident]
        except KeyError:
            raise schema_not_found(ident) from None

    def lookup(self, subject: str, text: str, normalize: bool) -> Schema:
        """The version of a subject equal to this schema; ``normalize``: compare Avro's canonical forms, without docs.

        Raises Refusal 40401, 40403, 42201.
        """
        versions, asked = self.versions(subject), parsed(text)
        with _understood():
            canonical = _canonical(asked) if normalize else None
            for schema in versions.values():
                if schema.document == asked or (normalize and _canonical(schema.document) == canonical):
                    return schema
        raise schema_not_found()

    def incompatibilities(self, subject: str, text: str, version: str | None) -> list[str]:
        """What a schema would break, as sentences: against one version, or against all.

        Raises Refusal 40401, 40402, 42201, 42202.
        """
        found = self.versions(subject)
        older = [self.version(subject, version)] if version is not None else list(found.values())
        asked = parsed(text)
        if not isinstance(asked, dict) or asked.get("type") != "record":
            return ["an event is a record; this schema is not"]
        with _understood():
            return [str(breach) for breach in breaches([*(schema.document for schema in older), asked])]


def parsed(text: str) -> Any:
    """A schema as a document. Raises Refusal 42201 if it is not Avro."""
    with _understood():
        document = json.loads(text)
        fastavro.parse_schema(json.loads(text))  # a copy: fastavro modifies its argument
    return document


@contextmanager
def _understood() -> Iterator[None]:
    """Refuse, with 42201, what cannot be read as a schema: fastavro passes some of it, and fails later."""
    try:
        yield
    except NOT_AVRO as wrong:
        raise invalid_schema(unreadable.schema(wrong)) from None


def _canonical(document: Any) -> str:
    return str(fastavro.schema.to_parsing_canonical_form(document))


__all__ = ["Refusal", "Subjects", "parsed", "subject_of", "text_of"]
