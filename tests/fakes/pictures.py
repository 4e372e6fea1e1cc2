"""Fictitious images of an invented person that a viewer can show: a CT, a cine of ultrasound, a mammogram, a PDF.

Standard: DICOM PS3.3 A.3 (CT), A.7 (ultrasound multi-frame), A.26.1 (mammography), A.45.1 (encapsulated PDF).
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom import uid as uids
from pydicom.dataset import Dataset

from tests.fakes.dicom import instance, new_uid

AIR, WATER, BONE = -1000, 20, 900  # Hounsfield units
PIXEL_MM, SLICE_MM = 0.8, 1.5
PRESETS: Final = ([40, -600], [400, 1500], ["PARENCHYME", "POUMON"])


def ct(slices: int = 20, side: int = 128, **changes: Any) -> Iterator[Dataset]:
    """An axial series: a body with a spine, and a ball that is largest in the middle."""
    series, frame = new_uid(), new_uid()
    changes = {"StudyInstanceUID": new_uid(), "SeriesDescription": "Axial", "SeriesNumber": 2} | changes
    rng = np.random.default_rng(7)
    noise = rng.integers(-12, 12, (side, side))
    for number in range(slices):
        dataset = instance(SeriesInstanceUID=series, InstanceNumber=number + 1, **changes)
        dataset.FrameOfReferenceUID = frame
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.ImagePositionPatient = [-side * PIXEL_MM / 2, -side * PIXEL_MM / 2, number * SLICE_MM]
        dataset.SliceThickness, dataset.PixelSpacing = SLICE_MM, [PIXEL_MM, PIXEL_MM]
        dataset.KVP = 120
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, -1024, "HU"
        dataset.WindowCenter, dataset.WindowWidth, dataset.WindowCenterWidthExplanation = PRESETS
        _grey(dataset, (body(side, number / max(slices - 1, 1)) + noise + 1024).astype("<u2"), bits=12)
        yield dataset


def body(side: int, height: float) -> npt.NDArray[np.int32]:
    """One slice in Hounsfield units; ``height`` from 0 to 1."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    made = np.full((side, side), AIR, np.int32)
    made[(x / 0.9) ** 2 + (y / 0.7) ** 2 < 1] = WATER
    made[((x + 0.4) / 0.3) ** 2 + (y / 0.45) ** 2 < 1] = -850
    made[((x - 0.4) / 0.3) ** 2 + (y / 0.45) ** 2 < 1] = -850
    made[x**2 + (y - 0.5) ** 2 < 0.02] = BONE
    ball = 0.3**2 - (height - 0.5) ** 2
    made[(x - 0.35) ** 2 + y**2 < max(ball, 0)] = 120
    return made


def ultrasound(frames: int = 40, **changes: Any) -> Dataset:
    """A cine: a disc that moves from left to right."""
    dataset = instance(
        SOPClassUID=uids.UltrasoundMultiFrameImageStorage,
        **{"Modality": "US", "SeriesInstanceUID": new_uid(), "SeriesDescription": "Ciné", "SeriesNumber": 3} | changes,
    )
    dataset.InstanceNumber, dataset.NumberOfFrames, dataset.FrameTime = 1, frames, "40"
    dataset.FrameIncrementPointer = 0x00181063
    y, x = np.mgrid[0:96, 0:128]
    shown = [((x - 16 - 96 * n / frames) ** 2 + (y - 48) ** 2 < 144) for n in range(frames)]
    grey = (np.stack(shown) * 200 + ((x + y) % 16)).astype("u1")
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.Rows, dataset.Columns = 96, 128
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = np.repeat(grey[..., None], 3, axis=3).tobytes()
    return dataset


def mammogram(rows: int = 512, columns: int = 384, **changes: Any) -> Dataset:
    """A breast of the left side, with one bright spot."""
    dataset = instance(
        SOPClassUID=uids.DigitalMammographyXRayImageStorageForPresentation,
        **{"Modality": "MG", "SeriesInstanceUID": new_uid(), "SeriesDescription": "MLO G", "SeriesNumber": 4} | changes,
    )
    dataset.InstanceNumber, dataset.ImageLaterality, dataset.ViewPosition = 1, "L", "MLO"
    dataset.ImagerPixelSpacing, dataset.PatientOrientation = [0.1, 0.1], ["A", "F"]
    dataset.WindowCenter, dataset.WindowWidth = 2000, 3600
    y, x = np.mgrid[0:rows, 0:columns]
    breast = (x / (0.8 * columns)) ** 2 + ((y - rows / 2) / (0.45 * rows)) ** 2 < 1
    grey = np.where(breast, 1200 + 600 * np.sin(x / 9) * np.cos(y / 13), 0)
    grey[(x - columns // 3) ** 2 + (y - rows // 2) ** 2 < 64] = 3900
    _grey(dataset, grey.astype("<u2"), bits=12)
    return dataset


def pdf(**changes: Any) -> Dataset:
    """A report as a PDF of one page."""
    dataset = instance(
        SOPClassUID=uids.EncapsulatedPDFStorage,
        **{"Modality": "DOC", "SeriesInstanceUID": new_uid(), "SeriesDescription": "CR", "SeriesNumber": 5} | changes,
    )
    dataset.InstanceNumber, dataset.BurnedInAnnotation, dataset.DocumentTitle = 1, "YES", "Compte rendu d'essai"
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    data = one_page("Compte rendu d'essai")
    dataset.EncapsulatedDocumentLength = len(data)
    dataset.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    return dataset


def one_page(text: str) -> bytes:
    """A PDF with one line of text."""
    drawn = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET".encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def _grey(dataset: Dataset, pixels: npt.NDArray[np.uint16], bits: int) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, bits, bits - 1, 0
    dataset.PixelData = pixels.tobytes()
