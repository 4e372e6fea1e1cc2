"""A region that is decided part by part is decided as it is at once: merges, what is taken back, and what is shown."""

import json
from array import array
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ins import key_of
from domain.matching.candidates import candidates
from domain.matching.keys import KINDS, keys, keys_of, parts
from domain.matching.record import Record
from domain.membership import BARRED, MERGED, Cluster
from domain.rules.document import build, read_document
from domain.rules.matching import MatchingRules
from domain.traits import TRAITS
from projections.identity_index import comparing, weighed, whole
from projections.identity_index import region as columns
from projections.identity_index.glances import LATER, WIDTH, Glances, glance
from projections.identity_index.region import Region
from projections.identity_index.weighed import Found, Held

TEST_OID, FIRST_LINK = "1.2.250.1.213.1.4.10", 1_000
RULES = Path(__file__).parents[2] / "rules" / "matching-2.json"
OPEN = ("proposed", "review_requested", "open")


def numbered(thirteen: str) -> str:
    return f"{thirteen}{key_of(thirteen):02}"


SOMEBODY = st.fixed_dictionaries(
    {
        "family": st.sampled_from(["FICTIVE", "FICTIEV", "MARTIN", "D'ESSAI", None]),
        "given": st.sampled_from(["Lea", "Marie", "Louise", "Louis", "Lea-Rose", None]),
        "birth_date": st.sampled_from(["1980-04-12", "1980-04-12", "1980-12-04", "1983-04-12", "1980-00-00", None]),
        "sex": st.sampled_from(["F", "F", "M", "I"]),
        "birth_place": st.sampled_from(["33063", "33063", "75056", None]),
        "used_name": st.sampled_from([None, None, "MARTIN"]),
        "first_names": st.sampled_from([None, "Lea Rose", "Marie Louise"]),
        "ins": st.sampled_from([None, None, numbered("2800433063012"), numbered("2800433063099")]),
        "replaced": st.booleans(),
    }
)
SAID = st.tuples(
    st.integers(0, 11),
    st.integers(0, 11),
    st.sampled_from([MERGED, MERGED, BARRED, *OPEN]),
    st.sampled_from(["human", "strict"]),
    st.sampled_from([None, "link.dismissed", "link.unmerged", "link.merged"]),
)


