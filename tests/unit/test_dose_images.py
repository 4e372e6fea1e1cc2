"""Doses of image headers: they stand until a report of the device comes, before or after them, and never beside it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from domain.commands.doses import ReceivedDose
from domain.commands.links import Merge, Unmerge
from tests.fakes.region import Region, dose, exposure
from tests.features.worlds.memory import MemoryViews

LATE = "2026-01-05T12:00:00"


def image(uid: str, event: str, serial: str | None = "1", **known: Any) -> ReceivedDose:
    """One image's dose, as its header has it."""
    shot = exposure(event, **known) | {"kind": "PROJECTION", "modality": "DX", "source": "image"}
    return of_device(replace(dose(uid, shot), source="image"), serial)


def report(uid: str, *events: str, serial: str | None = "1", kind: str = "PROJECTION", **known: Any) -> ReceivedDose:
    shots = [exposure(event, **known) | {"kind": kind, "modality": "DX"} for event in events]
    return of_device(dose(uid, *shots), serial)


def of_device(told: ReceivedDose, serial: str | None) -> ReceivedDose:
    return replace(told, device=told.device | {"serial": serial})


def totals(came: Sequence[ReceivedDose]) -> dict[str, float | None]:
    region = Region()
    for one in came:
        identity = UUID(region.receive(doses=(one,)).result["identity"])
    found = MemoryViews(region).dose(identity)
    assert found["conflicts"] == []
    return {name: value for name, value in found["totals"].items() if value is not None}


def test_without_a_report_the_images_doses_count() -> None:
    two = [image("2.25.1", "2.25.91", dap_mgycm2=100.0), image("2.25.2", "2.25.92", dap_mgycm2=50.0)]
    assert totals(two) == {"dap_mgycm2": 150.0}


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_a_report_takes_their_place_whatever_events_it_names_and_whenever_it_comes(order: Sequence[int]) -> None:
    """Its own events are others, for the images' were made up from their instances."""
    came = [
        replace(image("2.25.1", "2.25.91", dap_mgycm2=100.0), reported_at=LATE),
        image("2.25.2", "2.25.92", dap_mgycm2=50.0),
        report("2.25.3", "2.25.81", "2.25.82", dap_mgycm2=60.0),
    ]
    assert totals([came[place] for place in order]) == {"dap_mgycm2": 120.0}


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_two_images_of_one_event_count_once_and_no_more_once_the_report_came(order: Sequence[int]) -> None:
    came = [
        image("2.25.1", "2.25.91", dap_mgycm2=100.0),
        image("2.25.2", "2.25.91", dap_mgycm2=100.0),
        report("2.25.3", "2.25.91", dap_mgycm2=101.0),
    ]
    assert totals([came[place] for place in order]) == {"dap_mgycm2": 101.0}
    assert totals([came[place] for place in order if place != 2]) == {"dap_mgycm2": 100.0}


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
def test_a_total_without_events_takes_their_place_too(order: Sequence[int]) -> None:
    alone = of_device(dose("2.25.3", dap_mgycm2=170.0), "1")
    came = [image("2.25.1", "2.25.91", dap_mgycm2=100.0), alone]
    assert totals([came[place] for place in order]) == {"dap_mgycm2": 170.0}


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
def test_another_devices_report_leaves_them(order: Sequence[int]) -> None:
    came = [
        image("2.25.1", "2.25.91", dap_mgycm2=100.0),
        report("2.25.3", "2.25.81", serial="2", dap_mgycm2=60.0),
    ]
    assert totals([came[place] for place in order]) == {"dap_mgycm2": 160.0}


def test_a_report_of_another_kind_of_exposure_leaves_them() -> None:
    """The scanner of a PET/CT says nothing of the activity."""
    tracer = exposure("2.25.91", activity_mbq=250.0) | {"kind": "RADIOPHARMACEUTICAL", "modality": "PT"}
    came = [
        of_device(replace(dose("2.25.1", tracer), source="image"), "1"),
        report("2.25.3", "2.25.81", kind="CT", dlp_mgycm=400.0),
    ]
    assert totals(came) == {"activity_mbq": 250.0, "dlp_mgycm": 400.0}


def test_a_report_whose_device_has_no_number_takes_the_images_place() -> None:
    """An observer's UID in place of a serial number tells nothing."""
    for serial in (None, "2.25.77"):
        came = [
            image("2.25.1", "2.25.91", dap_mgycm2=100.0),
            report("2.25.3", "2.25.81", serial=serial, dap_mgycm2=60.0),
        ]
        assert totals(came) == {"dap_mgycm2": 60.0}


def test_alerts_go_by_the_report_alone_once_it_is_there() -> None:
    """Images and report added up would be over the level."""
    region = Region()
    region.receive(doses=(report("2.25.3", "2.25.81", dose_rp_mgy=1_500.0),))
    region.receive(doses=(image("2.25.1", "2.25.91", dose_rp_mgy=1_400.0),))
    assert "dose.alert_raised" not in region.types()


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
def test_what_was_injected_is_told_once_by_whichever_device_reports_it(order: Sequence[int]) -> None:
    """The scanner's images state it, and the injector's or the laboratory's report."""
    tracer = {"kind": "RADIOPHARMACEUTICAL", "modality": "PT"}
    came = [
        of_device(replace(dose("2.25.1", exposure("2.25.91", activity_mbq=350.0) | tracer), source="image"), "1"),
        of_device(dose("2.25.3", exposure("2.25.81", activity_mbq=348.0) | tracer), "9"),
    ]
    assert totals([came[place] for place in order]) == {"activity_mbq": 348.0}


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
def test_a_report_that_repeats_others_doses_takes_no_place(order: Sequence[int]) -> None:
    """A patient radiation dose report of the study, such as Krypton's own, comes back from a PACS."""
    tracer = exposure("2.25.91", activity_mbq=350.0) | {"kind": "RADIOPHARMACEUTICAL", "modality": "PT"}
    came = [
        of_device(replace(dose("2.25.1", tracer), source="image"), "1"),
        replace(dose("2.25.3"), totals={"restated:activity_mbq": 350.0, "organ_mgy:SCT:71854001": 2.0}),
    ]
    assert totals([came[place] for place in order]) == {"activity_mbq": 350.0}


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
@pytest.mark.parametrize("site", ["CHB", "CHP"])
def test_a_report_takes_their_place_where_it_came_under_another_identity_of_the_person(
    site: str, order: Sequence[int]
) -> None:
    """An emergency number, or another hospital. Apart again, each has what came under it."""
    region = Region()
    came = [
        ("CHB", "TEMP", image("2.25.1", "2.25.91", dap_mgycm2=100.0)),
        (site, "REAL", report("2.25.3", "2.25.81", dap_mgycm2=101.0)),
    ]
    whose: dict[str, UUID] = {}
    for place in order:
        at, number, told = came[place]
        whose[number] = UUID(region.receive(at, local_id=number, doses=(told,)).result["identity"])
    region.ask(Merge(one=whose["TEMP"], other=whose["REAL"], reason="papers seen"))
    found = MemoryViews(region).dose(whose["TEMP"])
    assert (found["totals"]["dap_mgycm2"], found["conflicts"]) == (101.0, [])
    assert {one["report_uid"]: one["superseded_by"] for one in found["reports"]} == {"2.25.1": "2.25.3", "2.25.3": None}
    region.ask(Unmerge(one=whose["TEMP"], other=whose["REAL"], reason="two people"))
    each = [MemoryViews(region).dose(whose[number])["totals"]["dap_mgycm2"] for number in ("TEMP", "REAL")]
    assert each == [100.0, 101.0]
