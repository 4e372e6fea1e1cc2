"""Compares what decisions look up with the log, makes it again from the log, and lets it catch up with the log.

The log's statements are applied page by page, by the same SQL as when they were stored: to temporary tables that are
compared with the real ones by a full join, or to the real ones. Memory stays bounded, whatever the region's size.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, NamedTuple

from psycopg2.extensions import cursor as Cursor

from adapters.eventstore import decision_tables
from adapters.eventstore.tables import BUILT_IN_RULES, EVENTS, LOCK_TIMEOUT_MS, ONE_WRITER
from domain.decision_tables import TYPES, Change, PairStated, changes
from domain.errors import LedgerAltered
from domain.ports import EventCodec
from postgres.session import connect

PAGE: Final = 20_000
ASIDE: Final = "pg_temp"
STATED: Final = f"""SELECT id, topic, originator_version, state FROM {EVENTS}
WHERE id > %s AND topic IN ({", ".join(f"'{event_type}'" for event_type in TYPES)}) ORDER BY id LIMIT %s"""
REACHED: Final = f"UPDATE ledger.decision_tables SET upto = {decision_tables.LAST}"
CREATED: Final = "CREATE TEMPORARY TABLE {0} (LIKE ledger.{0} INCLUDING ALL) ON COMMIT DROP"
BEHIND: Final = f"SELECT {decision_tables.UPTO} IS NULL OR EXISTS (SELECT FROM ledger.pair WHERE rule IS NULL)"
LEFT_OUT: Final = f"""SELECT pair.low::text, pair.high::text, pair.held, e.id, e.topic, e.originator_version, e.state
FROM (SELECT low, high, held, position FROM ledger.pair WHERE rule IS NULL ORDER BY low, high LIMIT %s) AS pair
LEFT JOIN {EVENTS} e ON e.id = pair.position"""
NOTED: Final = """UPDATE ledger.pair SET rule = told.rule
FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS told (low, high, rule)
WHERE pair.low = told.low AND pair.high = told.high"""
NOBODY: Final = "nobody"
"""In place of a rule, where no event says what a table does: ``audit verify`` names the pair."""


class Table(NamedTuple):
    """One table: what its rows are called, its key, and what it says of a key."""

    name: str
    what: str
    key: tuple[str, ...]
    said: tuple[str, ...]

    def differing(self) -> str:
        """SQL for all keys of which table and log say different things: key, the table's word, the log's."""
        key, ours, theirs = (self._of(*one) for one in (("", self.key), ("held", self.said), ("told", self.said)))
        return (
            f"SELECT {key}, {ours}, {theirs} FROM ledger.{self.name} AS held FULL JOIN pg_temp.{self.name} AS told "
            f"USING ({key}) WHERE ROW ({ours}) IS DISTINCT FROM ROW ({theirs})"
        )

    def corrections(self) -> tuple[str, str]:
        """SQL that removes and adds rows, so that the table says what the log does."""
        same = " AND ".join(f"told.{one} = held.{one}" for one in self.key)
        ours, theirs = self._of("held", self.said), self._of("told", self.said)
        return (
            f"DELETE FROM ledger.{self.name} AS held WHERE NOT EXISTS (SELECT FROM pg_temp.{self.name} AS told "
            f"WHERE {same} AND ROW ({ours}) IS NOT DISTINCT FROM ROW ({theirs}))",
            f"INSERT INTO ledger.{self.name} SELECT * FROM pg_temp.{self.name} AS told WHERE NOT EXISTS "
            f"(SELECT FROM ledger.{self.name} AS held WHERE {same})",
        )

    @staticmethod
    def _of(table: str, columns: tuple[str, ...]) -> str:
        return ", ".join(f"{table}.{column}" if table else column for column in columns)


TABLES: Final = (
    Table("pair", "pair", ("low", "high"), ("held", "position", "rule")),
    Table("ae_title", "AE title", ("ae_title",), ("site", "position")),
    Table("rules", "rules", ("kind", "version"), ("published", "promoted")),
)


class Differing(NamedTuple):
    """A key of which a table does not say what the log does. ``position``: of an event on it; ``detail``: ids alone."""

    position: int
    detail: str


def differences(database: str, codec: EventCodec, snapshot: str, most: int) -> list[Differing]:
    """Up to ``most`` keys that differ, as of another session's snapshot.

    Raises LedgerAltered: an event cannot be read.
    """
    with closing(connect(database, "decision tables")) as connection, connection.cursor() as cursor:
        connection.set_session(isolation_level="REPEATABLE READ")
        cursor.execute("SET TRANSACTION SNAPSHOT %s", (snapshot,))
        _fold(cursor, codec, _aside(cursor))
        found: list[Differing] = []
        for table in TABLES:
            cursor.execute(f"{table.differing()} LIMIT %s", (most - len(found),))
            found += [_differing(table, row) for row in cursor]
        return found


def rebuild(database: str, codec: EventCodec) -> int:
    """Make the tables say what the log does; returns how many rows were removed and added. Raises LedgerAltered.

    The log is read while others write; for its end, and for what is corrected, they wait.
    """
    with closing(connect(database, "decision tables")) as connection, connection, connection.cursor() as cursor:
        at = _fold(cursor, codec, _aside(cursor))
        cursor.execute(ONE_WRITER)
        _fold(cursor, codec, at)
        corrected = 0
        for correction in (sql for table in TABLES for sql in table.corrections()):
            cursor.execute(correction)
            corrected += cursor.rowcount
        cursor.execute(REACHED)
        return corrected


def catch_up(database: str, codec: EventCodec) -> bool:
    """Apply what the log says beyond the tables, as in a ledger that had none; returns whether there was any."""
    with closing(connect(database, "decision tables")) as connection, connection.cursor() as cursor:
        with connection:
            cursor.execute(BEHIND)
            ((behind,),) = cursor.fetchall()
        goes_on = behind
        while goes_on:
            with connection:
                goes_on = caught_up(cursor, codec)
    return bool(behind)


def caught_up(cursor: Cursor, codec: EventCodec) -> bool:
    """Apply the next page of the log beyond the tables, in a transaction; returns whether there may be more.

    Writers wait for a page. What one of them changed beyond the page already is applied again, in its turn. Where all
    is applied, a page of what a program of before left out is noted: by whom pairs are held.
    """
    cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; {ONE_WRITER}; SELECT upto FROM ledger.decision_tables")
    ((upto,),) = cursor.fetchall()
    if page := _page(cursor, upto):
        _apply(cursor, codec, page, decision_tables.LEDGER)
    if len(page) == PAGE:
        cursor.execute("UPDATE ledger.decision_tables SET upto = %s", (page[-1][0],))
        return True
    cursor.execute(REACHED)
    cursor.execute(LEFT_OUT, (PAGE,))
    found = [(low, high, _by_whom(codec, (low, high, held), event)) for low, high, held, *event in cursor.fetchall()]
    if found:
        cursor.execute(NOTED, [list(column) for column in zip(*found, strict=True)])
    return len(found) == PAGE


def _by_whom(codec: EventCodec, held: tuple[str, ...], event: list[Any]) -> str:
    """The rule that the event names by which a pair is held; nobody's, where that event does not say so."""
    if event[1] not in TYPES:
        return NOBODY
    said = next((change for _, change in _changes(codec, [tuple(event)])), None)
    return said.rule if isinstance(said, PairStated) and said[:3] == held else NOBODY


