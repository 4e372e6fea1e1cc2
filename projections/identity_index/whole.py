"""Decides a whole region under a model of matching: part by part, in several processes, in little memory.

Whoever shares a key of one kind is in one part (``domain.matching.keys.parts``): pairs of a part are compared, and
those that a decision may rest on are kept (``comparing``). What is decided of a record rests on these pairs, on its
birth block and on what statements connect, as far as they lead (``neighbourhood``): each such group is decided by
itself, as ``weighed`` decides one. So the outcome is that of one decision of all, in any number of processes.
"""

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg2.extensions import connection as Connection

from projections.engine.declaration import Tell
from projections.engine.processes import side_by_side
from projections.identity_index import weighed
from projections.identity_index.comparing import Comparing
from projections.identity_index.region import Pairs, Region, Stated, read
from projections.identity_index.weighed import Found, Held

ALONE: Final = 20_000
"""Identities of a region that one process decides sooner than others have begun."""
MOST_PROCESSES: Final = 4
Said = Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]


class _Batch(NamedTuple):
    """Who is decided at once, which pairs of them, and what was said of them (``weighed.links``)."""

    inside: Sequence[Stated]
    pairs: Pairs
    said: Sequence[Mapping[str, Any]]
    held: Held


def found(
    connection: Connection, schema: str, held: Held, tell: Tell, processes: int | None = None
) -> Generator[Found, None, None]:
    """What is due, group by group; to be closed. ``processes``: by default as many as there are cores, 4 at most."""
    region = read(connection, schema, partial(tell, "identities read"))
    return decided(region, held, partial(weighed.links, connection, schema), tell, processes)


def decided(
    region: Region, held: Held, said: Said, tell: Tell, processes: int | None = None
) -> Generator[Found, None, None]:
    """See ``found``. ``said``: what was said of any two of these identities (``weighed.links``)."""
    usual = min(MOST_PROCESSES, os.cpu_count() or 1) if len(region) > ALONE else 1
    with side_by_side(processes or usual) as run:
        Comparing(region, held.model, run, partial(tell, "identities compared")).note()
        done = 0
        for many, one in run(_decided, _batches(region, held, said)):
            done += many
            tell("identities decided", done, len(region))
            yield one
        tell("identities decided", len(region), len(region))  # the others are near nobody


def _batches(region: Region, held: Held, said: Said) -> Iterator[_Batch]:
    for places, pairs in region.batches():
        inside = region.stated(places)
        ids = [str(UUID(bytes=one.identity)) for one in inside]
        yield _Batch(inside, pairs, said(ids), held)


def _decided(batch: _Batch) -> tuple[int, Found]:
    """How many are decided, and what is due."""
    inside = [one.known() for one in batch.inside]
    return len(inside), weighed.compared(inside, batch.pairs, batch.said, batch.held)
