"""Queries of the access history view; they read the stable schema ``access_history`` and return JSON-ready values.

``members``: all identity ids of the person. ``erased``: identities whose key is destroyed; text sealed under it is
shown as ``[erased]`` at once, whatever the rows still hold. Times are ISO 8601 UTC.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, TypedDict, Unpack

from psycopg2.extensions import connection as Connection

from domain.times import iso, micros
from projections.engine.query import fetch, fetch_by_index
from schemas.event import ERASED

Document = dict[str, Any]
NOBODY: frozenset[str] = frozenset()
SEALED = ("reason", "note", "end_reason", "review_note")

ACCESSES = """
SELECT position, access_id AS access, identity_id AS identity, members, rpps, site, actor, decision, ground, rule,
       purpose, reason, statement_id AS statement, stated_by, exclusions, opened_at, expires_at, closed_at, note,
       lapsed_at, reviewed_at, reviewed_by, review_note
FROM access_history.access
WHERE members ?| %(members)s::text[]
  AND (%(by)s::text IS NULL OR rpps = %(by)s)
  AND (%(site)s::text IS NULL OR site = %(site)s)
  AND (%(since)s::bigint IS NULL OR opened_at >= %(since)s OR least(closed_at, expires_at) > %(since)s)
  AND (%(until)s::bigint IS NULL OR opened_at < %(until)s)
  AND (%(emergency)s::boolean IS NULL OR (purpose = 'BTG') = %(emergency)s)
ORDER BY position
"""

VIEWINGS = """
SELECT position, viewing_id AS viewing, identity_id AS identity, other_id AS other, members, actor, role, outcome,
       outcome AS decision, kind, ground, access_id AS access, site, purpose, asked, unsealed, rule, reason, viewed_at
FROM access_history.viewing
WHERE members ?| %(members)s::text[]
  AND (%(by)s::text IS NULL OR actor = %(by)s OR actor = 'rpps:' || %(by)s)
  AND (%(site)s::text IS NULL OR site = %(site)s)
  AND (%(emergency)s::boolean IS NULL OR (purpose = 'BTG') = %(emergency)s)
  AND (%(since)s::bigint IS NULL OR viewed_at >= %(since)s)
  AND (%(until)s::bigint IS NULL OR viewed_at < %(until)s)
ORDER BY position
"""

ASKED = """
SELECT identity_id::text AS identity FROM access_history.access WHERE members ?| %(members)s::text[]
UNION SELECT identity_id::text FROM access_history.viewing
WHERE members ?| %(members)s::text[] AND identity_id IS NOT NULL
UNION SELECT other_id::text FROM access_history.viewing
WHERE members ?| %(members)s::text[] AND other_id IS NOT NULL
"""

OPEN_TO = """
SELECT access_id::text AS access FROM access_history.access
WHERE rpps = %(rpps)s AND expires_at > %(now)s AND closed_at IS NULL AND members ?| %(members)s::text[]
"""

OPEN_BY = """
SELECT access_id::text AS access, identity_id::text AS identity FROM access_history.access
WHERE rpps = %(rpps)s AND expires_at > %(now)s AND closed_at IS NULL
"""

TO_REVIEW = """
SELECT position, access_id AS access, identity_id AS identity, rpps, site, reason, opened_at, lapsed_at, reviewed_at,
       reviewed_by, review_note
FROM access_history.access
WHERE lapsed_at IS NOT NULL AND (access_id = %(access)s::uuid OR %(access)s::uuid IS NULL AND reviewed_at IS NULL)
  AND (%(site)s::text IS NULL OR site = %(site)s)
ORDER BY lapsed_at, position LIMIT %(limit)s
"""

CONSENTS = """
SELECT position, identity_id AS identity, statement_id AS statement, kind, scope, party,
       CASE WHEN state = 'in_force' AND expires_at <= %(now)s THEN 'expired' ELSE state END AS state,
       exclusions, since, expires_at, ended_at, reason, end_reason, actor, access_id AS access
