"""Renders one frame as a picture that any browser shows: modality and VOI transformations, colours, region and size.

The order is that of the grayscale and colour pipelines of PS3.4 N.2. What a frame states of itself (functional groups)
comes before what all share, and before what the data set says. Sources: DICOM PS3.3 C.7.6.16, C.11.1, C.11.2 (window
functions), C.7.6.3.1.2 (photometric interpretations), PS3.18 8.3.5 (rendering parameters).
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi

from adapters.archive.pictures.decode import Frame, array, opened

Array = np.ndarray[Any, Any]
WHITE: Final = 255.0
_SQUARE: Final = 0.01
"""Pixels that are square to a hundredth are shown as they are."""
_MOST_ASPECT: Final = 10.0
_MOST_SIDE: Final = 16_384


def picture(job: Mapping[str, Any]) -> bytes:
    """The picture of a frame. ``type``, ``quality``; ``window``: centre, width and function, or None; ``viewport``:
    width and height, then of the region its left, top, width and height, where it is not all.
    """
    frame = opened(job)
    pixels, told = array(frame, raw=False)
    colours = pixels.ndim == 3 or told.get("photometric_interpretation") == "PALETTE COLOR"
    shades = _colours(frame, pixels) if colours else _greys(frame, pixels, job["window"])
    shades = shades if colours else np.rint(shades)
    shown = Image.fromarray(np.ascontiguousarray(shades.astype(np.uint8)))
    shown = _sized(shown, _aspect(frame), job["viewport"])
    file = io.BytesIO()
    if job["type"] == "image/png":
        shown.save(file, "PNG", compress_level=1)
    else:
        shown.save(file, "JPEG", quality=job["quality"])
    return file.getvalue()


def _groups(frame: Frame) -> Iterator[Dataset]:
    """Where an attribute of a frame may be: its own functional groups, those of all frames, the data set."""
    header = frame.header
    own = header.get("PerFrameFunctionalGroupsSequence") or []
    for item in [*own[frame.number - 1 : frame.number], *(header.get("SharedFunctionalGroupsSequence") or [])[:1]]:
        for name in ("PixelValueTransformationSequence", "FrameVOILUTSequence", "PixelMeasuresSequence"):
            yield from (item.get(name) or [])[:1]
    yield header


def _said(frame: Frame, *keywords: str) -> Dataset | None:
    """The first of these places that has one of the attributes with a value."""
    return next((at for at in _groups(frame) if any(at.get(one) not in (None, "") for one in keywords)), None)


def _colours(frame: Frame, pixels: Array) -> Any:
    """Eight bits of red, green and blue."""
    if pixels.ndim == 2:
        coloured = apply_color_lut(pixels, frame.header)[..., :3]
        return coloured >> 8 if coloured.dtype.itemsize > 1 else coloured
    bits = int(frame.header.get("BitsStored", 8))
    return pixels >> (bits - 8) if bits > 8 else pixels


def _greys(frame: Frame, pixels: Array, window: Sequence[Any] | None) -> Any:
    """Shades from black to white."""
    header = frame.header
    modality = _said(frame, "RescaleSlope", "ModalityLUTSequence")
    values = pixels if modality is None or frame.floats else apply_modality_lut(pixels, modality)
    if window is not None:
        shades = windowed(values, *window)
    elif (stated := _said(frame, "VOILUTSequence")) is not None:
        top = 2 ** min(16, int(stated.VOILUTSequence[0].LUTDescriptor[2])) - 1
        shades = np.clip(apply_voi(values.astype(np.int32), stated).astype(np.float32) * (WHITE / top), 0, WHITE)
    elif (stated := _said(frame, "WindowCenter")) is not None and _first(stated.get("WindowWidth")) is not None:
        function = str(stated.get("VOILUTFunction", "LINEAR")).upper()
        shades = windowed(values, _first(stated.WindowCenter), _first(stated.WindowWidth), function)
    else:
        shades = _stretched(values, _padding(frame, pixels))
    dark_is_high = header.get("PhotometricInterpretation") == "MONOCHROME1"
    return WHITE - shades if dark_is_high != (header.get("PresentationLUTShape") == "INVERSE") else shades


def windowed(values: Array, centre: Any, width: Any, function: str = "LINEAR") -> Any:
    """Shades by a window. Source: PS3.3 C.11.2.1.2, C.11.2.1.3."""
    given, centre, width = values.astype(np.float32), float(centre), float(width)
    if function == "SIGMOID":
        exponent = np.clip(-4 * (given - centre) / max(width, 1e-6), -80, 80)
        return WHITE / (1 + np.exp(exponent))
    if function == "LINEAR_EXACT":
        return np.clip(((given - centre) / max(width, 1e-6) + 0.5) * WHITE, 0, WHITE)
    if width <= 1:
        return np.where(given > centre - 0.5, WHITE, 0.0).astype(np.float32)
    return np.clip(((given - (centre - 0.5)) / (width - 1) + 0.5) * WHITE, 0, WHITE)


def _padding(frame: Frame, pixels: Array) -> Array | None:
    """Which pixels are of the image; None: all."""
    first = frame.header.get("PixelPaddingValue")
    if first is None:
        return None
    last = frame.header.get("PixelPaddingRangeLimit", first)
    inside = (pixels < min(first, last)) | (pixels > max(first, last))
    return inside if inside.any() else None


def _stretched(values: Array, inside: Array | None) -> Any:
    """From the lowest to the highest, where nothing says what is to be seen."""
    seen = values[inside] if inside is not None else values
    seen = seen[np.isfinite(seen)]
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 0.0)
    return np.nan_to_num(np.clip((values.astype(np.float32) - low) * (WHITE / max(high - low, 1e-6)), 0, WHITE))


def _first(value: Any) -> Any:
    """Of one value or several."""
    return value if value is None or isinstance(value, int | float | str) else next(iter(value), None)


def _aspect(frame: Frame) -> float:
    """How much higher a pixel is than wide."""
    for keyword in ("PixelSpacing", "PixelAspectRatio", "ImagerPixelSpacing"):
        if (stated := _said(frame, keyword)) is not None:
            try:
                vertical, horizontal = (float(one) for one in stated[keyword].value)
                aspect = vertical / horizontal
            except (TypeError, ValueError, ZeroDivisionError):
                continue
            return aspect if 1 / _MOST_ASPECT < aspect < _MOST_ASPECT else 1.0
    return 1.0


def _sized(shown: "Image.Image", aspect: float, viewport: Sequence[float] | None) -> "Image.Image":
    """The region that is asked for, with square pixels, as large as it fits; never cut off, never distorted."""
    wide, high = [*viewport[:2]] if viewport else (None, None)
    if viewport and len(viewport) == 6:
        left, top, width, height = viewport[2:]
        box = (left, top, min(shown.width, left + abs(width)), min(shown.height, top + abs(height)))
        shown = shown.crop(tuple(round(one) for one in box))  # type: ignore[arg-type]  # four of them
        for length, turn in ((width, Image.Transpose.FLIP_LEFT_RIGHT), (height, Image.Transpose.FLIP_TOP_BOTTOM)):
            shown = shown.transpose(turn) if length < 0 else shown
    width, height = float(shown.width), float(shown.height)
    if abs(aspect - 1) > _SQUARE:
        width, height = (width, height * aspect) if aspect > 1 else (width / aspect, height)
    if wide and high:
        scale = min(wide / width, high / height)
        width, height = width * scale, height * scale
    size = tuple(max(1, min(_MOST_SIDE, round(one))) for one in (width, height))
    return shown if size == shown.size else shown.resize(size, Image.Resampling.BILINEAR)  # type: ignore[arg-type]
