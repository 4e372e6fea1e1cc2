"""``krypton views check``: is what readers see what a rebuild would make? Built aside, compared, dropped.

The two are compared at exactly the same positions: what came in during the rebuild is applied to the new version too,
the last of it while the live version's positions are held still, for a moment that its worker waits.
"""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg2

from krypton import comparing, rebuilding
from krypton.bootstrap import Krypton
from krypton.rebuilding import Wish
from projections import diff, versions
from projections.store import ViewStore
from streams.replay import Replay, Span

NEAR = 2_000  # records that may be left when the live version is held still: well below a second
LIVE = 'SELECT topic, "partition", next FROM views.position WHERE view = %s AND version = %s ORDER BY 1, 2'
Ends = dict[tuple[str, int], int]


def check(ours: Krypton, view: str, advance: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """The ``views diff`` summary of the live version against a rebuild; ``equal`` is what it should be.

    Raises NotFound, and what a rebuild raises.
    """
    wish = Wish(view, ready=False)
    started = rebuilding.begin(ours, wish)
    try:
        rebuilding.run(ours, wish, started, advance)
        with ours.reading() as connection:
            live = comparing.with_live(ours, connection, view, started.version).live
        with closing(ours.view(view, started.version)) as store:
            return _compared(ours, view, live, store)
    finally:
        versions.discard(ours.addresses.database, view, started.version)


def _compared(ours: Krypton, view: str, live: int, store: ViewStore) -> dict[str, Any]:
    with closing(psycopg2.connect(ours.addresses.database)) as holding, holding.cursor() as cursor:
        while True:
            cursor.execute(LIVE, (view, live))
            ends = {(topic, partition): end for topic, partition, end in cursor}
            holding.rollback()
            if _catch_up(ours, store, ends) < NEAR:
                break
        cursor.execute(f"{LIVE} FOR UPDATE", (view, live))
        _catch_up(ours, store, {(topic, partition): end for topic, partition, end in cursor})
        with ours.reading() as connection:
            # This fixes the snapshot; and whoever was erased while the new version was built is known here.
            pair = comparing.with_live(ours, connection, view, store.version)
            holding.rollback()
            return diff.summary(connection, pair)


def _catch_up(ours: Krypton, store: ViewStore, ends: Ends) -> int:
    """Apply what lies between the store's positions and these; returns how many records that was."""
    known, applied = store.positions(), 0
    with Replay(ours.addresses.kafka) as replay:
        for (topic, partition), end in ends.items():
            for batch in replay.batches(Span(topic, partition, known.get((topic, partition), 0), end), 1_000):
                store.apply(batch)
                applied += len(batch)
    return applied
