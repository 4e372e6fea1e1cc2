"""Dose reports of real devices, changed: what is read is checked against the file by a reader of its own."""

import io
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import isfinite
from random import Random
from typing import Any, Final

from adapters.dicom.attributes import read_instance
from adapters.dicom.documents import document_of
from adapters.dicom.part10 import read_file_meta
from adapters.dicom.rdsr.report import DoseReport, NoDoseContent, read_dose_report
from adapters.dicom.structured import read_structured
from adapters.inbox.refusal import Refused
from domain.commands.doses import ReceivedDose
from tests import real_files
from tests.fakes.region import Region, received
from tests.fuzz import dicom_trees
from tests.fuzz.dicom_trees import parsed
from tests.fuzz.frame import ROOT, Wrong

LARGEST_SEED: Final = 17_000  # bytes
RENEWED: Final = 200  # inputs after which the ledger begins again
UNITS: Final[dict[str, dict[str, Fraction]]] = {
    "mgy": {
        "Gy": Fraction(1000),
        "dGy": Fraction(100),
        "cGy": Fraction(10),
        "mGy": Fraction(1),
        "uGy": Fraction(1, 1000),
    },
    "mgycm": {},
    "mgycm2": {},
    "mbq": {"Bq": Fraction(1, 10**6), "kBq": Fraction(1, 1000), "MBq": Fraction(1), "GBq": Fraction(1000)},
}
for _spelling, _factor in UNITS["mgy"].items():
    UNITS["mgycm"] |= {f"{_spelling}cm": _factor, f"{_spelling}m": _factor * 100}
    UNITS["mgycm2"] |= {f"{_spelling}cm2": _factor, f"{_spelling}m2": _factor * 10_000}


_DECIMALS: Final = re.compile(r"\+?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
_THOUSANDS: Final = re.compile(r"\+?[1-9]\d{0,2},\d{3}(e[+-]?\d+)?", re.IGNORECASE)


class DoseReports:
    """See the module."""

    name = "dose_reports"

    def __init__(self) -> None:
        self._count = 0
        self._region = Region()

    def seeds(self) -> Sequence[bytes]:
        """Real reports, and failing inputs of the past that are reports."""
        files = [
            *sorted(real_files.folder().glob("*SR*.dcm")),
            *sorted((ROOT / "tests/data/dicom_cases").glob("*.dcm")),
        ]
        some = [path.read_bytes() for path in files if path.stat().st_size <= LARGEST_SEED]
        return [one for one in some if (read := parsed(one)) is not None and "ContentSequence" in read]

    def changed(self, given: bytes, other: bytes, random: Random) -> bytes:
        """Mostly numbers, units, codes and items; at times bytes."""
        if random.random() < 0.2:
            return dicom_trees.changed(given, other, random)
        return dicom_trees.changed_report(given, other, random)

    def close(self) -> None:
        """Nothing is held."""

    def answer(self, given: bytes) -> str:
        """Read it, check what was read, and have the ledger take it in."""
        try:
            meta = read_file_meta(given)
            stream = io.BytesIO(given)
            stream.seek(meta.offset)
            header, tree = read_structured(stream, len(given), meta.transfer_syntax)
            instance = read_instance(header)
            document = document_of(instance, tree)
        except Refused as refused:
            return f"{type(refused).__name__}: {refused}"
        try:
            report = read_dose_report(tree)
        except NoDoseContent:
            return "no dose"
        _check(report)
        if document is None or document.dose is None:
            return f"no dose is recorded: {document and document.report.unread}"
        _check_command(document.dose)
        return (
            f"{self._recorded(document.dose)} {sorted({note.partition(':')[2][:30] for note in report.not_understood})}"
        )

    def _recorded(self, dose: ReceivedDose) -> str:
        """Another report of the same events is told apart; each total of the ledger is finite and not negative."""
        self._count += 1
        if self._count % RENEWED == 0:
            self._region = Region()
        region = self._region
        before = region.head()
        region.ask(
            received(study_uid=f"2.25.{self._count}", local_id=f"{self._count // 8}", modality="SR", doses=(dose,))
        )
        for event in region.history(before):
            for path, value in _numbers(event.data):
                if (value < 0 and "at" not in path) or not isfinite(value):
                    raise Wrong(f"a number that is no quantity in {event.type}: {path}")
        return "+".join(sorted({event.type for event in region.history(before)}))


def _check(report: DoseReport) -> None:
    for name, total in report.report_totals.items():
        _check_value(
            name, total, report.raw_totals[name].split(" + "), report.not_understood, f"total {name[:3]}"
        )  # of a breast: as agd
    for exposure in report.exposures:
        for quantity, stated in exposure.raw.items():
            field = next(f for f in FIELDS if f.startswith(f"{quantity}_"))
            if "event: stated in parts, which were joined" in exposure.not_understood:
                _is_quantity(field, getattr(exposure, field))
            else:
                _check_value(field, getattr(exposure, field), [stated], exposure.not_understood, quantity)


FIELDS: Final = (
    *("ctdivol_mgy", "dlp_mgycm", "dap_mgycm2", "dose_rp_mgy", "agd_mgy", "activity_mbq", "ssde_mgy"),
    "entrance_dose_mgy",
)


def _is_quantity(name: str, value: float | None) -> None:
    if value is not None and not (isfinite(value) and value >= 0):
        raise Wrong(f"no quantity: {name} is negative, infinite or no number")


def _check_value(name: str, value: float | None, stated: list[str], notes: Sequence[str], noted: str) -> None:
    """What was read is the sum of what stands in the file, in the unit that stands there; else it is None and told."""
    _is_quantity(name, value)
    expected = [_own_reading(one, name.rpartition("_")[2]) for one in stated]
    if value is None:
        if None not in expected and any(one.strip() for one in stated) and not any(noted in note for note in notes):
            raise Wrong(f"not told: {name} is stated, was not understood, and nothing says so")
        return
    known = [one for one in expected if one is not None]
    if not known or len(known) < len(expected):
        raise Wrong(f"invented: {name} is no number in the file, and a value was read")
    total = sum(known, Fraction(0))
    if abs(Fraction(value) - total) > abs(total) / 10**12:
        raise Wrong(f"another value: {name} is not what stands in the file")


def _own_reading(stated: str, unit: str) -> Fraction | None:
    """``value unit`` as encoded, read without any code of the product; None where it is none."""
    text, _, spelling = stated.partition(" ")
    plain = re.sub(r"[.*·^ ]", "", spelling).replace("µ", "u").replace("μ", "u").replace("²", "2")
    if _DECIMALS.fullmatch(text) and not _THOUSANDS.fullmatch(text):
        text = text.replace(",", ".")
    try:
        number = Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None
    factor = UNITS[unit].get(plain)
    return None if factor is None or number < 0 else number * factor


def _check_command(dose: ReceivedDose) -> None:
    for exposure in dose.exposures:
        for name, value in exposure.items():
            if isinstance(value, float):
                _is_quantity(name, value)
    for name, total in dose.totals.items():
        _is_quantity(name, total)


def _numbers(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _numbers(inner, path)
    elif isinstance(value, float):
        yield path, value
