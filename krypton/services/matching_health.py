"""Says whether newcomers are matched with nobody, because the rules in force hold no model."""

from collections.abc import Iterator
from typing import Final

from psycopg2.extensions import connection as Connection

from domain.rules.document import MATCHING, RuleId
from krypton.views.looking import Problem
from projections.engine.query import fetch
from projections.versions import catalog

VIEW: Final = "identity_index"
MADE: Final = "SELECT to_regclass(%(table)s) IS NOT NULL AS made"
HELD: Final = "SELECT count(*) AS models FROM {table}"
WHAT_TO_DO: Final = 'see "Matching rules of equal fields" in docs/upgrade.md'


def problems_of(connection: Connection) -> Iterator[Problem]:
    """Nothing where no matching rules were ever chosen: then nobody expects anything."""
    version = catalog.live_version(connection, VIEW)
    rules = version and (catalog.rules_of(connection, VIEW, version) or {}).get(MATCHING)
    if rules and not _has_model(connection, f"{VIEW}_v{version}.match_model"):
        said = f"nobody who registers is matched: {RuleId(MATCHING, rules)} holds no model"
        yield Problem("matching", f"{said}; {WHAT_TO_DO}")


def _has_model(connection: Connection, table: str) -> bool:
    """A version that a program of before made may have no such table."""
    if not fetch(connection, MADE, table=table)[0]["made"]:
        return False
    return bool(fetch(connection, HELD.format(table=table))[0]["models"])
