"""Stores events together with their commands' idempotency keys, in one transaction and two round trips.

Each transaction brings the store's clock back with it (``clock``), and stamps an event with the last one's time where
its own is earlier (T2): a stamp is the first field of the stored bytes, so it is put in place of the other.
The table is locked before the first insert, so positions are assigned in commit order: a reader that continues from a
position never misses an event that commits later. A lock timeout keeps a stuck writer from blocking all others. Reads
run without a transaction: one round trip each.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

import psycopg2
from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    Notification,
    NotSupportedError,
    OperationalError,
    StoredEvent,
)
from psycopg2.extras import execute_values

from adapters.eventstore import answers, decision_tables, decision_tables_again
from adapters.eventstore.clock import BOUND_S, Heard, StoreClock
from adapters.eventstore.stamps import CLOCK, LAST_AT, NOTE_LAST, PREPARE_LAST, TIME, not_before_last, read_stamp
from adapters.eventstore.tables import (
    ACTOR,
    ASKED,
    BEGUN,
    CHANNEL,
    EVENTS,
    FOLDED,
    FOLDED_TYPES,
    LOCK_TIMEOUT_MS,
    MOVED,
    NAMING,
    OF_IDENTITY,
)
from domain.askers import Asker
from domain.decision_tables import Change, KnownRules, Pair
from domain.errors import CommandRepeated, KeysLost
from domain.ports import Answer, Basis, CommandRecord, EventCodec
from postgres.pool import Pool
from postgres.session import Busy, Unreachable


def insert(at: int) -> str:
    """One message to the server: lock, then insert events that are stamped with ``at``.

    A sorted subquery keeps the order in which ids are assigned.
    """
    return f"""SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; LOCK TABLE {EVENTS} IN EXCLUSIVE MODE; {NOTE_LAST};
