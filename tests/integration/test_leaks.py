"""Nothing personal outside the views: not in a log, a message, a Kafka record, nor in any other table.

A person whose every trait and word is marked goes through all families, is refused and broken in every way a user can,
and then everything is searched for the marks.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from kafka import KafkaConsumer, TopicPartition

from domain.check_digit import check_digit
from domain.commands.studies import ReceivedReport
from domain.work import Envelope
from krypton.demo.hospital import send
from krypton.errors import ServiceUnavailable
from projections.declared import VIEWS
from streams.broker import broker
from streams.broker.topics import PARTITIONS
from tests.fakes.dicom import instance, new_uid, part10, report
from tests.fakes.region import dose, exposure, received
from tests.integration.live_cli import AE_TITLE, CLINICIAN, DIFFERING, OUTSIDER, Region, Said, region
from tests.integration.live_ledger import end_offsets
from tests.waiting import until

__all__ = ["region"]
pytestmark = pytest.mark.live
LOCAL_ID, MATRICULE, BORN = "ZQXVKJWYID77", "160017503500062", "1903-07-19"
NAMES, WORDS = ("ZQXVKJWYFAMÉ", "ZQXVKJWYGIVEN"), "ZQXVKJWYWORDS déclarés"
ORDER = ("--site", "CHB", "--by", CLINICIAN, "--modality", "CT", "--question", WORDS)
STATED: dict[str, str | None] = {"family": NAMES[0], "given": NAMES[1], "birth_date": BORN}
# Eight letters: four are met by chance in what is sealed, once in some hundred runs.
MARKS = [m.encode() for m in ("ZQXVKJWY", MATRICULE[:13], BORN, BORN.replace("-", ""))]
MARKED = re.compile(b"|".join(map(re.escape, MARKS)), re.IGNORECASE)


class Lived(NamedTuple):
    """What was done: all that was said on standard error, and by which refusals."""

    ref: str
    errors: list[Said]


@pytest.fixture(scope="module")
def lived(region: Region, tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """The marked person's whole story."""
    ref = f"CHB|{LOCAL_ID}"
    traits = ("--family", NAMES[0], "--given", NAMES[1], "--birth-date", BORN, "--sex", "F", "--ins", MATRICULE)
    region.ask("identity", "register", "--assigner", "CHB", "--id", LOCAL_ID, *traits)
    study = _studies(region, tmp_path_factory.mktemp("marked"))
    _said(region, ref)
    _cared_for(region, ref, study)
    region.settle()
    _read(region, ref)
    return Lived(ref, list(_refused(region, ref, tmp_path_factory.mktemp("refused"), traits)))


def _studies(region: Region, folder: Path) -> str:
    """By command, by folder and by DICOM; broken ones, and callers and instances that are turned away."""
    asked = received(
        "CHB",
        new_uid(),
        local_id=LOCAL_ID,
        stated=STATED,
        reports=(ReceivedReport(report_uid=new_uid(), kind="SR", title=WORDS),),
        doses=(dose(new_uid(), exposure(new_uid(), dose_rp_mgy=2500.0)),),
    )
    study = str(region.krypton.ledger.execute(asked, Envelope("system:test")).result["study"])
    person: dict[str, Any] = {
        "PatientName": "^".join(NAMES),
        "PatientID": LOCAL_ID,
        "PatientBirthDate": BORN.replace("-", ""),
    }
    marked = person | {"StudyInstanceUID": new_uid(), "StudyDescription": WORDS}
    same_uid = new_uid()
    files = {
        "image": part10(instance(**marked)),
        "report": part10(report(**marked)),
        "first": part10(instance(**marked, SOPInstanceUID=same_uid)),
        "other": part10(instance(**marked, SOPInstanceUID=same_uid, AccessionNumber="B-2")),
        "nobody": part10(instance(**marked | {"PatientID": None})),
        "no_study": part10(instance(**marked | {"StudyInstanceUID": None})),
        "stranger": part10(
            instance(**marked | {"PatientName": "ZQXVKJWYOTHER^ANOTHER", "PatientBirthDate": "19990101"})
        ),
    }
    for name, content in files.items():
        (folder / f"{name}.dcm").write_bytes(content)
    (folder / "broken.dcm").write_bytes(files["image"][:-40])
    region.show("ingest", "--site", "CHB", folder)
    for path in folder.glob("*.dcm"):
        if path.stem != "broken":
            path.write_bytes(path.read_bytes().replace(marked["StudyInstanceUID"].encode(), _other(marked)))
    send(AE_TITLE, "127.0.0.1", region.dicom_port, "KRYPTON", sorted(folder.glob("*[!n].dcm")))
    with pytest.raises(ServiceUnavailable, match="refused the association"):
        send("ZNOBODY", "127.0.0.1", region.dicom_port, "KRYPTON", [folder / "image.dcm"])
    return study


def _other(marked: dict[str, Any]) -> bytes:
    """Another study UID of the same length."""
    uid = str(marked["StudyInstanceUID"])
    return f"{uid[:-1]}{(int(uid[-1]) + 1) % 10}".encode()


