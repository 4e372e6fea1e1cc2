"""DICOM in, over real associations on the loopback: who may send, what is answered, what is recorded."""

import io
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filereader import dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

from adapters.dicom.inlet import spool_at
from adapters.dicom.receiver import Ways
from adapters.dicom.storage import Doors, StorageService
from adapters.dicom.strangers import Caller
from adapters.inbox.batches import Limits
from domain.aggregates.identity import Identity
from domain.aggregates.study import Study
from domain.commands.directory import RegisterDevice
from domain.commands.studies import WithdrawStudy
from tests.fakes.dicom import (
    AE_TITLE,
    CT_IMAGE,
    ROOT,
    SITE,
    FlakyLedger,
    Heard,
    enrolled,
    instance,
    instances_recorded,
    new_uid,
    no_delay,
    of_type,
    part10,
    report,
    stored,
)
from tests.fakes.ids import IDS
from tests.fakes.ledger import MemoryLedger
from tests.waiting import WITHIN_S, until

FAST = Limits(quiet_s=60.0, linger_s=0.1)  # the end of an association closes a batch, however slowly it was sent
PRIVATE_CLASS = "1.2.826.0.1.3680043.10.1999.77"


class Hospital:
    """The service under test, and a sender."""

    def __init__(self, folder: Path, failures: int = 0, limits: Limits = FAST, room: int = 0) -> None:
        self.ledger: MemoryLedger = enrolled()
        self.flaky = FlakyLedger(self.ledger, failures)
        self.spool = spool_at(folder, room=room)
        self.refused: list[Caller] = []
        self.comments: list[str] = []
        self.service = StorageService(
            ledger=self.flaky,
            spool=self.spool,
            site_of=self.site_of,
            refused=self.refused.append,
            doors=Doors(port=0),
            ways=Ways(batches=limits),
        )

    def site_of(self, ae_title: str) -> str | None:
        return self.ledger.log.site_of(ae_title)

    def associate(
        self, *, calling: str = AE_TITLE, called: str = "KRYPTON", contexts: tuple[tuple[str, str], ...] = ()
    ) -> Any:
        entity = AE(calling)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = WITHIN_S
        entity.add_requested_context(Verification)
        for sop_class, syntax in contexts or ((CT_IMAGE, ExplicitVRLittleEndian),):
            entity.add_requested_context(sop_class, syntax)
        self.heard = Heard()
        handlers = [(evt.EVT_CONN_OPEN, no_delay), (evt.EVT_PDU_RECV, self.heard)]
        return entity.associate("127.0.0.1", self.service.port, ae_title=called, evt_handlers=handlers)

    def rejection(self, *, calling: str = AE_TITLE, called: str = "KRYPTON") -> tuple[int, int, int] | None:
        """Result, source and reason (PS3.8 9.3.4) of an association that was rejected."""
        assert not self.associate(calling=calling, called=called).is_established
        return self.heard.rejection

    def send(self, *datasets: Dataset, calling: str = AE_TITLE) -> list[int]:
        """All on one association; their statuses."""
        sent = [self.prepared(dataset) for dataset in datasets]
        contexts = tuple({(d.SOPClassUID, d.file_meta.TransferSyntaxUID) for d in sent})

        def associate() -> Any:
            association = self.associate(calling=calling, contexts=contexts)
            assert association.is_established
            return association

        answers = stored(associate, sent)
        self.comments += [answer.ErrorComment for answer in answers if "ErrorComment" in answer]
        return [answer.Status for answer in answers]

    @staticmethod
    def prepared(dataset: Dataset) -> Dataset:
        if not hasattr(dataset, "file_meta"):
            part10(dataset)
        return dataset

    def recorded(self, instances: int) -> None:
        until(
            lambda: instances_recorded(self.ledger) == instances and self.service.waiting == 0,
            f"{instances} instances recorded",
        )


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    one = Hospital(tmp_path / "spool")
    one.service.start()
    yield one
    one.service.stop(grace_s=1)


def test_c_echo_is_answered(hospital: Hospital) -> None:
    """PS3.4 Annex A."""
    association = hospital.associate()
    assert association.send_c_echo().Status == 0
    association.release()


def test_an_association_becomes_one_event_per_study(hospital: Hospital) -> None:
    """Never one per image."""
    images = [instance() for _ in range(5)] + [instance(StudyInstanceUID=ROOT + "2") for _ in range(3)]
    assert hospital.send(*images) == [0] * 8
    hospital.recorded(8)
    assert sorted(e.data["instances"] for e in of_type(hospital.ledger, "study.arrived")) == [3, 5]
    assert of_type(hospital.ledger, "study.extended") == []


def test_the_actor_is_the_calling_ae_title(hospital: Hospital) -> None:
    """So that an auditor sees which device sent."""
    hospital.send(instance())
    hospital.recorded(1)
    (arrived,) = of_type(hospital.ledger, "study.arrived")
    assert (arrived.data["actor"], arrived.data["site"]) == (f"aet:{AE_TITLE}", SITE)


