"""``python -m bench.fill 1000000``: writes a generated history into the configured ledger.

It writes to the event store, from which ``krypton run`` publishes it; or, with ``--straight-to-kafka``, to both in
the same wire format, for rebuilds of millions of events. The same seed gives the same history except for
seals. Names are plainly fictitious.
"""

import argparse
import sys

from bench import bulk, stored
from krypton.bootstrap import Krypton


def main(words: list[str]) -> int:
    """Fill; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.fill", description=__doc__)
    parser.add_argument("events", type=int, help="how many at least; whole cohorts of 2,000 people are written")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--straight-to-kafka", action="store_true", help="past the relay too, into empty topics")
    given = parser.parse_args(words)
    ours = Krypton.connect()
    try:
        if given.straight_to_kafka:
            written = bulk.fill(ours, given.events, seed=given.seed).total()
        else:
            written = stored.fill(ours, given.events, seed=given.seed)
    except (stored.LedgerNotEmpty, bulk.TopicsNotEmpty) as full:
        print(f"refused: {full}", file=sys.stderr)
        return 1
    print(f"{written:,} events written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
