"""``krypton views check``: rebuilds a view into a temporary version and compares it with the live one.

Both are compared at exactly the same positions: events that arrive during the rebuild are applied to the temporary
version too. For the last of them the live version's positions are locked, which pauses its worker for a moment. The
temporary version is dropped afterwards.

V5  Only one check of a view runs at a time.
V11  A check ends: if events arrive faster than it applies them, it gives up.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from kafka.errors import KafkaError

from domain.errors import NotFound, RuleBroken
from krypton.bootstrap import Krypton
from krypton.views import compare, rebuild
from krypton.views.lag import kafka_away
from krypton.views.rebuild import Wish
from postgres.session import connect
from projections.engine.store import ViewStore
from projections.versions import catalog, diff, versions
from streams.reading.replay import Replay
from streams.reading.spans import Span

ROUNDS = 20
NEAR = 2_000  # records left when the live version is locked: well below a second of work
LIVE = 'SELECT topic, "partition", next FROM views.position WHERE view = %s AND version = %s ORDER BY 1, 2'
Ends = dict[tuple[str, int], int]


class NeverNear(RuleBroken):
    """Events arrive faster than the check applies them."""

    rule = "V11"


class CheckUnderWay(RuleBroken):
    """Another check of the view is running."""

    rule = "V5"


def check(ours: Krypton, view: str, advance: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """The ``views diff`` summary of the live version against a rebuild; ``equal`` must be true.

    Raises NotFound, OtherCode, CheckUnderWay, NeverNear, and the errors of a rebuild.
    """
    with _alone(ours, view):
        return _check(ours, view, advance)


@contextmanager
def _alone(ours: Krypton, view: str) -> Iterator[None]:
    """Make sure no other check of the view runs; remove what a killed check left behind."""
    with closing(connect(ours.addresses.database, "check")) as guard:
        guard.autocommit = True
        with guard.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(hashtext('krypton check'), hashtext(%s))", (view,))
            if cursor.fetchone() == (False,):
                raise CheckUnderWay(f"{view} is being checked by another command: wait until it ends")
        for version in versions.asides(guard, view):
            versions.discard(ours.addresses.database, view, version)
        yield


def _check(ours: Krypton, view: str, advance: Callable[[int], None]) -> dict[str, Any]:
    wish = Wish(view, aside=True)
    with ours.snapshot() as connection, connection.cursor() as cursor:
        live = catalog.live_version(connection, view)
        cursor.execute(LIVE, (view, live))
        ends = {(topic, partition): end for topic, partition, end in cursor}
    if live is None:
        raise NotFound(f"no version of {view} is live: run krypton init")
    ours.folding(view, live)  # only the code that built the live version can rebuild it
    started = rebuild.begin(ours, wish, ends)  # at most up to where the live version is, which may lag
    try:
        rebuild.run(ours, wish, started, advance)
        with closing(ours.view(view, started.version)) as store:
            return _compared(ours, view, live, store)
    except KafkaError as away:
        raise kafka_away(ours, away) from None
    finally:
        versions.discard(ours.addresses.database, view, started.version)


def _compared(ours: Krypton, view: str, live: int, store: ViewStore) -> dict[str, Any]:
    with closing(connect(ours.addresses.database, "check")) as holding, holding.cursor() as cursor:
        _come_near(lambda: _step(ours, holding, cursor, store, live))
        cursor.execute(f"{LIVE} FOR UPDATE", (view, live))
        _catch_up(ours, store, {(topic, partition): end for topic, partition, end in cursor})
        with ours.snapshot() as connection:
            # This fixes the snapshot, and includes persons erased during the rebuild.
            pair = compare.with_live(ours, connection, view, store.version)
            holding.rollback()
            return diff.summary(connection, pair)


def _come_near(step: Callable[[], int]) -> None:
    """Catch up until few records are left. Raises NeverNear after too many rounds; each should be shorter than the
    last.
    """
    for _ in range(ROUNDS):
        if step() < NEAR:
            return
    raise NeverNear(
        f"events come in faster than a check applies them: after {ROUNDS} rounds at least {NEAR:,} are left; "
        "check again when fewer events arrive"
    )


def _step(ours: Krypton, holding: Any, cursor: Any, store: ViewStore, live: int) -> int:
    cursor.execute(LIVE, (store.name, live))
    ends = {(topic, partition): end for topic, partition, end in cursor}
    holding.rollback()
    return _catch_up(ours, store, ends)


def _catch_up(ours: Krypton, store: ViewStore, ends: Ends) -> int:
    """Apply the records between the store's positions and these; returns how many."""
    known, applied = store.positions(), 0
    with Replay(ours.addresses.kafka) as replay:
        for (topic, partition), end in ends.items():
            for batch in replay.batches(Span(topic, partition, known.get((topic, partition), 0), end), 1_000):
                store.apply(batch)
                applied += len(batch)
    return applied