def test_a_quiet_time_closes_a_batch_while_the_association_stays_open(tmp_path: Path) -> None:
    """Modalities keep associations open for hours."""
    hospital = Hospital(tmp_path / "spool", limits=Limits(quiet_s=0.3, linger_s=0.1))
    hospital.service.start()
    try:
        association = hospital.associate()
        association.send_c_store(hospital.prepared(instance()))
        hospital.recorded(1)
        association.send_c_store(hospital.prepared(instance()))
        hospital.recorded(2)
        association.release()
        assert len(of_type(hospital.ledger, "study.extended")) == 1
    finally:
        hospital.service.stop(grace_s=1)


def test_an_aborted_association_loses_nothing_that_was_answered(hospital: Hospital) -> None:
    """Success means safe."""
    association = hospital.associate()
    association.send_c_store(hospital.prepared(instance()))
    association.abort()
    hospital.recorded(1)


def test_an_unknown_caller_is_rejected_and_told_why(hospital: Hospital) -> None:
    """PS3.8 9.3.4: calling AE title not recognized."""
    assert hospital.rejection(calling="STRANGER") == (1, 1, 3)


def test_an_unknown_caller_is_reported(hospital: Hospital, caplog: pytest.LogCaptureFixture) -> None:
    """To whoever records it, and in the log."""
    with caplog.at_level(logging.WARNING):
        hospital.associate(calling="STRANGER")
    until(lambda: hospital.refused, "the caller is reported")
    assert hospital.refused == [Caller(ae_title="STRANGER", called="KRYPTON", address="127.0.0.1")]
    assert "calling AE title 'STRANGER'" in caplog.text


def test_a_caller_about_whom_the_directory_cannot_be_asked_may_call_again(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PS3.8 9.3.4: rejected transient, temporary congestion; it is no stranger, for nobody knows."""

    def away(_: str) -> NoReturn:
        raise ConnectionError

    monkeypatch.setattr(hospital.ledger.log, "site_of", away)
    assert hospital.rejection(calling="STRANGER") == (2, 3, 1)
    monkeypatch.undo()
    assert hospital.send(instance()) == [0]
    assert hospital.refused == []


def test_a_caller_of_another_ae_title_is_rejected(hospital: Hospital) -> None:
    """PS3.8 9.3.4: called AE title not recognized."""
    assert hospital.rejection(called="ELSEWHERE") == (1, 1, 7)


def test_a_caller_that_was_enrolled_meanwhile_is_let_in(hospital: Hospital) -> None:
    """Without a restart."""
    assert hospital.rejection(calling="NEW_CT")
    hospital.ledger.ask(RegisterDevice(code=SITE, ae_title="NEW_CT"))
    assert hospital.send(instance(), calling="NEW_CT") == [0]


def test_the_same_instance_again_is_answered_success_and_recorded_once(hospital: Hospital) -> None:
    """A duplicate is no error."""
    image = instance()
    assert hospital.send(image, image) == [0, 0]
    assert hospital.send(image) == [0]
    hospital.recorded(1)


def test_the_same_uid_with_other_content_blocks_no_sender_and_is_a_conflict_on_the_record(hospital: Hospital) -> None:
    """The first one stands; people decide."""
    first = instance(SOPInstanceUID=ROOT + "5", PatientID="T-1")
    second = instance(SOPInstanceUID=ROOT + "5", PatientID="T-2")
    assert hospital.send(first, second) == [0, 0]
    until(lambda: len(of_type(hospital.ledger, "study.conflict_found")) == 1, "the conflict is recorded")
    hospital.recorded(1)


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        ({"PatientID": None}, 0xC000),
        ({"StudyInstanceUID": None}, 0xC000),
        ({"SeriesInstanceUID": ""}, 0xC000),
    ],
)
def test_an_instance_without_what_we_need_is_refused_and_the_others_go_on(
    hospital: Hospital, bad: dict[str, Any], status: int
) -> None:
    """PS3.4 B.2.3, Cxxx: cannot understand."""
    assert hospital.send(instance(), instance(**bad), instance()) == [0, status, 0]
    hospital.recorded(2)


def test_an_empty_report_is_answered_that_it_does_not_match_its_class(hospital: Hospital) -> None:
    """PS3.4 B.2.3, A900."""
    assert hospital.send(report(content=0), report()) == [0xA900, 0]
    assert hospital.comments == ["empty report, no dose and no text: store it when it is written"]
    hospital.recorded(1)


def test_no_name_or_number_of_a_person_is_in_the_log(hospital: Hospital, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong."""
    with caplog.at_level(logging.DEBUG):
        marked = {"PatientName": "MARQUE^Zoé", "PatientID": "T-MARQUE"}
        hospital.send(instance(**marked), instance(SeriesInstanceUID=None, **marked), report(content=0, **marked))
        hospital.recorded(1)
    assert "cannot be" not in caplog.text
    assert "MARQUE" not in caplog.text


@pytest.mark.parametrize("sop_class", [PRIVATE_CLASS, "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.9.1.1"])
def test_storage_classes_that_we_do_not_know_are_taken_too(hospital: Hospital, sop_class: str) -> None:
    """Private ones, and those that the standard may add."""
    assert hospital.send(instance(SOPClassUID=sop_class)) == [0]
    hospital.recorded(1)


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "JPEG2000.dcm",
        "JPGExtended.dcm",
        "waveform_ecg.dcm",
        "rtplan.dcm",
    ],
)
def test_real_files_are_kept_byte_for_byte_in_their_transfer_syntax(hospital: Hospital, name: str) -> None:
    """No pixel is decoded, nothing re-encoded."""
    sent = dcmread(str(get_testdata_file(name)))
    assert hospital.send(sent) == [0]
    kept = dcmread(hospital.spool.claim(SITE, sent.SOPInstanceUID))
    assert kept.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
    assert kept == sent


