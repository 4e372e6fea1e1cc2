"""Moves policies to topics that are made again: each goes on behind the events that it handled, and repeats few.

Its position says how far it read, by offset and by the last ledger position. Both may say too much where somebody sent
a copy of a later event before its turn: the events between the two are still to come, in the topic or from the relay.
So it goes back to before the first of these. What it handles twice it decides under the same ids.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing, suppress

from domain.errors import OffsetGap
from krypton.bootstrap import Krypton
from krypton.policies.fold import PREFIX, PolicyFold
from policies.all import POLICIES
from postgres.session import connect
from projections.engine import positions
from projections.engine.positions import Partition
from schemas.registry import registry
from streams.broker import topics
from streams.reading.replay import Replay
from streams.reading.spans import Span, spans
from streams.relay import own_records
from streams.relay.outbox import Rows
from streams.relay.outgoing import Addresser
from streams.relay.position_search import offsets_at

MOVE = """UPDATE views.position SET next = %s, ledger_position = %s
WHERE view = %s AND version = %s AND topic = %s AND "partition" = %s"""
FORGET = "DELETE FROM views.dead_letter WHERE view = %s AND version = %s AND topic = ANY(%s) AND forged"
Handled = Mapping[str, Mapping[Partition, int]]
"""Of each policy: partition to the position up to which it handled all events."""


def handled(ours: Krypton, names: Collection[str]) -> Handled:
    """What each policy handled of these topics, before they are made again; no relay may run."""
    there = topics.ids(ours.addresses.kafka)
    with Replay(ours.addresses.kafka) as replay, closing(connect(ours.addresses.database, "recover")) as connection:
        rows = Rows(connection)
        ends = {(s.topic, s.partition): s.end for s in spans(ours.addresses.kafka, sorted(set(names) & there.keys()))}
        sent = rows.hint().position
        found: dict[str, dict[Partition, int]] = {}
        for policy in POLICIES:
            with connection.cursor() as cursor:
                read = positions.read(cursor, f"{PREFIX}{policy}", PolicyFold.version)
            for place, at in read.items():
                if place[0] in names:
                    left = Span(*place, at.next, max(at.next, ends.get(place, 0)))
                    first = _first(rows, replay, left) if left.size else at.ledger + 1
                    found.setdefault(policy, {})[place] = min(at.ledger, sent or at.ledger, first - 1)
    return found


def _first(rows: Rows, replay: Replay, left: Span) -> int:
    """The lowest position among the ledger's own records of a span; high above all where it has none."""
    addresser, lowest = Addresser.of(registry()), own_records.HIGHEST
    with suppress(OffsetGap):  # the topic is damaged there, and is made again
        for batch in replay.batches(left):
            own, _ = own_records.judged(batch, rows, addresser)
            lowest = min([lowest, *(end.position for some in own.values() for end in some)])
    return lowest


def move(ours: Krypton, before: Handled, names: Sequence[str]) -> None:
    """Set the policies on in the topics made again.

    Forged records that they left out are gone with their topics: they would be told of for ever.
    """
    with closing(connect(ours.addresses.database, "recover")) as connection, connection, connection.cursor() as cursor:
        for policy, upto in before.items():
            of_policy = f"{PREFIX}{policy}", PolicyFold.version
            for last in set(upto.values()):
                found = offsets_at(ours.addresses.kafka, names, last + 1)
                for place, at in upto.items():
                    if at == last:
                        cursor.execute(MOVE, (found[place], last, *of_policy, *place))
            cursor.execute(FORGET, (*of_policy, list(names)))
