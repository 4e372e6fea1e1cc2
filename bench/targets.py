"""The table of performance targets, and the verdict on each measured figure.

Rates are for 2 cores.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, float]
MIB_OF_A_REBUILD = 1_536
ABSENT = "dcmtk is not installed: storescp and storescu are not on the PATH"
NO_DICOMWEB = "it takes Orthanc with its plugin: Debian's packages orthanc and orthanc-dicomweb"
NO_ORTHANC = "it takes storescu and Orthanc on the PATH: Debian's packages dcmtk and orthanc"
NO_DCMQRSCP = "it takes getscu, movescu and dcmqrscp on the PATH: Debian's package dcmtk"
NO_CHROMIUM = "it takes Chromium, and Orthanc with its DICOMweb plugin to compare with: Debian's packages"
NO_OPENREM = "OpenREM does not install here"


@dataclass(frozen=True)
class Target:
    """A bound of one figure, both included. ``unless``: why it may be missing."""

    figure: str
    at_least: float | None = None
    at_most: float | None = None
    unless: str | None = None

    def __str__(self) -> str:
        return f"≥ {self.at_least:,g}" if self.at_least is not None else f"≤ {self.at_most:,g}"

    def met_by(self, figures: Figures) -> bool | None:
        """None where it was not measured, and need not be."""
        if (value := figures.get(self.figure)) is None:
            return None if self.unless else False
        least = float("-inf") if self.at_least is None else self.at_least
        return least <= value <= (float("inf") if self.at_most is None else self.at_most)


TARGETS: Mapping[str, tuple[Target, ...]] = {
    "commands": (
        Target("studies one by one, commands/s", at_least=450),
        Target("registrations one by one, commands/s", at_least=450),
        Target("studies in bulk, events/s", at_least=4_000),
    ),
    "refusals": (Target("with four refused, of without", at_most=1.1),),
    "latency": (
        Target("p50 ms", at_most=20),
        Target("p99 ms", at_most=80),
    ),
    "matching": (
        Target("in bulk, matched/s", at_least=800),
        Target("one by one, matched/s", at_least=300),
        Target("answered: p99 ms", at_most=40),
        Target("registrations/s", at_least=50),
        Target("link visible: p99 ms", at_most=1_000),
    ),
    "import": (Target("import, matched/s", at_least=667),),  # a million in 25 minutes
    "newcomers": (Target("lookup: p99 ms", at_most=25),),
    "promotion": (Target("of 2,000,000 at this rate: min", at_most=5),),
    "relay": (Target("relay, events/s from event store to Kafka", at_least=6_000),),
    "worker": (Target("patient_record worker, events/s on a backlog", at_least=3_500),),
    "failover": (
        Target("relay killed: s", at_most=10),
        Target("relay frozen: s", at_most=10),
        Target("one of two workers killed: s", at_most=15),
    ),
    "find": (
        Target("10,000 studies: find by patient: p50 ms", at_most=5),
        Target("1,000,000 studies: find by patient: p50 ms", at_most=5),
        Target("1,000,000 studies: find by patient: p99 ms", at_most=25),
        Target("1,000,000 studies: page of one patient's: p50 ms", at_most=25),
        Target("find by patient: times the small region's", at_most=1.2),
        Target("page of one patient's: times the small region's", at_most=1.2),
        Target("page of a hundred's: times the small region's", at_most=1.2),
    ),
    "rebuild": (
        Target("events in the region", at_least=2_000_000),
        Target("patient_record: events/s", at_least=40_000),
        Target("times plain Faust", at_least=25),
        Target("times ProjectionRunner", at_least=35),
        Target("cost per event, whole to quarter", at_most=1.2),
        Target("patient_record: peak memory, MB", at_most=MIB_OF_A_REBUILD),
        Target("diff of two versions: rows of each", at_least=1_000_000),
        Target("diff of two versions: s", at_most=10),
        Target("live worker, beside a rebuild: of that", at_least=0.7),
    ),
    "rebuild identity_index": (
        Target("events", at_least=2_000_000),
        Target("events/s", at_least=20_000),
        Target("peak memory, MB", at_most=MIB_OF_A_REBUILD),
    ),
    "doses": (Target("totals of a person: p99 ms", at_most=10),),
    "practice": (
        Target("the region: exposures/s", at_least=20_000),
        Target("a usual site: p99 ms", at_most=300),
        Target("a device of the largest site: p99 ms", at_most=300),
    ),
    "rebuild cumulative_dose": (
        Target("events", at_least=2_000_000),
        Target("exposure rows/s", at_least=40_000),
        Target("peak memory, MB", at_most=MIB_OF_A_REBUILD),
    ),
    "proofs": (
        Target("relay beside the notary: of alone", at_least=0.95),
        Target("tree append, leaves/s", at_least=300_000),
        Target("inclusion proofs at a million leaves, proofs/s", at_least=1_000),
        Target("verify, events/s", at_least=60_000),
    ),
    "verify": (Target("verify: times a plain walk", at_least=2.0),),
    "auditors": (
        Target("events in the ledger", at_least=1_000_000),
        Target("events of the patient", at_least=500),
        Target("as-of the end: max ms", at_most=1_000),
        Target("as-of the middle of the patient's life: max ms", at_most=1_000),
        Target("as-of a time: max ms", at_most=1_000),
        Target("as typed: krypton audit as-of: p50 ms", at_most=1_000),
    ),
    "size": (
        Target("merge: p99 ms", at_most=25),
        Target("access decision: p99 ms", at_most=25),
        Target("study arrival: p99 ms", at_most=25),
        Target("first decision after start: s", at_most=1.5),
        Target("deciding process: MB", at_most=250),
        Target("chain of 5,000: ms", at_most=100),
        Target("star of 5,000: ms", at_most=100),
        Target("bars of 5,000: ms", at_most=100),
        Target("studies one by one, commands/s: of an empty ledger's", at_least=0.8),
        Target("registrations one by one, commands/s: of an empty ledger's", at_least=0.8),
    ),
    "dicom": (
        Target("store_per_s_1", at_least=60),
        Target("store_per_s_4", at_least=100),
        # storescu as it comes; with TCP_NODELAY, storescp keeps nothing and waits for nothing: no claim is made there.
        Target("dcmtk_pace", at_least=0.9, unless=ABSENT),
    ),
    "hl7": (
        Target("messages/s, one sender", at_least=100),
        Target("messages/s, four senders", at_least=150),
        Target("messages/s, eight senders: times one sender's", at_least=1.5),
        Target("CPU of a message, eight senders: of one sender's", at_most=0.9),
        Target("PIX queries/s, one sender", at_least=50),
        Target("PIX queries/s, four senders", at_least=75),
    ),
    "dose reading": (
        Target("times a walked dcmread", at_least=4),
        Target("times, without the giants", at_least=4),
        Target("times, the giants alone", at_least=4),
    ),
    "stow": (
        Target("times Orthanc", at_least=1.0, unless=NO_DICOMWEB),
        Target("one part of 2 GB: MiB of memory", at_most=64),
    ),
    "dicom beside": (
        Target("4 kB from 1: times Orthanc", at_least=1.0, unless=NO_ORTHANC),
        Target("256 kB from 1: times Orthanc", at_least=1.0, unless=NO_ORTHANC),
        Target("4 kB from 4: times Orthanc", at_least=0.8, unless=NO_ORTHANC),
        Target("256 kB from 4: times Orthanc", at_least=0.8, unless=NO_ORTHANC),
    ),
    "retrieve": (
        Target("C-GET from 1: times dcmqrscp", at_least=0.5, unless=NO_DCMQRSCP),
        Target("C-MOVE from 1: times dcmqrscp", at_least=0.5, unless=NO_DCMQRSCP),
        Target("C-GET from 8: times Orthanc", at_least=1.0, unless=NO_ORTHANC),
        Target("C-MOVE from 8: times Orthanc", at_least=1.0, unless=NO_ORTHANC),
    ),
    "dose visible": (Target("times OpenREM", at_least=20, unless=NO_OPENREM),),
    "viewer": (
        Target("first slice: of Orthanc's time", at_most=1.0, unless=NO_CHROMIUM),
        Target("all slices: of Orthanc's time", at_most=0.9, unless=NO_CHROMIUM),
        Target("quick look, first image ms", at_most=500, unless=NO_CHROMIUM),
    ),
    "dicom hostile": (
        Target("honest beside hostile: of alone", at_least=0.8, unless=ABSENT),
        Target("MB after 10,000 associations: more", at_most=10),
        Target("threads after 10,000 associations: more", at_most=1),
        Target("files after 10,000 associations: more", at_most=1),
    ),
    "wado": (
        Target("frame of 512 KiB: p50 ms", at_most=3),
        Target("frame of 512 KiB: p99 ms", at_most=12),
        Target("frame 44 of 88 in 88 MiB: p50 ms", at_most=3),
        Target("frame 44 of 88 in 88 MiB: p99 ms", at_most=12),
        Target("metadata of 600, first: ms", at_most=60),
        Target("metadata of 600, again: ms", at_most=10),
        Target("list of series: p50 ms", at_most=3),
        Target("study: of what is asked", at_least=1),
        Target("study: MiB more", at_most=40),
    ),
    "as typed": (
        Target("krypton --help: CPU s", at_most=0.25),
        Target("krypton --help: times python -c pass", at_most=6),
        Target("krypton record show: CPU s", at_most=0.7),
        Target("the slowest read: CPU s", at_most=0.7),
        Target("krypton record show: times python -c pass", at_most=28),
    ),
}


@dataclass(frozen=True)
class Row:
    """One figure as it is shown; ``target`` and ``verdict`` are empty where nothing is claimed of it."""

    figure: str
    value: float | None
    target: str = ""
    verdict: str = ""


def judged(bench: str, figures: Figures) -> Iterator[Row]:
    """All figures of one bench in their order, then the targets that were not measured."""
    targets = {target.figure: target for target in TARGETS.get(bench, ())}
    for figure in [*figures, *(figure for figure in targets if figure not in figures)]:
        if target := targets.get(figure):
            yield Row(figure, figures.get(figure), str(target), _verdict(target, figures))
        else:
            yield Row(figure, figures[figure])


def _verdict(target: Target, figures: Figures) -> str:
    if target.figure in figures:
        return "met" if target.met_by(figures) else "missed"
    return f"not measured: {target.unless}" if target.unless else "missed: not measured"


def document(measured: Mapping[str, Figures]) -> dict[str, dict[str, dict[str, Any]]]:
    """For the stored JSON: bench, figure, bound and whether it is met; null where it was not measured."""
    return {
        bench: {
            target.figure: {
                "at_least": target.at_least,
                "at_most": target.at_most,
                "met": target.met_by(figures),
            }
            for target in TARGETS.get(bench, ())
        }
        for bench, figures in measured.items()
    }


def missed(measured: Mapping[str, Figures]) -> list[str]:
    """The figures that do not reach their targets, as ``bench: figure``."""
    return [
        f"{bench}: {target.figure}"
        for bench, figures in measured.items()
        for target in TARGETS.get(bench, ())
        if target.met_by(figures) is False
    ]
