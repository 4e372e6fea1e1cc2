"""``python -m bench.decider``: a process that merges pairs, as a command does; a pair a line on standard input.

It says when the first is decided, and at the end how much memory it held at most, in MB, and how long each merge took,
in ms.
"""

import json
import resource
import sys
import time
from uuid import UUID

from domain.commands.links import Merge
from domain.work import Envelope
from krypton.bootstrap import Krypton


def main() -> None:
    """Decide until the input ends."""
    ours, took = Krypton.connect(), []
    for line in sys.stdin:
        one, other = map(UUID, line.split())
        begin = time.perf_counter()
        ours.execute(Merge(one=one, other=other, reason="same traits"), Envelope())
        took.append((time.perf_counter() - begin) * 1000)
        if len(took) == 1:
            print("decided", flush=True)
    print(json.dumps({"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "ms": took}))


if __name__ == "__main__":
    main()
