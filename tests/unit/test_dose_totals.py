"""Accumulated totals that reports state alone: each device of a study counts, and each once, in sums and in alerts."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import permutations
from math import fsum, isclose
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.commands.doses import ReceivedDose
from domain.dose_devices import Stated, apart, counting
from domain.dose_judging import due_in_study
from domain.rules.alerts import BUILT_IN
from tests.fakes.region import Region, dose, exposure
from tests.features.worlds.memory import MemoryViews
from tests.unit.test_dose_orders import alerted, held

SERIALS = ("11", "12", "2.25.13")
TOTALS = st.none() | st.integers(1, 3_000).map(float)
EVENTS = st.lists(st.integers(1, 3), max_size=2, unique=True)
REPORTS = st.lists(st.tuples(st.sampled_from(SERIALS), EVENTS, TOTALS), min_size=1, max_size=5)


def report(number: int, device: dict[str, str | None], events: Iterable[int], total: float | None) -> ReceivedDose:
    """Its events are of this device alone: 100 mGy the first, and so on."""
    serial = (device.get("serial") or "").replace(".", "")
    shots = [exposure(f"2.25.{serial}{n}", dose_rp_mgy=n * 100.0) | {"kind": "PROJECTION"} for n in events]
    told = dose(f"2.25.8{number}", *shots, dose_rp_mgy=total)
    return replace(told, device={"manufacturer": "Maker", "station": None, **device})


def told(some: Sequence[tuple[str, list[int], float | None]]) -> list[ReceivedDose]:
    return [
        report(number, {"model": f"M{serial}", "serial": serial}, events, None if events else total)
        for number, (serial, events, total) in enumerate(some)
        if events or total is not None
    ]


def shown(came: Iterable[ReceivedDose]) -> float | None:
    region = Region()
    identity = region.register(local_id="1")
    for one in came:
        region.receive(doses=(one,))
    value: float | None = MemoryViews(region).dose(identity)["totals"]["dose_rp_mgy"]
    return value


def expected(came: Iterable[ReceivedDose]) -> float | None:
    """Device by device: its events once, else the greatest of its totals."""
    events: dict[str | None, set[str]] = {}
    totals: dict[str | None, list[float]] = {}
    for one in came:
        events.setdefault(one.device["serial"], set()).update(e["irradiation_event_uid"] for e in one.exposures)
        totals.setdefault(one.device["serial"], []).extend(t for t in one.totals.values() if t is not None)
    known = [
        fsum(int(uid[-1]) * 100.0 for uid in events[serial]) if events[serial] else max(totals[serial])
        for serial in events
    ]
    return fsum(known) if known else None


@settings(max_examples=200, deadline=None)
@given(REPORTS, st.randoms())
def test_each_device_counts_once_in_any_order_and_however_often_it_repeats_itself(
    some: list[tuple[str, list[int], float | None]], chance: Any
) -> None:
    came = told(some)
    again = [replace(one, report_uid=f"{one.report_uid}0") for one in came] + came
    chance.shuffle(again)
    wanted = expected(came)
    for order in (came, again):
        seen = shown(order)
        assert (seen is None) == (wanted is None)
        assert seen is None or isclose(seen, wanted or 0.0, rel_tol=1e-11)
    if came:
        stated = max((total for one in came for total in one.totals.values() if total is not None), default=0.0)
        values = {held(order).reports.values(["dose_rp_mgy"])["dose_rp_mgy"][0] for order in (came, again)}
        assert values == {max(stated, wanted or 0.0)}


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_two_devices_that_are_below_a_level_each_and_above_it_together_raise_one_alert(order: Sequence[int]) -> None:
    three = [
        report(1, {"model": "One", "serial": "11"}, (), 1_200.0),
        report(2, {"model": "One", "serial": "12"}, (), 900.0),
        report(3, {"model": "One", "serial": "12"}, (), 500.0),
    ]
    came = [three[place] for place in order]
    assert (shown(came), alerted(came)) == (2_100.0, {"dose_rp_mgy_over"})


def test_a_device_without_exposures_adds_to_those_of_another_and_not_to_its_own() -> None:
    ct = report(1, {"model": "One", "serial": "11"}, (1, 2), None)
    arm = report(2, {"model": "Two", "serial": "12"}, (), 1_800.0)
    own = report(3, {"model": "One", "serial": None}, (), 250.0)
    for order in permutations((ct, arm, own)):
        assert shown(order) == 2_100.0
        (due,) = due_in_study(held(order), BUILT_IN.rules["dose_rp_mgy_over"])
        assert due["value"] == 2_100.0


NAMED: list[dict[str, str | None]] = [
    {"serial": "11", "model": "One"},
    {"serial": "12", "model": "One"},
    {"serial": "2.25.1", "model": "One"},
    {"serial": "2.25.2", "model": "Two"},
    {"serial": None, "model": "Two"},
    {"serial": None, "model": "Three.1"},
    {"serial": None, "model": None},
]
STATED = st.lists(st.tuples(st.sampled_from(NAMED), st.integers(1, 9)), min_size=1, max_size=6)


@settings(max_examples=400)
@given(STATED, st.randoms())
def test_what_counts_is_of_devices_that_are_certainly_apart_and_no_less_than_any_total(
    some: list[tuple[dict[str, str | None], int]], chance: Any
) -> None:
    stated = [Stated(("s", str(n)), float(value), device) for n, (device, value) in enumerate(some)]
    found = counting(stated)
    assert all(apart(a.device, b.device) for a in found for b in found if a is not b)
    assert fsum(one.value for one in found) >= max(one.value for one in stated)
    other = list(stated)
    chance.shuffle(other)
    assert sorted(one.report for one in counting(other)) == sorted(one.report for one in found)


def test_a_report_that_names_no_device_hides_none_of_two_that_do() -> None:
    vague = Stated(("s", "3"), 10.0, {})
    two = [Stated(("s", "1"), 7.0, {"serial": "1"}), Stated(("s", "2"), 9.0, {"serial": "2"})]
    assert sorted(one.value for one in counting([vague, *two])) == [7.0, 9.0]
    assert [one.value for one in counting([vague._replace(value=20.0), *two])] == [20.0]
    assert counting([vague], [{"serial": "1"}]) == []
