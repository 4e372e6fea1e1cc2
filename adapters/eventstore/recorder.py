"""The event store as the ledger asks for it: what the eventsourcing library's recorder and our command log have to do.

Events are stored together with their commands' idempotency keys (``storing``). Each such transaction brings the store's
clock back with it (``clock``). Reads run without a transaction: one round trip each.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    Notification,
    NotSupportedError,
    StoredEvent,
)

from adapters.eventstore import answers, decision_tables, decision_tables_again, storing
from adapters.eventstore.clock import BOUND_S, Heard, StoreClock
from adapters.eventstore.failures import translated
from adapters.eventstore.stamps import PREPARE_LAST, TIME
from adapters.eventstore.tables import ACTOR, ASKED, EVENTS
from adapters.eventstore.whose import BEGUN_FOR, BROUGHT, CONFLICTS
from domain.askers import Asker
from domain.decision_tables import Change, KnownRules, Pair
from domain.ports import Answer, Basis, CommandRecord, EventCodec
from postgres.pool import Pool

COLUMNS = "originator_id::text, originator_version, topic, state"
# Queries that every command runs are prepared once per connection: planning would cost more than execution.
PREPARE = f"""PREPARE events_of (uuid[]) AS SELECT {COLUMNS} FROM {EVENTS} WHERE originator_id = ANY($1)
ORDER BY originator_id, originator_version;
PREPARE positions_of (uuid[]) AS SELECT originator_id::text, id FROM {EVENTS}
WHERE originator_id = ANY($1) AND originator_version = 1;
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
        with translated(), self._pool.begun_by_first() as cursor:
            positions, last = storing.inserted(cursor, stored_events, basis)
            sent = self._clock.steady()
            looked_up = storing.looked_up(cursor, stored_events, positions, changes)
            clock = storing.recorded(cursor, positions, commands, looked_up, keys)
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
            with translated(), self._pool.transaction() as cursor:
                goes_on = decision_tables_again.caught_up(cursor, codec)

    def events_of(self, aggregate_ids: Sequence[UUID]) -> list[StoredEvent]:
        """See ``domain.ports.CommandLog``."""
        found = self._read("EXECUTE events_of (%s::uuid[])", ([str(i) for i in aggregate_ids],))
        return [StoredEvent(UUID(i), version, topic, bytes(state)) for i, version, topic, state in found]

    def positions_of(self, aggregate_ids: Collection[UUID]) -> dict[UUID, int]:
        """See ``domain.ports.CommandLog``."""
        found = self._read("EXECUTE positions_of (%s::uuid[])", ([str(one) for one in aggregate_ids],))
        return {UUID(one): position for one, position in found}

    def has_asked(self, actor: str) -> bool:
        """See ``domain.ports.CommandLog``."""
        sql = f"SELECT EXISTS (SELECT FROM {EVENTS} WHERE topic IN ({ASKED}) AND {ACTOR} = convert_to(%s, 'UTF8'))"
        return self._read(sql, (actor,)) == [(True,)]

    def begun_for(self, identity: UUID, after: int = 0) -> list[UUID]:
        """See ``domain.ports.CommandLog``."""
        return [UUID(one) for (one,) in self._read(BEGUN_FOR, (str(identity), after) * 2)]

    def brought_to(
        self, identity: UUID, aggregates: Sequence[UUID], types: Sequence[str], after: int
    ) -> list[tuple[UUID, str]]:
        """See ``domain.ports.CommandLog``."""
        values = ([str(one) for one in aggregates], list(types), after, str(identity), after)
        return [(UUID(one), topic) for one, topic in self._read(BROUGHT, values)]

    def conflicts(self, identities: Collection[str], studies: Collection[str]) -> list[tuple[int, bytes]]:
        """See ``domain.ports.CommandLog``."""
        found = self._read(CONFLICTS, (list(identities), list(studies)))
        return [(version, bytes(state)) for version, state in found]

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
        with translated():
            return self._pool.read(sql, values)
