"""The census of practice: which rows count, and what is told of a group."""

import json
from collections.abc import Sequence
from uuid import UUID

import pytest

from domain.commands.doses import AcceptValues
from domain.commands.studies import ReassignStudy
from domain.dose_practice import LEAST, Value, figures, whole_months
from projections.dose_practice.view import DosePractice
from projections.engine.projection import UnknownEvent
from schemas.event import LedgerEvent
from tests.fakes.region import dose, exposure
from tests.fakes.rows import Row
from tests.fakes.views import Hospitals, folded, of_topics

CHEST = exposure("1.8.1", dap_mgycm2=107.0)


def rows_of(region: Hospitals) -> list[Row]:
    """The exposures that count, by irradiation event."""
    made = folded(DosePractice(), of_topics(DosePractice(), region.history())).table("exposure")
    return [{**row, "uid": key[2], "report": key[1]} for key, row in sorted(made.items()) if row["counts"]]


def values(numbers: Sequence[float], people: int | None = None, month: str = "2026-01") -> list[Value]:
    return [Value(number, str(place % (people or len(numbers))), month) for place, number in enumerate(numbers)]


def test_a_cumulative_report_leaves_each_event_counted_once() -> None:
    region = Hospitals()
    first, second = exposure("1.8.1", dlp_mgycm=7.46), exposure("1.8.2", dlp_mgycm=69.81)
    region.receive("CHA", "1", "1.2.1", dose("1.9.1", first))
    region.receive("CHA", "1", "1.2.1", dose("1.9.2", first, second))
    assert [(row["uid"], row["report"]) for row in rows_of(region)] == [("1.8.1", "1.9.2"), ("1.8.2", "1.9.2")]


def test_a_study_that_moves_counts_for_whom_it_is_of_now() -> None:
    region = Hospitals()
    other = region.register("CHB", "2")
    study = region.receive("CHA", "1", "1.2.1", dose("1.9.1", CHEST)).result["study"]
    region.ask(ReassignStudy(study=UUID(study), to_identity=UUID(other), reason="wrong patient"))
    assert [row["identity_id"] for row in rows_of(region)] == [other]


def test_a_later_correction_takes_the_place_of_what_it_corrects() -> None:
    region = Hospitals()
    for uid, at, value in (("1.9.1", "2026-01-05T10:00:00", 100.0), ("1.9.2", "2026-01-05T11:00:00", 90.0)):
        report = dose(uid, exposure("1.8.1", dap_mgycm2=value))
        report.__dict__["reported_at"] = at
        region.receive("CHA", "1", "1.2.1", report)
    assert [row["dap_mgycm2"] for row in rows_of(region)] == [90.0]


def test_a_test_of_the_device_is_in_no_group() -> None:
    region = Hospitals()
    report = dose("1.9.1", CHEST)
    report.__dict__["qa"] = True
    region.receive("CHA", "1", "1.2.1", report)
    assert rows_of(region) == []


def test_an_implausible_value_waits_until_somebody_accepts_it() -> None:
    region = Hospitals()
    study = region.receive("CHA", "1", "1.2.1", dose("1.9.1", exposure("1.8.1", activity_mbq=2e8))).result["study"]
    before = [(row["implausible"], row["accepted"]) for row in rows_of(region)]
    region.ask(AcceptValues(study=UUID(study), report_uid="1.9.1", note="it was"), actor="rpps:10000000001")
    after = [(row["implausible"], row["accepted"]) for row in rows_of(region)]
    assert (before, after) == ([(["activity_mbq"], False)], [(["activity_mbq"], True)])


def test_an_exposure_keeps_what_its_act_is_known_by() -> None:
    region = Hospitals()
    shot = CHEST | {"protocol": "THORAX PA", "target_region": "Chest"}
    region.receive("CHA", "1", "1.2.1", dose("1.9.1", shot))
    (row,) = rows_of(region)
    modality, protocol, _, region_told, *_ = json.loads(row["marks"])
    assert (modality, protocol, region_told) == (row["modality"], "THORAX PA", "Chest")


def test_an_unknown_event_is_refused() -> None:
    with pytest.raises(UnknownEvent, match=r"dose\.doubled"):
        folded(DosePractice(), [LedgerEvent(1, "dose.doubled", "x", 1, {})])


def test_quartiles_are_interpolated_and_outliers_lie_beyond_the_fences() -> None:
    told = figures(values([1.0, 2.0, 3.0, 4.0, 100.0, 5.0]))
    assert (told["q1"], told["median"], told["q3"]) == (2.25, 3.5, 4.75)
    assert (told["mean"], told["outliers"]) == (pytest.approx(115 / 6), 1)


def test_a_group_of_too_few_persons_has_no_figure_however_many_its_exposures() -> None:
    told = figures(values([1.0] * 40, people=LEAST - 1))
    assert (told["exposures"], told["persons"], told["too_small"]) == (40, LEAST - 1, True)
    assert [told[name] for name in ("median", "q1", "mean", "outliers", "histogram", "months")] == [None] * 6


def test_a_month_of_too_few_persons_has_no_median() -> None:
    told = figures([*values([1.0, 2.0, 3.0, 4.0, 5.0]), *values([9.0, 9.0], month="2026-02")])
    assert [(month["month"], month["median"]) for month in told["months"]] == [("2026-01", 3.0), ("2026-02", None)]


@pytest.mark.parametrize(
    "numbers",
    [[7.0] * 9, [0.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1000.0], [0.1 * n for n in range(300)], [3.0, 3.1] * 3],
    ids=["alike", "zero", "one far away", "many", "two values"],
)
def test_each_bar_of_a_histogram_stands_for_enough_persons_and_all_are_in_one(numbers: list[float]) -> None:
    bars = figures(values(numbers))["histogram"]
    assert sum(bar["exposures"] for bar in bars) == len(numbers)
    assert min(bar["exposures"] for bar in bars) >= LEAST
    assert bars[0]["from"] <= min(numbers)
    assert bars[-1]["to"] >= max(numbers)
    assert [bar["to"] for bar in bars[:-1]] == [bar["from"] for bar in bars[1:]]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-03-02", "2026-03-02", ("2026-03-01", "2026-03-31")),
        ("2024-01-31", "2024-02-01", ("2024-01-01", "2024-02-29")),
        ("0001-01-31", "9999-12-01", ("0001-01-01", "9999-12-31")),
        (None, None, (None, None)),
    ],
)
def test_two_periods_that_differ_by_a_day_are_one_or_differ_by_a_month(
    since: str | None, until: str | None, expected: tuple[str | None, str | None]
) -> None:
    assert whole_months(since, until) == expected
