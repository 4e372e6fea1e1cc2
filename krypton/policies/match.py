"""The lookup ``match``: finds the merges and proposals due for registered or corrected identities.

In force are those of the version of ``identity_index`` that readers see; nobody is looked up while the ledger has not
recorded its promotion. It is asked once it has read all that the ledger held when the event was stored: of two people
registered at once, the later one's lookup sees the other. What comes after a promotion is this policy's, what came
before is the promotion's own (``krypton.views.raise_due``).

An identity that was looked up is not looked up again for what the view had read by then: a registration with a number
is two events. The entry that it was looked up for answers for the others, until it is settled. What was a dead letter
of the view is looked up when that is replayed, whatever was found before.

Most events change one identity, and no person: of the rest of its neighbourhood nothing is due that was not before, but
for merges (``due``). So where it is connected with many, no more is weighed. After any other event, and where it is
connected with few, all is decided *widely*.

What the view does not tell, of merges under way and of what was stated before, is in ``untold``.

What changes after the view was read leads to a lookup of its own, and the ledger refuses what it made wrong (L2, L5,
L7, L8). Where it refuses a merge whose evidence is gone, both sides are looked at once more: others may have been due
that were to be merged through the one that changed. So it does not matter which sender asks, how late, or whether
another one asked before.
"""

import logging
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from typing import NamedTuple
from uuid import UUID

import psycopg2
from psycopg2.extensions import connection as Connection

from adapters.outbox.outbox import Entry
from domain.ledger import Ledger
from domain.rules.document import MATCHING, RuleId
from krypton.bootstrap import Krypton
from krypton.policies.seen import Seen
from krypton.policies.stored import not_yet_said
from krypton.policies.untold import untold
from krypton.views.matches import bodies
from policies.matching import AFRESH
from policies.policy import Due, Kind
from postgres.session import connect
from projections.engine.query import fetch_planned
from projections.identity_index import due as matching
from projections.versions import catalog, tailing
from projections.versions.tailing import OtherCode

log = logging.getLogger(__name__)
VIEW = "identity_index"
OF_ITSELF = ("registered", "traits_corrected", "ins_attached", "ins_detached", "flagged", "flag_cleared")
OF_TWO = ("merged", "dismissed", "unbarred")
"""What happens to an identity, and is said of it and another one, after which no other is shown to a human that was
not before.
"""
CAUSES = """
SELECT position, identity_id::text AS one, identity_id::text AS other FROM "{s}".identity_event
WHERE position = ANY(%(causes)s) AND type = ANY(%(of_itself)s)
UNION ALL SELECT position, low::text, high::text FROM "{s}".statement
WHERE position = ANY(%(causes)s) AND type = ANY(%(of_two)s)
"""
FEW = 50
"""Identities that statements connect, of whom all is weighed whatever the event was."""
BY_INDEX = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off"}
"""Of the session, which plans once: a plan made while tables are small must not read them whole when they are large."""
KEPT = 20_000
"""Identities of which it is known up to where they were looked up."""
Becomes = Mapping[UUID, Sequence[tuple[int, Due]]]


class Looked(NamedTuple):
    """The last lookup of an identity: in which version, up to which ledger position that had read, for which entry, and
    whether widely.
    """

    version: int
    upto: int
    entry: UUID
    widely: bool


class Read(NamedTuple):
    """What the live version of the index had read in a snapshot: its schema; the ledger position up to which it had
    read all, and that of the newest that it had read.
    """

    schema: str
    upto: int
    newest: int


class By(Enum):
    """Who is matched by the version that readers see: nobody; somebody, later; now."""

    NOBODY, LATER, NOW = range(3)


