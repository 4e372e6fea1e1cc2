"""``make bench``: measures every claim on this machine, prints them beside their targets, and stores them as JSON.

``python -m bench commands relay`` measures only those. Figures depend on the machine: compare ratios of one run.
"""

import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import as_of, commands, dicom_store, latency, proofs, rebuild, rebuild_others, relay, view_store, worker
from bench.region import processes, region
from krypton.bootstrap import Krypton

RESULTS = Path(__file__).parent / "results"
Figures = Mapping[str, float]


def _latency(ours: Krypton) -> Figures:
    with processes(ours, ("relay",), ("worker", "patient_record")):
        return latency.run(ours)


BENCHES: dict[str, Callable[[Krypton], Figures]] = {
    "commands": commands.run,
    "latency": _latency,
    "relay": relay.run,
    "worker": worker.run,
    "view store": view_store.run,
    "rebuild": rebuild.run,
    "rebuild identity_index": rebuild_others.identity_index,
    "rebuild cumulative_dose": rebuild_others.cumulative_dose,
    "proofs": proofs.run,
    "auditors": as_of.run,
    "dicom": lambda _: dicom_store.run(),
}


def main(names: list[str]) -> int:
    """Measure the named ones, or all."""
    figures: dict[str, Figures] = {}
    for name in names or list(BENCHES):
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        with region() as ours:
            figures[name] = BENCHES[name](ours)
        _show(name, figures[name])
    RESULTS.mkdir(exist_ok=True)
    stored = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    stored.write_text(json.dumps({"machine": _machine(), "figures": figures}, indent=2) + "\n")
    print(f"stored in {stored}")
    return 0


def _machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def _show(name: str, figures: Figures) -> None:
    shown = Table(title=name, title_justify="left", show_header=False)
    for what, value in figures.items():
        shown.add_row(what, f"{value:,.1f}")
    Console(width=110).print(shown)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
