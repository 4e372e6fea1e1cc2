"""Decides a whole region under a model of matching: part by part, in several processes, in little memory.

Whoever shares a key of one kind is in one part (``domain.matching.keys.parts``): there pairs are compared, and those
that a decision may rest on are kept. What is decided of a record rests on these pairs, on its birth block and on what
statements connect, as far as they lead (``neighbourhood``): each such group is decided by itself, as ``weighed``
decides one. So the outcome is that of one decision of all, in any number of processes.
"""

import os
from array import array
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg2.extensions import connection as Connection

from domain.matching.candidates import candidates
from domain.matching.deciding import scored
from domain.matching.keys import YEAR, keys_of
from domain.matching.model import Model
from domain.matching.suspicions import birth_block
from projections.engine.declaration import Tell
from projections.engine.processes import Run, side_by_side
from projections.identity_index import weighed
from projections.identity_index.region import Pairs, Region, Stated, read, two_by_two
from projections.identity_index.weighed import Found, Held

ALONE: Final = 20_000
"""Identities of a region that one process decides sooner than others have begun."""
MOST_PROCESSES: Final = 4
Said = Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]


class _Part(NamedTuple):
    """Of whom the pairs are compared that share a key of that kind."""

    kind: str
    inside: Sequence[Stated]
    model: Model


class _Batch(NamedTuple):
    """Who is decided at once, which pairs of them, and what was said of them (``weighed.links``)."""

    inside: Sequence[Stated]
    pairs: Pairs
    said: Sequence[Mapping[str, Any]]
    held: Held


class _Near(NamedTuple):
    """Of a part, by places in it, one after the other: pairs to decide, and pairs of one birth block."""

    pairs: "array[int]"
    blocks: "array[int]"


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
        _compare(region, held.model, run, partial(tell, "identities compared"))
        done = 0
        for many, one in run(_decided, _batches(region, held, said)):
            done += many
            tell("identities decided", done, len(region))
            yield one
        tell("identities decided", len(region), len(region))  # the others are near nobody


def _compare(region: Region, model: Model, run: Run, reach: Callable[[int, int], None]) -> None:
    """Note the pairs to decide, and who else is decided together."""
    parts = sorted(region.parts.items(), key=lambda part: len(part[1]), reverse=True)  # no long one is the last
    total, done = sum(len(places) for _, places in parts), 0
    given = (_Part(kind, region.stated(places), model) for (kind, _), places in parts)
    for (_, places), near in zip(parts, run(_near, given), strict=True):
        for one, other in two_by_two(near.pairs):
            region.compare(places[one], places[other])
        for one, other in two_by_two(near.blocks):
            region.join(places[one], places[other])
        done += len(places)
        reach(len(region) * done // total, len(region))
    region.parts.clear()


def _near(part: _Part) -> _Near:
    records = [one.record() for one in part.inside]
    as_they_came = sorted(range(len(records)), key=lambda place: part.inside[place].registered)
    places = candidates(records, as_they_came, partial(keys_of, part.kind))
    near = _Near(array("I"), array("I"))
    for pair in scored(records, places, part.model):
        near.pairs.extend((pair.one, pair.other))
    first_of: dict[Hashable, int] = {}
    for place, one in enumerate(records if part.kind == YEAR else ()):
        if (block := birth_block(one)) and (first := first_of.setdefault(block, place)) != place:
            near.blocks.extend((first, place))
    return near


def _batches(region: Region, held: Held, said: Said) -> Iterator[_Batch]:
    for places, pairs in region.batches():
        inside = region.stated(places)
        ids = [str(UUID(bytes=one.identity)) for one in inside]
        yield _Batch(inside, pairs, said(ids), held)


def _decided(batch: _Batch) -> tuple[int, Found]:
    """How many are decided, and what is due."""
    inside = [one.known() for one in batch.inside]
    return len(inside), weighed.compared(inside, batch.pairs, batch.said, batch.held)