INSERT INTO {EVENTS} (originator_id, originator_version, topic, state)
SELECT id::uuid, version, topic, {not_before_last("state", at)}
FROM (VALUES %s) AS new (place, id, version, topic, state)
ORDER BY place RETURNING id, {LAST_AT}"""


COMMANDS = f"""NOTIFY {CHANNEL};
INSERT INTO ledger.command (command_id, actor, kind, positions, result) VALUES %s ON CONFLICT DO NOTHING
RETURNING {CLOCK}, """
HELD = "(SELECT count(*) FROM vault.subject_key WHERE subject = ANY(%s::uuid[]))"
# Asked under the lock: what was stored after it was read. Ids grow in commit order, so what is stored now comes later.
NEWER = f"""SELECT 1 FROM {EVENTS} WHERE id > %s AND id < %s AND topic IN ({FOLDED})
UNION ALL SELECT 1 FROM unnest(%s::uuid[], %s::bigint[]) AS read (id, version)
JOIN {EVENTS} e ON e.originator_id = read.id AND e.originator_version = read.version + 1 AND e.id < %s LIMIT 1"""
PAGE = 1_000
COLUMNS = "originator_id::text, originator_version, topic, state"
# Queries that every command runs are prepared once per connection: planning would cost more than execution.
PREPARE = f"""PREPARE events_of (uuid[]) AS SELECT {COLUMNS} FROM {EVENTS} WHERE originator_id = ANY($1)
ORDER BY originator_id, originator_version;
{PREPARE_LAST};
{decision_tables.PREPARE}"""


class LedgerRecorder(ApplicationRecorder):
    """The library's recorder, with command ids, a lock timeout, and multi-row SQL instead of the ORM."""

    def __init__(self, database: str, connections: int, clock_bound_s: float = BOUND_S) -> None:
        self._pool = Pool(database, "event store", connections, prepare=PREPARE)
        self._clock = StoreClock(lambda: Heard(*self._read(TIME)[0]), clock_bound_s)

    def now(self) -> datetime:
        """See ``domain.ports.CommandLog``. Raises ClockDiffers (T1), OperationalError."""
        return self._clock()

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        commands: Sequence[CommandRecord] = (),
        basis: Basis | None = None,
        changes: Sequence[tuple[int, Change]] = (),
        keys: Collection[str] = (),
        **_: Any,
    ) -> Sequence[int]:
        """See ``domain.ports.CommandLog``. Raises IntegrityError if another writer was first or a clock was set
        meanwhile, KeysLost, ClockDiffers (T1), OperationalError.
        """
        with _translated(), self._pool.transaction() as cursor:
            positions, last = _inserted(cursor, stored_events, basis)
            sent = self._clock.steady()
            looked_up = _looked_up(cursor, stored_events, positions, changes)
            clock = _recorded(cursor, positions, commands, looked_up, keys)
            if clock and self._clock.heard(sent, Heard(clock, last)):
                raise IntegrityError("a clock was set meanwhile: to be decided again, by the time that is now")
            return positions

    def select_events(
        self,
        originator_id: UUID | str,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        """One aggregate's events in version order."""
        found = self._read(
            f"SELECT {COLUMNS} FROM {EVENTS} WHERE originator_id = %s AND originator_version > %s"
            " AND (%s::bigint IS NULL OR originator_version <= %s)"
            f" ORDER BY originator_version {'DESC' if desc else ''} LIMIT %s",
            (str(originator_id), gt or 0, lte, lte, limit),
        )
        return [StoredEvent(UUID(i), version, topic, bytes(state)) for i, version, topic, state in found]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        """Events in ledger order, from a position on."""
        first = (start or 0) + (0 if inclusive_of_start else 1)
        found = self._read(
            f"SELECT {COLUMNS}, id FROM {EVENTS} WHERE id >= %s AND (%s::bigint IS NULL OR id <= %s)"
            f" {'AND topic = ANY(%s)' if topics else ''} ORDER BY id LIMIT %s",
            (first, stop, stop, *([list(topics)] if topics else []), limit),
        )
        return [
            Notification(UUID(i), version, topic, bytes(state), position)
            for i, version, topic, state, position in found
        ]

    def max_notification_id(self) -> int | None:
        """The last position, or None in an empty ledger."""
        return self._read(f"SELECT max(id) FROM {EVENTS}")[0][0]  # type: ignore[no-any-return]

    def answer_of(self, command_id: UUID) -> Answer | None:
        """See ``domain.ports.CommandLog``."""
        return self.answers_of([command_id]).get(command_id)

    def answers_of(self, command_ids: Sequence[UUID]) -> dict[UUID, Answer]:
        """See ``domain.ports.CommandLog``."""
        columns = "command_id::text, actor, kind, positions, result"
        sql = f"SELECT {columns} FROM ledger.command WHERE command_id = ANY(%s::uuid[])"
        found = self._read(sql, ([str(each) for each in command_ids],))
        return {
            UUID(each): Answer(tuple(positions), result, Asker(actor, kind))
            for each, actor, kind, positions, result in found
        }

    def pairs_around(self, identities: Collection[str]) -> tuple[int, list[Pair]]:
        """See ``domain.ports.CommandLog``. Raises TablesBehind."""
        return decision_tables.pairs_of(self._read(decision_tables.PAIRS_AROUND, (list(identities),)))

    def known_rules(self) -> tuple[int, list[KnownRules]]:
        """See ``domain.ports.CommandLog``. Raises TablesBehind."""
        return decision_tables.rules_of(self._read(decision_tables.KNOWN_RULES))

    def site_of(self, ae_title: str) -> str | None:
        """See ``domain.ports.CommandLog``."""
        return next((site for (site,) in self._read(decision_tables.SITE_OF, (ae_title,))), None)

    def sites_by_title(self) -> dict[str, str]:
        """See ``domain.ports.CommandLog``."""
        return dict(self._read(decision_tables.SITES))

    def catch_up(self, codec: EventCodec) -> None:
        """See ``domain.ports.CommandLog``."""
        goes_on = True
        while goes_on:
            with _translated(), self._pool.transaction() as cursor:
                goes_on = decision_tables_again.caught_up(cursor, codec)

    def events_of(self, aggregate_ids: Sequence[UUID]) -> list[StoredEvent]:
        """See ``domain.ports.CommandLog``."""
        found = self._read("EXECUTE events_of (%s::uuid[])", ([str(i) for i in aggregate_ids],))
        return [StoredEvent(UUID(i), version, topic, bytes(state)) for i, version, topic, state in found]

    def position_of(self, aggregate_id: UUID) -> int | None:
        """See ``domain.ports.CommandLog``."""
        sql = f"SELECT id FROM {EVENTS} WHERE originator_id = %s AND originator_version = 1"
        found = self._read(sql, (str(aggregate_id),))
        return found[0][0] if found else None

    def has_asked(self, actor: str) -> bool:
        """See ``domain.ports.CommandLog``."""
        sql = f"SELECT EXISTS (SELECT FROM {EVENTS} WHERE topic IN ({ASKED}) AND {ACTOR} = convert_to(%s, 'UTF8'))"
        return self._read(sql, (actor,)) == [(True,)]

    def is_named(self, identity: UUID) -> bool:
        """See ``domain.ports.CommandLog``."""
        named = "position(convert_to(%s, 'UTF8') IN state) > 0"
        sql = f"SELECT EXISTS (SELECT FROM {EVENTS} WHERE topic IN ({NAMING}) AND {named})"
        return self.position_of(identity) is not None or self._read(sql, (str(identity),)) == [(True,)]

    def begun_for(self, identity: UUID) -> list[UUID]:
        """See ``domain.ports.CommandLog``."""
        named = "convert_to(%s, 'UTF8')"
        sql = f"""SELECT originator_id::text FROM {EVENTS} WHERE topic IN ({BEGUN}) AND {OF_IDENTITY} = {named}
            UNION SELECT originator_id::text FROM {EVENTS}
            WHERE topic IN ({MOVED}) AND position({named} IN state) > 0"""
        return [UUID(one) for (one,) in self._read(sql, (str(identity), str(identity)))]

    def forget_answers(self, command_ids: Collection[UUID]) -> None:
        """See ``domain.ports.CommandLog``."""
        naming = list(answers.NAMING)
        self._read(answers.FORGET, (naming, [str(one) for one in command_ids], naming))

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> NoReturn:
        """Raises NotSupportedError."""
        raise NotSupportedError("who follows the ledger reads its topics on Kafka: the relay alone reads on here")

    def close(self) -> None:
        """Close the connections that no thread uses."""
        self._pool.close()

    def _read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """One statement, without a transaction: one round trip."""
        with _translated():
            return self._pool.read(sql, values)


def _inserted(cursor: Any, stored_events: Sequence[StoredEvent], basis: Basis | None) -> tuple[list[int], int]:
    """The positions of the events, and the stamp of the last one, 0 where there is none. Raises IntegrityError."""
    rows = [
        (place, str(e.originator_id), e.originator_version, e.topic, e.state) for place, e in enumerate(stored_events)
    ]
    at = read_stamp(stored_events[0].state) if stored_events else 0  # the same of all events of a transaction
    stored = execute_values(cursor, insert(at), rows, page_size=PAGE, fetch=True)
    positions = [position for position, _ in stored]
    if basis and stored_events:
        ids, versions = [str(each) for each in basis.read], list(basis.read.values())
        cursor.execute(NEWER, (basis.upto, min(positions), ids, versions, min(positions)))
        if cursor.fetchone():
            raise IntegrityError("what the decision rests on was changed first")
    return positions, max(at, stored[-1][1]) if stored else 0


def _looked_up(
    cursor: Any, stored_events: Sequence[StoredEvent], positions: Sequence[int], changes: Sequence[tuple[int, Change]]
) -> str:
    """SQL that changes what is looked up; empty where nothing does."""
    reached = [at for at, event in zip(positions, stored_events, strict=True) if event.topic in FOLDED_TYPES]
    if not reached:
        return ""
    asked = decision_tables.statements((positions[place], change) for place, change in changes)
    asked.append(decision_tables.Statement(decision_tables.GONE_ON, (reached[-1], positions[0])))
    return "".join(f"{cursor.mogrify(*one).decode()};\n" for one in asked)


def _recorded(
    cursor: Any, positions: Sequence[int], commands: Sequence[CommandRecord], looked_up: str, keys: Collection[str]
) -> int | None:
    """Record the commands, and what is looked up, in one message; returns the store's clock. Raises CommandRepeated,
    KeysLost, so that nothing is stored.
    """
    left = iter(positions)
    answered = [
        (str(c.command_id), *c.asker, [next(left) for _ in range(c.events)], json.dumps(dict(c.result)))
        for c in commands
    ]
    template = "(%s, %s, %s, %s::bigint[], %s)"
    held = cursor.mogrify(HELD, (list(keys),)).decode() if keys else "0"
    message = looked_up.replace("%", "%%") + COMMANDS + held
    stored = execute_values(cursor, message, answered, template, page_size=PAGE, fetch=True)
    if len(stored) != len(answered):
        raise CommandRepeated
    if stored and stored[0][1] != len(keys):
        raise KeysLost("the vault's server crashed meanwhile and took keys back: to be sealed again")
    return stored[0][0] if stored else None


@contextmanager
def _translated() -> Iterator[None]:
    """Maps database errors to the eventsourcing library's; their text may quote rows, so it is dropped."""
    try:
        yield
    except psycopg2.errors.UniqueViolation:
        raise IntegrityError("another writer was first") from None
    except psycopg2.errors.LockNotAvailable:
        raise OperationalError(f"the event store was locked for {LOCK_TIMEOUT_MS} ms: nothing written") from None
    except Busy as busy:
        raise OperationalError(str(busy)) from None
    except Unreachable as away:
        raise OperationalError(
            "the database does not answer, and nothing was written: run krypton dev up, or check KRYPTON_DATABASE"
        ) from away
    except (psycopg2.OperationalError, psycopg2.InterfaceError, psycopg2.InternalError) as away:
        raise OperationalError(
            f"the event store did not answer ({type(away).__name__}): retry with the same command id, "
            "which is stored at most once"
        ) from away
