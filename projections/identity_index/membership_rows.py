"""Writes who is one person: applies ``domain.membership`` to rows, and writes only what a statement changed.

A cluster's row holds everything needed to compute its persons: members, merges, bars. An identity that no statement
mentions has no row here and is a person of its own. A person that a statement does not change keeps its id and its
rows.
"""

from dataclasses import dataclass, field
from typing import Any

from domain.membership import Cluster, Merging, statement
from projections.engine.projection import RowKey, Rows
from schemas.event import LedgerEvent

Pair = tuple[str, str]


@dataclass(slots=True)
class Before:
    """The memberships before a statement."""

    cluster: dict[str, str] = field(default_factory=dict)
    person: dict[str, tuple[str, int | None]] = field(default_factory=dict)  # with the position it holds since
    held_back: set[Pair] = field(default_factory=set)


def state(event: LedgerEvent, rows: Rows) -> None:
    """Fold one statement about a pair in: link flags, clusters, nodes and memberships that change by it."""
    said = statement(event.type, event.data)
    assert said is not None  # the caller asks only for events that change membership
    whole: Cluster[str] = Cluster(said.registered)
    before = Before()
    for member in said.pair:
        node = rows.get(RowKey("node", (member,)))
        if node is not None and member not in before.cluster:
            _take_in(node["cluster_id"], whole, before, rows)
    whole.state(said.pair, said.held, event.position, said.rule)
    left = set(before.cluster.values())
    held_back: set[Pair] = set()
    for part in whole.split():
        cluster_id = part.earliest(part.members)
        left.discard(cluster_id)
        held_back.update(_write(cluster_id, part, before, event.position, rows))
    for gone in left:
        rows.delete(RowKey("cluster", (gone,)))
    _flag_links(said.pair, before.held_back, held_back, rows)


def _take_in(cluster_id: str, whole: Cluster[str], before: Before, rows: Rows) -> None:
    """Add a stored cluster to the one being worked on, and note how its members stood."""
    row = rows.get(RowKey("cluster", (cluster_id,)))
    assert row is not None  # a node's cluster is written with it
    for member, (registered, person, since) in row["members"].items():
        whole.members[member] = registered
        before.cluster[member] = cluster_id
        before.person[member] = (person, since)
    for low, high, position, by_rule in row["merged"]:
        whole.merged[low, high] = Merging(by_rule, position)
    whole.barred.update((low, high) for low, high in row["barred"])
    before.held_back.update((low, high) for low, high in row["held_back"])


def _write(cluster_id: str, part: Cluster[str], before: Before, position: int, rows: Rows) -> list[Pair]:
    """Store one cluster, with the nodes and memberships of it that changed; returns the pairs held back."""
    persons, held_back = part.persons()
    members: dict[str, list[Any]] = {}
    for person in persons:
        person_id = part.earliest(person)
        for member in person:
            was, since = before.person.get(member, (member, None))
            if was != person_id:
                _join(member, person_id, (was, since), position, rows)
                since = position
            if was != person_id or before.cluster.get(member) != cluster_id:
                rows.put(
                    RowKey("node", (member,)),
                    {
                        "cluster_id": cluster_id,
                        "person_id": person_id,
                        "registered_position": part.members[member],
                    },
                )
            members[member] = [part.members[member], person_id, since]
    rows.put(
        RowKey("cluster", (cluster_id,)),
        {
            "members": members,
            "merged": _merges(part),
            "barred": [list(pair) for pair in sorted(part.barred)],
            "held_back": [list(pair) for pair in held_back],
        },
    )
    return held_back


def _merges(part: Cluster[str]) -> list[list[Any]]:
    """In the order in which they are taken."""
    taken = sorted(part.merged.items(), key=lambda merge: merge[1])
    return [[low, high, one.position, one.by_rule] for (low, high), one in taken]


def _join(member: str, person_id: str, before: tuple[str, int | None], position: int, rows: Rows) -> None:
    """From ``position`` on, the identity belongs to that person; its previous membership ends there."""
    was, since = before
    if since is not None:
        rows.put(RowKey("membership", (member, since)), {"person_id": was, "to_position": position})
    rows.put(RowKey("membership", (member, position)), {"person_id": person_id, "to_position": None})


def _flag_links(pair: Pair, before: set[Pair], now: set[Pair], rows: Rows) -> None:
    """Mark the links that a bar holds back since this statement, and unmark those released."""
    for other in (before ^ now) | {pair}:
        rows.change(RowKey("link", other), held_back=other in now)
