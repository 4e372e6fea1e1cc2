"""Whatever the history, and however it is cut, repeated and shared out, live rows equal a plain fold in memory."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.aggregates.identity import Identity
from domain.commands.studies import ReassignStudy, ReceivedReport, WithdrawStudy
from domain.errors import RuleBroken
from projections.patient_record.view import PatientRecord
from schemas.event import Record
from tests.fakes.ids import IDS
from tests.fakes.region import Region
from tests.fakes.rows import MemoryRows
from tests.integration.view_world import Tables, World

pytestmark = pytest.mark.live
STUDIES = 3
Step = Callable[[Region, list[str]], None]


def receive(number: int, instances: int, modality: str) -> Step:
    def step(region: Region, studies: list[str]) -> None:
        answer = region.receive(study_uid=f"2.25.{number}", instances=instances, modality=modality)
        if answer.result["study"] not in studies:
            studies.append(answer.result["study"])

    return step


def report(number: int, title: str | None) -> Step:
    found = (ReceivedReport(report_uid=f"2.25.9{number}", kind="SR", title=title),)
    return lambda region, _: void(region.receive(study_uid=f"2.25.{number}", reports=found))


def reassign(number: int, to: int) -> Step:
    def step(region: Region, studies: list[str]) -> None:
        command = ReassignStudy(study=known(studies, number), to_identity=PEOPLE[to](region), reason="wrong")
        region.ask(command)

    return step


def withdraw(number: int) -> Step:
    return lambda region, studies: void(region.ask(WithdrawStudy(study=known(studies, number), reason="no")))


def void(_: object) -> None:
    """A step answers nothing."""


def known(studies: list[str], number: int) -> UUID:
    """One of the studies that have come in. Raises RuleBroken where there is none: the step is left out."""
    if not studies:
        raise RuleBroken
    return UUID(studies[number % len(studies)])


def person(local_id: str) -> Callable[[Region], UUID]:
    def register(region: Region) -> UUID:
        ident = Identity.create_id(IDS, "CHB", local_id)
        return ident if region.find(Identity, ident) else region.register(local_id=local_id)

    return register


PEOPLE = (person("1"), person("2"))
numbers = st.integers(0, STUDIES - 1)
steps = st.one_of(
    st.builds(receive, numbers, st.integers(1, 500), st.sampled_from(("CT", "PT"))),
    st.builds(report, numbers, st.sampled_from((None, "Compte rendu d'été"))),
    st.builds(reassign, numbers, st.integers(0, 1)),
    st.builds(withdraw, numbers),
)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.close()


def folded(region: Region) -> Tables:
    """One by one, in memory; columns that were never set are null."""
    view, rows = PatientRecord(), MemoryRows(PatientRecord.tables)
    for event in region.history():
        if event.type.startswith("study."):
            view.apply(event, rows)
    return {
        name: {
            key: {c.name: row.get(c.name) for c in view.tables.tables[name].columns if not c.primary_key}
            for key, row in found.items()
        }
        for name, found in rows.tables().items()
    }


def relayed(records: list[Record], repeats: list[int]) -> list[Record]:
    """As a relay publishes that goes back a little now and then: repeats have offsets of their own."""
    published = list(records)
    for end in sorted((1 + repeat % max(1, len(records)) for repeat in repeats), reverse=True):  # a relay skips nothing
        published[end:end] = records[max(0, end - 2) : end]
    return [record._replace(offset=offset) for offset, record in enumerate(published)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    history=st.lists(steps, max_size=25),
    repeats=st.lists(st.integers(0, 60), max_size=3),
    cuts=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 6), st.booleans()), min_size=1, max_size=40),
)
def test_live_rows_equal_a_fold_in_memory(
    world: World, history: list[Step], repeats: list[int], cuts: list[tuple[int, int, bool]]
) -> None:
    """``cuts``: how long each batch is, how far it goes back before the position, and whether a new worker has it."""
    world.region = Region()
    studies: list[str] = []
    for step in history:
        with suppress(RuleBroken):
            step(world.region, studies)
    world.query("TRUNCATE patient_record_v1.study, patient_record_v1.report, views.position")
    topic, at, store = relayed(world.records(), repeats), 0, world.store()
    for length, back, restarted in [*cuts, (len(topic) + 12, 0, True)]:
        if restarted:
            store.close()
            store = world.store()
        store.apply(topic[max(0, at - back) : at + length])
        at = min(len(topic), at + length)
    assert world.tables() == folded(world.region)
    assert (world.reasons(), world.position()[0]) == ([], len(topic))
