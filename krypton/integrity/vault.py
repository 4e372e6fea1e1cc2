"""Compares the vault with the event store for ``audit verify``: whose key is missing, broken, back, or nobody's.

Both are read in the order of subjects, page by page, so memory does not grow with the region. The event store's
snapshot is the older one: each subject in it had a key before. A key whose subject the ledger does not know is no
difference: a process that ended between a key and its first event leaves one, and so does an event store that came
back from a backup; it is counted and named.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from adapters.eventstore import subjects
from adapters.eventstore.scan import Scan
from adapters.eventstore.subjects import Known
from adapters.vault import survey
from adapters.vault.survey import Row, State
from domain.aggregates.viewing import key_of
from krypton.bootstrap import Krypton
from krypton.integrity.findings import Difference, Kind, Log
from schemas.codec import Codec
from schemas.registry import registry
from streams.relay.outgoing import NoKeys

TOLD: Final = 1_000  # keys that are compared before progress is told again
NAMED: Final = 100
"""Differences of one kind that are named; the others are counted."""
UNDER_WAY: Final = timedelta(minutes=2)
"""A key that is younger may belong to an event that is stored at this moment."""
NOW: Final = "SELECT now()"  # when the transaction began, and so the snapshot


@dataclass
class Compared:
    """The result. ``keys``: rows of the vault; ``found``: what is wrong; ``foreign``: keys of nobody, and some ids."""

    keys: int = 0
    found: list[Difference] = field(default_factory=list)
    foreign: int = 0
    foreign_named: list[str] = field(default_factory=list)
    _counts: Counter[Kind] = field(default_factory=Counter)
    _last: dict[Kind, Difference] = field(default_factory=dict)

    def add(self, found: Difference) -> None:
        """One more difference."""
        self._counts[found.kind] += 1
        if self._counts[found.kind] <= NAMED:
            self.found.append(found)
        self._last[found.kind] = found

    def sum_up(self) -> None:
        """Count what was not named."""
        for kind, last in self._last.items():
            if (more := self._counts[kind] - NAMED) > 0:
                self.found.append(Difference(last.position, Log.VAULT, kind, f"and {more} more like the ones before"))


def compare(ours: Krypton, scan: Scan, advance: Callable[[int], None] = lambda _: None) -> Compared:
    """Compare the whole vault with the events of a snapshot. Raises WrongMasterKey, psycopg2.Error.

    ``advance`` is called with the number of keys done since the last call.
    """
    ((now,),) = scan.ask(NOW)
    others = dict(_others(scan))
    result = Compared()
    for known, row in pairs(subjects.known(scan), survey.rows(ours.vault_database, ours.ring)):
        if row:
            result.keys += 1
            if result.keys % TOLD == 0:
                advance(TOLD)
        if known is None:
            assert row is not None
            _nobodys(result, row, others.get(row.subject), now)
        elif found := difference(known, row):
            result.add(found)
    advance(result.keys % TOLD)
    result.sum_up()
    return result


def _others(scan: Scan) -> Iterator[tuple[str, str]]:
    """Under whose keys something is sealed though no event of theirs is stored, and who they are."""
    codec = Codec(registry(), NoKeys())
    for version, state in subjects.naming(scan):
        _, said = codec.decode(state, version, unseal=False)
        yield said["other_identity_id"], "somebody whom a conflict names"
    for actor in subjects.callers(scan):
        yield str(key_of(actor)), "the caller"


def pairs(known: Iterable[Known], rows: Iterable[Row]) -> Iterator[tuple[Known | None, Row | None]]:
    """Each subject of either side once, with what the other side has of it; both are in order."""
    left, right = iter(known), iter(rows)
    one, other = next(left, None), next(right, None)
    while one or other:
        if other is None or (one and one.subject < other.subject):
            yield one, None
            one = next(left, None)
        elif one is None or other.subject < one.subject:
            yield None, other
            other = next(right, None)
        else:
            yield one, other
            one, other = next(left, None), next(right, None)


def difference(known: Known, row: Row | None) -> Difference | None:
    """What is wrong with the key of somebody whom the ledger knows."""
    subject, state = known.subject, row.state if row else None
    if known.erased is not None:
        if state in (None, State.DESTROYED):
            return None
        said = f"the key of {subject} is in the vault, who was erased here: krypton init destroys it again"
        return Difference(known.erased, Log.VAULT, Kind.KEY_BACK, said)
    match state:
        case State.DESTROYED:
            said = f"the key of {subject} is destroyed, and no event erased them: bring the row back from a backup"
            return Difference(known.position, Log.VAULT, Kind.KEY_MISSING, said)
        case State.BROKEN:
            said = f"the key of {subject} does not open: the row was altered, or is another subject's"
            return Difference(known.position, Log.VAULT, Kind.KEY_BROKEN, said)
        case None if known.must_have:
            said = f"the vault has no key for {subject}, who is registered here: it is older than the ledger"
            return Difference(known.position, Log.VAULT, Kind.KEY_MISSING, said)
    return None


def _nobodys(result: Compared, row: Row, who: str | None, now: datetime) -> None:
    if who:
        if row.state is State.BROKEN:
            said = f"the key of {who}, {row.subject}, does not open: the row was altered, or is another subject's"
            result.add(Difference(0, Log.VAULT, Kind.KEY_BROKEN, said))
        elif row.state is State.DESTROYED:
            said = f"the key of {who}, {row.subject}, is lost: what was sealed under it cannot be read any more"
            result.add(Difference(0, Log.VAULT, Kind.KEY_MISSING, said))
    elif row.state is not State.DESTROYED and row.made_at < now - UNDER_WAY:
        result.foreign += 1
        if len(result.foreign_named) < NAMED:
            result.foreign_named.append(row.subject)