class Match:
    """See the module; ``krypton.policies.looker.Lookup``."""

    def __init__(self, ours: Krypton) -> None:
        self._ours = ours
        self._seen = Seen(ours, VIEW)
        self._looked: OrderedDict[str, Looked] = OrderedDict()
        self._connection: Connection | None = None
        self._ours_is: int | None = None
        self._said = ""

    def __call__(self, entries: Sequence[Entry]) -> Becomes:
        """See ``Lookup``."""
        connection = self._connected()
        try:
            found = self._look(connection, entries)
            connection.rollback()
        except BaseException:
            self.close()
            raise
        return found

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            with suppress(psycopg2.Error):
                self._connection.close()
        self._connection = None

    def read(self, connection: Connection) -> Read | None:
        """In this connection's snapshot; None where nobody is matched now, or how far it has read is not known yet."""
        version, by = self._by(connection)
        known = by is By.NOW and self._seen.all(connection, version) and self._is_ours(connection, version)
        if not known:
            return None
        return Read(f"{VIEW}_v{version}", self._seen.upto, self._seen.newest)

    def _by(self, connection: Connection) -> tuple[int, By]:
        """The version that readers see, and who is matched by it."""
        version = catalog.live_version(connection, VIEW)
        rules = version and (catalog.rules_of(connection, VIEW, version) or {}).get(MATCHING)
        if version is None or not rules:
            return 0, By.NOBODY  # without rules nobody is matched
        held = self._ours.ledger.rules()
        if held.in_force[MATCHING] != rules:
            return version, By.LATER
        if held.matching.model is None:
            self._say(f"{RuleId(MATCHING, rules)} holds rules of equal fields, which decide nothing: publish a model")
            return version, By.NOBODY
        return version, By.NOW

    def _look(self, connection: Connection, entries: Sequence[Entry]) -> Becomes:
        version, by = self._by(connection)
        if by is not By.NOW:
            return {entry.id: () for entry in entries} if by is By.NOBODY else {}
        seen = self._seen.of(connection, version, [entry.cause for entry in entries])
        ready = [entry for entry in entries if entry.cause in seen]
        if not ready or not self._is_ours(connection, version):
            return {}
        schema = f"{VIEW}_v{version}"
        widely = _widely(connection, schema, ready)
        new = [entry for entry in ready if not self._answers(entry, version, widely=entry.id in widely)]
        answered: dict[UUID, Sequence[tuple[int, Due]]] = {entry.id: () for entry in ready}
        if new:
            ledger = self._ours.ledger
            answered |= not_yet_said(_found(connection, schema, ledger, new, widely), ledger.membership)
            self._remember(new, version, widely)
        return answered

    def _answers(self, entry: Entry, version: int, *, widely: bool) -> bool:
        """Whether another entry's lookup, after the view had read this one's cause, answers for it. That entry is
        settled by now; or it is not, and is looked up again, at a later state of the view.
        """
        looked = None if AFRESH in entry.body else self._looked.get(entry.body["identity"])
        if looked is None or looked.version != version or looked.entry == entry.id:
            return False
        return looked.upto >= entry.cause and looked.widely >= widely

    def _remember(self, entries: Sequence[Entry], version: int, widely: Collection[UUID]) -> None:
        """They were looked up in this snapshot."""
        for entry in sorted(entries, key=lambda entry: entry.id in widely):  # of two, the wider one is known
            self._looked[entry.body["identity"]] = Looked(version, self._seen.upto, entry.id, entry.id in widely)
            self._looked.move_to_end(entry.body["identity"])
        while len(self._looked) > KEPT:
            self._looked.popitem(last=False)

    def _is_ours(self, connection: Connection, version: int) -> bool:
        """Whether its tables are as this program's code knows them: else the program that made it matches."""
        if version != self._ours_is:
            try:
                tailing.check_code(connection, self._ours.projection(VIEW, version))
            except OtherCode as theirs:
                self._say(str(theirs))
                return False
            self._ours_is = version
        return True

    def _say(self, why: str) -> None:
        """Once, and not at each look."""
        if why != self._said:
            log.warning("nobody is matched by this program: %s", why)
            self._said = why

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = connect(self._ours.addresses.database, "match", settings=BY_INDEX)
            self._connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        return self._connection


def _widely(connection: Connection, schema: str, entries: Sequence[Entry]) -> set[UUID]:
    """The entries after which others may have something due that was not due before."""
    asked = {
        "causes": [entry.cause for entry in entries],
        "of_itself": [f"identity.{what}" for what in OF_ITSELF],
        "of_two": [f"link.{what}" for what in OF_TWO],
    }
    found = fetch_planned(connection, CAUSES.format(s=schema), **asked)
    about = {row["position"]: {row["one"], row["other"]} for row in found}
    return {entry.id for entry in entries if entry.body["identity"] not in about.get(entry.cause, ())}


def _found(
    connection: Connection, schema: str, ledger: Ledger, entries: Sequence[Entry], widely: Collection[UUID]
) -> Becomes:
    """What each entry becomes. Who is near one that is asked about may be decided again too (``weighed``)."""
    around = matching.clusters_of(connection, schema, (entry.body["identity"] for entry in entries))
    fresh = set[str]()
    for entry in entries:
        one = entry.body["identity"]
        fresh |= around[one] if entry.id in widely or len(around[one]) <= FEW else {one}
    within = frozenset().union(*around.values())
    told = untold(connection, schema, ledger, {entry.body["identity"] for entry in entries})
    found = matching.due(connection, schema, within=within, fresh=None if fresh >= within else fresh, untold=told)
    latest = sorted(entries, key=lambda entry: -entry.cause)
    first: dict[str, int] = {}
    for place, entry in enumerate(latest):
        for member in around[entry.body["identity"]]:
            first.setdefault(member, place)
    becomes: dict[UUID, list[tuple[int, Due]]] = {entry.id: [] for entry in entries}
    for place, (does, one, body) in enumerate(bodies(found)):
        cause = latest[min((first[side] for side in (one.one, one.other) if side in first), default=0)]
        becomes[cause.id].append((place, Due(Kind.COMMAND, does, body)))
    return becomes
