"""Dose reports that say different things of one exposure: whichever comes first, the answer is the same, and told."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregates.dose import Dose
from domain.commands.doses import ReceivedDose
from domain.dose_alerts import WATCHED, AlertRules
from domain.dose_judging import due_in_study
from tests.fakes.region import Region, dose, exposure
from tests.features.worlds.memory import MemoryViews

EARLY, LATE = "2026-01-05T10:20:00", "2026-01-05T12:00:00"
VALUES = st.sampled_from([None, 0.0, 900.0, 1_500.0, 2_500.0])
EVENTS = st.dictionaries(st.sampled_from(["2.25.91", "2.25.92"]), st.tuples(VALUES, VALUES), min_size=1)


def reports(*times: str | None) -> st.SearchStrategy[list[ReceivedDose]]:
    """Up to four reports of these content times, of one or two exposures, with or without a total."""
    told = st.lists(st.tuples(st.sampled_from(times), EVENTS, VALUES), min_size=2, max_size=4)
    return told.map(lambda some: [report(f"2.25.{n}", *one) for n, one in enumerate(some, 1)])


def report(
    uid: str, at: str | None, events: dict[str, tuple[float | None, float | None]], total: float | None = None
) -> ReceivedDose:
    shots = [exposure(event, dose_rp_mgy=rp, dap_mgycm2=dap) for event, (rp, dap) in events.items()]
    return replace(dose(uid, *shots, dose_rp_mgy=total), reported_at=at)


def shown(came: Iterable[ReceivedDose]) -> dict[str, Any]:
    """What readers see once these reports came in one after the other, without what tells when."""
    region = Region()
    for one in came:
        identity = UUID(region.receive(doses=(one,)).result["identity"])
    found = MemoryViews(region).dose(identity)
    return {
        "totals": found["totals"],
        "exposures": [(one["irradiation_event_uid"], one["report_uid"]) for one in found["exposures"]],
        "reports": {one["report_uid"]: (one["superseded_by"], one["disagrees"]) for one in found["reports"]},
        "conflicts": found["conflicts"],
    }


def alerted(came: Iterable[ReceivedDose]) -> set[str]:
    """The kinds of the alerts that were raised as these reports came in."""
    region = Region()
    for one in came:
        region.receive(doses=(one,))
    return {event.data["kind"] for event in region.history() if event.type == "dose.alert_raised"}


def held(came: Iterable[ReceivedDose]) -> Dose:
    found = Dose(UUID(int=3), UUID(int=1), UUID(int=2), "2.25.1")
    for one in came:
        found.report(site="CHB", **vars(one))
    return found


@settings(max_examples=200, deadline=None)
@given(reports(None, EARLY, LATE), st.randoms())
def test_any_order_gives_the_same_totals_and_the_same_view(came: list[ReceivedDose], chance: Any) -> None:
    other = list(came)
    chance.shuffle(other)
    assert shown(other) == shown(came)


@settings(max_examples=300, deadline=None)
@given(reports(None, EARLY, LATE), st.randoms())
def test_any_order_gives_the_same_values_to_compare_with_levels(came: list[ReceivedDose], chance: Any) -> None:
    """And leaves a report that stands, with all exposures in those that do."""
    other = list(came)
    chance.shuffle(other)
    one, two = held(came), held(other)
    assert {name: one.reports.values()[name][0] for name in WATCHED} == {
        name: two.reports.values()[name][0] for name in WATCHED
    }
    assert one.reports.superseded.keys() == two.reports.superseded.keys()
    standing = [kept for uid, kept in one.reports.held.items() if uid not in one.reports.superseded]
    assert set().union(*(kept.events for kept in standing)) == {
        e["irradiation_event_uid"] for told in came for e in told.exposures
    }


@settings(max_examples=200, deadline=None)
@given(reports(None, EARLY), st.randoms())
def test_where_no_time_says_which_is_later_any_order_raises_the_same_alerts(
    came: list[ReceivedDose], chance: Any
) -> None:
    """A time may correct an alert's cause later; without one, what came first must decide nothing."""
    other = list(came)
    chance.shuffle(other)
    last = held(came)
    kinds = {due["kind"] for rule in AlertRules().rules.values() for due in due_in_study(last, rule)}
    assert alerted(other) == alerted(came) == kinds


