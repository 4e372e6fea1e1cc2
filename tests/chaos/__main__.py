"""``make chaos SECONDS=… SEED=…``: random faults on the whole ledger under load, and an independent check after."""

import secrets
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

from tests.chaos.run import chaos


def main() -> int:
    """0 where nothing was found."""
    parser = ArgumentParser("python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    asked = parser.parse_args()
    print(f"seed {asked.seed}, {asked.seconds:.0f} s", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="krypton-chaos-"))
    report = chaos(folder, asked.seconds, asked.seed, lambda line: print(line, flush=True))
    print(f"{len(report.faults)} faults; {report.commands} commands, {report.refused} refused, {report.images} images")
    for finding in report.findings:
        print(f"wrong: {finding}")
    if report.findings:
        print(f"logs, images and servers' data are left in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
