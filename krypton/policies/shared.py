"""The lookups ``same_study`` and ``same_events``: who else has a study's UID, or an irradiation event of a report.

An entry waits until the view that readers see has the row it is about. Of two that share something, the one whose row
comes later sees the other, in whatever order the view reads them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import psycopg2
from psycopg2.extensions import connection as Connection

from adapters.outbox.outbox import Entry
from krypton.bootstrap import Krypton
from krypton.policies.looker import Found
from policies.policy import Due, Kind
from postgres.session import connect
from projections.cumulative_dose import shared as doses
from projections.patient_record import shared as records

Key = tuple[str, ...]
Ask = Callable[[Connection, Sequence[Key]], Mapping[Key, Sequence[Mapping[str, str]]]]


class Line:
    """One connection for both lookups, which one sender asks in turn; made when it is first asked for."""

    def __init__(self, ours: Krypton) -> None:
        self._ours = ours
        self._connection: Connection | None = None

    def open(self) -> Connection:
        """The connection. Raises psycopg2.Error."""
        if self._connection is None:
            self._connection = connect(self._ours.addresses.database, "sharing", autocommit=True)
        return self._connection

    def close(self) -> None:
        """Give it back."""
        if self._connection is not None:
            with suppress(psycopg2.Error):
                self._connection.close()
        self._connection = None


class Shared:
    """``krypton.policies.looker.Lookup``. ``ask``: by key, what is shared; keys that the view lacks are absent."""

    def __init__(self, line: Line, key: Sequence[str], ask: Ask, does: str) -> None:
        self._line, self._key, self._ask, self._does = line, key, ask, does

    def __call__(self, entries: Sequence[Entry]) -> Found:
        """See ``Lookup``."""
        keys = {entry.id: tuple(str(entry.body[name]) for name in self._key) for entry in entries}
        try:
            found = self._ask(self._line.open(), sorted(set(keys.values())))
        except BaseException:
            self._line.close()
            raise
        return {ident: list(enumerate(self._due(found[key]))) if key in found else None for ident, key in keys.items()}

    def _due(self, bodies: Iterable[Mapping[str, str]]) -> Iterable[Due]:
        return (Due(Kind.COMMAND, self._does, body) for body in bodies)


def lookups(ours: Krypton) -> Mapping[str, Shared]:
    """The lookups by name."""
    line = Line(ours)
    return {
        "same_study": Shared(line, ("study",), records.same_study, "propose_same_study"),
        "same_events": Shared(line, ("study", "report"), doses.same_events, "find_shared_event"),
    }
