"""All of it real: the ledger on PostgreSQL, its relay to Kafka, and a worker for each of the four views."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from uuid import UUID

from domain.actors import Caller
from krypton.auditing.accesses import Limits, accesses
from krypton.bootstrap import Krypton
from krypton.devstack.stack import Stack
from krypton.queries import conflicts, person, review, worklists
from krypton.views.lag import wait_for_views
from projections.declared import VIEWS
from tests.features.worlds.views import Document
from tests.features.worlds.world import World
from tests.integration.live_ledger import delete_topics, live_ledger
from tests.waiting import WITHIN_S

CLERK = Caller("clerk:test", "scenario")


def themself(identity: UUID | str) -> Caller:
    """The patient who is asked about, asking."""
    return Caller(f"patient:{identity}", "scenario")


class LiveRegion:
    """One running ledger for many scenarios, each with establishments, persons and professionals of its own."""

    def __init__(self, krypton: Krypton) -> None:
        self._krypton = krypton
        self._views = LiveViews(krypton)
        self._numbers = count(1)

    def world(self) -> World:
        """A world for one more scenario."""
        return World(self._krypton.ledger, self._views, next(self._numbers))


@contextmanager
def live_region(stack: Stack, logs: Path) -> Iterator[LiveRegion]:
    """Start the processes on a stack that nobody else uses meanwhile; at the end they are gone, and the topics too."""
    with live_ledger(stack, logs) as ledger:
        ledger.start("relay")
        for view in VIEWS:
            ledger.start("worker", view)
        yield LiveRegion(ledger.krypton)
    delete_topics(stack.addresses().kafka)


class LiveViews:
    """``Views`` by the queries that the command line prints, once all that was recorded has come through the pipe."""

    def __init__(self, krypton: Krypton) -> None:
        self._krypton = krypton
        self._through = -1

    def identity(self, identity: UUID) -> Document:
        """See ``Views``."""
        return person.identity_of(self._up_to_date(), themself(identity), str(identity))

    def history(self, identity: UUID) -> Sequence[Document]:
        """See ``Views``."""
        return person.history_of(self._up_to_date(), CLERK, str(identity))

    def review(self) -> Sequence[frozenset[str]]:
        """See ``Views``."""
        waiting = review.pairs_to_review(self._up_to_date(), CLERK, limit=1_000)
        return [frozenset(side["identity"] for side in pair["identities"]) for pair in waiting]

    def search(self, criteria: Mapping[str, str]) -> Sequence[str]:
        """See ``Views``."""
        return [row["identity"] for row in worklists.people_found(self._up_to_date(), CLERK, criteria, limit=1_000)]

    def record(self, identity: UUID) -> Document:
        """See ``Views``."""
        return person.record_of(self._up_to_date(), themself(identity), str(identity))

    def order(self, order: UUID) -> Document:
        """See ``Views``."""
        ours = self._up_to_date()
        return person.order_of(ours, themself(person.placed_for(ours, order)), order)

    def dose(self, identity: UUID) -> Document:
        """See ``Views``."""
        return person.dose_of(self._up_to_date(), themself(identity), str(identity))

    def conflicts(self) -> Sequence[Document]:
        """See ``Views``."""
        return conflicts.conflicts_of(self._up_to_date(), Caller("clerk:test", "test"))

    def accesses(self, identity: UUID) -> Sequence[Document]:
        """See ``Views``."""
        return accesses(self._up_to_date(), str(identity), themself(identity), Limits(looks=False))

    def consents(self, identity: UUID) -> Document:
        """See ``Views``."""
        return person.consents_of(self._up_to_date(), themself(identity), str(identity))

    def _up_to_date(self) -> Krypton:
        """The way to the views, once they hold all that was recorded so far."""
        head = self._krypton.ledger.recorder.max_notification_id() or 0
        if head > self._through:
            wait_for_views(self._krypton, WITHIN_S)
            self._through = head
        return self._krypton
