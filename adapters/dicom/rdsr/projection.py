"""Projection radiography, fluoroscopy and mammography (PS3.16 TID 10001): the irradiation event TID 10003."""

from typing import Any, Final

from adapters.dicom.rdsr import cone_beam
from adapters.dicom.rdsr.concepts import ALUMINIUM, CONCEPTS, COPPER
from adapters.dicom.rdsr.event import Reading, Template, own_items
from adapters.dicom.rdsr.exposure import PROJECTION
from adapters.dicom.rdsr.tree import Content, Item
from adapters.dicom.rdsr.units import NotUnderstood, canonical

_METALS: Final = {**dict.fromkeys(ALUMINIUM, "filter_mm_al"), **dict.fromkeys(COPPER, "filter_mm_cu")}


def _more(reading: Reading) -> dict[str, Any]:
    return {**_filters(reading), **cone_beam.more(reading)}


def _filters(reading: Reading) -> dict[str, Any]:
    """The filters in words, and the thickness of aluminium and copper; several of one metal add up."""
    words, thickness = list[str](), dict[str, float]()
    for container in reading.content.all("filters"):
        content = Content(own_items(container, ("filters",)))
        material = content.meaning("filter_material")
        told = [text for text in (content.meaning("filter_type"), material) if text]
        if told:
            words.append(" ".join(told))
        metal = next((_METALS[key] for key in content.keys("filter_material") if key in _METALS), None)
        if metal and (found := _thickness(reading, content)) is not None:
            thickness[metal] = float(f"{thickness.get(metal, 0.0) + found:.12g}")
    reading.filtered = thickness
    return {"filters": "; ".join(dict.fromkeys(words)) or None}


def _thickness(reading: Reading, content: Content) -> float | None:
    """Of one filter, in mm: the mean of the least and the greatest, where it is a wedge."""
    items: list[Item] = content.all("filter_minimum", "filter_maximum", "filter_thickness")
    values = []
    for item in items:
        number, dimension = item.number(), CONCEPTS["filter_minimum"].dimension
        assert dimension is not None
        try:
            if (value := canonical(number.text, number.unit, dimension)) is not None:
                values.append(float(value))
        except NotUnderstood as reason:
            reading.notes.append(f"technique filter: {reason}")
    return sum(values) / len(values) if values else None


TEMPLATE: Final = Template(
    number="10003",
    kind=PROJECTION,
    doses=("dap", "dose_rp", "agd", "entrance_dose", "ctdivol", "dlp", "activity", "ssde"),
    technique=(
        *("kvp", "tube_current", "mean_tube_current", "exposure_time", "exposure", "pulses", "pulse_rate"),
        *("pulse_width", "source_detector", "source_isocenter", "primary_angle", "secondary_angle", "field_area"),
        *("compression", "compression_force", "frames"),
    ),
    parts=("ct_dose",),
    more=_more,
)
