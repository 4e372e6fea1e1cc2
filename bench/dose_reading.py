"""Benchmark of reading dose reports: against pydicom's dcmread with every element looked at, on the same files.

Claim: at least four times that rate, giants of interventional rooms included. Read is what the intake reads: File Meta,
header, content, doses in the ledger's units. CPU time of one process, so that the machine's load does not count
much. The files are real ones, which the tests fetch.
"""

import io
import warnings
from collections.abc import Callable, Sequence
from statistics import median
from time import process_time
from typing import Final

from pydicom import dcmread

from adapters.dicom.attributes import read_instance
from adapters.dicom.documents import document_of
from adapters.dicom.part10 import read_file_meta
from adapters.dicom.refusal import NothingToRecord
from adapters.dicom.structured import read_structured
from bench.targets import Figures
from tests import real_files

GIANTS: Final = ("RF-Pat-Orientation-Modifier-Missing", "RF-RDSR-Philips_Azurion", "RF-No-kVp-and-others")
ROUNDS: Final = 5


def run(rounds: int = ROUNDS) -> Figures:
    """Each file by both, in turns; the medians of the rounds."""
    paths = [
        path for path in sorted(real_files.folder().glob("*.dcm")) if "Im-" not in path.stem and "SC" not in path.stem
    ]
    ours, theirs = (
        {path.stem: cost for path in paths for cost in [_cost(by, path.read_bytes(), rounds)]}
        for by in (_ours, _walked)
    )
    small = [stem for stem in ours if stem not in GIANTS]
    return {
        "files": float(len(paths)),
        "reports/s": len(ours) / sum(ours.values()),
        "times a walked dcmread": _ratio(ours, theirs, [*ours]),
        "times, without the giants": _ratio(ours, theirs, small),
        "times, the giants alone": _ratio(ours, theirs, GIANTS),
        "times, the least of all files": min(theirs[stem] / ours[stem] for stem in ours),
    }


def _ratio(ours: dict[str, float], theirs: dict[str, float], stems: Sequence[str]) -> float:
    return sum(theirs[stem] for stem in stems) / sum(ours[stem] for stem in stems)


def _cost(read: Callable[[bytes], object], data: bytes, rounds: int) -> float:
    """Seconds of CPU for one reading."""
    read(data)
    times = max(1, 200_000 // len(data))
    costs = []
    for _ in range(rounds):
        began = process_time()
        for _ in range(times):
            read(data)
        costs.append((process_time() - began) / times)
    return median(costs)


def _ours(data: bytes) -> object:
    meta, stream = read_file_meta(data), io.BytesIO(data)
    stream.seek(meta.offset)
    header, tree = read_structured(stream, len(data), meta.transfer_syntax)
    try:
        return document_of(read_instance(header), tree)
    except NothingToRecord as nothing:
        return nothing


def _walked(data: bytes) -> object:
    """What has been parsed of a sequence is parsed once: a new data set each time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [element.value for element in dcmread(io.BytesIO(data)).iterall()]