def _aside(cursor: Cursor) -> int:
    """Make empty temporary tables; returns the position to fold from."""
    for table in TABLES:
        cursor.execute(CREATED.format(table.name))
    cursor.execute(BUILT_IN_RULES.format(ASIDE))
    return 0


def _fold(cursor: Cursor, codec: EventCodec, at: int) -> int:
    """Apply the log from past a position to the temporary tables; returns the last position applied."""
    while page := _page(cursor, at):
        _apply(cursor, codec, page, ASIDE)
        at = page[-1][0]
    return at


def _apply(cursor: Cursor, codec: EventCodec, page: list[tuple[Any, ...]], schema: str) -> None:
    for statement in decision_tables.statements(_changes(codec, page), schema, told=True):
        cursor.execute(*statement)


def _page(cursor: Cursor, after: int) -> list[tuple[Any, ...]]:
    cursor.execute(STATED, (after, PAGE))
    return list(cursor.fetchall())


def _changes(codec: EventCodec, page: list[tuple[Any, ...]]) -> Iterator[tuple[int, Change]]:
    for position, event_type, version, state in page:
        try:
            _, data = codec.decode(bytes(state), version, unseal=False)
            changed = [*changes(event_type, data)]
        except (ValueError, LookupError) as damaged:  # its message may quote the event
            raise LedgerAltered(
                f"the event at position {position} cannot be read ({type(damaged).__name__}): krypton audit verify"
            ) from None
        yield from ((position, change) for change in changed)


def _differing(table: Table, row: tuple[Any, ...]) -> Differing:
    width = len(table.key)
    key, ours, theirs = row[:width], row[width : width + len(table.said)], row[width + len(table.said) :]
    position = max((one for one in (*ours, *theirs) if isinstance(one, int)), default=0)
    said = f"{table.what} {' '.join(map(str, key))}: looked up as {_words(ours)}, and the log says {_words(theirs)}"
    return Differing(position, said)


def _words(said: tuple[Any, ...]) -> str:
    """What is said of a key: state and position, or nothing."""
    return " ".join(map(str, said)) if any(one is not None for one in said) else "nothing"
