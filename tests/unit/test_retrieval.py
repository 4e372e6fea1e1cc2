"""C-MOVE and C-GET against a service of the test's own: what is given out, how it is counted, and what ends it."""

import hashlib
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLosslessSV1

from adapters.dicom.network.requestor import Callee
from adapters.retrieval import giving
from adapters.retrieval.giving import Watch
from adapters.retrieval.port import Asker
from adapters.retrieval.targets import Ended
from krypton.queries import standing
from tests.fakes.dicom import AE_TITLE, ENCAPSULATED_PDF, ROOT, SITE, instance, new_uid
from tests.fakes.retrieving import (
    GET,
    MOVE,
    PATIENT_GET,
    PATIENT_MOVE,
    PIXELS,
    STUDY,
    Receiver,
    counts,
    got,
    identifier,
    images,
    moved,
    sender,
)
from tests.fakes.shelf import Gallery, gallery, receiver
from tests.waiting import WITHIN_S, until

__all__ = ["gallery", "receiver"]


@pytest.fixture
def each_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pending answer follows each instance."""
    monkeypatch.setattr(giving, "TOLD_S", 0.0)


@pytest.mark.usefixtures("each_is_told")
def test_a_study_is_moved_whole_and_each_instance_is_counted(gallery: Gallery, receiver: Receiver) -> None:
    sent = images(5)
    gallery.take(sender(), *sent)
    *pending, (last, failed) = moved(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    assert [counts(status)[:2] for status, _ in pending] == [(4, 1), (3, 2), (2, 3), (1, 4), (0, 5)]
    assert all(status.Status == 0xFF00 for status, _ in pending)
    assert (last.Status, counts(last)) == (0, (None, 5, 0, 0))
    assert failed is None
    assert {uid: kept.PixelData for uid, kept in receiver.kept.items()} == {
        one.SOPInstanceUID: one.PixelData for one in sent
    }
    assert [who for who, _ in receiver.originators] == [AE_TITLE]


def test_every_byte_that_is_given_out_is_one_that_came_in(gallery: Gallery, receiver: Receiver) -> None:
    gallery.take(sender(), *images(3))
    moved(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    (study,) = gallery.shelf.all_of()[STUDY]
    rows = [
        row
        for series in gallery.archive.study(study)["series"]
        for row in gallery.archive.instances(study, series["uid"])
    ]
    digests = {row["sop_uid"]: row["digest"] for row in rows}
    assert {uid: hashlib.sha256(data).hexdigest() for uid, data in receiver.bytes.items()} == digests


@pytest.mark.usefixtures("each_is_told")
def test_a_get_brings_the_same_on_the_association_that_asks(gallery: Gallery) -> None:
    sent = images(4)
    gallery.take(sender(), *sent)
    (*pending, (last, _)), kept = got(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    assert len(pending) == 4
    assert (last.Status, counts(last)) == (0, (None, 4, 0, 0))
    assert {uid: one.PixelData for uid, one in kept.items()} == {one.SOPInstanceUID: one.PixelData for one in sent}


@pytest.mark.parametrize("model", [GET, MOVE])
def test_who_asks_is_told_after_the_first_instance_and_then_now_and_then(
    gallery: Gallery, receiver: Receiver, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here never again: an hour has not passed. The last answer counts all."""
    monkeypatch.setattr(giving, "TOLD_S", 3_600.0)
    gallery.take(sender(), *images(5))
    asked = identifier(StudyInstanceUID=STUDY)
    answers: list[Any] = got(gallery.service.port, asked)[0] if model == GET else moved(gallery.service.port, asked)
    assert [(status.Status, counts(status)) for status, _ in answers] == [
        (0xFF00, (4, 1, 0, 0)),
        (0x0000, (None, 5, 0, 0)),
    ]


@pytest.mark.parametrize(
    ("level", "keys", "expected"),
    [
        ("SERIES", {"SeriesInstanceUID": f"{ROOT}1.1"}, {2, 4}),
        ("SERIES", {"SeriesInstanceUID": [f"{ROOT}1.1", f"{ROOT}1.2"]}, {1, 2, 3, 4, 5}),
        ("SERIES", {"SeriesInstanceUID": "1.2.3"}, set()),
    ],
)
def test_series_alone(gallery: Gallery, level: str, keys: dict[str, Any], expected: set[int]) -> None:
    gallery.take(sender(), *images(5))
    (*_, (last, _)), kept = got(gallery.service.port, identifier(level, StudyInstanceUID=STUDY, **keys))
    assert last.Status == 0
    assert {int(one.InstanceNumber) for one in kept.values()} == expected