@pytest.mark.parametrize("at", [None, EARLY], ids=["no time", "the same time"])
@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
def test_two_values_of_one_exposure_are_told_and_the_greater_is_alerted(at: str | None, order: Sequence[int]) -> None:
    """300 and 3,000 mGy of one exposure: neither report stands for the other, and both say so."""
    two = [report("2.25.1", at, {"2.25.91": (3_000.0, 5.0)}), report("2.25.2", at, {"2.25.91": (300.0, 5.0)})]
    found = shown(two[place] for place in order)
    assert found["totals"]["dose_rp_mgy"] == 3_000.0
    assert found["reports"] == {"2.25.1": (None, ["dose_rp_mgy"]), "2.25.2": (None, ["dose_rp_mgy"])}
    assert [(one["irradiation_event_uid"], one["differing"]) for one in found["conflicts"]] == [
        ("2.25.91", ["dose_rp_mgy"])
    ]
    assert alerted(two[place] for place in order) == {"dose_rp_mgy_over"}


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
def test_two_totals_of_the_same_exposures_are_told_and_the_greater_is_alerted(order: Sequence[int]) -> None:
    events: dict[str, tuple[float | None, float | None]] = {"2.25.91": (None, 5.0)}
    two = [report("2.25.1", EARLY, events, 300.0), report("2.25.2", EARLY, events, 3_000.0)]
    found = shown(two[place] for place in order)
    assert found["reports"] == {"2.25.1": (None, ["dose_rp_mgy"]), "2.25.2": (None, ["dose_rp_mgy"])}
    assert found["conflicts"] == [
        {
            "irradiation_event_uid": None,
            "study_uids": ["2.25.1"],
            "report_uids": ["2.25.1", "2.25.2"],
            "differing": ["dose_rp_mgy"],
        }
    ]
    assert alerted(two[place] for place in order) == {"dose_rp_mgy_over"}


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_a_later_report_ends_the_disagreement(order: Sequence[int]) -> None:
    """It stands for both, whenever it comes."""
    three = [
        report("2.25.1", EARLY, {"2.25.91": (3_000.0, None)}),
        report("2.25.2", EARLY, {"2.25.91": (300.0, None)}),
        report("2.25.3", LATE, {"2.25.91": (310.0, None)}),
    ]
    found = shown(three[place] for place in order)
    assert found["reports"] == {"2.25.1": ("2.25.3", []), "2.25.2": ("2.25.3", []), "2.25.3": (None, [])}
    assert (found["totals"]["dose_rp_mgy"], found["conflicts"]) == (310.0, [])


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
def test_of_two_that_state_the_same_one_stands(order: Sequence[int]) -> None:
    """Repeating is no disagreement: nothing is told."""
    events: dict[str, tuple[float | None, float | None]] = {"2.25.91": (300.0, 5.0)}
    two = [report("2.25.1", None, events), report("2.25.2", EARLY, events)]
    found = shown(two[place] for place in order)
    assert (found["reports"], found["conflicts"]) == ({"2.25.1": ("2.25.2", []), "2.25.2": (None, [])}, [])


def test_a_report_that_knows_less_contradicts_nothing() -> None:
    """It is superseded by the one that knows more."""
    two = [report("2.25.1", EARLY, {"2.25.91": (300.0, None)}), report("2.25.2", EARLY, {"2.25.91": (300.0, 5.0)})]
    for order in permutations(two):
        assert shown(order)["reports"] == {"2.25.1": ("2.25.2", []), "2.25.2": (None, [])}
