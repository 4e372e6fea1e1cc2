"""The access history view: how were requests for a record decided, who read what, what was stated on sharing?

An access has one row, written from its own events, and so has each viewing: a question that was answered or refused, or
a list that was shown. A statement has one row under its identity. ``queries.py`` reads.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from projections.engine.projection import NO_RULES, RowKey, Rows, Seed, Tables, UnknownEvent
from schemas.event import LedgerEvent

if TYPE_CHECKING:
    from sqlalchemy import MetaData

Row = dict[str, Any]
SAID_NOTHING = {"consent.opened"}
VIEWINGS = ("access.viewed", "access.view_refused", "access.listed")


def _access(event: LedgerEvent, decision: str, **columns: Any) -> Row:
    data = event.data
    copied = ("identity_id", "members", "rpps", "site", "actor", "rule", "purpose", "reason")
    return {
        **{name: data[name] for name in copied},
        "decision": decision,
        "ground": None,
        "statement_id": data.get("statement_id"),
        "stated_by": data.get("consenting_id") or data.get("opposing_id"),
        "exclusions": data.get("exclusions", []),
        "opened_at": data["recorded_at"],
        "expires_at": data.get("expires_at"),
        "closed_at": None,
        "note": None,
        **dict.fromkeys(("lapsed_at", "reviewed_at", "reviewed_by", "review_note")),
        "position": event.position,
        **columns,
    }


def _statement(event: LedgerEvent, kind: str) -> Row:
    data = event.data
    return {
        "kind": kind,
        "scope": data.get("scope", "consult"),
        "party": data.get("party"),
        "state": "in_force",
        "exclusions": data.get("exclusions", []),
        "since": data["recorded_at"],
        "expires_at": data.get("expires_at"),
        "ended_at": None,
        "reason": data.get("reason"),
        "end_reason": None,
        "actor": data["actor"],
        "access_id": None,
        "position": event.position,
    }


def _ended(event: LedgerEvent, state: str) -> Row:
    return {"state": state, "ended_at": event.data["recorded_at"], "end_reason": event.data.get("reason")}


def _viewing(event: LedgerEvent, outcome: str) -> Row:
    data = event.data
    copied = ("actor", "role", "kind", "site", "purpose", "asked", "rule", "reason")
    optional = ("identity_id", "other_id", "caller_id", "ground", "access_id")
    return {
        **{name: data[name] for name in copied},
        **{name: data.get(name) for name in optional},
        "outcome": outcome,
        "members": data["identities" if outcome == "listed" else "members"],
        "unsealed": data.get("unsealed", False),
        "viewed_at": data["recorded_at"],
        "position": event.position,
    }


NEW: dict[str, Callable[[LedgerEvent], Row]] = {
    "access.granted": lambda event: _access(event, "granted", ground=event.data["ground"]),
    "access.denied": lambda event: _access(event, "denied"),
    "access.emergency_opened": lambda event: _access(event, "emergency", ground="emergency"),
    "access.viewed": lambda event: _viewing(event, "viewed"),
    "access.view_refused": lambda event: _viewing(event, "refused"),
    "access.listed": lambda event: _viewing(event, "listed"),
    "consent.granted": lambda event: _statement(event, "grant"),
    "consent.opposition_expressed": lambda event: _statement(event, "opposition"),
    "consent.code_issued": lambda event: _statement(event, "code"),
}
"""Events that make a row."""

CHANGED: dict[str, Callable[[LedgerEvent], Row]] = {
    "access.emergency_closed": lambda event: {"closed_at": event.data["recorded_at"], "note": event.data["note"]},
    "access.emergency_lapsed": lambda event: {"lapsed_at": event.data["recorded_at"]},
    "access.emergency_reviewed": lambda event: {
        "reviewed_at": event.data["recorded_at"],
        "reviewed_by": event.data["actor"],
        "review_note": event.data["note"],
    },
    "consent.expired": lambda event: _ended(event, "expired"),
    "consent.code_expired": lambda event: _ended(event, "expired"),
    "consent.revoked": lambda event: _ended(event, "revoked"),
    "consent.opposition_lifted": lambda event: _ended(event, "lifted"),
    "consent.code_used": lambda event: _ended(event, "used") | {"access_id": event.data["access_id"]},
}
"""Events that change the row of an earlier event of the same key."""

ACCESS = ("identity_id", "members", "rpps", "site", "actor", "rule", "purpose", "reason", "recorded_at", "expires_at")
ACCESS_OPTIONAL = ("statement_id", "consenting_id", "opposing_id", "exclusions")
VIEWING = ("actor", "role", "kind", "site", "purpose", "asked", "rule", "reason", "recorded_at")
VIEWING_OPTIONAL = ("identity_id", "other_id", "caller_id", "ground", "access_id", "unsealed")
STATEMENT = ("identity_id", "statement_id", "code_id", "recorded_at", "reason")
STATED = (*STATEMENT, "scope", "party", "exclusions", "expires_at", "actor")
READS: Mapping[str, Collection[str]] = {
    "access.granted": (*ACCESS, *ACCESS_OPTIONAL, "ground"),
    **dict.fromkeys(("access.denied", "access.emergency_opened"), (*ACCESS, *ACCESS_OPTIONAL)),
    **dict.fromkeys(("access.viewed", "access.view_refused"), (*VIEWING, *VIEWING_OPTIONAL, "members")),
    "access.listed": (*VIEWING, *VIEWING_OPTIONAL, "identities"),
    "access.emergency_closed": ("recorded_at", "note"),
    "access.emergency_lapsed": ("recorded_at",),
    "access.emergency_reviewed": ("recorded_at", "actor", "note"),
    **dict.fromkeys(("consent.granted", "consent.opposition_expressed", "consent.code_issued"), STATED),
    **dict.fromkeys(("consent.expired", "consent.code_expired", "consent.revoked"), STATEMENT),
    "consent.opposition_lifted": STATEMENT,
    "consent.code_used": (*STATEMENT, "access_id"),
    **dict.fromkeys(SAID_NOTHING, ("statement_id", "code_id")),
}


def _tables() -> "MetaData":
    from projections.access_history.tables import TABLES

    return TABLES


class AccessHistory:
    """Folds accesses and consents into rows. A new rule or column needs a new version."""

    name = "access_history"
    version = 1
    topics: tuple[str, ...] = ("krypton.accesses", "krypton.consents")
    tables = Tables(_tables)
    rules = NO_RULES
    reads = READS

    def seeds(self) -> Iterable[Seed]:
        """None: this view uses no rules."""
        return ()

    def keys(self, event: LedgerEvent) -> Iterable[RowKey]:
        """The row of the access, the viewing or the statement."""
        if event.type in VIEWINGS:
            return (RowKey("viewing", (event.aggregate_id,)),)
        if event.type.startswith("access."):
            return (RowKey("access", (event.aggregate_id,)),)
        statement = event.data.get("statement_id") or event.data.get("code_id")
        return (RowKey("consent_statement", (event.data["identity_id"], statement)),) if statement else ()

    def apply(self, event: LedgerEvent, rows: Rows) -> None:
        """Raises UnknownEvent: the processor parks the event and never skips it."""
        if event.type in SAID_NOTHING:
            return
        if made := NEW.get(event.type):
            (key,) = self.keys(event)
            rows.put(key, made(event))
        elif changed := CHANGED.get(event.type):
            (key,) = self.keys(event)
            rows.change(key, **changed(event))
        else:
            raise UnknownEvent(f"access_history knows no event {event.type}: upgrade it, then replay the event")