def test_instances_alone(gallery: Gallery) -> None:
    sent = images(5)
    gallery.take(sender(), *sent)
    wanted = [sent[0].SOPInstanceUID, sent[2].SOPInstanceUID]
    asked = identifier("IMAGE", StudyInstanceUID=STUDY, SeriesInstanceUID=f"{ROOT}1.2", SOPInstanceUID=wanted)
    _, kept = got(gallery.service.port, asked)
    assert {*kept} == {*wanted}


def test_several_studies_and_a_patient_whole(gallery: Gallery) -> None:
    one, two = images(2), images(2, StudyInstanceUID=ROOT + "2")
    other = images(1, StudyInstanceUID=ROOT + "3", PatientID="T-2")
    gallery.take(sender(), *one, *two, *other)
    _, kept = got(gallery.service.port, identifier(StudyInstanceUID=[STUDY, ROOT + "2"]))
    assert len(kept) == 4
    _, kept = got(gallery.service.port, identifier("PATIENT", PatientID="T-1"), model=PATIENT_GET)
    assert {*kept} == {image.SOPInstanceUID for image in (*one, *two)}


def test_a_study_of_another_patient_than_is_named_is_not_given_out(gallery: Gallery) -> None:
    gallery.take(sender(), *images(1), *images(1, StudyInstanceUID=ROOT + "3", PatientID="T-2"))
    for number in ("T-2", "T-9"):
        asked = identifier("STUDY", PatientID=number, StudyInstanceUID=STUDY)
        (*_, (last, _)), kept = got(gallery.service.port, asked, model=PATIENT_GET)
        assert (last.Status, counts(last), kept) == (0, (None, 0, 0, 0), {})


def test_what_may_not_be_seen_is_as_if_it_were_not_there(gallery: Gallery, receiver: Receiver) -> None:
    gallery.take(sender(), *images(2))
    gallery.shelf.closed.add(STUDY)
    hidden, absent = (moved(gallery.service.port, identifier(StudyInstanceUID=uid)) for uid in (STUDY, new_uid()))
    assert [(s.Status, counts(s), s.get("ErrorComment")) for s, _ in hidden] == [
        (s.Status, counts(s), s.get("ErrorComment")) for s, _ in absent
    ]
    assert hidden[-1][0].Status == 0
    assert receiver.kept == {}


def test_an_unknown_destination_is_refused_before_anything_is_looked_up(gallery: Gallery, receiver: Receiver) -> None:
    gallery.take(sender(), *images(1))
    for destination, title in (("NOWHERE", AE_TITLE), ("CHB_PACS", "CHP_PACS")):  # one of another establishment
        ((last, _),) = moved(gallery.service.port, identifier(StudyInstanceUID=STUDY), destination, title=title)
        assert last.Status == 0xA801
    assert gallery.shelf.asked == []


