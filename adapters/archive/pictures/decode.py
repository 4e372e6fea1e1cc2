"""Decodes one frame of a stored instance to an array, by what the data set says of its pixels.

Whatever the transfer syntax, the frame is cut out by the index of ``frames``, so that no library has to find it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.uid import UID, ExplicitVRLittleEndian

from adapters.archive.frames import Frames, Native
from adapters.archive.pixels import read_frame

PIXELS: Final = "PixelData"
FLOATS: Final = {32: "<f4", 64: "<f8"}


@dataclass(frozen=True)
class Frame:
    """``header``: the data set without pixels; ``number``: from 1 on; ``raw``: as it is stored."""

    header: Dataset
    number: int
    raw: bytes
    syntax: UID

    @property
    def floats(self) -> bool:
        """Whether its pixels are floating point numbers: these state no bits stored (PS3.3 C.7.6.24)."""
        return "BitsStored" not in self.header and self.header.BitsAllocated in FLOATS


def opened(job: Mapping[str, Any]) -> Frame:
    """The frame that a job names."""
    path, frames = Path(job["path"]), Frames.of_document(job["frames"])
    header = _header(path)
    native = isinstance(frames.of, Native)
    syntax = ExplicitVRLittleEndian if native else UID(job["syntax"])
    return Frame(header, job["number"], read_frame(path, frames, job["number"]), syntax)


@lru_cache(4)
def _header(path: Path) -> Dataset:
    """What stands before the pixels: the next frame that is asked for is often one of the same instance."""
    return dcmread(path, stop_before_pixels=True, force=True)


def options(header: Dataset) -> dict[str, Any]:
    """How the pixels of one frame lie, as pydicom's decoders and encoders ask for it."""
    told = {
        "rows": header.Rows,
        "columns": header.Columns,
        "samples_per_pixel": header.get("SamplesPerPixel", 1) or 1,
        "photometric_interpretation": header.get("PhotometricInterpretation", "MONOCHROME2"),
        "bits_allocated": header.BitsAllocated,
        "bits_stored": header.get("BitsStored", header.BitsAllocated),
        "pixel_representation": header.get("PixelRepresentation", 0) or 0,
        "number_of_frames": 1,
        "pixel_keyword": PIXELS,
    }
    if told["samples_per_pixel"] > 1:
        told["planar_configuration"] = header.get("PlanarConfiguration", 0) or 0
    return told


def array(frame: Frame, *, raw: bool) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    """Its pixels, rows by columns, and how they lie. ``raw``: in the colours that are stored, else in RGB."""
    header = frame.header
    if frame.floats:
        return np.frombuffer(frame.raw, FLOATS[header.BitsAllocated]).reshape(header.Rows, header.Columns), {}
    source = frame.raw if frame.syntax == ExplicitVRLittleEndian else encapsulate([frame.raw], has_bot=False)
    pixels, told = get_decoder(frame.syntax).as_array(source, raw=raw, index=0, **options(header))
    return pixels, told
