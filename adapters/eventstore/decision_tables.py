"""Keeps what decisions look up by key in tables beside the events: pairs of identities, AE titles, and rules.

A transaction that stores events changes the tables too (``domain.decision_tables``), and notes how far they go. A read
compares that with the last event in the same statement: where a program that knows of no such tables stored events,
what they say is applied first (``decision_tables_again``).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from adapters.eventstore.tables import EVENTS, FOLDED
from domain.decision_tables import Change, KnownRules, Pair, PairStated, RulesPromoted, RulesPublished, TitleGiven
from domain.errors import TablesBehind

LEDGER: Final = "ledger"
LAST: Final = f"(SELECT coalesce(max(id), 0) FROM {EVENTS} WHERE topic IN ({FOLDED}))"
UPTO: Final = f"(SELECT CASE WHEN upto = {LAST} THEN upto END FROM ledger.decision_tables)"
"""How far the tables go; NULL where that is not as far as the log."""
PREPARE: Final = f"""
SET enable_bitmapscan = off; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off;
PREPARE pairs_around (uuid[]) AS
WITH RECURSIVE person (member) AS (
    SELECT unnest($1) UNION SELECT near.member FROM person, LATERAL (
        SELECT high AS member FROM ledger.pair WHERE low = person.member AND held = 'merged'
        UNION ALL SELECT low FROM ledger.pair WHERE high = person.member AND held = 'merged'
    ) AS near
)
SELECT pair.low::text, pair.high::text, pair.held, pair.position, pair.rule FROM person, LATERAL (
    SELECT low, high, held, position, rule FROM ledger.pair WHERE low = person.member
    UNION ALL SELECT low, high, held, position, rule FROM ledger.pair WHERE high = person.member AND held <> 'merged'
) AS pair
UNION ALL SELECT NULL, NULL, NULL, {UPTO}, NULL;
PREPARE known_rules AS SELECT kind, version, published, promoted FROM ledger.rules
UNION ALL SELECT NULL, NULL, {UPTO}, NULL"""
"""Planned once per connection. Each look is for a row or two, where a bitmap costs more than the look. A plan that was
made while a table was small would read all of it for as long as nobody has counted its rows again. Left to itself
PostgreSQL plans a look at one or two identities again each time, for it takes them for fewer than it foresees of any;
that is ten times the look.
"""
PAIRS_AROUND: Final = "EXECUTE pairs_around (%s::uuid[])"
KNOWN_RULES: Final = "EXECUTE known_rules"
SITE_OF: Final = "SELECT site FROM ledger.ae_title WHERE ae_title = %s"
SITES: Final = "SELECT ae_title, site FROM ledger.ae_title"

OPENED: Final = """DELETE FROM {0}.pair AS pair USING unnest(%s::uuid[], %s::uuid[]) AS opened (low, high)
WHERE pair.low = opened.low AND pair.high = opened.high"""
HELD: Final = """INSERT INTO {0}.pair (low, high, held, position, rule)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::bigint[], %s::text[])
ON CONFLICT (low, high) DO UPDATE
SET (held, position, rule) = (excluded.held, excluded.position, excluded.rule)"""
GIVEN: Final = "INSERT INTO {0}.ae_title AS known SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[])"
FIRST: Final = """ ON CONFLICT (ae_title) DO UPDATE SET (site, position) = (excluded.site, excluded.position)
WHERE excluded.position < known.position"""
PUBLISHED: Final = """INSERT INTO {0}.rules (kind, version, published) VALUES (%s, %s, %s)
ON CONFLICT (kind, version) DO UPDATE SET published = excluded.published"""
PROMOTED: Final = "UPDATE {0}.rules SET promoted = %s WHERE kind = %s AND version = %s"
GONE_ON: Final = f"""UPDATE ledger.decision_tables SET upto = %s WHERE upto = (
    SELECT coalesce(max(id), 0) FROM {EVENTS} WHERE topic IN ({FOLDED}) AND id < %s
)"""
"""Tables that were left behind stay so, until they have caught up."""


class Statement(NamedTuple):
    """SQL, and its values."""

    sql: str
    values: Sequence[Any]


def statements(changes: Iterable[tuple[int, Change]], schema: str = LEDGER, *, told: bool = False) -> list[Statement]:
    """What applies changes, each with the position of its event, in ledger order, to the tables of a schema.

    ``told``: the log tells them, and they may be applied already. Else an AE title that is taken is an error of the
    database: who gave it is asked again.
    """
    pairs: dict[tuple[str, str], tuple[str, int, str]] = {}
    titles: dict[str, tuple[str, int]] = {}
    rules: list[Statement] = []
    for position, change in changes:
        match change:
            case PairStated(low, high, held, rule):
                pairs[low, high] = held, position, rule
            case TitleGiven(ae_title, site):
                titles.setdefault(ae_title, (site, position))
            case RulesPublished(kind, version):
                rules.append(Statement(PUBLISHED, (kind, version, position)))
            case RulesPromoted(kind, version):
                rules.append(Statement(PROMOTED, (position, kind, version)))
    opened = [pair for pair, said in pairs.items() if said[0] == "open"]
    kept = [(*pair, *said) for pair, said in pairs.items() if said[0] != "open"]
    given = [(title, *said) for title, said in titles.items()]
    asked = ((OPENED, opened), (HELD, kept), (GIVEN + FIRST * told, given))
    several = [Statement(sql, _columns(rows)) for sql, rows in asked if rows]
    return [Statement(sql.format(schema), values) for sql, values in several + rules]


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def pairs_of(rows: Iterable[tuple[Any, ...]]) -> tuple[int, list[Pair]]:
    """What ``PAIRS_AROUND`` found. Raises TablesBehind, also where a program of before did not note by whom."""
    upto, found = None, []
    for row in rows:
        if row[2] is None:
            upto = row[3]
        else:
            found.append(Pair(*row))
    at = _reached(upto)
    if any(pair.rule is None for pair in found):
        raise TablesBehind
    return at, found


def rules_of(rows: Iterable[tuple[Any, ...]]) -> tuple[int, list[KnownRules]]:
    """What ``KNOWN_RULES`` found. Raises TablesBehind."""
    upto, found = None, []
    for row in rows:
        if row[0] is None:
            upto = row[2]
        else:
            found.append(KnownRules(*row))
    return _reached(upto), found


def _reached(upto: int | None) -> int:
    if upto is None:
        raise TablesBehind
    return upto
