"""Who is one person, as the identity index keeps it: rows from ``link.*`` events."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.commands.links import Bar, Merge, Unbar, Unmerge
from domain.membership import Membership
from projections.engine.projection import RowKey
from projections.identity_index.tables import TABLES
from projections.identity_index.view import IdentityIndex
from schemas.event import LedgerEvent
from tests.fakes.region import rules_in_force
from tests.fakes.rows import MemoryRows
from tests.fakes.views import Hospitals, folded, link_event, of_topics, pair

IDS = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(7)]
REGISTERED = dict(zip(IDS, (5, 3, 9, 1, 8, 2, 7), strict=True))
FIRST = 100  # ledger position of the first statement
VERBS = ("merged", "merged by rule", "unmerged", "barred", "unbarred", "proposed", "dismissed")

statements = st.lists(
    st.tuples(st.sets(st.sampled_from(IDS), min_size=2, max_size=2), st.sampled_from(VERBS)), max_size=25
)


def said(history: list[tuple[set[str], str]]) -> list[LedgerEvent]:
    return [
        link_event(FIRST + n, {side: REGISTERED[side] for side in sides}, *verb.split(" by "))
        for n, (sides, verb) in enumerate(history)
    ]


def person_at(rows: MemoryRows, identity: str, position: int) -> str:
    """As the queries ask it: the membership that holds at a position, else a person of its own."""
    held = [
        row["person_id"]
        for (member, since), row in rows.table("membership").items()
        if member == identity and since <= position and (row["to_position"] is None or row["to_position"] > position)
    ]
    assert len(held) <= 1, "in exactly one person at any position"
    return str(held[0]) if held else identity


def expected(membership: Membership, identity: str) -> str:
    return min(membership.person_of(identity), key=lambda member: (REGISTERED[member], member))


@given(statements)
def test_persons_equal_the_domain_s_at_every_position(history: list[tuple[set[str], str]]) -> None:
    """Whatever is said, in whatever order, now and at every position before."""
    events = said(history)
    rows = folded(IdentityIndex(), events)
    membership = Membership()
    for event in events:
        membership.apply(event.type, event.position, event.data)
        assert {i: person_at(rows, i, event.position) for i in IDS} == {i: expected(membership, i) for i in IDS}


@given(statements)
def test_no_row_is_orphaned(history: list[tuple[set[str], str]]) -> None:
    """Identity case 7: each node's cluster is there and holds it; no cluster is left without its nodes."""
    rows = folded(IdentityIndex(), said(history))
    nodes, clusters = rows.table("node"), rows.table("cluster")
    by_cluster: dict[str, set[str]] = {}
    for (identity,), node in nodes.items():
        by_cluster.setdefault(node["cluster_id"], set()).add(identity)
    assert {cluster: set(row["members"]) for (cluster,), row in clusters.items()} == by_cluster


@given(statements)
def test_nodes_agree_with_the_open_memberships(history: list[tuple[set[str], str]]) -> None:
    """The two ways to ask who somebody is now cannot differ."""
    events = said(history)
    rows = folded(IdentityIndex(), events)
    now = FIRST + len(events)
    assert all(node["person_id"] == person_at(rows, i, now) for (i,), node in rows.table("node").items())


@given(statements)
def test_a_link_is_flagged_held_back_while_a_bar_keeps_its_sides_apart(history: list[tuple[set[str], str]]) -> None:
    """And at no other time."""
    events = said(history)
    rows = folded(IdentityIndex(), events)
    now = FIRST + len(events)
    links = rows.table("link").items()
    held_back = {link for link, row in links if row.get("held_back")}
    assert held_back == {
        (low, high)
        for (low, high), row in links
        if row["state"] in ("merged", "proposed", "dismissed")
        and _last_held(events, low, high) == "merged"
        and person_at(rows, low, now) != person_at(rows, high, now)
    }


def _last_held(events: list[LedgerEvent], low: str, high: str) -> str | None:
    """What the last event that changes membership said of the pair."""
    words = [
        e.type.removeprefix("link.")
        for e in events
        if (e.data["low"], e.data["high"]) == (low, high) and not e.type.endswith(("proposed", "dismissed"))
    ]
    return words[-1] if words else None


def rows_of(region: Hospitals) -> MemoryRows:
    return folded(IdentityIndex(), of_topics(IdentityIndex(), region.history()))


def merged_region(*pairs: tuple[int, int]) -> tuple[Hospitals, list[str]]:
    region = Hospitals()
    people = [region.register("CHA", str(n)) for n in range(4)]
    for one, other in pairs:
        region.ask(Merge(**pair(people[one], people[other]), reason="same person"))
    return region, people


def persons(region: Hospitals, people: list[str]) -> list[set[int]]:
    """The persons now, as sets of indices, earliest first."""
    rows = rows_of(region)
    found: dict[str, set[int]] = {}
    for n, identity in enumerate(people):
        found.setdefault(person_at(rows, identity, 1_000_000), set()).add(n)
    return [found[person] for person in sorted(found, key=people.index)]


def test_three_chained_merges_are_reversed_in_any_order() -> None:
    """Identity case 15: each reversal touches only its own merge."""
    merges = [(0, 1), (1, 2), (2, 3)]
    for order in itertools.permutations(range(3)):
        region, people = merged_region(*merges)
        left = set(merges)
        for n in order:
            region.ask(Unmerge(**pair(*(people[side] for side in merges[n])), reason="an error"))
            left.discard(merges[n])
            assert persons(region, people) == joined(left)


