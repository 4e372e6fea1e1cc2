"""Doses in image headers: each in its unit, once for each exposure, marked as such, and never invented."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from pydicom import uid as uids
from pydicom.dataset import Dataset
from pydicom.filereader import dcmread
from pydicom.sequence import Sequence

from adapters.dicom.folder import ingest_paths
from adapters.dicom.inlet import spool_at
from adapters.dicom.rdsr.gathered import TAKEN, Gathered
from adapters.dicom.rdsr.images import read_image_dose, together
from tests import real_files
from tests.fakes.dicom import SITE, enrolled, instance, new_uid, of_type, write
from tests.fakes.ledger import MemoryLedger

DX = uids.DigitalXRayImageStorageForPresentation
MG = uids.DigitalMammographyXRayImageStorageForPresentation
PET, NM = uids.PositronEmissionTomographyImageStorage, uids.NuclearMedicineImageStorage
QUANTITIES = (
    *("ctdivol_mgy", "dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq", "entrance_dose_mgy"),
)


def known(image: Dataset) -> dict[str, float]:
    """The doses that are read of an image."""
    read = read_image_dose(image)
    if read is None:
        return {}
    return {name: value for name in QUANTITIES if (value := getattr(read.exposures[0], name)) is not None}


def injected(dose: str, **more: Any) -> Sequence:
    given = Dataset()
    given.RadionuclideTotalDose = dose
    for keyword, value in more.items():
        setattr(given, keyword, value)
    return Sequence([given])


@pytest.mark.parametrize(
    ("image", "doses"),
    [
        (instance(SOPClassUID=DX, Modality="DX", ImageAndFluoroscopyAreaDoseProduct="0.79"), {"dap_mgycm2": 79.0}),
        (instance(SOPClassUID=MG, Modality="MG", OrganDose="0.0133"), {"agd_mgy": 1.33}),
        (instance(SOPClassUID=DX, Modality="DX", EntranceDoseInmGy="4.2"), {"entrance_dose_mgy": 4.2}),
        (instance(SOPClassUID=DX, Modality="DX", EntranceDose=2), {"entrance_dose_mgy": 200.0}),
        (instance(SOPClassUID=DX, Modality="DX", EntranceDose=0), {}),
        (instance(CTDIvol=12.25), {"ctdivol_mgy": 12.25}),
        (
            instance(SOPClassUID=PET, Modality="PT", RadiopharmaceuticalInformationSequence=injected("350000000")),
            {"activity_mbq": 350.0},
        ),
        (
            instance(SOPClassUID=PET, Modality="PT", RadiopharmaceuticalInformationSequence=injected("350")),
            {"activity_mbq": 350.0},
        ),
        (
            instance(SOPClassUID=NM, Modality="NM", RadiopharmaceuticalInformationSequence=injected("740")),
            {"activity_mbq": 740.0},
        ),
        (
            instance(SOPClassUID=NM, Modality="NM", RadiopharmaceuticalInformationSequence=injected("740000000")),
            {"activity_mbq": 740.0},
        ),
        (instance(SOPClassUID=DX, Modality="DX", ImageAndFluoroscopyAreaDoseProduct=None), {}),
        (instance(), {}),
        (instance(SOPClassUID=uids.SecondaryCaptureImageStorage, CTDIvol=12.25), {}),
    ],
)
def test_each_dose_of_a_header_is_read_in_the_unit_that_it_is_in(image: Dataset, doses: dict[str, float]) -> None:
    """dGy·cm², dGy, mGy, Bq or MBq; a rounded zero is not known, and a picture of a screen states nothing."""
    assert known(image) == doses


def test_an_activity_that_is_no_persons_in_its_own_unit_says_how_it_was_read() -> None:
    read = read_image_dose(instance(SOPClassUID=PET, RadiopharmaceuticalInformationSequence=injected("350")))
    assert read is not None
    assert read.exposures[0].not_understood == ("activity: read as MBq, for in Bq it would be no person's",)


def test_an_activity_that_is_no_persons_in_either_unit_is_kept_as_the_standard_has_it() -> None:
    """203,000,000,000 MBq: the bounds of plausible doses flag it later."""
    assert known(instance(SOPClassUID=NM, RadiopharmaceuticalInformationSequence=injected("203000000000000"))) == {
        "activity_mbq": 203_000_000_000_000.0
    }


def test_a_dose_that_is_no_number_is_noted() -> None:
    image = instance(SOPClassUID=DX, Modality="DX", CTDIvol=1.5)
    image.add_new("ImageAndFluoroscopyAreaDoseProduct", "LO", "about 3")
    read = read_image_dose(image)
    assert read is not None
    assert (read.exposures[0].dap_mgycm2, read.exposures[0].not_understood) == (
        None,
        ("dap: value is not a decimal number",),
    )


@pytest.mark.parametrize(
    "image",
    [
        instance(CTDIvol=-3.0),
        instance(SOPClassUID=DX, Modality="DX", ImageAndFluoroscopyAreaDoseProduct="-3"),
        instance(SOPClassUID=NM, Modality="NM", RadiopharmaceuticalInformationSequence=injected("-3")),
    ],
    ids=["CTDIvol", "DAP", "activity"],
)
def test_a_dose_that_is_not_understood_is_an_exposure_of_an_unknown_dose(image: Dataset) -> None:
    """And no image without a dose: somebody is to look at it."""
    read = read_image_dose(image)
    assert (read and len(read.exposures), known(image)) == (1, {})
    assert read is not None
    assert [note.partition(": ")[2] for note in read.exposures[0].not_understood] == ["value is negative"]


def test_each_injection_of_an_image_is_one_of_its_own() -> None:
    """At rest and at stress, and a third without a time of its own; what is not known of one is no other's."""
    given = [
        *injected("300", RadiopharmaceuticalStartTime="080000", Radiopharmaceutical="tetrofosmin"),
        *injected("800", RadiopharmaceuticalStartTime="120000", Radiopharmaceutical="tetrofosmin"),
        *injected("-5", Radiopharmaceutical="iobenguane"),
        *injected("0"),
    ]
    image = instance(SOPClassUID=NM, Modality="NM", RadiopharmaceuticalInformationSequence=Sequence(given), CTDIvol=2.0)
    read = read_image_dose(image)
    assert read is not None
    told = [(one.activity_mbq, one.radiopharmaceutical, one.ctdivol_mgy) for one in read.exposures]
    assert told == [(300.0, "tetrofosmin", 2.0), (800.0, "tetrofosmin", None), (None, "iobenguane", None)]
    assert len({one.irradiation_event_uid for one in read.exposures}) == 3
    assert read.exposures[2].not_understood == ("activity: value is negative",)