def _said(region: Region, ref: str) -> None:
    """Identities and links."""
    other = region.register()
    region.ask("identity", "correct", ref, "--used-name", "ZQXVKJWYUSED", "--reason", WORDS)
    region.ask("identity", "flag", ref, "HOMA", "--reason", WORDS)
    region.ask("identity", "status", ref, "--to", "VALI", "--reason", WORDS)
    for statement in (("merge", *DIFFERING), ("unmerge",), ("bar",), ("unbar",)):
        region.ask("identity", *statement, ref, other, "--reason", WORDS)
    region.ask("identity", "review", "dismiss", ref, other, "--reason", WORDS)


def _cared_for(region: Region, ref: str, study: str) -> None:
    """Consents, accesses, orders, readings, and an alert."""
    region.ask("consent", "grant", ref, "--to", f"rpps:{CLINICIAN}")
    region.ask("consent", "revoke", ref, "--to", f"rpps:{CLINICIAN}", "--reason", WORDS)
    region.ask("consent", "oppose", ref, "--to", "site:CHP", "--reason", WORDS)
    region.ask("access", "open", ref, "--as", f"rpps:{CLINICIAN}", "--reason", WORDS)
    region.run("access", "open", ref, "--as", f"rpps:{OUTSIDER}", "--reason", WORDS)
    emergency = region.ask("access", "open", ref, "--as", f"rpps:{OUTSIDER}", "--reason", WORDS, "--emergency")
    region.ask("access", "close", emergency["access"], "--as", f"rpps:{OUTSIDER}", "--note", WORDS)
    placed = region.ask("order", "place", ref, *ORDER)["order"]
    region.ask("order", "cancel", placed, "--reason", WORDS)
    ten = f"4{uuid4().int % 10**9:09}"
    reader = ten + check_digit(ten)
    doctor = ("--name", "Dr Lecture", "--profession", "radiologist", "--site", "CHP")
    region.ask("professional", "register", reader, *doctor)
    asked = ("--from", "CHB", "--to", "CHP", "--question", WORDS)
    reading = region.ask("reading", "request", study, *asked)["reading"]
    region.ask("reading", "accept", reading, "--by", reader)
    signed = ("--by", reader, "--report-uid", new_uid(), "--conclusion", WORDS)
    region.ask("reading", "report", reading, *signed)
    region.ask("professional", "suspend", reader, "--reason", WORDS)
    region.settle()
    alert = next(
        one
        for one in region.ask("dose", "alerts", "--as", f"rpps:{CLINICIAN}", "--limit", 1000)
        if one["study"] == study
    )
    region.ask("dose", "acknowledge", alert["alert"], "--note", WORDS, "--as", f"rpps:{CLINICIAN}")


def _read(region: Region, ref: str) -> None:
    """Every view is asked, and shows the marks: what is searched for can be found."""
    for command in ("identity show", "record show", "dose show", "consent show", "audit accesses", "identity history"):
        assert MARKED.search(region.show(*command.split(), ref).encode()), command


def _refused(region: Region, ref: str, folder: Path, traits: tuple[str, ...]) -> Iterator[Said]:
    """Refusals and errors that marked words provoke."""
    csv = folder / "people.csv"
    csv.write_text(
        "assigner,id,family,given,birth_date,sex\n"
        f"CHB,{LOCAL_ID},{NAMES[0]},{NAMES[1]},{BORN},F\n"
        f"CHB,{LOCAL_ID}-2,{NAMES[0]},{NAMES[1]},ZQXVKJWYDATE,F\n"
        f"CHB,{LOCAL_ID}-3,{NAMES[0]},{NAMES[1]},{BORN},ZQXVKJWYSEX\n"
        f"CHB,{LOCAL_ID}-4,{NAMES[0]}\n"
    )
    yield region.run("identity", "import", csv)
    register = ("identity", "register", "--assigner", "CHB", "--id")
    for words in (
        (*register, LOCAL_ID, *traits),
        (*register, f"{LOCAL_ID}-5", *traits[:-1], f"{MATRICULE[:13]}11"),
        (*register, f"{LOCAL_ID}-6", *traits[:4], "--birth-date", "ZQXVKJWYDATE", "--sex", "F"),
        ("identity", "correct", ref, "--family", NAMES[0], "--reason", WORDS),
        ("identity", "merge", ref, ref, "--reason", WORDS),
        ("identity", "unmerge", ref, region.register(), "--reason", WORDS),
        ("identity", "show", f"CHB|{LOCAL_ID}-NOBODY"),
        ("identity", "show", f"INS|{MATRICULE[:13]}11"),
        ("identity", "show", " ".join(NAMES)),
        ("consent", "grant", ref, "--to", NAMES[0]),
        ("consent", "grant", ref, "--to", f"rpps:{CLINICIAN}", "--exclude", WORDS),
        ("consent", "oppose", ref, "--to", "site:CHP", "--reason", WORDS),
        ("access", "open", ref, "--as", "rpps:10101200003", "--reason", WORDS),
        ("access", "open", ref, "--as", f"rpps:{OUTSIDER}", "--reason", WORDS, "--code", "ZQXVKJWYCODE11"),
        ("order", "cancel", uuid4(), "--reason", WORDS),
        ("study", "withdraw", uuid4(), "--reason", WORDS),
        ("identity", "flag", ref, "HOMA", "--clear", "--reason", WORDS, "--as", f"Dr {NAMES[0]}"),
        ("erase", "request", ref, "--ground", "error", "--reference", f"asked for by {NAMES[1]} {NAMES[0]}"),
        ("erase", "request", ref, "--ground", WORDS, "--reference", "1"),
        ("order", "place", ref, *ORDER, "--act", WORDS),
        ("order", "place", ref, *ORDER, "--number", WORDS),
        ("audit", "accesses", ref, "--by", NAMES[0], "--reason", WORDS),
    ):
        said = region.run(*words)
        assert said.code in (1, 3), said
        yield said