@pytest.mark.parametrize(
    "syntax",
    ["1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.1.99"],
)
def test_common_compressed_syntaxes_are_accepted(hospital: Hospital, syntax: str) -> None:
    """HTJ2K, MPEG-4, JPEG lossless, deflated."""
    association = hospital.associate(contexts=((CT_IMAGE, syntax),))
    assert UID(syntax) in {context.transfer_syntax[0] for context in association.accepted_contexts}
    association.release()


def test_a_full_disk_is_answered_out_of_resources(tmp_path: Path) -> None:
    """PS3.4 B.2.3, A700: the sender tries again later."""
    full = Hospital(tmp_path / "spool", room=10**18)
    full.service.start()
    try:
        assert full.send(instance()) == [0xA700]
    finally:
        full.service.stop(grace_s=1)


def test_instances_are_taken_while_the_database_is_away_and_recorded_after(tmp_path: Path) -> None:
    """The sender need not know."""
    hospital = Hospital(tmp_path / "spool", failures=2)
    hospital.service.start()
    try:
        assert hospital.send(instance(), instance()) == [0, 0]
        hospital.recorded(2)
        assert hospital.flaky.asked == 3
    finally:
        hospital.service.stop(grace_s=1)


def test_what_could_not_be_recorded_at_the_stop_is_recorded_at_the_next_start(tmp_path: Path) -> None:
    """Nothing waits in memory only."""
    first = Hospital(tmp_path / "spool", failures=1000)
    first.service.start()
    first.send(instance(), instance())
    first.service.stop(grace_s=1)
    second = Hospital(tmp_path / "spool")
    second.service.start()
    try:
        second.recorded(2)
    finally:
        second.service.stop(grace_s=1)


def test_a_refused_batch_does_not_block_the_others(hospital: Hospital) -> None:
    """It is set aside with its reason."""
    hospital.send(instance())
    hospital.recorded(1)
    study = Study.create_id(IDS, Identity.create_id(IDS, SITE, "T-1"), ROOT + "1")
    hospital.ledger.ask(WithdrawStudy(study=study, reason="test"))
    assert hospital.send(instance(), instance(StudyInstanceUID=ROOT + "2")) == [0, 0]
    hospital.recorded(2)
    until(lambda: len(list(hospital.spool.refused.glob("*/reason.json"))) == 1, "the reason is written")


def test_four_associations_at_once_make_one_history(hospital: Hospital) -> None:
    """The same study, sent in parts."""
    images = [[instance(SeriesInstanceUID=new_uid()) for _ in range(10)] for _ in range(4)]
    threads = [threading.Thread(target=hospital.send, args=some) for some in images]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hospital.recorded(40)


def test_the_same_instance_over_two_associations_at_once_is_recorded_once(hospital: Hospital) -> None:
    """Exactly one of the two makes the claim."""
    images = [instance() for _ in range(10)]
    threads = [threading.Thread(target=hospital.send, args=[dcm_copy(i) for i in images]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hospital.recorded(10)


def dcm_copy(dataset: Dataset) -> Dataset:
    """Its own object: pynetdicom encodes it in its thread."""
    return dcmread(io.BytesIO(part10(dataset)))


def test_a_taken_port_is_said_and_leaves_no_desk(hospital: Hospital, tmp_path: Path) -> None:
    """The next start finds nothing half begun."""
    other = Hospital(tmp_path / "other")
    other.service._doors = Doors(port=hospital.service.port)
    with pytest.raises(OSError, match="in use"):
        other.service.start()
    assert not (tmp_path / "other").exists()


def test_implicit_vr_without_a_declared_character_set_is_read(hospital: Hospital) -> None:
    """The default of most old devices."""
    dataset = instance(SpecificCharacterSet=None, PatientName="ESSAI^Eve")
    part10(dataset, ImplicitVRLittleEndian)
    assert hospital.send(dataset) == [0]
    hospital.recorded(1)
