"""C-FIND against a service of the test's own: what is found at each level, how it is written, and how it ends."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from adapters.retrieval.identifier import write
from bench.dicom_peer import EXPLICIT, Peer, command, data
from tests.fakes.dicom import AE_TITLE, OTHER_AE_TITLE, ROOT, instance, new_uid
from tests.fakes.retrieving import FIND, PATIENT_FIND, STUDY, found, identifier, images, sender
from tests.fakes.shelf import Gallery

SERIES = f"{ROOT}1.1"


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    """See ``Gallery``."""
    made = Gallery(tmp_path / "spool", most=3)
    yield made
    made.stop()


def test_a_study_is_found_with_what_was_asked_for_and_nothing_else(gallery: Gallery) -> None:
    gallery.take(sender(), *images(2, StudyID="ID-1", ReferringPhysicianName="MÉDECIN^Zoé"))
    asked = identifier(
        StudyInstanceUID=STUDY, PatientName="", StudyID="", ReferringPhysicianName="", PatientComments=""
    )
    (one,), last = found(gallery.service.port, asked)
    assert last.Status == 0
    assert {element.keyword for element in one} == {
        *("SpecificCharacterSet", "QueryRetrieveLevel", "RetrieveAETitle"),
        *("StudyInstanceUID", "PatientName", "StudyID", "ReferringPhysicianName", "PatientComments"),
    }
    assert (one.SpecificCharacterSet, one.QueryRetrieveLevel, one.RetrieveAETitle) == ("ISO_IR 192", "STUDY", "KRYPTON")
    assert str(one.PatientName) == "ESSAI^Élodie"
    assert (one.StudyID, str(one.ReferringPhysicianName)) == ("ID-1", "MÉDECIN^Zoé")
    assert not one.PatientComments


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_keys_in_another_character_set_are_read_and_answers_are_utf_8(gallery: Gallery, syntax: str) -> None:
    gallery.take(sender(), instance())
    asked = identifier(AccessionNumber="A-1", PatientName="")
    asked.SpecificCharacterSet = "ISO_IR 100"
    (one,), _ = found(gallery.service.port, asked, syntax=syntax)
    assert str(one.PatientName) == "ESSAI^Élodie"


@pytest.mark.parametrize(
    ("keys", "number"),
    [
        ({"StudyInstanceUID": STUDY}, 1),
        ({"StudyInstanceUID": [STUDY, ROOT + "2"]}, 2),
        ({"AccessionNumber": "A-?"}, 2),
        ({"AccessionNumber": "A%"}, 0),
        ({"StudyDate": "20260105-"}, 2),
        ({"StudyDate": "-20260104"}, 0),
        ({"StudyInstanceUID": "1.2.3"}, 0),
        ({"PatientID": "T-1"}, 2),
        ({"PatientID": "T-2"}, 0),
    ],
)
def test_keys_of_a_study(gallery: Gallery, keys: dict[str, Any], number: int) -> None:
    gallery.take(sender(), instance(), instance(StudyInstanceUID=ROOT + "2", SeriesInstanceUID=ROOT + "2.1"))
    answers, last = found(gallery.service.port, identifier(**({"StudyInstanceUID": ""} | keys)))
    assert (len(answers), last.Status) == (number, 0)


def test_series_are_found_with_how_many_instances_they_have(gallery: Gallery) -> None:
    gallery.take(sender(), *images(5, SeriesDescription="Thorax osseux", BodyPartExamined="CHEST"))
    asked = identifier(
        "SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID="", Modality="CT", SeriesDescription="*osseux*"
    )
    asked.NumberOfSeriesRelatedInstances = None
    asked.BodyPartExamined = ""
    answers, last = found(gallery.service.port, asked)
    assert last.Status == 0
    assert {(str(one.SeriesInstanceUID), int(one.NumberOfSeriesRelatedInstances)) for one in answers} == {
        (f"{ROOT}1.1", 2),
        (f"{ROOT}1.2", 3),
    }
    assert {str(one.StudyInstanceUID) for one in answers} == {STUDY}
    assert {one.BodyPartExamined for one in answers} == {"CHEST"}


@pytest.mark.parametrize(
    ("keys", "number"),
    [
        ({"Modality": "MR"}, 0),
        ({"SeriesNumber": 4}, 1),
        ({"SeriesNumber": 5}, 0),
        ({"SeriesInstanceUID": [SERIES, "1.2.3"]}, 1),
        ({"SeriesDate": "20260101-20260131"}, 1),
    ],
)
def test_keys_of_a_series(gallery: Gallery, keys: dict[str, Any], number: int) -> None:
    gallery.take(sender(), instance(SeriesNumber=4, SeriesDate="20260105"))
    asked = identifier("SERIES", **({"StudyInstanceUID": STUDY, "SeriesInstanceUID": ""} | keys))
    assert len(found(gallery.service.port, asked)[0]) == number


def test_a_key_within_a_sequence_counts_and_comes_back(gallery: Gallery) -> None:
    item = Dataset()
    item.ScheduledProcedureStepID, item.RequestedProcedureID = "STEP-1", "RP-1"
    gallery.take(sender(), instance(RequestAttributesSequence=[item]))
    for wanted, number in (("STEP-1", 1), ("STEP-?", 1), ("STEP-2", 0)):
        key = Dataset()
        key.ScheduledProcedureStepID = wanted
        asked = identifier("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID="", RequestAttributesSequence=[key])
        answers, _ = found(gallery.service.port, asked)
        assert len(answers) == number
        for one in answers:
            assert one.RequestAttributesSequence[0].RequestedProcedureID == "RP-1"


def test_instances_are_found_by_their_keys(gallery: Gallery) -> None:
    sent = images(5)
    gallery.take(sender(), *sent)
    asked = identifier("IMAGE", StudyInstanceUID=STUDY, SeriesInstanceUID=f"{ROOT}1.1", SOPInstanceUID="")
    asked.SOPClassUID = ""
    asked.InstanceNumber = ""
    asked.Rows = None
    answers, last = found(gallery.service.port, asked)
    assert last.Status == 0
    assert {str(one.SOPInstanceUID): int(one.InstanceNumber) for one in answers} == {
        one.SOPInstanceUID: one.InstanceNumber for one in (sent[1], sent[3])
    }
    assert {one.Rows for one in answers} == {10}
    asked.InstanceNumber = 4
    (one,), _ = found(gallery.service.port, asked)
    assert one.SOPInstanceUID == sent[3].SOPInstanceUID


def test_patients_of_the_studies_are_found_each_once(gallery: Gallery) -> None:
    gallery.take(
        sender(),
        instance(),
        instance(StudyInstanceUID=ROOT + "2", SeriesInstanceUID=ROOT + "2.1"),
        instance(StudyInstanceUID=ROOT + "3", SeriesInstanceUID=ROOT + "3.1", PatientID="T-2", PatientName="AUTRE^Zoé"),
    )
    asked = identifier("PATIENT", PatientID="", PatientName="", PatientBirthDate="")
    answers, last = found(gallery.service.port, asked, PATIENT_FIND)
    assert last.Status == 0
    assert {(one.PatientID, str(one.PatientName)) for one in answers} == {("T-1", "ESSAI^Élodie"), ("T-2", "AUTRE^Zoé")}


def test_more_than_are_answered_at_once_is_said_after_those(gallery: Gallery) -> None:
    several = [instance(StudyInstanceUID=f"{ROOT}{n}", SeriesInstanceUID=f"{ROOT}{n}.1") for n in range(1, 6)]
    gallery.take(sender(), *several, *images(4, StudyInstanceUID=ROOT + "9", SeriesInstanceUID=ROOT + "9.1"))
    answers, last = found(gallery.service.port, identifier(StudyInstanceUID="", AccessionNumber="A*"))
    assert (len(answers), last.Status) == (3, 0xA700)
    assert "more than 3" in last.ErrorComment


def test_what_may_not_be_seen_is_not_found_at_any_level(gallery: Gallery) -> None:
    gallery.take(sender(), instance())
    gallery.shelf.closed.add(STUDY)
    asked = [
        (FIND, identifier(StudyInstanceUID=STUDY)),
        (FIND, identifier("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID="")),
        (FIND, identifier("IMAGE", StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES, SOPInstanceUID="")),
        (PATIENT_FIND, identifier("PATIENT", PatientID="T-1")),
        (PATIENT_FIND, identifier("SERIES", PatientID="T-1", StudyInstanceUID=STUDY, SeriesInstanceUID="")),
    ]
    for model, one in asked:
        answers, last = found(gallery.service.port, one, model)
        assert (answers, last.Status) == ([], 0)


def test_who_asks_is_the_application_and_its_establishment(gallery: Gallery) -> None:
    gallery.take(sender(), instance())
    for title, site in ((AE_TITLE, "CHB"), (OTHER_AE_TITLE, "CHP")):
        gallery.shelf.asked.clear()
        found(gallery.service.port, identifier("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID=""), title=title)
        assert {(one.ae_title, one.site, one.why) for one, _ in gallery.shelf.asked} == {(title, site, "C-FIND")}


def test_a_series_of_another_patient_than_is_named_is_not_found(gallery: Gallery) -> None:
    gallery.take(sender(), instance())
    for number, times in (("T-1", 1), ("T-2", 0)):
        asked = identifier("SERIES", PatientID=number, StudyInstanceUID=STUDY, SeriesInstanceUID="")
        assert len(found(gallery.service.port, asked, PATIENT_FIND)[0]) == times


def test_a_key_that_is_not_compared_is_said_to_be(gallery: Gallery) -> None:
    gallery.take(sender(), instance())
    entity = sender()
    entity.add_requested_context(FIND)
    association = entity.associate("127.0.0.1", gallery.service.port, ae_title="KRYPTON")
    asked = identifier("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID="", ProtocolName="CHEST")
    statuses = [status.Status for status, _ in association.send_c_find(asked, FIND)]
    association.release()
    assert statuses == [0xFF01, 0]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (identifier("NONSENSE"), 0xA900),
        (identifier("PATIENT", PatientID="T-1"), 0xA900),
        (identifier("SERIES", SeriesInstanceUID=""), 0xA900),
        (identifier("SERIES", StudyInstanceUID=[STUDY, "1.2"], SeriesInstanceUID=""), 0xA900),
        (identifier("IMAGE", StudyInstanceUID=STUDY, SOPInstanceUID=""), 0xA900),
        (identifier("SERIES", StudyInstanceUID=STUDY, SeriesDate="20260101-20259999x"), 0xC000),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(gallery: Gallery, asked: Dataset, status: int) -> None:
    gallery.take(sender(), instance())
    answers, last = found(gallery.service.port, asked)
    assert (answers, last.Status) == ([], status)
    assert last.ErrorComment


def test_a_cancel_ends_it(gallery: Gallery) -> None:
    """It is there before the first answer, for both come in one packet."""
    gallery.take(sender(), *images(6))
    asked = {
        "00080052": {"vr": "CS", "Value": ["IMAGE"]},
        "0020000D": {"vr": "UI", "Value": [STUDY]},
        "0020000E": {"vr": "UI", "Value": [f"{ROOT}1.1"]},
        "00080018": {"vr": "UI"},
    }
    find = command(
        (0x0002, FIND.encode()), (0x0100, b"\x20\0"), (0x0110, b"\5\0"), (0x0700, b"\0\0"), (0x0800, b"\0\0")
    )
    cancel = command((0x0100, b"\xff\x0f"), (0x0120, b"\5\0"), (0x0800, b"\1\1"))
    with Peer(gallery.service.port) as peer:
        peer.associate(contexts=((FIND, EXPLICIT),))
        said = data(find, is_command=True), data(write(asked, EXPLICIT)), data(cancel, is_command=True)
        assert peer.send(*said).status() == 0xFE00
        assert peer.send(data(find, is_command=True), data(write(asked, EXPLICIT))).status() == 0xFF00


def test_hostile_identifiers_cost_one_answer_at_most(gallery: Gallery) -> None:
    """Lengths that lie, items without end, text where numbers are, a thousand UIDs, another level's keys."""
    gallery.take(sender(), instance())
    nested = Dataset()
    for _ in range(60):
        outer = Dataset()
        outer.RequestAttributesSequence = [nested]
        nested = outer
    hostile = [
        identifier("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID=[new_uid() for _ in range(1_200)]),
        identifier(StudyInstanceUID="' OR 1=1 --"),
        identifier(StudyInstanceUID="../../etc/passwd"),
        identifier("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID="../../.."),
        identifier("IMAGE", StudyInstanceUID=STUDY, SeriesInstanceUID="..", SOPInstanceUID=""),
        identifier("SERIES", StudyInstanceUID=STUDY, RequestAttributesSequence=[nested]),
        identifier(AccessionNumber="*" * 16, StudyInstanceUID="*"),
    ]
    for asked in hostile:
        _, last = found(gallery.service.port, asked, syntax=ImplicitVRLittleEndian)
        assert last.Status in (0, 0xA900, 0xC000)
    (one,), last = found(gallery.service.port, identifier(StudyInstanceUID=STUDY))
    assert (str(one.StudyInstanceUID), last.Status) == (STUDY, 0)
