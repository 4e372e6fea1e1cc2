"""``make fuzz SECONDS=… SEED=… TARGET=…``: fuzzes what comes in; a finding is kept as a file, to be tried again."""

import secrets
import signal
import sys
import warnings
from argparse import ArgumentParser
from pathlib import Path

from tests.fuzz.frame import ROOT, Finding, Target, fuzz, tried
from tests.fuzz.targets import TARGETS, opened

FOUND = ROOT / ".krypton" / "fuzz"


def main() -> int:
    """0 where nothing was found."""
    parser = ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="in all, shared by the targets")
    parser.add_argument("--count", type=int, help="inputs of each target, however long they take")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    parser.add_argument("--target", action="append", choices=sorted(TARGETS))
    parser.add_argument("--replay", type=Path, help="a file that was kept: try it once more")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the database that a target started ends with it
    if asked.replay:
        return replay(asked.replay, asked.target[0] if asked.target else asked.replay.parent.name)
    names = asked.target or list(TARGETS)
    found = 0
    for name in names:
        with opened(name) as target:
            report = fuzz(
                target,
                seed=asked.seed,
                count=asked.count,
                seconds=None if asked.count else asked.seconds / len(names),
                tell=lambda finding, target=target: keep(finding, target, asked.seed),  # type: ignore[misc]
            )
        print(f"{name}: seed {asked.seed}, {report.tried} inputs, {len(report.answers)} answers, ", end="")
        print(f"{len(report.findings)} findings", flush=True)
        found += len(report.findings)
    return 1 if found else 0


def keep(finding: Finding, target: Target, seed: int) -> None:
    """Tell a finding, and keep its input."""
    file = FOUND / target.name / f"{seed}-{finding.number}.bin"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(finding.given)
    print(f"found by {target.name}, seed {seed}, input {finding.number}: {finding.kind}")
    print(f"  again: make fuzz REPLAY={file.relative_to(ROOT)}", flush=True)


def replay(file: Path, name: str) -> int:
    """Try one input, and tell all of what happens."""
    with opened(name) as target:
        said, finding = tried(target, file.read_bytes())
    print(finding.story if finding else f"{name}: {said}")
    return 1 if finding else 0


if __name__ == "__main__":
    sys.exit(main())