def test_injections_that_nothing_tells_apart_are_still_two() -> None:
    given = Sequence([*injected("300"), *injected("800")])
    read = read_image_dose(instance(SOPClassUID=NM, Modality="NM", RadiopharmaceuticalInformationSequence=given))
    assert read is not None
    assert len({one.irradiation_event_uid for one in read.exposures}) == 2


def test_an_enhanced_ct_states_it_in_what_its_frames_share() -> None:
    phantom, exposure, shared = Dataset(), Dataset(), Dataset()
    phantom.CodeValue, phantom.CodingSchemeDesignator, phantom.CodeMeaning = "113691", "DCM", "IEC Body"
    exposure.CTDIvol, exposure.CTDIPhantomTypeCodeSequence = 9.5, Sequence([phantom])
    shared.CTExposureSequence = Sequence([exposure])
    read = read_image_dose(instance(SharedFunctionalGroupsSequence=Sequence([shared])))
    assert read is not None
    assert (read.exposures[0].ctdivol_mgy, read.exposures[0].phantom_cm) == (9.5, 32)


def test_images_of_one_exposure_that_differ_keep_the_greatest_and_say_so() -> None:
    one, other = (read_image_dose(instance(CTDIvol=value, AcquisitionNumber=1)) for value in (5.0, 7.0))
    assert one is not None
    assert other is not None
    joined = together(one.exposures[0], other.exposures[0])
    assert joined.ctdivol_mgy == 7.0
    assert joined.not_understood == ("ctdivol: images of one exposure state different values, the greatest was kept",)
    assert joined.raw == together(other.exposures[0], one.exposures[0]).raw == {"ctdivol": "7 mGy"}


# Followed to the ledger.


def taken(folder: Path, *images: Dataset) -> MemoryLedger:
    ours = enrolled()
    ingest_paths(write(folder / "sent", images), SITE, ours, spool_at(folder / "spool"), lambda _: None)
    return ours


def told(ours: MemoryLedger) -> list[dict[str, Any]]:
    return [event.data for event in of_type(ours, "dose.reported")]


def slices(number: int, **more: Any) -> list[Dataset]:
    return [instance(AcquisitionNumber=number, CTDIvol=8.5, **more) for _ in range(3)]