def test_a_destination_that_is_not_there_fails_all_and_says_which(gallery: Gallery) -> None:
    sent = images(2)
    gallery.take(sender(), *sent)
    gallery.places.known[SITE, "CHB_PACS"] = Callee(ae_title="CHB_PACS", host="127.0.0.1", port=1)
    *_, (last, failed) = moved(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    assert (last.Status, counts(last)) == (0xA702, (None, 0, 2, 0))
    assert "cannot be reached" in last.ErrorComment
    assert failed is not None
    assert {*failed.FailedSOPInstanceUIDList} == {one.SOPInstanceUID for one in sent}


def test_what_the_destination_refuses_or_warns_of_is_counted_and_named(gallery: Gallery, receiver: Receiver) -> None:
    sent = images(4)
    gallery.take(sender(), *sent)
    refused, warned = sent[1].SOPInstanceUID, sent[2].SOPInstanceUID
    receiver.status = lambda uid: {refused: 0xA700, warned: 0xB000}.get(uid, 0)
    *_, (last, failed) = moved(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    assert (last.Status, counts(last)) == (0xB000, (None, 2, 1, 1))
    assert failed is not None
    assert failed.FailedSOPInstanceUIDList == refused


def test_a_destination_that_breaks_off_is_called_again(gallery: Gallery, receiver: Receiver) -> None:
    sent = images(4)
    gallery.take(sender(), *sent)
    receiver.status = lambda uid: 0 if uid != sent[1].SOPInstanceUID else _abort(receiver)
    *_, (last, failed) = moved(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    assert (last.Status, counts(last)) == (0xB000, (None, 3, 1, 0))
    assert failed is not None
    assert failed.FailedSOPInstanceUIDList == sent[1].SOPInstanceUID


def _abort(receiver: Receiver) -> int:
    for association in receiver.server.active_associations:
        association.abort()
    return 0


@pytest.mark.parametrize("stored", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_what_is_not_compressed_is_rewritten_where_it_must_be(
    gallery: Gallery, receiver: Receiver, stored: str
) -> None:
    words = bytes(range(256)) * 2
    sent = instance(BitsAllocated=16, Rows=16, Columns=16, SamplesPerPixel=1, PixelData=words)
    if stored == ExplicitVRBigEndian:
        sent.PixelData = bytes(byte for pair in zip(words[1::2], words[::2], strict=True) for byte in pair)
        sent["PixelData"].VR = "OW"
    gallery.take(sender(), sent, syntax=stored)
    *_, (last, _) = moved(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    assert last.Status == 0
    (kept,) = receiver.kept.values()
    assert kept.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert (kept.PixelData, str(kept.PatientName)) == (words, "ESSAI^Élodie")


def test_it_goes_out_as_it_is_stored_where_the_destination_takes_that(gallery: Gallery) -> None:
    receiver = Receiver(ExplicitVRLittleEndian, ImplicitVRLittleEndian)
    gallery.places.known[SITE, "CHB_PACS"] = receiver.callee
    gallery.take(sender(), instance(), syntax=ImplicitVRLittleEndian)
    moved(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    receiver.stop()
    (kept,) = receiver.kept.values()
    assert kept.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian


def test_what_is_compressed_is_not_given_out_as_something_else(gallery: Gallery, receiver: Receiver) -> None:

    packed = instance(**(PIXELS | {"PixelData": encapsulate([b"\xff\xd8\xff\xd9"])}))
    packed["PixelData"].VR = "OB"
    packed["PixelData"].is_undefined_length = True
    gallery.take(sender(), packed, syntax=JPEGLosslessSV1)
    *_, (last, failed) = moved(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    assert (last.Status, counts(last)) == (0xA702, (None, 0, 1, 0))
    assert "no syntax" in last.ErrorComment
    assert failed is not None
    assert failed.FailedSOPInstanceUIDList == packed.SOPInstanceUID


def test_a_class_that_the_destination_does_not_take_fails_alone(gallery: Gallery, receiver: Receiver) -> None:
    document = instance(SOPClassUID=ENCAPSULATED_PDF, SeriesInstanceUID=ROOT + "1.9")
    gallery.take(sender(), instance(), document)
    *_, (last, failed) = moved(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    assert (last.Status, counts(last)) == (0xB000, (None, 1, 1, 0))
    assert failed is not None
    assert failed.FailedSOPInstanceUIDList == document.SOPInstanceUID


def test_a_cancel_ends_it_and_says_what_was_left(gallery: Gallery, receiver: Receiver) -> None:
    gallery.take(sender(), *images(6))
    entity = sender()
    entity.add_requested_context(MOVE)
    association = entity.associate("127.0.0.1", gallery.service.port, ae_title="KRYPTON")
    (context,) = association.accepted_contexts
    told = Event()

    def wait(_: str) -> int:
        assert told.wait(WITHIN_S)
        return 0

    receiver.status = wait
    answers = association.send_c_move(identifier(StudyInstanceUID=STUDY), "CHB_PACS", MOVE, msg_id=7)
    association.send_c_cancel(7, context.context_id)
    told.set()
    *_, (last, _) = list(answers)
    association.release()
    remaining, completed, failed, warning = counts(last)
    assert last.Status == 0xFE00
    assert (remaining or 0) + completed == 6
    assert (remaining or 0) > 0
    assert (failed, warning) == (0, 0)


def test_one_that_goes_away_in_the_middle_leaves_nothing_open(gallery: Gallery, receiver: Receiver) -> None:
    gallery.take(sender(), *images(6))
    entity = sender()
    entity.add_requested_context(MOVE)
    association = entity.associate("127.0.0.1", gallery.service.port, ae_title="KRYPTON")
    gone = Event()

    def wait(_: str) -> int:
        assert gone.wait(WITHIN_S)
        return 0

    receiver.status = wait
    association.send_c_move(identifier(StudyInstanceUID=STUDY), "CHB_PACS", MOVE)
    until(lambda: receiver.server.active_associations, "the destination is called")
    association.abort()
    gone.set()
    until(lambda: gallery.service.associations == 0, "the association has ended")
    until(lambda: not receiver.server.active_associations, "the one to the destination too")
    assert len(receiver.kept) < 6


@pytest.fixture
def each_look_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No moment is short enough for what was seen before it."""
    monkeypatch.setattr(giving, "MOMENT_S", 0.0)


def test_the_shelf_is_asked_again_once_a_moment_has_passed_and_not_for_each_piece(gallery: Gallery) -> None:
    gallery.take(sender(), *images(1))
    at, looks = [100.0], list[float]()
    gallery.shelf.looked = lambda: looks.append(at[0])
    watch = Watch(gallery.shelf, Asker(AE_TITLE, SITE, "C-GET"), clock=lambda: at[0])
    (study,) = watch.open([STUDY])
    looks.clear()
    for _ in range(100):
        watch.look(study)
    assert looks == [100.0]
    gallery.shelf.closed.add(STUDY)
    at[0] += 2 * giving.MOMENT_S
    for _ in range(2):
        with pytest.raises(Ended):
            watch.look(study)
    assert giving.MOMENT_S + standing.AGAIN_S < 1  # bytes of what has ended end within a second


@pytest.mark.usefixtures("each_look_asks")
def test_what_is_taken_back_in_the_middle_is_not_given_out_any_more(gallery: Gallery, receiver: Receiver) -> None:
    sent = images(4)
    gallery.take(sender(), *sent)

    def take_back(uid: str) -> int:
        if uid == sent[1].SOPInstanceUID:
            gallery.shelf.closed.add(STUDY)
        return 0

    receiver.status = take_back
    *_, (last, failed) = moved(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    assert last.Status == 0xB000
    assert "any more" in last.ErrorComment
    assert failed is not None
    kept_back = {*failed.FailedSOPInstanceUIDList}
    assert sent[1].SOPInstanceUID in receiver.kept
    assert receiver.kept.keys() & kept_back == set()
    assert len(receiver.kept) + len(kept_back) == 4


@pytest.mark.usefixtures("each_look_asks")
def test_in_the_middle_of_an_instance_the_association_is_broken_off(gallery: Gallery) -> None:
    gallery.take(sender(), instance(**(PIXELS | {"PixelData": bytes(3_000_000)})))
    looks = iter(range(10_000))

    def look() -> None:
        if next(looks) == 4:
            gallery.shelf.closed.add(STUDY)

    gallery.shelf.looked = look
    answers, kept = got(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    assert kept == {}
    assert not answers or answers[-1][0].get("Status") != 0


@pytest.mark.usefixtures("each_look_asks")
def test_a_failure_on_this_side_in_the_middle_of_an_instance_breaks_the_association_off(gallery: Gallery) -> None:
    """An answer within a data set would be taken for a part of it, or leave the peer waiting for the rest."""
    gallery.take(sender(), instance(**(PIXELS | {"PixelData": bytes(3_000_000)})))
    looks = iter(range(10_000))

    def look() -> None:
        gallery.shelf.broken = next(looks) >= 4

    gallery.shelf.looked = look
    answers, kept = got(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    assert kept == {}
    assert [status.get("Status") for status, _ in answers] in ([], [None])


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        (MOVE, identifier("NONSENSE", StudyInstanceUID=STUDY)),
        (MOVE, identifier("PATIENT", PatientID="T-1")),
        (MOVE, identifier("STUDY")),
        (MOVE, identifier("SERIES", StudyInstanceUID=STUDY)),
        (MOVE, identifier("SERIES", StudyInstanceUID=[STUDY, STUDY + ".1"], SeriesInstanceUID="1.2")),
        (MOVE, identifier("IMAGE", StudyInstanceUID=STUDY, SeriesInstanceUID="1.2")),
        (PATIENT_MOVE, identifier("STUDY", StudyInstanceUID=STUDY)),
        (PATIENT_MOVE, identifier("PATIENT", PatientID="*")),
    ],
)
def test_an_identifier_that_does_not_fit_the_model_is_refused_by_name(
    gallery: Gallery, receiver: Receiver, model: Any, asked: Dataset
) -> None:
    gallery.take(sender(), *images(1))
    ((last, _),) = moved(gallery.service.port, asked, model=model)
    assert last.Status == 0xA900
    assert last.ErrorComment
    assert receiver.kept == {}


def test_a_failure_on_this_side_is_answered_and_costs_one_request(gallery: Gallery, receiver: Receiver) -> None:
    gallery.take(sender(), *images(1))
    gallery.shelf.broken = True
    ((last, _),) = moved(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    assert last.Status == 0xA702
    gallery.shelf.broken = False
    *_, (last, _) = moved(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    assert last.Status == 0


def test_nothing_is_given_out_where_callers_are_not_proven(tmp_path: Path) -> None:
    made = Gallery(tmp_path / "spool", queries=False)
    try:
        entity = sender()
        for model in (MOVE, GET, PATIENT_MOVE, PATIENT_GET):
            entity.add_requested_context(model)
        association = entity.associate("127.0.0.1", made.service.port, ae_title="KRYPTON")
        assert not association.accepted_contexts
        association.abort()
    finally:
        made.stop()
