"""Storage commitment: what is kept is said to be, what is not is named with its reason, until it is heard."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel

from adapters.dicom.network.requestor import Callee
from adapters.retrieval import commitment
from adapters.retrieval.commitment import Commitments
from tests.fakes.dicom import (
    AE_TITLE,
    CT_IMAGE,
    ENCAPSULATED_PDF,
    OTHER_AE_TITLE,
    OTHER_SITE,
    SITE,
    instance,
    new_uid,
)
from tests.fakes.retrieving import sender
from tests.fakes.shelf import Gallery, Places, gallery
from tests.waiting import WITHIN_S, until

__all__ = ["gallery"]
INSTANCE = "1.2.840.10008.1.20.1.1"
Told = tuple[int, str, set[str], dict[str, int]]


class Modality:
    """A device that asks, and hears reports. ``status``: what it answers to the next ones; then success."""

    def __init__(self) -> None:
        self.told: Queue[Told] = Queue()
        self.status: list[int] = []
        self.callers: list[str] = []
        self.listening: Any = None

    def listen(self) -> Callee:
        """Take reports on an association that it is called on."""
        entity = sender()
        entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        handlers = [(evt.EVT_N_EVENT_REPORT, self.hear)]
        self.listening = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        return Callee(ae_title=AE_TITLE, host="127.0.0.1", port=self.listening.server_address[1])

    def hear(self, event: Any) -> tuple[int, None]:
        """See ``told``."""
        said = event.event_information
        kept = {str(one.ReferencedSOPInstanceUID) for one in said.get("ReferencedSOPSequence", ())}
        failed = {
            str(one.ReferencedSOPInstanceUID): int(one.FailureReason) for one in said.get("FailedSOPSequence", ())
        }
        self.told.put((event.event_type, str(said.TransactionUID), kept, failed))
        self.callers.append(event.assoc.requestor.ae_title)
        return (self.status.pop(0) if self.status else 0), None

    def ask(self, gallery: Gallery, items: Sequence[tuple[str, str]], *, wait: bool = False, **how: Any) -> int:
        """Ask; the status of the answer. ``wait``: for the report, on the same association, and until it was answered:
        who releases it meanwhile may be answered by nobody.
        """
        entity: AE = sender(how.get("title", AE_TITLE))
        entity.add_requested_context(StorageCommitmentPushModel)
        association = entity.associate(
            "127.0.0.1",
            gallery.service.port,
            ae_title="KRYPTON",
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, self.hear)],
        )
        assert association.is_established
        asked = Dataset()
        asked.TransactionUID = how.get("transaction", "1.2.3.4")
        asked.ReferencedSOPSequence = [_reference(*item) for item in items]
        status, _ = association.send_n_action(
            asked, how.get("action", 1), StorageCommitmentPushModel, how.get("instance", INSTANCE)
        )
        if wait:
            until(lambda: not self.told.empty() and not waiting(gallery), "the report has come and is answered")
        association.release()
        return int(status.Status)

    def stop(self) -> None:
        """Listen no more."""
        if self.listening:
            self.listening.shutdown()


@pytest.fixture
def modality() -> Iterator[Modality]:
    """See ``Modality``."""
    made = Modality()
    yield made
    made.stop()


def _reference(sop_class: str, uid: str) -> Dataset:
    item = Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pydicom's, of what is no UID
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
    return item


def waiting(gallery: Gallery) -> list[Path]:
    """Requests whose report was not heard yet."""
    return list((gallery.spool.root / "commitments").glob("*.json"))


def test_what_is_kept_is_committed_to_on_the_association_that_asks(gallery: Gallery, modality: Modality) -> None:
    sent = [instance(), instance()]
    gallery.take(sender(), *sent)
    items = [(CT_IMAGE, one.SOPInstanceUID) for one in sent]
    assert modality.ask(gallery, items, wait=True) == 0
    assert modality.told.get(timeout=WITHIN_S) == (1, "1.2.3.4", {uid for _, uid in items}, {})
    until(lambda: not waiting(gallery), "nothing is left to report")


def test_or_on_a_new_one_where_the_application_listens(gallery: Gallery, modality: Modality) -> None:
    sent = instance()
    gallery.take(sender(), sent)
    gallery.places.known[SITE, AE_TITLE] = modality.listen()
    assert modality.ask(gallery, [(CT_IMAGE, sent.SOPInstanceUID)]) == 0
    assert modality.told.get(timeout=WITHIN_S) == (1, "1.2.3.4", {sent.SOPInstanceUID}, {})
    assert modality.callers == ["KRYPTON"]
    until(lambda: not waiting(gallery), "nothing is left to report")


def test_what_is_not_kept_is_named_with_its_reason(gallery: Gallery, modality: Modality) -> None:
    sent, absent = instance(), new_uid()
    gallery.take(sender(), sent)
    gallery.places.known[SITE, AE_TITLE] = modality.listen()
    items = [(CT_IMAGE, sent.SOPInstanceUID), (CT_IMAGE, absent)]
    modality.ask(gallery, items)
    assert modality.told.get(timeout=WITHIN_S) == (2, "1.2.3.4", {sent.SOPInstanceUID}, {absent: 0x0112})
    modality.ask(gallery, [(ENCAPSULATED_PDF, sent.SOPInstanceUID)], transaction="1.2.3.5")
    assert modality.told.get(timeout=WITHIN_S) == (2, "1.2.3.5", set(), {sent.SOPInstanceUID: 0x0119})


def test_what_another_establishment_sent_is_nobodys(gallery: Gallery, modality: Modality) -> None:
    sent = instance()
    gallery.take(sender(OTHER_AE_TITLE), sent)
    modality.ask(gallery, [(CT_IMAGE, sent.SOPInstanceUID)], wait=True)
    assert modality.told.get(timeout=WITHIN_S)[3] == {sent.SOPInstanceUID: 0x0112}


def test_an_instance_that_is_damaged_is_not_committed_to(gallery: Gallery, modality: Modality) -> None:
    sent = instance()
    gallery.take(sender(), sent)
    gallery.spool.claim(SITE, sent.SOPInstanceUID).write_bytes(b"")
    modality.ask(gallery, [(CT_IMAGE, sent.SOPInstanceUID)], wait=True)
    assert modality.told.get(timeout=WITHIN_S)[3] == {sent.SOPInstanceUID: 0x0110}


def test_what_is_not_recorded_yet_is_waited_for(gallery: Gallery, modality: Modality) -> None:
    """It may be refused by a rule still."""
    sent = instance()
    gallery.take(sender(), sent)
    pending = gallery.spool.root / "work" / "desk" / "pending" / SITE / "aet%3ACHB_PACS"
    pending.mkdir(parents=True)
    name = pending / f"{sent.SOPInstanceUID}_{'0' * 64}_aa"
    name.touch()
    gallery.places.known[SITE, AE_TITLE] = modality.listen()
    modality.ask(gallery, [(CT_IMAGE, sent.SOPInstanceUID)])
    (file,) = waiting(gallery)
    until(lambda: file in gallery.commitments._waits, "it was looked at")
    assert modality.told.empty()
    name.unlink()
    assert modality.told.get(timeout=WITHIN_S)[2] == {sent.SOPInstanceUID}


def test_a_report_that_is_not_heard_comes_again_also_from_the_next_process(
    gallery: Gallery, modality: Modality
) -> None:
    sent = instance()
    gallery.take(sender(), sent)
    callee = modality.listen()
    modality.status = [0x0110]
    gallery.places.known[SITE, AE_TITLE] = Callee(ae_title=AE_TITLE, host="127.0.0.1", port=1)
    modality.ask(gallery, [(CT_IMAGE, sent.SOPInstanceUID)])
    (file,) = waiting(gallery)
    until(lambda: file in gallery.commitments._waits, "nobody is there")
    gallery.commitments.stop()
    places = Places({(SITE, AE_TITLE): callee})
    again = Commitments(gallery.spool, places, "KRYPTON", first_wait_s=0.1)
    again.start()
    try:
        for _ in ("answered with a failure", "heard"):
            assert modality.told.get(timeout=WITHIN_S)[2] == {sent.SOPInstanceUID}
        until(lambda: not waiting(gallery), "nothing is left to report")
    finally:
        again.stop()


def test_a_request_is_on_disk_before_it_is_answered(gallery: Gallery, modality: Modality) -> None:
    gallery.places.known[SITE, AE_TITLE] = Callee(ae_title=AE_TITLE, host="127.0.0.1", port=1)
    assert modality.ask(gallery, [(CT_IMAGE, "1.2.3")]) == 0
    (file,) = waiting(gallery)
    assert file.stat().st_mode & 0o077 == 0


def test_an_establishment_whose_devices_never_hear_theirs_keeps_no_other_from_asking(
    gallery: Gallery, modality: Modality, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commitment, "MOST_OF_ONE", 2)
    for where in ((SITE, AE_TITLE), (OTHER_SITE, OTHER_AE_TITLE)):
        gallery.places.known[where] = Callee(ae_title=where[1], host="127.0.0.1", port=1)
    asked = [(CT_IMAGE, "1.2.3")]
    assert [modality.ask(gallery, asked) for _ in range(3)] == [0, 0, 0x0213]
    assert modality.ask(gallery, asked, title=OTHER_AE_TITLE) == 0
    assert len(waiting(gallery)) == 3


@pytest.mark.parametrize(
    ("how", "items", "status"),
    [
        ({"instance": "1.2.3"}, [(CT_IMAGE, "1.2.3")], 0x0112),
        ({"action": 2}, [(CT_IMAGE, "1.2.3")], 0x0123),
        ({}, [], 0x0115),
        ({"transaction": ""}, [(CT_IMAGE, "1.2.3")], 0x0115),
        ({}, [("", "1.2.3")], 0x0115),
        ({}, [(CT_IMAGE, "../../x")], 0x0115),
    ],
)
def test_what_is_no_request_is_refused_and_nothing_is_kept_of_it(
    gallery: Gallery, modality: Modality, how: dict[str, Any], items: list[tuple[str, str]], status: int
) -> None:
    assert modality.ask(gallery, items, **how) == status
    assert waiting(gallery) == []