def test_the_slices_of_a_helix_are_one_exposure_and_two_helices_two(tmp_path: Path) -> None:
    """Marked as an image's, with the device, and no dose report is counted."""
    (report,) = told(taken(tmp_path, *slices(1, DeviceSerialNumber="7"), *slices(2, DeviceSerialNumber="7")))
    assert (report["source"], report["words"]["device"]["serial"]) == ("image", "7")
    assert [(one["source"], one["ctdivol_mgy"], one["kind"]) for one in report["exposures"]] == [
        ("image", 8.5, "CT")
    ] * 2


def test_a_view_for_processing_and_for_presentation_is_one_exposure(tmp_path: Path) -> None:
    """By its time, side and view, where it has no irradiation event UID."""
    stated = {"AcquisitionDate": "20260105", "AcquisitionTime": "101500", "ImageLaterality": "L", "ViewPosition": "CC"}
    views = [
        instance(SOPClassUID=sop_class, Modality="MG", OrganDose="0.0133", **stated)
        for sop_class in (MG, uids.DigitalMammographyXRayImageStorageForProcessing)
    ]
    (report,) = told(taken(tmp_path, *views))
    assert [
        (one["agd_mgy"], said["side"])
        for one, said in zip(report["exposures"], report["words"]["exposures"], strict=True)
    ] == [(1.33, "left")]


def test_two_devices_of_a_study_are_told_apart(tmp_path: Path) -> None:
    found = told(taken(tmp_path, *slices(1, DeviceSerialNumber="7"), *slices(1, DeviceSerialNumber="8")))
    assert sorted(report["words"]["device"]["serial"] for report in found) == ["7", "8"]


def test_images_keep_their_own_event_uid_and_what_is_said_of_the_patient(tmp_path: Path) -> None:
    uid = new_uid()
    image = instance(
        SOPClassUID=DX, Modality="DX", ImageAndFluoroscopyAreaDoseProduct="1", IrradiationEventUID=uid,
        PatientWeight="21.5", ProtocolName="Thorax", KVP="90", ExposureInuAs="2500",
    )  # fmt: skip
    (report,) = told(taken(tmp_path, image))
    (exposure,) = report["exposures"]
    assert (exposure["irradiation_event_uid"], exposure["technique"]) == (uid, {"kvp": 90.0, "exposure_mas": 2.5})
    assert (report["words"]["patient"]["weight_kg"], report["words"]["exposures"][0]["protocol"]) == (21.5, "Thorax")


@pytest.mark.parametrize(("part", "is_qa"), [("PHANTOM", True), ("CHEST", False)])
def test_an_image_of_a_phantom_says_so_in_its_body_part(part: str, is_qa: bool) -> None:
    """A defined term (PS3.16 annex L)."""
    read = read_image_dose(instance(CTDIvol=1.5, BodyPartExamined=part))
    assert read is not None
    assert read.qa is is_qa


def test_an_image_without_dose_says_nothing(tmp_path: Path) -> None:
    assert told(taken(tmp_path, instance())) == []


def test_the_doses_of_real_images_are_read_and_none_is_invented_of_a_screen() -> None:
    """Every image of the set: what its header states, and no more."""
    found = {
        path.stem: known(dcmread(path, stop_before_pixels=True))
        for path in sorted(real_files.folder().glob("*.dcm"))
        if "-Im-" in path.stem or "-SC-" in path.stem
    }
    assert len(found) == 12
    assert found["CT-SC-Philips_Brilliance16P"] == {}
    assert found["MG-Im-GE_Seno_1_ForPresentation"] == found["MG-Im-GE_Seno_1_ForProcessing"] != {}


def test_the_ct_of_a_pet_ct_is_told_apart_from_what_was_injected(tmp_path: Path) -> None:
    """One device; a report of the CT takes the place of the one, and not of the other."""
    pet = instance(SOPClassUID=PET, Modality="PT", RadiopharmaceuticalInformationSequence=injected("350000000"))
    pet.DeviceSerialNumber = "7"
    found = told(taken(tmp_path, pet, *slices(1, DeviceSerialNumber="7")))
    assert sorted([one["kind"] for one in report["exposures"]] for report in found) == [["CT"], ["RADIOPHARMACEUTICAL"]]
    assert len({report["report_uid"] for report in found}) == 2


# Two planes


