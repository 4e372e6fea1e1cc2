"""Importing a region's identities with matching: each site hands in a file, and the next one waits for nobody's links.

Relay, worker, policy and ledger run as in production, and the files are read as ``krypton identity import`` reads them.
People are generated (``bench.linkage.region``), and their records are spread over the sites: most of whom a site knows
are known elsewhere, in another file. It is over when the index has every link. CPU is the whole machine's.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.commands import new_site
from bench.indexed import parts
from bench.linkage.region import Local
from bench.matching import in_force, is_taken, less_likely, phase, running
from domain.traits import TRAITS
from krypton.bootstrap import Krypton
from krypton.intake.csv_import import import_csv
from krypton.intake.identity_csv import IDENTITIES as FILE

IDENTITIES: Final = 20_000
SITES: Final = 5
FIRST: Final = 1_000
"""Imported before it is measured: by then all processes have begun."""
HEADER: Final = ("assigner", "id", *TRAITS, "ins", "ins_oid")
Write = Callable[[list[str]], Any]


def run(ours: Krypton, identities: int = IDENTITIES) -> dict[str, float]:
    """Rates a second, CPU milliseconds a record, and minutes."""
    in_force(ours, less_likely(identities))
    with TemporaryDirectory(prefix="krypton-bench-") as folder, running(ours):
        known, (first, *files) = _written(ours, Path(folder), identities)
        phase(ours, "first", FIRST, partial(_import, ours, [first]))
        figures = phase(ours, "import", known, partial(_import, ours, files))
    return figures | {"identities": known, "import with matching: min": known / figures["import, matched/s"] / 60}


def _import(ours: Krypton, files: Sequence[Path]) -> None:
    for file in files:
        told = import_csv(ours.ledger, file, FILE, "system:bench")
        assert not told["refused_lines"], told["refused"][:3]


def _written(ours: Krypton, folder: Path, identities: int) -> tuple[int, list[Path]]:
    """How many are in the files of the sites, which follow the first one."""
    sites = [new_site(ours) for _ in range(1 + SITES)]
    files = [folder / f"{site}.csv" for site in sites]
    random = Random(1)
    with ExitStack() as open_ones:
        writes = [_opened(open_ones, file) for file in files]
        place = -1
        for place, one in enumerate(_records(FIRST + identities)):
            at = 0 if place < FIRST else random.randint(1, SITES)
            writes[at](_row(sites[at], place, one))
    return place + 1 - FIRST, files


def _opened(open_ones: ExitStack, file: Path) -> Write:
    write: Write = csv.writer(open_ones.enter_context(file.open("w", newline=""))).writerow
    write(list(HEADER))
    return write


def _records(identities: int) -> Iterator[Local]:
    return (one for part in parts(identities) for one in part.records() if is_taken(one))


def _row(site: str, place: int, one: Local) -> list[str]:
    oid, _, number = (one.ins or "").partition("|")
    return [site, f"N{place}", *(one.traits.get(name) or "" for name in TRAITS), number, oid]
