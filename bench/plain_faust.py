"""``python -m bench.plain_faust N``: baseline for rebuilds, a plain Faust worker with a transaction per event.

It prints how many events per second it applied, without the first hundred, and exits.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import faust

from bench.one_by_one import OneByOne
from krypton.bootstrap import Krypton
from krypton.settings import Settings
from schemas.event import Record
from streams.broker import broker

VIEW = "patient_record"
WARM = 100


def main(events: int) -> None:
    """Apply so many events of a backlog, then end."""
    ours = Krypton.connect(Settings.read(os.environ, Path.cwd()))
    projection = ours.projection(VIEW)
    one = OneByOne(ours, projection)
    app = faust.App(
        f"bench-plain-{os.getpid()}",
        **broker.faust_options(ours.addresses.kafka),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
    )
    topic = app.topic(*projection.topics, key_serializer="raw", value_serializer="raw")
    begun = [0.0, 0]

    async def fold(stream: Any) -> None:
        async for event in stream.events():
            m = event.message
            one.take(ours.codec.read(Record(m.topic, m.partition, m.offset, m.key, m.value, tuple(m.headers))))
            begun[1] += 1
            if begun[1] == WARM:
                begun[0] = time.perf_counter()
            if begun[1] == WARM + events:
                print(events / (time.perf_counter() - begun[0]), flush=True)
                os._exit(0)  # Faust takes seconds to stop, and there is nothing to keep

    app.agent(topic)(fold)
    faust.Worker(app, loglevel="ERROR", quiet=True, redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(int(sys.argv[1]))