class Told(NamedTuple):
    """Identities in the order of their ids, and what was said of pairs."""

    people: list[dict[str, Any]]
    links: list[dict[str, Any]]

    @classmethod
    def of(cls, stated: Sequence[dict[str, Any]], said: Sequence[tuple[int, int, str, str, str | None]]) -> "Told":
        """``said``: of pairs by number, the last word on a pair counts."""
        ids = [str(uuid5(NAMESPACE_OID, str(number))) for number in range(len(stated))]
        people = [
            {**one, "id": id, "registered": number} for number, (id, one) in enumerate(zip(ids, stated, strict=True))
        ]
        links: dict[tuple[str, str], dict[str, Any]] = {}
        for position, (one, other, state, rule, word) in enumerate(said, FIRST_LINK):
            if one != other and max(one, other) < len(stated):
                low, high = sorted((ids[one], ids[other]))
                links.pop((low, high), None)
                links[low, high] = {
                    "low": low,
                    "high": high,
                    "state": state,
                    "position": position,
                    "rule": rule,
                    "rule_version": 1,
                    "word": word,
                }
        return cls(sorted(people, key=lambda one: str(one["id"])), list(links.values()))

    def among(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """As ``weighed.links``."""
        return [link for link in self.links if {link["low"], link["high"]} <= {*ids}]

    def region(self) -> Region:
        """As ``region.read`` finds it."""
        registered = {one["id"]: one["registered"] for one in self.people}
        region = Region()
        clusters = {member: cluster for cluster in self._clusters(registered) for member in cluster.members}
        for one in self.people:
            cluster = clusters.get(one["id"])
            person = cluster.person_id(one["id"]) if cluster else one["id"]
            region.add(
                UUID(one["id"]).bytes,
                UUID(person).bytes,
                UUID(cluster.earliest(cluster.members)).bytes if cluster else None,
                one["registered"],
                one["birth_date"],
                one["ins"],
                one["ins"] and TEST_OID,
                json.dumps([one["ins"], one["ins"] and TEST_OID, one["replaced"], *(one[name] for name in TRAITS)]),
            )
        return region

    def _clusters(self, registered: dict[str, int]) -> list[Cluster[str]]:
        stated = [link for link in self.links if link["state"] in (MERGED, BARRED)]
        sides = {side: registered[side] for link in stated for side in (link["low"], link["high"])}
        whole: Cluster[str] = Cluster(sides)
        for link in stated:
            whole.state((link["low"], link["high"]), link["state"], link["position"], link["rule"])
        return [*whole.split()]


@pytest.fixture(scope="module")
def held() -> Held:
    """The rules that ship."""
    found = build("matching", 2, read_document(RULES.read_text(), as_json=True).body)
    assert isinstance(found, MatchingRules)
    assert found.model
    return Held(found.model, 2)


def at_once(told: Told, held: Held) -> Found:
    """What one decision of all says."""
    region = told.region()
    inside = [one.known() for one in region.stated(range(len(region)))]
    as_they_came = sorted(range(len(inside)), key=lambda place: inside[place].registered)
    places = candidates([one.record for one in inside], as_they_came)
    return weighed.compared(inside, places, told.among([one.identity for one in inside]), held)


def by_parts(told: Told, held: Held, processes: int = 1) -> list[Found]:
    return [*whole.decided(told.region(), held, told.among, lambda *_: None, processes)]


def rows(*found: Found) -> list[str]:
    """All that is due, in one order for any two that say the same."""
    return sorted(str(sorted(row.items())) for one in found for row in (*one.unmerges, *one.pairs))


@pytest.mark.parametrize("together", [1, 4, columns.TOGETHER])
@settings(max_examples=150)
@given(st.lists(SOMEBODY, max_size=12), st.lists(SAID, max_size=8))
def test_what_is_decided_group_by_group_is_what_one_decision_of_all_says(
    held: Held, together: int, stated: list[dict[str, Any]], said: list[Any]
) -> None:
    told = Told.of(stated, said)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(columns, "TOGETHER", together)
        patched.setattr(comparing, "AT_ONCE", together)
        found = by_parts(told, held)
    expected = at_once(told, held)
    assert rows(*found) == rows(expected)
    order = {str(row): place for place, row in enumerate(expected.pairs)}
    for one in found:  # what is decided first may hinder what comes later
        places = [order[str(row)] for row in one.pairs]
        assert places == sorted(places)


def a_region(size: int) -> Told:
    """Of people who share names and days, some of whom are one person; the same at every call."""
    families, given_names = ("FICTIVE", "MARTIN", "D'ESSAI", "LE GOFF"), ("Lea", "Marie", "Louise", "Theo", "Paul")
    stated = [
        {
            "family": families[number % 7 % 4],
            "given": given_names[number % 11 % 5],
            "birth_date": f"19{70 + number % 13}-0{1 + number % 5}-1{number % 6}",
            "sex": "FM"[number % 2],
            "birth_place": f"{33000 + number % 17}",
            "used_name": None,
            "first_names": None,
            "ins": None,
            "replaced": False,
        }
        for number in range(size)
    ]
    said = [(number, number + 13, MERGED, "strict", None) for number in range(0, size - 13, 9)]
    return Told.of(stated, said)


def test_other_processes_find_the_same_in_the_same_order(held: Held) -> None:
    told = a_region(400)
    alone, beside = by_parts(told, held), by_parts(told, held, processes=2)
    assert [(one.unmerges, one.pairs) for one in beside] == [(one.unmerges, one.pairs) for one in alone]
    assert rows(*alone) == rows(at_once(told, held))
    assert any(one.unmerges for one in alone)
    assert any(one.pairs for one in alone)


def test_how_far_it_is_is_told_to_the_last(held: Held) -> None:
    seen: list[tuple[str, int, int]] = []
    told = a_region(200)
    assert [*whole.decided(told.region(), held, told.among, lambda *how: seen.append(how))]
    for what in ("identities compared", "identities decided"):
        reached = [done for said, done, total in seen if (said, total) == (what, 200)]
        assert reached == sorted(reached)
        assert reached[-1] == 200


# Parts


def record_of(stated: dict[str, Any]) -> Record:
    told = Told.of([stated], [])
    (one,) = told.region().stated([0])
    return one.record()


def test_a_number_that_took_the_place_of_another_is_read_so() -> None:
    somebody = {**dict.fromkeys(TRAITS), "ins": numbered("2800433063012")}
    for replaced in (False, True):
        number = record_of({**somebody, "replaced": replaced}).number
        assert number is not None
        assert number.replaced is replaced


@given(st.lists(SOMEBODY, min_size=2, max_size=2))
def test_two_who_share_a_key_of_a_kind_are_in_one_part_of_it(stated: list[dict[str, Any]]) -> None:
    one, other = map(record_of, stated)
    of_one, of_other = (dict(parts(each.born, each.number)) for each in (one, other))
    assert keys(one) == {key for kind in KINDS for key in keys_of(kind, one)}
    for kind in KINDS:
        assert not keys_of(kind, one) or kind in of_one
        if keys_of(kind, one) & keys_of(kind, other):
            assert of_one[kind] == of_other[kind]


@given(st.lists(SOMEBODY, max_size=9))
def test_the_parts_have_all_candidates(stated: list[dict[str, Any]]) -> None:
    records = [*map(record_of, stated)]
    by_kind = {pair for kind in KINDS for pair in candidates(records, keys_of=partial(keys_of, kind))}
    assert by_kind == {*candidates(records)}


@given(st.lists(SOMEBODY, max_size=9), st.permutations(range(9)))
def test_glances_have_the_candidates_of_each_kind_as_records_have_them(
    stated: list[dict[str, Any]], came: list[int]
) -> None:
    records, glances = [*map(record_of, stated)], Glances(9)
    places = came[: len(records)]
    for place, one in zip(places, records, strict=True):
        glances.put([place], array("q", glance(one)))
    order = sorted(range(len(records)), key=places.__getitem__)
    for kind in LATER:
        flat = glances.of(kind, places, array("I", order)).pairs()
        assert [*columns.two_by_two(flat)] == [*candidates(records, order, partial(keys_of, kind))]
    assert all(len(glance(one)) == WIDTH for one in records)


def test_a_twin_who_is_like_neither_is_decided_with_them(held: Held) -> None:
    """Born on one day under one name, a twin raises a suspicion, though no pair with that twin is worth a look."""
    lea = dict.fromkeys((*TRAITS, "ins")) | {
        "replaced": False,
        "family": "FICTIVE",
        "given": "Lea",
        "birth_date": "1980-04-12",
        "sex": "F",
        "birth_place": "33063",
    }
    twin = lea | {"given": "Theo", "sex": "M", "birth_place": "75056", "first_names": "Theo Paul"}
    assert [pair["action"] for one in by_parts(Told.of([lea, lea], []), held) for pair in one.pairs] == ["merge"]
    told = Told.of([lea, lea, twin], [])
    assert rows(*by_parts(told, held)) == rows(at_once(told, held))
    assert [pair["action"] for one in by_parts(told, held) for pair in one.pairs] == ["propose"]