@pytest.mark.parametrize("named", [{}, {"IrradiationEventUID": "1.2.3"}], ids=["by its time", "by its UID"])
def test_the_doses_of_two_planes_add_up_and_those_of_one_plane_do_not(tmp_path: Path, named: dict[str, str]) -> None:
    """Of a biplane run each image states the dose of its plane (PS3.3 C.8.7.1.1.1)."""
    stated = {"AcquisitionDate": "20260105", "AcquisitionTime": "101500"} | named
    images = [
        instance(
            SOPClassUID=uids.XRayAngiographicImageStorage, Modality="XA", ImageType=["ORIGINAL", "PRIMARY", plane],
            ImageAndFluoroscopyAreaDoseProduct=dose, **stated,
        )
        for plane, dose in (("BIPLANE A", "5"), ("BIPLANE B", "3"), ("BIPLANE A", "5"), ("BIPLANE B", "3"))
    ]  # fmt: skip
    (report,) = told(taken(tmp_path, *images))
    told_of = {one["plane"]: one["dap_mgycm2"] for one in report["exposures"]}
    assert told_of == ({"all": 800.0} if named else {"A": 500.0, "B": 300.0})


def test_an_image_of_no_plane_adds_nothing_to_those_of_two() -> None:
    """Nobody knows what it repeats: the greater of it and their sum."""
    gathered = Gathered()
    for types, dose in ((["BIPLANE A"], "5"), ([], "5"), (["BIPLANE B"], "3")):
        image = instance(
            SOPClassUID=uids.XRayAngiographicImageStorage, Modality="XA", ImageType=["ORIGINAL", "PRIMARY", *types],
            ImageAndFluoroscopyAreaDoseProduct=dose, IrradiationEventUID="1.2.3",
        )  # fmt: skip
        read = read_image_dose(image)
        assert read is not None
        gathered.add(read, image.SOPInstanceUID)
    (told_of,) = gathered.received("1.2")
    assert [one["dap_mgycm2"] for one in told_of.exposures] == [800.0]


# One exposure that two series spell otherwise


SPELT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a fraction": ({"RadiopharmaceuticalStartTime": "081500"}, {"RadiopharmaceuticalStartTime": "081500.000"}),
    "no seconds": ({"RadiopharmaceuticalStartTime": "081500"}, {"RadiopharmaceuticalStartTime": "0815"}),
    "a date-time": (
        {"RadiopharmaceuticalStartTime": "081500"},
        {"RadiopharmaceuticalStartDateTime": "20260105081500.00+0100"},
    ),
    "a UID in one": (
        {"RadiopharmaceuticalStartTime": "081500", "RadiopharmaceuticalAdministrationEventUID": "1.2.3"},
        {"RadiopharmaceuticalStartTime": "081500.00"},
    ),
    "nothing in one": ({"RadiopharmaceuticalStartTime": "081500"}, {}),
    "a UID in one, nothing in the other": ({"RadiopharmaceuticalAdministrationEventUID": "1.2.3"}, {}),
}


def scans(*injections: Sequence) -> list[Dataset]:
    return [instance(SOPClassUID=NM, Modality="NM", RadiopharmaceuticalInformationSequence=one) for one in injections]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("spelt", SPELT.values(), ids=SPELT)
def test_one_injection_that_two_series_spell_otherwise_counts_once(
    tmp_path: Path, spelt: tuple[dict[str, Any], dict[str, Any]], turned: bool
) -> None:
    series = scans(*(injected("740", **one) for one in (reversed(spelt) if turned else spelt)))
    (report,) = told(taken(tmp_path, *series))
    assert [one["activity_mbq"] for one in report["exposures"]] == [740.0]
    assert (report["exposures"][0]["irradiation_event_uid"] == "1.2.3") is ("1.2.3" in str(spelt))
    notes = report["words"]["exposures"][0]["not_understood"]
    assert notes == ([TAKEN] if {} in spelt else [])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            injected("740", RadiopharmaceuticalStartDateTime="20260105081500"),
            injected("740", RadiopharmaceuticalStartDateTime="20260106081500"),
        ),
        (injected("740", RadiopharmaceuticalStartTime="081500"), injected("370")),
        (
            injected("740", RadiopharmaceuticalStartTime="081500", Radiopharmaceutical="sestamibi"),
            injected("740", Radiopharmaceutical="iobenguane"),
        ),
    ],
    ids=["two days", "another activity", "another agent"],
)
def test_what_may_be_another_injection_is_one(tmp_path: Path, one: Sequence, other: Sequence) -> None:
    (report,) = told(taken(tmp_path, *scans(one, other)))
    assert len(report["exposures"]) == 2