def test_no_message_names_the_person(lived: Lived) -> None:
    assert len(lived.errors) > 10
    assert [said.err for said in lived.errors if MARKED.search(said.err.encode())] == []


def test_an_import_names_lines_and_never_what_they_hold(lived: Lived) -> None:
    shown = lived.errors[0].out
    assert shown.count("(I1)") == 2
    assert not MARKED.search(shown.encode())


@pytest.mark.usefixtures("lived")
def test_no_log_holds_a_mark(region: Region) -> None:
    logs = [path for path in (region.home / "logs").rglob("*") if path.is_file()]
    assert {"relay.log", "dicom.log", "worker-patient_record.log"} <= {path.name for path in logs}
    assert _lines_with_marks(logs) == []


def _lines_with_marks(paths: list[Path]) -> list[str]:
    return [f"{p.name}: {line!r}" for p in paths for line in p.read_bytes().splitlines() if MARKED.search(line)]


@pytest.mark.usefixtures("lived")
def test_the_dicom_service_says_whom_it_turned_away(region: Region) -> None:
    """So that its log is known to be the one that was searched."""
    assert b"ZNOBODY" in (region.home / "logs" / "dicom.log").read_bytes()


@pytest.mark.usefixtures("lived")
def test_no_record_on_kafka_holds_a_mark(region: Region) -> None:
    seen, marked = 0, []
    for record in _records(region.krypton.addresses.kafka):
        seen += 1
        parts = [record.key, record.value, *(content for _, content in record.headers)]
        if any(part and MARKED.search(part) for part in parts):
            marked.append((record.topic, record.partition, record.offset))
    assert seen > 30
    assert marked == []


def _records(kafka: str) -> Iterator[Any]:
    """Every record of every topic, dead letters included."""
    ends = {tp: end for tp, end in end_offsets(kafka, list(PARTITIONS)).items() if end}
    consumer = KafkaConsumer(**broker.options(kafka), group_id=None, enable_auto_commit=False)
    try:
        consumer.assign(list(ends))
        consumer.seek_to_beginning()
        while any(consumer.position(TopicPartition(*tp)) < end for tp, end in ends.items()):
            for found in consumer.poll(timeout_ms=500).values():
                yield from found
    finally:
        consumer.close(autocommit=False)


@pytest.mark.usefixtures("lived")
def test_no_table_but_the_views_holds_a_mark(region: Region) -> None:
    with region.krypton.snapshot() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'")
        tables = cursor.fetchall()
        marked = {(schema, table) for schema, table in tables if _table_has_mark(cursor, schema, table)}
    assert {"ledger", "vault", "views"} <= {schema for schema, _ in tables}
    assert {schema.rpartition("_v")[0] for schema, _ in marked} == set(VIEWS) - {"dose_practice"}  # it knows nobody


def _table_has_mark(cursor: Any, schema: str, table: str) -> bool:
    """Whether any value does: texts and documents as UTF-8, bytes as they are."""
    cursor.execute(f'SELECT * FROM "{schema}"."{table}"')
    return any(MARKED.search(_raw(value)) for row in cursor for value in row)


def _raw(value: object) -> bytes:
    if isinstance(value, memoryview | bytes):
        return bytes(value)
    return os.fsencode(value) if isinstance(value, str) else str(value).encode()


@pytest.mark.usefixtures("lived")
def test_no_file_name_of_the_dicom_folder_holds_a_mark(region: Region) -> None:
    names = [str(path.relative_to(region.home)) for path in region.krypton.settings.instances.rglob("*")]
    assert len(names) > 3
    assert [name for name in names if MARKED.search(name.encode())] == []


@pytest.mark.usefixtures("lived")
def test_processes_show_no_mark_in_their_command_lines(region: Region) -> None:
    until(lambda: region.worker("patient_record").is_running(), "a worker")
    assert not MARKED.search(" ".join(region.worker("patient_record").cmdline()).encode())
