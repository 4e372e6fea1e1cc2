"""A stored report that is read again: what it states now takes the place of what was read before, and counts alone."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.commands.dose_images import RereadImages
from domain.commands.doses import AcceptValues, ReceivedDose, RereadDose, reading_uid
from domain.errors import ReadAgain
from krypton.services.dose_reread import differing, whole
from krypton.services.dose_reread_images import paired, together
from tests.fakes.region import Region, dose, exposure
from tests.features.worlds.memory import MemoryViews

UID = "2.25.7"
FIRST = dose(UID, exposure("2.25.71", dlp_mgycm=100.0), exposure("2.25.72", dlp_mgycm=900.0), dlp_mgycm=100.0)
NOW = dose(UID, exposure("2.25.71", dlp_mgycm=100.0, ctdivol_mgy=7.0), exposure("2.25.73", dlp_mgycm=50.0))


class Reread:
    """A region with one study, whose report was read once."""

    def __init__(self, *doses: ReceivedDose) -> None:
        self.region = Region()
        self.study = UUID(self.region.receive(doses=doses).result["study"])

    def again(self, now: ReceivedDose, compared: str | None) -> RereadDose:
        return RereadDose(study=self.study, site="CHB", received=now, compared=compared)

    def shown(self) -> dict[str, Any]:
        (identity,) = [e.data["identity_id"] for e in self.region.history() if e.type == "study.arrived"]
        return dict(MemoryViews(self.region).dose(UUID(identity)))


def test_the_new_reading_counts_alone_and_both_are_kept() -> None:
    """An event that was misread, and is not in the report, counts no more."""
    world = Reread(FIRST)
    world.region.ask(world.again(NOW, UID))
    found = world.shown()
    assert (found["totals"]["dlp_mgycm"], found["conflicts"]) == (150.0, [])
    assert [one["irradiation_event_uid"] for one in found["exposures"]] == ["2.25.71", "2.25.73"]
    second = reading_uid(world.study, UID, 1)
    assert {one["report_uid"]: one["superseded_by"] for one in found["reports"]} == {UID: second, second: None}


def test_it_is_read_again_and_again_even_back_to_what_it_was() -> None:
    """Each time with the last reading."""
    world = Reread(FIRST)
    for times, now in enumerate((NOW, FIRST, NOW)):
        world.region.ask(world.again(now, reading_uid(world.study, UID, times)))
    assert world.shown()["totals"]["dlp_mgycm"] == 150.0
    assert sum(event.type == "dose.reported" for event in world.region.history()) == 4


def test_what_was_compared_with_an_older_reading_is_refused() -> None:
    world = Reread(FIRST)
    world.region.ask(world.again(NOW, UID))
    for compared in (None, UID):
        with pytest.raises(ReadAgain, match="read again meanwhile"):
            world.region.ask(world.again(FIRST, compared))


def test_a_report_of_which_no_dose_could_be_read_gets_its_dose() -> None:
    """Under its own UID, as if it had been read when it came."""
    world = Reread()
    world.region.ask(world.again(NOW, None))
    assert [one["report_uid"] for one in world.shown()["reports"]] == [UID]


def test_a_later_report_of_the_device_still_stands_for_all_readings() -> None:
    world = Reread(FIRST)
    world.region.ask(world.again(NOW, UID))
    more = [exposure(f"2.25.7{n}", dlp_mgycm=10.0) for n in (1, 3, 4)]
    world.region.receive(doses=(replace(dose("2.25.8", *more), reported_at="2026-01-05T12:00:00"),))
    world.region.receive(doses=(replace(NOW, report_uid="2.25.9", reported_at="2026-01-05T11:00:00"),))
    assert world.shown()["totals"]["dlp_mgycm"] == 30.0


def test_alerts_go_by_the_new_reading() -> None:
    """What raised one by a slip of the reader is withdrawn with its cause."""
    world = Reread(dose(UID, exposure("2.25.71", dose_rp_mgy=9_000.0)))
    assert [one["why_withdrawn"] for one in world.shown()["alerts"]] == [None]
    world.region.ask(world.again(dose(UID, exposure("2.25.71", dose_rp_mgy=9.0)), UID))
    assert [one["why_withdrawn"] for one in world.shown()["alerts"]] == ["corrected"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("derived", [False, True])
def test_readings_of_cumulative_reports_take_the_place_of_all_readings_before(
    derived: bool, order: tuple[int, int]
) -> None:
    """The second report superseded the first one. What was misread in both counts no more, whichever is read first;
    nor does an event that is named otherwise now.
    """

    def told(number: int, name: str, slip: float | None = None) -> ReceivedDose:
        shots = [exposure(f"{name}{n}", dose_rp_mgy=10.0) for n in range(number)]
        shots += [exposure("2.25.79", dose_rp_mgy=slip)] if slip else []
        return replace(dose(f"2.25.{6 + number}", *shots), reported_at=f"2026-01-05T1{number}:00:00")

    world = Reread(told(1, "2.25.71", slip=9_000.0))
    world.region.receive(doses=(told(2, "2.25.71", slip=9_000.0),))
    readings = [told(number, "2.25.99" if derived else "2.25.71") for number in (1, 2)]
    for place in order:
        world.region.ask(world.again(readings[place], readings[place].report_uid))
    found = world.shown()
    assert found["totals"]["dose_rp_mgy"] == 20.0
    assert {one["why_withdrawn"] for one in found["alerts"]} == {"corrected"}
    assert [one["superseded_by"] for one in found["reports"]].count(None) == 1


@pytest.mark.parametrize(("again", "counts"), [(200_000.0, True), (300_000.0, False)])
def test_what_a_person_accepted_stays_accepted_where_the_same_is_read_again(again: float, counts: bool) -> None:
    """D4: a value of another reading is another question; an alert about the same value stands all the while."""
    world = Reread(dose(UID, exposure("2.25.71", dose_rp_mgy=200_000.0)))
    world.region.ask(AcceptValues(study=world.study, report_uid=UID, note="a calibration source"))
    now = dose(UID, exposure("2.25.71", dose_rp_mgy=again, dap_mgycm2=5.0))
    world.region.ask(world.again(now, UID))
    found = world.shown()
    assert found["totals"]["dose_rp_mgy"] == (again if counts else None)
    assert [one["why_withdrawn"] for one in found["alerts"]] == [None if counts else "corrected"]
    world.region.ask(world.again(replace(now, modality="XA"), reading_uid(world.study, UID, 1)))
    assert world.shown()["totals"]["dose_rp_mgy"] == (again if counts else None)


def test_of_several_values_all_must_have_been_accepted() -> None:
    world = Reread(dose(UID, exposure("2.25.71", dose_rp_mgy=200_000.0)))
    world.region.ask(AcceptValues(study=world.study, report_uid=UID, note="a calibration source"))
    more = [exposure("2.25.71", dose_rp_mgy=200_000.0), exposure("2.25.72", dose_rp_mgy=200_000.0)]
    world.region.ask(world.again(dose(UID, *more), UID))
    assert world.shown()["totals"]["dose_rp_mgy"] is None


def test_what_differs_is_named_by_field_and_by_nothing_that_tells_of_a_person() -> None:
    old = replace(FIRST, said={"operator": "Essai^Manip"}, not_understood=["total dlp: no unit"])
    new = replace(NOW, said={"operator": "Autre^Essai"})
    assert differing(whole(old), whole(new)) == [
        "totals",
        "operator",
        "not_understood",
        "1 new exposures",
        "1 exposures no more",
        "ctdivol_mgy of 1 exposures",
    ]
    assert differing(whole(old), whole(old)) == []
    assert differing(None, whole(new)) == ["2 exposures are read, and none was before"]


# Doses of image headers


def of_images(uid: str, **values: float) -> ReceivedDose:
    shots = [exposure(f"2.25.7{event}", dap_mgycm2=value) for event, value in values.items()]
    return replace(dose(uid, *shots), source="image")


def test_one_reading_of_images_takes_the_place_of_all_batches_even_of_those_that_another_one_held() -> None:
    """An event that both batches stated, and that is none, counts no more."""
    world = Reread(of_images("2.25.1", **{"1": 5.0, "9": 70.0}), of_images("2.25.2", **{"1": 5.0, "9": 70.0, "2": 6.0}))
    now = of_images("2.25.3", **{"1": 50.0, "2": 60.0})
    world.region.ask(RereadImages(study=world.study, site="CHB", received=now, before=("2.25.1", "2.25.2")))
    assert world.shown()["totals"]["dap_mgycm2"] == 110.0


def test_images_that_are_read_again_under_the_same_name_are_another_reading() -> None:
    world = Reread(of_images("2.25.1", **{"1": 5.0}))
    world.region.ask(
        RereadImages(study=world.study, site="CHB", received=of_images("2.25.1", **{"1": 50.0}), before=("2.25.1",))
    )
    second = reading_uid(world.study, "2.25.1", 1)
    assert {one["report_uid"]: one["superseded_by"] for one in world.shown()["reports"]} == {
        "2.25.1": second,
        second: None,
    }
    with pytest.raises(ReadAgain, match="read again meanwhile"):
        world.region.ask(
            RereadImages(study=world.study, site="CHB", received=of_images("2.25.1", **{"1": 7.0}), before=("2.25.1",))
        )


def test_an_accepted_value_of_an_image_stays_accepted_where_one_reading_takes_the_place_of_batches() -> None:
    world = Reread(of_images("2.25.1", **{"1": 3e7}), of_images("2.25.2", **{"2": 5.0}))
    world.region.ask(AcceptValues(study=world.study, report_uid="2.25.1", note="a test tool"))
    now = of_images("2.25.3", **{"1": 3e7, "2": 6.0})
    world.region.ask(RereadImages(study=world.study, site="CHB", received=now, before=("2.25.1", "2.25.2")))
    assert world.shown()["totals"]["dap_mgycm2"] == 30_000_006.0


def test_a_device_that_is_named_otherwise_now_takes_the_place_of_what_it_was_named_before() -> None:
    old, other = whole(of_images("2.25.1", **{"1": 5.0})), whole(of_images("2.25.2", **{"2": 5.0}))
    other = other | {"device": other["device"] | {"serial": "8"}}
    now = [
        replace(of_images("2.25.3", **{"2": 5.0}), device={"model": "One", "serial": "0008"}),
        of_images("2.25.4", **{"1": 5.0}),
    ]
    found = [(one.report_uid, sorted(before)) for one, before in paired({"a": old, "b": other}, now, whole)]
    assert found == [("2.25.3", ["b"]), ("2.25.4", ["a"])]
    assert differing(together({"a": old}, whole(now[1])), whole(now[1])) == []


def test_a_statement_of_ct_and_tracer_gives_way_to_one_of_each() -> None:
    """As an earlier program recorded the images of a PET/CT."""
    tracer = exposure("2.25.72", activity_mbq=250.0) | {"kind": "RADIOPHARMACEUTICAL"}
    helix = exposure("2.25.71", ctdivol_mgy=8.0)
    mixed = whole(replace(dose("2.25.1", tracer, helix), source="image"))
    now = [replace(dose("2.25.2", helix), source="image"), replace(dose("2.25.3", tracer), source="image")]
    found = [(one.report_uid, sorted(before)) for one, before in paired({"a": mixed}, now, whole)]
    assert found == [("2.25.2", ["a"]), ("2.25.3", [])]


def test_what_a_device_found_goes_with_the_reading_that_told_it_and_stays_where_it_is_told_again() -> None:
    over = exposure("2.25.71", check_dlp_mgycm=100.0, forward_dlp_mgycm=251.0)
    world = Reread(dose(UID, over))
    world.region.ask(world.again(dose(UID, over | {"dlp_mgycm": 250.0}), UID))
    assert [one["why_withdrawn"] for one in world.shown()["alerts"]] == [None]
    within = exposure("2.25.71", check_dlp_mgycm=1_000.0, forward_dlp_mgycm=251.0)
    world.region.ask(world.again(dose(UID, within), reading_uid(world.study, UID, 1)))
    assert [one["why_withdrawn"] for one in world.shown()["alerts"]] == ["corrected"]
    world.region.ask(world.again(dose(UID, over), reading_uid(world.study, UID, 2)))
    assert sorted(one["why_withdrawn"] or "" for one in world.shown()["alerts"]) == ["", "corrected"]
