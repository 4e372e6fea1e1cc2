"""Gives pydicom the codecs of OpenJPEG: it asks for them through a package that is licensed otherwise, and not here.

``decode_frame`` and ``encode_frame`` are called by pydicom, as its plugins are. Source: pydicom 3, "Plugins for pixel
data"; DICOM PS3.5 A.4.4 (JPEG 2000), A.4.12 (high-throughput JPEG 2000).
"""

from typing import Any, Final, cast

from openjpeg.utils import decode_pixel_data, encode_pixel_data
from pydicom.pixels import get_decoder, get_encoder
from pydicom.uid import HTJ2K, UID, HTJ2KLossless, HTJ2KLosslessRPCL, JPEG2000Lossless

NAME: Final = "openjpeg"
DECODED: Final = (HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K)
ENCODED: Final = (JPEG2000Lossless,)
DECODER_DEPENDENCIES: Final = dict.fromkeys(DECODED, ())
ENCODER_DEPENDENCIES: Final = dict.fromkeys(ENCODED, ())


def add() -> None:
    """Make them known, once."""
    for uid in DECODED:
        get_decoder(uid).add_plugin(NAME, (__name__, decode_frame.__name__))
    for uid in ENCODED:
        get_encoder(uid).add_plugin(NAME, (__name__, encode_frame.__name__))


def is_available(uid: UID) -> bool:
    """As pydicom asks."""
    return uid in (*DECODED, *ENCODED)


def decode_frame(src: bytes, runner: Any) -> bytearray:
    """One frame; its colours are red, green and blue where they were transformed for compression."""
    pixels = decode_pixel_data(src, version=2, **runner.options)
    if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
        runner.set_option("photometric_interpretation", "RGB")
    precision = runner.get_option("j2k_precision", runner.bits_stored)
    runner.set_option("bits_allocated", 8 if precision <= 8 else 16 if precision <= 16 else 32)
    return cast(bytearray, pixels)


def encode_frame(src: bytes, runner: Any) -> bytes:
    """One frame, without a loss, and without a transformation of its colours."""
    return bytes(encode_pixel_data(src, **{**runner.options, "use_mct": False}))