SESTAMIBI = {"RadiopharmaceuticalStartTime": "081500", "Radiopharmaceutical": "sestamibi"}
IOBENGUANE = {"RadiopharmaceuticalStartTime": "081500.5", "Radiopharmaceutical": "Iobenguane"}
OWN = {"RadiopharmaceuticalAdministrationEventUID": "1.2.3"}
TWO_AGENTS: dict[str, list[Sequence]] = {
    "a UID of one": [injected("740", **SESTAMIBI, **OWN), injected("185", **IOBENGUANE)],
    "no UID": [injected("740", **SESTAMIBI), injected("185", **IOBENGUANE)],
    "a UID and an agent apart": [
        *(injected("740", RadiopharmaceuticalStartTime="081500", **OWN), injected("740", **SESTAMIBI)),
        injected("185", **IOBENGUANE),
    ],
    "an agent in some": [
        *(injected("740", **SESTAMIBI), injected("740", RadiopharmaceuticalStartTime="0815")),
        injected("185", **IOBENGUANE),
    ],
    "both in each image": [
        Sequence([*injected("740", **SESTAMIBI), *injected("185", **IOBENGUANE)]),
        Sequence([*injected("185", **IOBENGUANE), *injected("740", **SESTAMIBI)]),
    ],
    "no time": [injected("740", Radiopharmaceutical="sestamibi"), injected("185", Radiopharmaceutical="iobenguane")],
}


@pytest.mark.parametrize("given", TWO_AGENTS.values(), ids=TWO_AGENTS)
def test_injections_of_two_agents_at_one_time_are_two_and_each_counts_once(given: list[Sequence]) -> None:
    """In whatever order their images come."""
    for images in permutations(scans(*given)):
        gathered = Gathered()
        for image in images:
            read = read_image_dose(image)
            assert read is not None
            gathered.add(read, image.SOPInstanceUID)
        (report,) = gathered.received("1.2")
        assert sorted(one["activity_mbq"] for one in report.exposures) == [185.0, 740.0]
        assert {one["radiopharmaceutical"].casefold() for one in report.exposures} == {"sestamibi", "iobenguane"}
        uids_of = {one["irradiation_event_uid"] for one in report.exposures}
        assert (len(uids_of), "1.2.3" in uids_of) == (2, "1.2.3" in str(given[0][0]))


def test_two_spellings_of_an_agent_under_one_uid_are_one_injection(tmp_path: Path) -> None:
    """What the device calls one is one."""
    named = [injected("740", Radiopharmaceutical=agent, **OWN) for agent in ("sestamibi", "Tc-99m sestamibi")]
    (report,) = told(taken(tmp_path, *scans(*named)))
    assert [one["activity_mbq"] for one in report["exposures"]] == [740.0]


def test_two_injections_of_one_time_that_have_uids_are_no_third_without(tmp_path: Path) -> None:
    """Two nuclides in one syringe: which of them an image without a UID is of, nobody knows."""
    two = [injected(dose, RadiopharmaceuticalStartTime="081500") for dose in ("740", "370", "740")]
    for number, one in enumerate(two[:2]):
        one[0].RadiopharmaceuticalAdministrationEventUID = f"1.2.{number}"
    (report,) = told(taken(tmp_path, *scans(*two)))
    assert [one["activity_mbq"] for one in report["exposures"]] == [740.0, 370.0, 740.0]


@pytest.mark.parametrize(
    "other",
    [{"AcquisitionTime": "101500.000"}, {"AcquisitionDateTime": "20260105101500.00+0100"}],
    ids=["a fraction", "a date-time"],
)
def test_one_view_whose_time_two_images_spell_otherwise_counts_once(tmp_path: Path, other: dict[str, str]) -> None:
    stated = {"AcquisitionDate": "20260105", "ImageLaterality": "L", "ViewPosition": "CC"}
    views = [
        instance(SOPClassUID=MG, Modality="MG", OrganDose="0.0133", **stated, **at)
        for at in ({"AcquisitionTime": "101500"}, other)
    ]
    (report,) = told(taken(tmp_path, *views))
    assert [one["agd_mgy"] for one in report["exposures"]] == [1.33]


def test_views_a_tenth_of_a_second_apart_are_two(tmp_path: Path) -> None:
    views = [instance(SOPClassUID=DX, EntranceDoseInmGy="4.2", AcquisitionTime=f"101500.{n}00") for n in (1, 2)]
    (report,) = told(taken(tmp_path, *views))
    assert len(report["exposures"]) == 2
