"""STOW-RS: what is sent over HTTP is kept under the rules of C-STORE, and each file's answer says what became of it."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian
from starlette.testclient import TestClient

from adapters.dicom.part10 import read_file_meta, seal_of
from adapters.inbox import spool as spools
from domain.commands.studies import WithdrawStudy
from tests.fakes.dicom import ROOT, SITE, instance, instances_recorded, new_uid, of_type, part10
from tests.fakes.stow import (
    KIND,
    NOWHERE_TOKEN,
    PACS,
    SENDS,
    STRANGER_TOKEN,
    STUDIES,
    Ward,
    body,
    ward,
)
from tests.fakes.web import TOKEN, asking
from tests.waiting import until


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Ward]:
    with ward(tmp_path) as made:
        yield made


@pytest.fixture
def client(here: Ward) -> Iterator[TestClient]:
    with asking(here.web) as made:
        yield made


def send(client: TestClient, parts: list[bytes], path: str = STUDIES, **headers: str) -> Any:
    """An answer to these files."""
    return client.post(path, content=body(parts), headers={**SENDS, **headers})


def told(answer: Any) -> Dataset:
    """The document of an answer."""
    assert answer.headers["content-type"] == "application/dicom+json"
    return Dataset.from_json(answer.json())


def recorded(here: Ward, count: int) -> None:
    """Wait until so many instances are recorded."""
    until(lambda: instances_recorded(here.ledger) == count, f"{count} instances are recorded")


def test_what_is_sent_is_on_the_disk_when_it_is_answered_and_is_one_event_of_its_study(
    here: Ward, client: TestClient
) -> None:
    files = [part10(instance()) for _ in range(5)]
    answer = send(client, files)
    uids = [read_file_meta(one).sop_uid for one in files]
    for one, uid in zip(files, uids, strict=True):
        kept = here.held(uid).read_bytes()
        assert kept[read_file_meta(kept).offset :] == one[read_file_meta(one).offset :]
        assert seal_of(kept) == (uid, hashlib.sha256(one[read_file_meta(one).offset :]).hexdigest())
    assert answer.status_code == 200
    said = told(answer)
    assert [one.ReferencedSOPInstanceUID for one in said.ReferencedSOPSequence] == uids
    assert "FailedSOPSequence" not in said
    assert said.RetrieveURL == f"{STUDIES}/{ROOT}1"
    assert said.ReferencedSOPSequence[0].RetrieveURL == f"{STUDIES}/{ROOT}1/series/{ROOT}1.1/instances/{uids[0]}"
    recorded(here, 5)
    (event,) = of_type(here.ledger, "study.arrived", "study.extended")
    assert (event.type, event.data["actor"], event.data["site"]) == ("study.arrived", PACS, SITE)


def test_two_studies_of_one_request_are_two_events(here: Ward, client: TestClient) -> None:
    other = new_uid()
    assert send(client, [part10(instance()), part10(instance(StudyInstanceUID=other))]).status_code == 200
    recorded(here, 2)
    assert len(of_type(here.ledger, "study.arrived")) == 2


def test_the_same_again_is_answered_as_the_first_time_and_recorded_once(here: Ward, client: TestClient) -> None:
    file = part10(instance())
    first, again = send(client, [file]), send(client, [file, file])
    assert (first.status_code, again.status_code) == (200, 200)
    assert len(told(again).ReferencedSOPSequence) == 2
    recorded(here, 1)
    assert send(client, [file]).json() == first.json()


def test_other_content_under_one_uid_is_kept_beside_the_first_for_somebody_to_decide(
    here: Ward, client: TestClient
) -> None:
    one = instance()
    send(client, [part10(one)])
    one.StudyDescription = "Autre scanner d'essai"
    assert send(client, [part10(one)]).status_code == 200
    until(lambda: len(list(here.spool.conflicts.rglob("*_*"))) == 1, "the second is put aside")
    assert len(of_type(here.ledger, "study.conflict_found")) == 1


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, JPEG2000, ROOT + "99"],
)
def test_every_transfer_syntax_is_kept_as_it_came(here: Ward, client: TestClient, syntax: str) -> None:
    plain = part10(instance(), syntax if syntax != JPEG2000 and not syntax.startswith(ROOT) else "1.2.840.10008.1.2.1")
    file = plain if syntax.encode() in plain else with_syntax(plain, syntax)
    answer = send(client, [file])
    assert answer.status_code == 200, answer.text
    kept = here.held(read_file_meta(file).sop_uid).read_bytes()
    assert read_file_meta(kept).transfer_syntax == syntax
    assert kept[read_file_meta(kept).offset :] == file[read_file_meta(file).offset :]


def with_syntax(file: bytes, syntax: str) -> bytes:
    """The same data set under another transfer syntax, which does not change how its elements are written."""
    meta = read_file_meta(file)
    from adapters.dicom.part10 import file_meta

    head = file_meta(sop_class=meta.sop_class, sop_uid=meta.sop_uid, transfer_syntax=syntax, sender="TEST")
    return head + file[meta.offset :]


NO_DICOM = b"\x89PNG fictitious bytes"


@pytest.mark.parametrize(
    ("bad", "reason", "says"),
    [
        (NO_DICOM, 0xC000, "not a DICOM file"),
        (b"", 0xC000, "not a DICOM file"),
        (part10(instance())[:-3], 0xC000, "cut off"),
        (part10(instance(PatientID=None)), 0xC000, "PatientID"),
        (part10(instance(SOPClassUID="1.2.840.10008.5.1.4.31")), 0x0122, "SOP class"),
        (part10(instance())[:200], 0xC000, ""),
    ],
    ids=["png", "empty", "cut", "no patient", "a worklist", "within its head"],
)
def test_a_file_that_cannot_be_kept_stops_no_other_and_says_why(
    here: Ward, client: TestClient, bad: bytes, reason: int, says: str
) -> None:
    answer = send(client, [part10(instance()), bad, part10(instance())])
    assert answer.status_code == 202
    said = told(answer)
    (failed,) = said.get("FailedSOPSequence") or said.OtherFailuresSequence
    assert failed.FailureReason == reason
    assert says in failed[0x00000902].value
    assert len(said.ReferencedSOPSequence) == 2
    alone = send(client, [bad])
    assert alone.status_code == 409
    assert "ReferencedSOPSequence" not in told(alone)
    recorded(here, 2)


def test_a_failure_names_no_value(client: TestClient) -> None:
    answer = send(client, [part10(instance(StudyInstanceUID=None))])
    assert answer.status_code == 409
    assert not {"ESSAI", "Élodie", "T-1"} & set(answer.text.replace('"', " ").split())


def test_a_part_that_says_it_is_no_dicom_is_refused_by_itself(client: TestClient) -> None:
    answer = client.post(STUDIES, content=body([part10(instance())], "image/png"), headers=SENDS)
    assert answer.status_code == 409
    (failed,) = told(answer).OtherFailuresSequence
    assert failed.FailureReason == 0x0110
    odd = 'application/dicom; transfer-syntax="1.2.840.10008.1.2.1"'
    assert client.post(STUDIES, content=body([part10(instance())], odd), headers=SENDS).status_code == 200


def test_a_study_in_the_address_is_the_one_that_is_stored(here: Ward, client: TestClient) -> None:
    mine, other = part10(instance()), part10(instance(StudyInstanceUID=new_uid()))
    answer = send(client, [mine, other], f"{STUDIES}/{ROOT}1")
    assert answer.status_code == 202
    (failed,) = told(answer).FailedSOPSequence
    assert (failed.FailureReason, failed.ReferencedSOPInstanceUID) == (0xA900, read_file_meta(other).sop_uid)
    recorded(here, 1)
    assert not here.held(read_file_meta(other).sop_uid).exists()


def test_a_file_whose_head_names_another_instance_is_refused(here: Ward, client: TestClient) -> None:
    one, two = part10(instance()), part10(instance())
    lies = two[: read_file_meta(two).offset] + one[read_file_meta(one).offset :]
    answer = send(client, [lies])
    (failed,) = told(answer).FailedSOPSequence
    assert (answer.status_code, failed.FailureReason) == (409, 0xA900)
    assert not [name for name in here.files() if name.startswith("instances")]


def test_without_room_nothing_is_kept_and_the_sender_is_told_to_come_again(
    here: Ward, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools.Spool, "is_full", lambda _: True)
    answer = send(client, [part10(instance())])
    (failed,) = told(answer).FailedSOPSequence
    assert (answer.status_code, failed.FailureReason) == (409, 0xA700)
    assert here.files() == []


def test_a_file_that_is_too_large_is_refused_while_it_comes(tmp_path: Path) -> None:
    large = part10(instance(), "1.2.840.10008.1.2.1") + b"\0" * (1 << 20)
    with ward(tmp_path, dicom_instance_mib=1) as here, asking(here.web) as client:
        answer = send(client, [part10(instance()), large])
        assert answer.status_code == 202
        (failed,) = told(answer).FailedSOPSequence
        assert (failed.FailureReason, failed[0x00000902].value) == (
            0xC000,
            "larger than 1 MiB, which is the most taken here",
        )


def test_a_withdrawn_study_takes_nothing_more_in(here: Ward, client: TestClient) -> None:
    """As of C-STORE: the ledger refuses the batch, and what came lies in refused/ with the reason."""
    send(client, [part10(instance())])
    recorded(here, 1)
    (event,) = of_type(here.ledger, "study.arrived")
    here.ledger.ask(WithdrawStudy(study=UUID(event.aggregate_id), reason="test exposure"))
    send(client, [part10(instance())])
    until(lambda: any(here.spool.refused.glob("*/reason.json")), "the batch is refused")
    assert instances_recorded(here.ledger) == 1


@pytest.mark.parametrize(
    ("token", "status", "says"),
    [
        ("x" * 50, 401, "no account"),
        (TOKEN, 403, "study store is not for the role professional"),
        (NOWHERE_TOKEN, 403, "no establishment"),
        (STRANGER_TOKEN, 403, "not enrolled"),
    ],
    ids=["nobody", "a doctor", "of no establishment", "of an unknown one"],
)
def test_only_programs_of_enrolled_establishments_store(
    here: Ward, client: TestClient, token: str, status: int, says: str
) -> None:
    answer = send(client, [part10(instance())], Authorization=f"Bearer {token}")
    assert (answer.status_code, says in answer.json()["detail"]) == (status, True)
    assert here.files() == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/dicom", 415),
        ("application/json", 415),
        ('multipart/related; type="application/dicom+json"; boundary=x', 415),
        ('multipart/related; type="application/dicom+xml"; boundary=x', 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
        ('multipart/related; type="application/dicom"', 400),
        ('multipart/related; type="application/dicom"; boundary=""', 400),
        (f'multipart/related; type="application/dicom"; boundary={"x" * 71}', 400),
        ('multipart/related; type="application/dicom"; boundary*=x; boundary*0=y', 400),
    ],
)
def test_a_body_of_another_kind_is_refused_unread(client: TestClient, kind: str, status: int) -> None:
    answer = client.post(STUDIES, content=body([part10(instance())]), headers={**SENDS, "Content-Type": kind})
    assert (answer.status_code, answer.json()["detail"].startswith("the body is multipart/related")) == (status, True)


def test_a_body_that_is_packed_is_refused_unread(client: TestClient) -> None:
    answer = send(client, [part10(instance())], **{"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["detail"]) == (415, "the body is packed: send it as it is")
    assert send(client, [part10(instance())], **{"Content-Encoding": "identity"}).status_code == 200


@pytest.mark.parametrize(
    "kind",
    [
        KIND.replace('"', ""),
        KIND + '; transfer-syntax="1.2.840.10008.1.2.1"',
        KIND.replace("multipart/related", "Multipart/Related").replace("type=", "Type="),
        KIND.replace('type="application/dicom"; ', ""),
        KIND.replace("; ", ";"),
    ],
)
def test_a_content_type_is_understood_however_it_is_written(client: TestClient, kind: str) -> None:
    answer = client.post(STUDIES, content=body([part10(instance())]), headers={**SENDS, "Content-Type": kind})
    assert answer.status_code == 200


def test_what_breaks_off_leaves_nothing_of_the_file_that_was_coming(here: Ward, client: TestClient) -> None:
    whole, cut = part10(instance()), part10(instance(), "1.2.840.10008.1.2.1") + b"\0" * (1 << 20)
    answer = client.post(STUDIES, content=body([whole, cut])[: -(1 << 19)], headers=SENDS)
    assert (answer.status_code, answer.headers["connection"]) == (400, "close")
    assert "ends within part 2; 1 instances before that are stored" in answer.json()["detail"]
    recorded(here, 1)
    until(lambda: not list(here.spool.root.glob("work/*/incoming/*")), "nothing half-written is left")
    assert not here.held(read_file_meta(cut).sop_uid).exists()


def test_as_many_requests_at_once_as_may_be_and_the_next_is_told_to_come_again(here: Ward, client: TestClient) -> None:
    open_ones = [here.store.begin(PACS, SITE) for _ in range(8)]
    answer = send(client, [part10(instance())])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    open_ones[0].close()
    assert send(client, [part10(instance())]).status_code == 200
    for one in open_ones[1:]:
        one.close()


def test_where_no_image_is_kept_the_sender_is_told(tmp_path: Path) -> None:
    (tmp_path / "dicom").write_text("in the place of the folder")
    with ward(tmp_path) as here, asking(here.web) as client:
        assert send(client, [part10(instance())]).status_code == 503


def test_while_it_comes_in_nobody_else_reads_it(here: Ward) -> None:
    """Neither the files nor what is in the memory's place on the disk while a large file comes."""
    before = os.umask(0o022)
    try:
        sending = here.store.begin(PACS, SITE)
        file = sending.file(None)
        whole = part10(instance(), "1.2.840.10008.1.2.1") + b"\0" * (2 << 20)
        file.write(memoryview(whole)[: 1 << 20])
        coming = [one.stat().st_mode & 0o077 for one in here.spool.root.glob("work/*/incoming/*")]
        file.discard()
        small = sending.file(None)
        small.write(memoryview(part10(instance())))
        assert small.end().status == 0
        assert coming == [0]
        held = [path for path in here.spool.root.rglob("*") if path.is_file()]
        sending.close()
    finally:
        os.umask(before)
    assert here.spool.root.stat().st_mode & 0o077 == 0
    assert [path for path in held if path.stat().st_mode & 0o077] == []
