"""STOW-RS on a real ledger: what a PACS stores over HTTP is in the record, and is fetched where the answer says."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from pydicom.dataset import Dataset
from starlette.testclient import TestClient

from adapters.dicom.part10 import read_file_meta
from krypton.devstack.stack import Stack
from krypton.faces.http.accounts import Accounts
from krypton.faces.http.app import face
from krypton.services.stow import Store
from krypton.services.web import answers
from tests.fakes.dicom import instance, new_uid, part10
from tests.fakes.stow import KIND, PACS, PACS_TOKEN, SENDS, STUDIES, body
from tests.fakes.web import DOCTOR, SIGNED, TOKEN, account, accounts_file, asking, digest
from tests.integration.audit_world import AuditWorld, audit_world
from tests.waiting import until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[AuditWorld]:
    with audit_world(stack) as made:
        yield made


@pytest.fixture(scope="module")
def client(world: AuditWorld) -> Iterator[TestClient]:
    ours, home = world.krypton, world.krypton.settings.roles.parent
    file = accounts_file(
        home,
        account("pacs", PACS, site="CHB", token=digest(PACS_TOKEN)),
        account("doctor", DOCTOR, site="CHB", token=digest(TOKEN)),
    )
    with closing(Store(ours)) as store:
        store.start()
        web = face(ours, [Accounts(file, home)], lambda: answers(ours), lambda: b"", storing=store)
        with asking(web) as made:
            yield made
        web.close()


def data_of(file: bytes) -> bytes:
    """Its data set."""
    return file[read_file_meta(file).offset :]


def test_what_is_stored_is_in_the_record_and_is_fetched_where_the_answer_says(
    world: AuditWorld, client: TestClient
) -> None:
    person, study, before = world.register(), new_uid(), world.head
    said = world.identity(person)
    of = {"PatientID": said["local_id"], "PatientName": "FICTIVE^Alex", "StudyInstanceUID": study}
    files = [part10(instance(**of)) for _ in range(3)]
    answer = client.post(f"{STUDIES}/{study}", content=body(files), headers=SENDS)
    assert answer.status_code == 200, answer.text
    told = Dataset.from_json(answer.json())
    until(lambda: "study.arrived" in world.types(before), "it is recorded")
    assert world.types(before).count("study.arrived") == 1
    world.open(person)
    world.settle()
    record = client.get(f"/api/people/{person}/record", headers=SIGNED).json()
    assert [(one["study_uid"], one["instances"]) for one in record["studies"]] == [(study, 3)]
    for one, file in zip(told.ReferencedSOPSequence, files, strict=True):
        asks = {**SIGNED, "Accept": "application/dicom; transfer-syntax=*"}
        fetched = client.get(one.RetrieveURL, headers=asks)
        assert fetched.status_code == 200, fetched.text
        assert data_of(fetched.content) == data_of(file)
    whole = client.get(told.RetrieveURL, headers={**SIGNED, "Accept": KIND.rpartition(";")[0]})
    assert whole.status_code == 200
    assert all(data_of(file) in whole.content for file in files)
