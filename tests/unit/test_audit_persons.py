"""Who was one person with whom, step by step."""

import itertools
from uuid import UUID

import pytest

from domain.commands.links import Bar, Merge, Unmerge
from krypton.auditing.persons import ALWAYS, FOREVER, Persons
from tests.fakes.region import Region


@pytest.fixture
def region() -> Region:
    return Region()


def persons(region: Region, *identities: UUID) -> Persons:
    """As the log has it."""
    return Persons.of(map(str, identities), region.history())


def test_before_anybody_spoke_each_is_a_person_alone(region: Region) -> None:
    one, other = region.persons("1", "2")
    (step,) = persons(region, one, other).steps
    assert (step.of(str(one)), step.event) == ((str(one),), None)


def test_a_merge_joins_and_an_unmerge_parts_at_their_positions(region: Region) -> None:
    one, other = region.persons("1", "2")
    merged = region.ask(Merge(one=one, other=other, reason="because")).positions[-1]
    parted = region.ask(Unmerge(one=one, other=other, reason="because")).positions[-1]
    found = persons(region, one, other)
    both = (str(one), str(other))
    assert [found.before(at).of(str(other)) for at in (merged, parted)] == [(str(other),), both]
    assert [found.after(at).of(str(other)) for at in (merged, parted)] == [both, (str(other),)]


def test_the_earliest_registered_comes_first(region: Region) -> None:
    earlier = region.register(local_id="2")
    later = region.register(local_id="1")
    region.ask(Merge(one=later, other=earlier, reason="because"))
    assert persons(region, later, earlier).steps[-1].of(str(later)) == (str(earlier), str(later))


def test_a_merge_that_a_bar_holds_back_joins_nobody(region: Region) -> None:
    one, other, third = region.persons("1", "2", "3")
    region.ask(Merge(one=one, other=other, reason="because"))
    region.ask(Bar(one=other, other=third, reason="twins"))
    region.ask(Merge(one=one, other=third, reason="because"))
    assert persons(region, one, other, third).steps[-1].of(str(third)) == (str(third),)


def test_spans_cover_all_of_a_time_without_overlap(region: Region) -> None:
    one, other = region.persons("1", "2")
    region.ask(Merge(one=one, other=other, reason="because"))
    region.ask(Unmerge(one=one, other=other, reason="because"))
    found = persons(region, one, other)
    spans = list(found.spans())
    assert (spans[0].start, spans[-1].end) == (ALWAYS, FOREVER)
    assert all(before.end == after.start for before, after in itertools.pairwise(spans))
    inside = spans[1].start
    assert [(s.start, s.end) for s in found.spans(inside, inside + 1)] == [(inside, inside + 1)]
