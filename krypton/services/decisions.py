"""Counts what the ledger decided: who may see personal data, and what policies did; never of whom.

Each decision on seeing is an event. How many there are is kept beside the events, with the position up to which they
were counted: whoever measures next goes on from there, and the ledger is read once. Policies count theirs where they
note them (``adapters.outbox``). So both outlast every process, and need none of those that decide.
"""

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from typing import Final, NamedTuple

from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json

from adapters.eventstore import histories
from adapters.outbox import operators
from domain.actors import ROLES, Role
from postgres.session import connect
from projections.engine.query import fetch
from schemas.codec import Codec, NotAnEvent
from schemas.registry import UnknownSchema, registry
from streams.relay.outgoing import NoKeys


class Decision(NamedTuple):
    """``by``: gate, or a policy; ``role``: of who asked; ``rule``: its number, empty where no rule decided."""

    by: str
    decision: str
    role: str
    rule: str


GATE: Final = "gate"
DECIDED: Final = {
    "access.viewed": "viewed",
    "access.listed": "listed",
    "access.view_refused": "refused",
    "access.granted": "granted",
    "access.denied": "denied",
    "access.emergency_opened": "emergency",
}
GROUNDS: Final = {Role.PROFESSIONAL: "X12", Role.PATIENT: "X13"}
EXPECTED: Final = (
    *(Decision(GATE, "viewed", role, GROUNDS.get(role, "W2")) for role in Role),
    *(Decision("matching", decision, Role.SERVICE, "") for decision in ("merged", "proposed", "left")),
)
"""Counted as zero from the start: an alert on decisions that stopped needs something to look at."""
UNKNOWN: Final = "unknown"

PAGE: Final = 20_000
"""Positions counted at a time."""
MOST_S: Final = 1.0
"""How long one measurement counts: a ledger that was never counted takes several."""
SESSION: Final = {"lock_timeout": "5s", "idle_in_transaction_session_timeout": "30s"}
KEPT: Final = "SELECT position, counts FROM ledger.decided FOR UPDATE"
KEEP: Final = "UPDATE ledger.decided SET position = %s, counts = %s"
EVENTS: Final = """SELECT topic, originator_version, state FROM ledger.ledger_events
WHERE id > %(after)s AND id <= %(upto)s AND topic = ANY(%(types)s)"""


def counted(database: str) -> Mapping[Decision, int]:
    """All decisions so far; none as long as earlier ones are still being counted. Raises psycopg2.Error."""
    with closing(connect(database, "decisions", settings=SESSION)) as connection, connection:
        (kept,) = fetch(connection, KEPT)
        before = Counter({Decision(GATE, *one): n for *one, n in kept["counts"]})
        found, whole = _brought_up_to_date(connection, kept["position"], before)
        if not whole:
            return {}
        return dict.fromkeys(EXPECTED, 0) | found | _of_policies(connection)


def _brought_up_to_date(
    connection: Connection, start: int, found: Counter[Decision]
) -> tuple[dict[Decision, int], bool]:
    """The gate's decisions, and whether these are all. It counts a page at least, so that it ends some day."""
    codec, head = Codec(registry(), NoKeys()), histories.head(connection)
    position, until = start, time.monotonic() + MOST_S
    while position < head and (position == start or time.monotonic() < until):
        upto = min(position + PAGE, head)
        for row in fetch(connection, EVENTS, after=position, upto=upto, types=list(DECIDED)):
            found[of_event(codec, row["topic"], row["originator_version"], bytes(row["state"]))] += 1
        position = upto
    if position > start:
        with connection.cursor() as cursor:
            cursor.execute(KEEP, (position, Json([[*one[1:], n] for one, n in sorted(found.items())])))
    return dict(found), position >= head


def of_event(codec: Codec, event_type: str, version: int, state: bytes) -> Decision:
    """The decision of an event; of one that this program cannot read, only which it was."""
    try:
        _, data = codec.decode(state, version, unseal=False)
    except (NotAnEvent, UnknownSchema):
        return Decision(GATE, DECIDED[event_type], UNKNOWN, UNKNOWN)
    scheme = data["actor"].partition(":")[0]
    return Decision(GATE, DECIDED[event_type], ROLES.get(scheme, UNKNOWN), data["rule"])


def _of_policies(connection: Connection) -> dict[Decision, int]:
    rows = operators.tally(connection)
    return {Decision(row["policy"], row["decision"], Role.SERVICE, row["rule"]): row["n"] for row in rows}
