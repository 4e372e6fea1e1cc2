"""Of which modality a dose report's irradiation is, from the surest sign to the weakest."""

from typing import Final

from pydicom import uid as uids

from adapters.dicom.rdsr import header
from adapters.dicom.rdsr.concepts import FLUOROSCOPY, VENDORS
from adapters.dicom.rdsr.exposure import CT, PROJECTION, RADIOPHARMACEUTICAL
from adapters.dicom.rdsr.tree import Content, Tree

# By Procedure reported (TID 10001 row 2, TID 10011 row 2).
_PROCEDURES: Final = {"SRT:P5-08000": "CT", "SCT:77477000": "CT", "SRT:P5-40010": "MG", "SCT:71651007": "MG"}
# By the images that the report says were acquired; CR counts as DX, as in the reference levels.
_IMAGES: Final = {
    uids.XRayAngiographicImageStorage: "XA",
    uids.EnhancedXAImageStorage: "XA",
    uids.XRay3DAngiographicImageStorage: "XA",
    uids.XRayRadiofluoroscopicImageStorage: "RF",
    uids.EnhancedXRFImageStorage: "RF",
    uids.DigitalMammographyXRayImageStorageForPresentation: "MG",
    uids.DigitalMammographyXRayImageStorageForProcessing: "MG",
    uids.BreastTomosynthesisImageStorage: "MG",
    uids.DigitalIntraOralXRayImageStorageForPresentation: "IO",
    uids.DigitalIntraOralXRayImageStorageForProcessing: "IO",
    uids.DigitalXRayImageStorageForPresentation: "DX",
    uids.DigitalXRayImageStorageForProcessing: "DX",
    uids.ComputedRadiographyImageStorage: "DX",
}
_DECLARED: Final = {"XA": "XA", "RF": "RF", "MG": "MG", "PX": "PX", "IO": "IO", "DX": "DX", "CR": "DX"}
_POSITRON_EMITTERS: Final = frozenset(  # the commoner half of CID 4020, in both schemes
    {
        *("SCT:77004003", "SCT:35337001", "SCT:40565003", "SCT:21576001", "SCT:129504001", "SCT:79197006"),
        *("SRT:C-111A1", "SRT:C-131A3", "SRT:C-105A1", "SRT:C-107A1", "SRT:C-B1038", "SRT:C-159A2"),
        *("SCT:3932008", "SRT:C-127A2", "SCT:63360001", "SRT:C-168A4"),
    }
)
_EVIDENCE, _SERIES, _INSTANCES, _CLASS = 0x0040A375, 0x00081115, 0x00081199, 0x00081150


def modality_of(tree: Tree, content: Content, kinds: set[str]) -> str:
    """The modality of the report's irradiation.

    A dose report itself is of modality SR, and Acquisition Device Type (122142) is wrong on real angiography
    rooms. So: the procedure reported; glandular doses, which mammography alone has; the classes of the images
    acquired; the modalities of the study; a fluoroscopy event or a C-arm's summary; else DX.
    """
    declared = set(header.encoded(tree, "ModalitiesInStudy").split("\\"))
    if kinds == {RADIOPHARMACEUTICAL}:
        return "PT" if _POSITRON_EMITTERS.intersection(content.keys("radionuclide")) or "PT" in declared else "NM"
    if kinds == {CT}:
        return "CT"
    for key in content.keys("procedure_reported"):
        if key in _PROCEDURES:
            return _PROCEDURES[key]
    if content.all("agd", "agd_total"):
        return "MG"
    images = _image_classes(tree, content)
    signs = [*(of for image, of in _IMAGES.items() if image in images)]
    signs += [of for said, of in _DECLARED.items() if said in declared]
    fluoroscopy = set(content.keys("event_type")) & set(FLUOROSCOPY)
    return signs[0] if signs else "RF" if fluoroscopy or content.all(*VENDORS) else "DX"


def of_event(kind: str, reported: str) -> str:
    """In hybrid rooms a CT event in a projection report, or the reverse, keeps its own modality."""
    if kind == CT:
        return "CT"
    return "DX" if kind == PROJECTION and reported == "CT" else reported


def _image_classes(tree: Tree, content: Content) -> set[str]:
    """SOP classes of the images acquired: in Acquired Image items (TID 10003), and the report's evidence."""
    referring = [item.places for item in content.all("acquired_image")]
    for study in tree.sequence(_EVIDENCE):
        referring += tree.sequence(_SERIES, study)
    return {
        tree.encoded(reference.get(_CLASS)) for places in referring for reference in tree.sequence(_INSTANCES, places)
    }
