"""Benchmark of a view's store without Kafka and Faust: decode, unseal, read, apply and commit study events."""

import time
from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg2

from krypton.bootstrap import Krypton
from projections.engine.store import ViewStore
from projections.patient_record.view import PatientRecord
from projections.versions import creation
from schemas.event import Record

PEOPLE = 1_000
TOPIC = "krypton.studies"


class Benchmarked(PatientRecord):
    """The patient record, in a schema of its own."""

    name = "bench_patient_record"


def run(ours: Krypton, events: int = 20_000, batch: int = 500) -> dict[str, float]:
    """Events per second of one store: a backlog of studies, and a second run over a table that holds them."""
    url = ours.addresses.database
    records = list(_records(ours, events))
    _drop(url)
    creation.create(url, Benchmarked())
    try:
        store = ViewStore(Benchmarked(), ours.codec, url)
        rates = {f"store, study events/s in batches of {batch}": _rate(store, records, batch)}
        more = [r._replace(offset=r.offset + events) for r in _records(ours, events, position=events)]
        rates["store, events/s once the table is filled"] = _rate(store, more, batch)
        single = [r._replace(offset=r.offset + 2 * events) for r in _records(ours, 500, position=2 * events)]
        rates["store, ms per lone event"] = 1000 / _rate(store, single, 1)
        store.close()
    finally:
        _drop(url)
    return rates


def _rate(store: ViewStore, records: list[Record], batch: int) -> float:
    start = time.perf_counter()
    for first in range(0, len(records), batch):
        store.apply(records[first : first + batch])
    return len(records) / (time.perf_counter() - start)


def _records(ours: Krypton, events: int, position: int = 0) -> Iterator[Record]:
    """Of ten events, seven are new studies, two extend one of the last, one adds a report."""
    people = [uuid4() for _ in range(PEOPLE)]
    ours.vault.prepare((), [str(one) for one in people])
    studies: list[tuple[UUID, UUID, str]] = []
    for offset in range(events):
        kind = ("arrived",) * 7 + ("extended",) * 2 + ("report_added",)
        event_type = f"study.{kind[offset % 10]}"
        if event_type == "study.arrived":
            studies.append((uuid4(), people[offset % PEOPLE], f"2.25.{uuid4().int}"))
        study_id, identity_id, study_uid = studies[-1 - offset % min(len(studies), 200)]
        if event_type == "study.arrived":
            study_id, identity_id, study_uid = studies[-1]
        body = _body(event_type) | {"identity_id": identity_id, "study_uid": study_uid}
        value = ours.codec.encode(event_type, body, aggregate_id=str(study_id), version=1)
        headers = (("position", str(position + offset + 1).encode()), ("version", b"1"))
        yield Record(TOPIC, 0, offset, str(study_id).encode(), value, headers)


def _body(event_type: str) -> dict[str, object]:
    envelope = {"recorded_at": 0, "actor": "system:bench", "command_id": uuid4(), "correlation_id": uuid4()}
    if event_type == "study.report_added":
        return envelope | {"report_uid": f"2.25.{uuid4().int}", "kind": "SR", "title": "Compte rendu"}
    series = [{"series_uid": f"2.25.{uuid4().int}", "modality": "CT", "instances": 100} for _ in range(3)]
    batch = {"modalities": ["CT"], "series": series, "instances": 300, "root": "00" * 32}
    if event_type == "study.extended":
        return envelope | batch
    first = {"site": "BENCH", "accession": "A1", "started_at": "2026-01-05T08:00:00", "description": "SCANNER THORAX"}
    return envelope | batch | first


def _drop(url: str) -> None:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA IF EXISTS bench_patient_record, bench_patient_record_v1 CASCADE")
            for table in ("view_version", "position", "dead_letter", "parked_key"):
                cursor.execute("SELECT to_regclass(%s)", (f"views.{table}",))
                if cursor.fetchone() != (None,):
                    cursor.execute(f"DELETE FROM views.{table} WHERE view = %s", (Benchmarked.name,))
    finally:
        connection.close()
