"""The View aggregate: records which version of a view readers saw over time, as operators switched it.

Switches are recorded after the fact and never refused: the readers' tables have already switched. The id derives from
the view's name.
"""

from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, event

VIEWS = UUID("b7e6a0d1-94f2-5c36-8d5b-4e0f2a1c9378")  # namespace of view ids: stored state, never change it


class View(Aggregate):
    """Keeps only its name: no later decision depends on it."""

    TOPIC = "view"

    class Created(Aggregate.Created):
        TOPIC = "view.created"

    class Opened(Created):
        TOPIC = "view.opened"
        view: str

    class Promoted(Aggregate.Event):
        TOPIC = "view.promoted"
        view: str
        version: int
        former: int | None
        rules: dict[str, int]
        summary: str

    class RolledBack(Aggregate.Event):
        TOPIC = "view.rolled_back"
        view: str
        version: int
        former: int | None
        rules: dict[str, int]

    class Dropped(Aggregate.Event):
        TOPIC = "view.dropped"
        view: str
        version: int

    @staticmethod
    def create_id(view: str) -> UUID:
        """The id of the view of that name."""
        return uuid5(VIEWS, view)

    @event(Opened)
    def __init__(self, view: str) -> None:
        self.view = view

    @event(Promoted)
    def promoted(self, view: str, version: int, former: int | None, rules: dict[str, int], summary: str) -> None:
        """Readers were switched from version ``former`` to ``version``; ``summary``: counts of the diff, as JSON."""

    @event(RolledBack)
    def rolled_back(self, view: str, version: int, former: int | None, rules: dict[str, int]) -> None:
        """Readers were switched back from ``former`` to ``version``, which was built under ``rules``."""

    @event(Dropped)
    def dropped(self, view: str, version: int) -> None:
        """A version and its tables were removed."""
