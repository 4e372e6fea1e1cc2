"""``make bench``: runs the benchmarks, prints each figure next to its target, and stores them as JSON.

``python -m bench commands relay`` runs only those; with ``--check`` it exits with 1 if a target is missed. Figures
depend on the machine: compare ratios of one run.
"""

import json
import os
import platform
import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import (
    as_of,
    commands,
    dicom_beside,
    dicom_hostile,
    dicom_store,
    dose_reading,
    dose_visible,
    doses,
    failover,
    find,
    hl7,
    imported,
    latency,
    matching,
    newcomers,
    practice,
    promotion,
    proofs,
    rebuild,
    rebuild_others,
    refusals,
    relay,
    retrieve,
    size,
    sizes,
    stow,
    targets,
    typed,
    verified,
    view_store,
    viewer,
    wado,
    worker,
)
from bench.region import processes, region
from bench.targets import Figures
from krypton.bootstrap import Krypton

RESULTS = Path(__file__).parents[1] / ".krypton" / "bench"  # ignored: a run leaves nothing else in the tree
MISSED = 1


def _latency(ours: Krypton) -> Figures:
    with processes(ours, ("relay",), ("worker", "patient_record")):
        return latency.run(ours)


BENCHES: dict[str, Callable[[Krypton], Figures]] = {
    "commands": commands.run,
    "refusals": refusals.run,
    "latency": _latency,
    "matching": matching.run,
    "import": imported.run,
    "newcomers": newcomers.run,
    "promotion": promotion.run,
    "relay": relay.run,
    "worker": worker.run,
    "failover": failover.run,
    "find": find.run,
    "view store": view_store.run,
    "rebuild": rebuild.run,
    "rebuild identity_index": rebuild_others.identity_index,
    "rebuild cumulative_dose": rebuild_others.cumulative_dose,
    "doses": doses.run,
    "practice": practice.run,
    "proofs": proofs.run,
    "verify": verified.run,
    "auditors": as_of.run,
    "sizes": sizes.run,
    "size": size.run,
    "dicom": lambda _: dicom_store.run(),
    "dicom hostile": lambda _: dicom_hostile.run(),
    "dicom beside": lambda _: dicom_beside.run(),
    "dose reading": lambda _: dose_reading.run(),
    "dose visible": dose_visible.run,
    "stow": lambda _: stow.run(),
    "retrieve": retrieve.run,
    "hl7": hl7.run,
    "viewer": viewer.run,
    "as typed": typed.run,
    "wado": wado.run,
}


OF_SIZE: dict[str, Callable[[Krypton, int], Figures]] = {
    "size": size.run,
    "doses": doses.run,
    "practice": practice.run,
    "matching": matching.run,
    "import": imported.run,
    "newcomers": newcomers.run,
    "promotion": promotion.run,
}
NOTES = {"dicom": "The ledger answers at once here: what is measured is the service and its disk. See commands for it."}


def main(words: list[str]) -> int:
    """Measure the named ones, or all; returns the exit code."""
    given = _parser().parse_args(words)
    figures: dict[str, Figures] = {}
    for name in given.names or list(BENCHES):
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        with region() as ours:
            figures[name] = (
                OF_SIZE[name](ours, given.identities) if given.identities and name in OF_SIZE else BENCHES[name](ours)
            )
        _show(name, figures[name])
    RESULTS.mkdir(parents=True, exist_ok=True)
    stored = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    told = {"machine": _machine(), "figures": figures, "targets": targets.document(figures)}
    stored.write_text(json.dumps(told, indent=2) + "\n")
    print(f"stored in {stored}")
    for figure in (missed := targets.missed(figures)):
        print(f"missed: {figure}")
    return MISSED if missed and given.check else 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser("python -m bench", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", type=_known, help=", ".join(BENCHES))
    parser.add_argument("--identities", type=int, help=f"of these: {', '.join(OF_SIZE)}")
    parser.add_argument("--check", action="store_true", help="end with 1 where a target is missed")
    return parser


def _known(name: str) -> str:
    if name not in BENCHES:
        raise ArgumentTypeError(f"no bench is called {name!r}: choose from {', '.join(BENCHES)}")
    return name


def _machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def _show(name: str, figures: Figures) -> None:
    shown = Table(title=name, title_justify="left", caption=NOTES.get(name), caption_justify="left")
    for column in ("figure", "measured", "target", ""):
        shown.add_column(column, justify="right" if column in ("measured", "target") else "left")
    for row in targets.judged(name, figures):
        shown.add_row(row.figure, _written(row.value), row.target, row.verdict)
    Console(width=110).print(shown)


def _written(value: float | None) -> str:
    """Ratios to two places, what is larger to one."""
    return "" if value is None else f"{value:,.2f}" if abs(value) < 10 else f"{value:,.1f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
