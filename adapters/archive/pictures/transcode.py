"""Gives a frame, or a whole instance, in another transfer syntax, without a loss.

What is stored is never changed. Sources: DICOM PS3.5 8.2 (encodings), A.4; PS3.18 8.7.3.5.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.pixels import get_encoder
from pydicom.uid import UID, ExplicitVRLittleEndian

from adapters.archive.pictures.decode import Frame, array, opened, options


def frame(job: Mapping[str, Any]) -> bytes:
    """One frame in the transfer syntax ``to``."""
    found, to = opened(job), UID(job["to"])
    if to == ExplicitVRLittleEndian and found.syntax == to:
        return found.raw
    pixels, told = array(found, raw=True)
    if to == ExplicitVRLittleEndian:
        return _plain(found, pixels)
    return _encoded(found, pixels, told, to)


def _plain(found: Frame, pixels: np.ndarray[Any, Any]) -> bytes:
    """Pixels as they lie where nothing is compressed; samples by plane where the data set says so."""
    if pixels.ndim == 3 and found.header.get("PlanarConfiguration", 0) == 1:
        pixels = pixels.transpose(2, 0, 1)
    little = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False)
    return little.tobytes()


def _encoded(found: Frame, pixels: np.ndarray[Any, Any], told: Mapping[str, Any], to: UID) -> bytes:
    given = options(found.header) | {name: told[name] for name in ("photometric_interpretation",) if name in told}
    given.pop("pixel_keyword")
    encoded: bytes = get_encoder(to).encode(np.ascontiguousarray(pixels), index=None, **given)
    return encoded


def instance(job: Mapping[str, Any]) -> bytes:
    """A whole instance in the transfer syntax ``to``, written to the file ``out``; nothing else changes but what says
    how its pixels lie.
    """
    data_set, to = dcmread(Path(job["path"])), UID(job["to"])
    if data_set.file_meta.TransferSyntaxUID.is_encapsulated:
        data_set.decompress(as_rgb=False, generate_instance_uid=False)
    if to != ExplicitVRLittleEndian:
        data_set.compress(to, generate_instance_uid=False)
    data_set.file_meta.TransferSyntaxUID = to
    data_set.save_as(Path(job["out"]), implicit_vr=False, little_endian=True, enforce_file_format=True)
    return b""