FROM access_history.consent_statement
WHERE identity_id = ANY(%(members)s::uuid[])
ORDER BY position
"""


class Limits(TypedDict, total=False):
    """Which questions are asked about; each that is not given, or None, limits nothing.

    ``by``: a caller's actor id, or an RPPS number; ``since`` inclusive, ``until`` exclusive; ``emergency``: only those
    that claimed one, or only others.
    """

    by: str | None
    site: str | None
    since: datetime | None
    until: datetime | None
    emergency: bool | None


def subjects(connection: Connection, members: Sequence[str]) -> set[str]:
    """The identities under whose keys the ``accesses`` to these members are sealed: those that were requested."""
    return {*members, *(row["identity"] for row in fetch(connection, ASKED, members=list(members)))}


def accesses(
    connection: Connection,
    members: Sequence[str],
    *,
    now: datetime | None = None,
    erased: Collection[str] = NOBODY,
    **limits: Unpack[Limits],
) -> list[Document]:
    """Every professional's request for the record of any of these identities, in ledger order, denied ones included.

    An access counts for each identity that belonged to the person when it was decided. Between ``since`` and ``until``
    is what was opened in that time, or before and was open still.
    ``open`` tells whether the access goes on at ``now`` (default: this moment).
    """
    at = _micros(now or datetime.now(UTC))
    return [_access(row, at, erased) for row in fetch(connection, ACCESSES, **_values(members, limits))]


def viewings(
    connection: Connection,
    members: Sequence[str],
    *,
    erased: Collection[str] = NOBODY,
    **limits: Unpack[Limits],
) -> list[Document]:
    """Every question about any of these identities that was answered or refused, and every list that showed one of
    them, in ledger order; limited as ``accesses``.

    ``since`` and ``until``: when it was asked. ``by``: the caller's whole actor id, or an RPPS number. ``members``: of
    a list only those that are asked about here, for who else was on it is nobody's business.
    """
    rows = fetch(connection, VIEWINGS, **_values(members, limits))
    return [_shown(_viewing(row, members), erased, ("viewed_at",)) for row in rows]


def open_to(connection: Connection, rpps: str, members: Sequence[str], now: int) -> list[str]:
    """A professional's accesses to any of these identities that are open at ``now`` (µs), by id."""
    return [row["access"] for row in fetch_by_index(connection, OPEN_TO, rpps=rpps, members=list(members), now=now)]


def open_by(connection: Connection, rpps: str, now: int) -> dict[str, str]:
    """A professional's accesses that are open at ``now`` (µs): id to the identity that was asked for."""
    return {row["access"]: row["identity"] for row in fetch(connection, OPEN_BY, rpps=rpps, now=now)}


def to_review(
    connection: Connection,
    *,
    site: str | None = None,
    limit: int,
    access: str | None = None,
    erased: Collection[str] = NOBODY,
) -> list[Document]:
    """Emergency accesses that were left open and that nobody has reviewed, the oldest first. ``access``: that one
    alone, reviewed or not.
    """
    rows = fetch(connection, TO_REVIEW, site=site, limit=limit, access=access)
    return [_shown(row, erased, ("opened_at", "lapsed_at", "reviewed_at")) for row in rows]


def consents(
    connection: Connection, members: Sequence[str], *, now: datetime | None = None, erased: Collection[str] = NOBODY
) -> list[Document]:
    """Every statement on behalf of any of these identities, in ledger order.

    ``state``: in_force, expired (at ``now``, default this moment), revoked, lifted or used.
    """
    rows = fetch(connection, CONSENTS, members=list(members), now=_micros(now or datetime.now(UTC)))
    return [_shown(row, erased, ("since", "expires_at", "ended_at")) for row in rows]


def standing(statements: Sequence[Document]) -> dict[str, str]:
    """Summarises the statements as French DMP messages do (HL7v2 ZFA): each question has its own states.

    ``feeding``: opposed or not_opposed (IO, INO). ``consultation``: opposed (INC), consented (to someone, IC) or
    not_collected, which is neither yes nor no.
    """
    held = [s for s in statements if s["state"] == "in_force"]
    opposed = {s["scope"] for s in held if s["kind"] == "opposition"}
    consented = any(s["kind"] == "grant" for s in held)
    return {
        "feeding": "opposed" if "feed" in opposed else "not_opposed",
        "consultation": "opposed" if "consult" in opposed else "consented" if consented else "not_collected",
    }


def _values(members: Sequence[str], limits: Limits) -> Document:
    by = limits.get("by")
    return {
        "members": list(members),
        "by": by and by.removeprefix("rpps:"),
        "site": limits.get("site"),
        "since": _micros(limits.get("since")),
        "until": _micros(limits.get("until")),
        "emergency": limits.get("emergency"),
    }


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else micros(moment)


def _access(row: Document, at: int | None, erased: Collection[str]) -> Document:
    ends = row["closed_at"] or row["expires_at"]
    row["open"] = ends is not None and at is not None and at < ends
    return _shown(row, erased, ("opened_at", "expires_at", "closed_at", "lapsed_at", "reviewed_at"))


def _viewing(row: Document, members: Sequence[str]) -> Document:
    if row["outcome"] == "listed":
        row["members"] = [member for member in row["members"] if member in members]
    return row


def _shown(row: Document, erased: Collection[str], times: Sequence[str]) -> Document:
    row.update({name: iso(row[name]) for name in times})
    if row["identity"] in erased or row.get("other") in erased:
        row.update({name: ERASED for name in SEALED if row.get(name) is not None})
    return row