def joined(edges: Iterable[tuple[int, int]]) -> list[set[int]]:
    """Components over 0..3, by brute force."""
    groups = [{n} for n in range(4)]
    for one, other in edges:
        together = [g for g in groups if g & {one, other}]
        groups = [g for g in groups if g not in together] + [set().union(*together)]
    return sorted(groups, key=min)


def test_an_untouched_person_keeps_its_rows() -> None:
    """Identity case 23: a merge of two others rewrites neither its membership, node nor cluster."""
    region, people = merged_region((0, 1))
    view = IdentityIndex()
    rows = rows_of(region)
    seen = len(region.history())
    before = {name: rows.table(name) for name in ("membership", "node", "cluster")}
    region.ask(Merge(**pair(people[2], people[3]), reason="same person"))
    for event in of_topics(view, region.history()[seen:]):
        view.apply(event, rows)
    assert before == {name: {key: rows.table(name)[key] for key in before[name]} for name in before}


class Looked(MemoryRows):
    """Notes which rows were looked at."""

    def __init__(self) -> None:
        super().__init__(TABLES)
        self.at: set[RowKey] = set()

    def get(self, key: RowKey) -> Mapping[str, Any] | None:
        self.at.add(key)
        return super().get(key)

    def change(self, key: RowKey, **values: Any) -> None:
        self.at.add(key)  # a row is read before it is changed
        super().change(key, **values)


def test_a_batch_reads_all_that_its_merges_look_at_together() -> None:
    """The pair and its nodes, and then the clusters that these name: no statement reads a row by itself."""
    region, people = merged_region((0, 1), (2, 3), (1, 2))
    region.ask(Unmerge(**pair(people[1], people[2]), reason="an error"))
    view, rows = IdentityIndex(), Looked()
    for event in (event for event in region.history() if event.type.startswith("link.")):
        read = {*view.keys(event)}
        read |= {*view.named(event, rows)}
        rows.at.clear()
        view.apply(event, rows)
        assert rows.at <= read, event.type


def test_unbarring_lets_a_held_back_merge_count() -> None:
    """0-1 barred; 0-2 and then 1-2 merged: the second waits, and counts once the bar is lifted."""
    events = said([({IDS[0], IDS[1]}, "barred"), ({IDS[0], IDS[2]}, "merged"), ({IDS[1], IDS[2]}, "merged")])
    view, rows = IdentityIndex(), folded(IdentityIndex(), events)
    waiting = rows.table("link")[(IDS[1], IDS[2])]["held_back"]
    view.apply(link_event(FIRST + 3, {side: REGISTERED[side] for side in IDS[:2]}, "unbarred"), rows)
    assert (waiting, rows.table("link")[(IDS[1], IDS[2])]["held_back"]) == (True, False)
    assert {person_at(rows, i, FIRST + 3) for i in IDS[:3]} == {IDS[1]}


def test_a_rules_merge_is_flagged_held_back_once_a_humans_stands_against_it() -> None:
    """0-2 merged by a rule, 0-1 barred, 1-2 merged by a human: the newer one holds, until it is taken back."""
    low, high = {IDS[0], IDS[2]}, {IDS[1], IDS[2]}
    events = said([(low, "merged by rule"), ({IDS[0], IDS[1]}, "barred"), (high, "merged")])
    view, rows = IdentityIndex(), folded(IdentityIndex(), events)
    held_back = {link: row["held_back"] for link, row in rows.table("link").items() if row["state"] == "merged"}
    assert held_back == {(IDS[0], IDS[2]): True, (IDS[1], IDS[2]): False}
    assert [person_at(rows, one, FIRST + 1) for one in IDS[:3]] == [IDS[0], IDS[1], IDS[0]]
    assert [person_at(rows, one, FIRST + 2) for one in IDS[:3]] == [IDS[0], IDS[1], IDS[1]]
    view.apply(link_event(FIRST + 3, {side: REGISTERED[side] for side in high}, "unmerged"), rows)
    assert rows.table("link")[(IDS[0], IDS[2])]["held_back"] is False
    assert person_at(rows, IDS[2], FIRST + 3) == IDS[0]


def test_topics_may_arrive_in_any_order_relative_to_each_other() -> None:
    """Links before the identities they are about, or after: the rows are the same."""
    region, people = merged_region((0, 1), (1, 2))
    region.ask(Bar(**pair(people[0], people[3]), reason="twins"))
    region.ask(Unbar(**pair(people[0], people[3]), reason="no twins"))
    events = of_topics(IdentityIndex(), region.history())
    identities = [e for e in events if e.type.startswith("identity.")]
    links = [e for e in events if e.type.startswith("link.")]
    tables = [folded(IdentityIndex(), order).tables() for order in (events, links + identities, identities + links)]
    assert tables[0] == tables[1] == tables[2]


def test_a_statement_keeps_rule_version_score_and_fields_compared() -> None:
    """Identity cases 14, 18 and 28: "why were these merged?" is answered for every link past and present."""
    region, people = merged_region()
    rules_in_force(region, version=3)
    told = Merge(
        **pair(people[0], people[1]), reason="alike", rule="strict", rule_version=3, score=0.97, compared=["family"]
    )
    region.ask(told)
    row = max(rows_of(region).table("statement").items())[1]
    assert (row["rule"], row["rule_version"], row["score"], row["compared"]) == ("strict", 3, 0.97, ["family"])


def test_every_column_of_every_link_table_is_written() -> None:
    """A column that nothing writes is a promise nobody keeps."""
    region, _ = merged_region((0, 1))
    rows = rows_of(region)
    for name in ("link", "statement", "node", "cluster", "membership"):
        columns = {c.name for c in TABLES.tables[name].columns if not c.primary_key}
        written = set().union(*(row.keys() for row in rows.table(name).values()))
        assert written == columns, name
