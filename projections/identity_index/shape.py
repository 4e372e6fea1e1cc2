"""The shapes of the identity index view's tables.

Made from ``tables.py`` by ``python -m tools``; do not edit.
"""

from typing import Final

from projections.engine.shape import Shape, Shapes

SHAPES: Final[Shapes] = {
    "candidate_key": Shape(
        key=("key", "sketch", "identity_id"),
        columns={
            "key": "BIGINT",
            "sketch": "BIGINT",
            "identity_id": "UUID",
        },
    ),
    "cluster": Shape(
        key=("cluster_id",),
        columns={
            "cluster_id": "UUID",
            "members": "JSONB",
            "merged": "JSONB",
            "barred": "JSONB",
            "held_back": "JSONB",
        },
    ),
    "family_name": Shape(
        key=("identity_id", "spelling"),
        columns={
            "identity_id": "UUID",
            "spelling": "TEXT",
            "sound": "TEXT",
            "whole": "BOOLEAN",
        },
    ),
    "identity": Shape(
        key=("identity_id",),
        columns={
            "identity_id": "UUID",
            "assigner": "TEXT",
            "local_id": "TEXT",
            "ordinal": "INTEGER",
            "traits": "JSONB",
            "given_names": "JSONB",
            "sort_name": "TEXT",
            "status": "TEXT",
            "flags": "JSONB",
            "deferred": "JSONB",
            "source": "TEXT",
            "ins": "TEXT",
            "ins_oid": "TEXT",
            "erased": "BOOLEAN",
            "registered_position": "BIGINT",
            "last_position": "BIGINT",
            "replaced": "JSONB",
        },
    ),
    "identity_event": Shape(
        key=("position",),
        columns={
            "position": "BIGINT",
            "identity_id": "UUID",
            "type": "TEXT",
            "actor": "TEXT",
            "recorded_at": "BIGINT",
            "other_id": "UUID",
            "reason": "TEXT",
            "detail": "JSONB",
        },
    ),
    "link": Shape(
        key=("low", "high"),
        columns={
            "low": "UUID",
            "high": "UUID",
            "link_id": "UUID",
            "state": "TEXT",
            "held_back": "BOOLEAN",
            "position": "BIGINT",
            "postponed_until": "BIGINT",
            "assigned_to": "TEXT",
        },
    ),
    "match_model": Shape(
        key=("rule_version",),
        columns={
            "rule_version": "INTEGER",
            "digest": "TEXT",
            "body": "JSONB",
        },
    ),
    "membership": Shape(
        key=("identity_id", "from_position"),
        columns={
            "identity_id": "UUID",
            "from_position": "BIGINT",
            "person_id": "UUID",
            "to_position": "BIGINT",
        },
    ),
    "node": Shape(
        key=("identity_id",),
        columns={
            "identity_id": "UUID",
            "cluster_id": "UUID",
            "person_id": "UUID",
            "registered_position": "BIGINT",
        },
    ),
    "statement": Shape(
        key=("position",),
        columns={
            "position": "BIGINT",
            "link_id": "UUID",
            "type": "TEXT",
            "low": "UUID",
            "high": "UUID",
            "actor": "TEXT",
            "recorded_at": "BIGINT",
            "reason": "TEXT",
            "rule": "TEXT",
            "rule_version": "INTEGER",
            "score": "FLOAT(53)",
            "compared": "JSONB",
            "differing": "JSONB",
        },
    ),
}
