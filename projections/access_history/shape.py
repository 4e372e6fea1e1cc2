"""The shapes of the access history view's tables.

Made from ``tables.py`` by ``python -m tools``; do not edit.
"""

from typing import Final

from projections.engine.shape import Shape, Shapes

SHAPES: Final[Shapes] = {
    "access": Shape(
        key=("access_id",),
        columns={
            "access_id": "UUID",
            "identity_id": "UUID",
            "members": "JSONB",
            "rpps": "TEXT",
            "site": "TEXT",
            "actor": "TEXT",
            "decision": "TEXT",
            "ground": "TEXT",
            "rule": "TEXT",
            "purpose": "TEXT",
            "reason": "TEXT",
            "statement_id": "UUID",
            "stated_by": "UUID",
            "exclusions": "JSONB",
            "opened_at": "BIGINT",
            "expires_at": "BIGINT",
            "closed_at": "BIGINT",
            "note": "TEXT",
            "lapsed_at": "BIGINT",
            "reviewed_at": "BIGINT",
            "reviewed_by": "TEXT",
            "review_note": "TEXT",
            "position": "BIGINT",
        },
    ),
    "consent_statement": Shape(
        key=("identity_id", "statement_id"),
        columns={
            "identity_id": "UUID",
            "statement_id": "UUID",
            "kind": "TEXT",
            "scope": "TEXT",
            "party": "TEXT",
            "state": "TEXT",
            "exclusions": "JSONB",
            "since": "BIGINT",
            "expires_at": "BIGINT",
            "ended_at": "BIGINT",
            "reason": "TEXT",
            "end_reason": "TEXT",
            "actor": "TEXT",
            "access_id": "UUID",
            "position": "BIGINT",
        },
    ),
    "viewing": Shape(
        key=("viewing_id",),
        columns={
            "viewing_id": "UUID",
            "outcome": "TEXT",
            "identity_id": "UUID",
            "other_id": "UUID",
            "caller_id": "UUID",
            "members": "JSONB",
            "actor": "TEXT",
            "role": "TEXT",
            "kind": "TEXT",
            "ground": "TEXT",
            "access_id": "UUID",
            "site": "TEXT",
            "purpose": "TEXT",
            "asked": "JSONB",
            "unsealed": "BOOLEAN",
            "rule": "TEXT",
            "reason": "TEXT",
            "viewed_at": "BIGINT",
            "position": "BIGINT",
        },
    ),
}
