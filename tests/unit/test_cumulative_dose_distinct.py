"""What counts once, and how it adds up: no database needed."""

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.dose_distinct import distinct, total
from projections.cumulative_dose.disagreements import conflicts
from projections.cumulative_dose.distinct import stated_alone, sums
from tests.fakes.region import exposure

NO_DOUBT: dict[str, Any] = {"implausible": None, "accepted": False, "replaced": False}
ONE: dict[str, Any] = {"device": {"model": "One"}, "device_words": {"serial": "1"}, "site": "CHA", "modality": "CT"}


def carried(uid: str, report: str = "r1", study: str = "s1", position: int = 1, **known: Any) -> dict[str, Any]:
    """An exposure joined to its report."""
    joined = {"report_uid": report, "study_uid": study, "position": position, "qa": False, "superseded": False}
    joined |= {"study_id": study, "totals": {}, "reported_at": None, "accepted": False}
    joined |= {"source": "report", "replaced": False} | ONE
    return exposure(uid) | joined | known


def test_a_sum_is_free_of_binary_noise() -> None:
    """7.46 + 69.81 + 158.82, added in doubles, is not 236.09."""
    assert total([7.46, 69.81, 158.82]) == 236.09


def test_a_sum_over_nothing_known_is_unknown() -> None:
    """Never zero."""
    assert total([None, None]) is None


def test_a_sum_greater_than_any_number_is_unknown() -> None:
    """A report may state it; a fold must not end there."""
    assert total([1.7e308, 1.7e308]) is None


def test_a_sum_is_over_what_is_known() -> None:
    """One unknown does not hide the others."""
    assert total([None, 1.5, 0.0]) == 1.5


@given(st.lists(st.integers(min_value=0, max_value=10**9), min_size=1))
def test_hundredths_add_up_exactly(hundredths: list[int]) -> None:
    """As decimal arithmetic would have it, up to twelve figures."""
    expected = sum(hundredths) / 100
    assert total(n / 100 for n in hundredths) == float(f"{expected:.12g}")


def test_an_average_is_not_summed() -> None:
    """CTDIvol is no quantity that adds up."""
    assert "ctdivol_mgy" not in sums([carried("e1", ctdivol_mgy=3.0)])


def test_an_event_counts_once_in_whatever_order_its_reports_came() -> None:
    """All orders give the same row."""
    rows = [
        carried("e1", "r1", position=1, superseded=True, dlp_mgycm=7.0),
        carried("e1", "r2", position=2, dlp_mgycm=7.0),
        carried("e1", "r3", position=3, dlp_mgycm=7.0),
    ]
    chosen = {distinct(order)[0]["report_uid"] for order in itertools.permutations(rows)}
    assert chosen == {"r2"}


def test_a_report_that_knows_the_dose_is_shown_before_one_that_does_not() -> None:
    """Or a known dose would be hidden by an earlier report without it."""
    rows = [carried("e1", "r1", position=1), carried("e1", "r2", position=2, dlp_mgycm=7.0)]
    assert distinct(rows)[0]["dlp_mgycm"] == 7.0


def test_an_event_that_a_person_s_report_carries_is_the_person_s() -> None:
    """Though a quality-assurance report carries it too, and came first."""
    rows = [carried("e1", "r1", position=1, qa=True), carried("e1", "r2", position=2)]
    assert distinct(rows)[0]["qa"] is False


def test_exposures_come_in_order_of_time_and_unknown_times_last() -> None:
    """As a reader expects them."""
    rows = [carried("e1"), carried("e2", started_at="2026-01-05T09:00:00"), carried("e3", started_at="2025-01-05")]
    assert [row["irradiation_event_uid"] for row in distinct(rows)] == ["e3", "e2", "e1"]


def stated(report: str, study: str = "s1", **totals: float | None) -> dict[str, Any]:
    """A report row, as the queries read it."""
    return (
        {"report_uid": report, "study_uid": study, "identity": "i1", "totals": totals, "reported_at": None}
        | NO_DOUBT
        | ONE
    )


def test_of_a_study_without_exposures_the_greatest_stated_total_stands_in_and_is_named() -> None:
    """Reports may be cumulative (7 of 77): adding them up would count twice."""
    found = stated_alone([stated("r1", dlp_mgycm=7.0), stated("r2", dlp_mgycm=77.0, agd_mgy=None)], [])
    assert [(a["study_uid"], a["quantity"], a["value"], a["report_uid"]) for a in found] == [
        ("s1", "dlp_mgycm", 77.0, "r2")
    ]
    assert sums([], found) == {
        "dlp_mgycm": 77.0,
        "dap_mgycm2": None,
        "dose_rp_mgy": None,
        "agd_mgy": None,
        "activity_mbq": None,
        "agd_left_mgy": None,
        "agd_right_mgy": None,
    }


def test_a_known_exposure_of_the_study_ends_that_whichever_hospital_sent_it() -> None:
    """And though its own dose is not known."""
    reports = [stated("r1", dlp_mgycm=7.0), stated("r2", study="s2", dlp_mgycm=5.0)]
    exposures = [carried("e1", "r3", study="s1")]
    assert sums(exposures, stated_alone(reports, exposures))["dlp_mgycm"] == 5.0


def test_two_devices_of_one_study_both_count_and_each_once() -> None:
    """A C-arm that states a total alone beside a scanner whose exposures are known."""
    other = {"device_words": {"serial": "2"}}
    reports = [stated("r1", dap_mgycm2=7.0) | other, stated("r2", dap_mgycm2=9.0) | other, stated("r3", dlp_mgycm=3.0)]
    exposures = [carried("e1", "r3", dlp_mgycm=3.0)]
    for order in itertools.permutations(reports):
        found = sums(exposures, stated_alone(order, exposures))
        assert (found["dap_mgycm2"], found["dlp_mgycm"]) == (9.0, 3.0)


def test_a_report_that_does_not_say_of_which_device_it_is_adds_nothing_to_known_exposures() -> None:
    """It may be the scanner's own: too little is named, nothing is counted twice."""
    reports = [stated("r1", dlp_mgycm=7.0) | {"device": {}, "device_words": None}]
    assert stated_alone(reports, [carried("e1", "r3", dlp_mgycm=3.0)]) == []


def test_studies_add_up_and_a_report_that_came_under_two_counts_once() -> None:
    reports = [stated("r1", dlp_mgycm=7.0), stated("r1", study="s2", dlp_mgycm=7.0), stated("r2", "s3", dlp_mgycm=1.0)]
    assert sums([], stated_alone(reports, []))["dlp_mgycm"] == 8.0


def test_one_event_in_two_studies_is_a_conflict() -> None:
    """RDSR case 3, as shipped."""
    rows = [carried("e1", study="s1"), carried("e1", study="s2")]
    assert [(c["irradiation_event_uid"], c["study_uids"]) for c in conflicts(rows)] == [("e1", ["s1", "s2"])]


def test_one_event_with_two_values_is_a_conflict_in_that_quantity() -> None:
    """The quantities that differ are named."""
    rows = [carried("e1", "r1", dlp_mgycm=7.0, agd_mgy=1.0), carried("e1", "r2", dlp_mgycm=7.5, agd_mgy=1.0)]
    assert [c["differing"] for c in conflicts(rows)] == [["dlp_mgycm"]]


def test_a_value_that_one_report_lacks_is_no_conflict() -> None:
    """Not known contradicts nothing."""
    assert conflicts([carried("e1", "r1", dlp_mgycm=7.0), carried("e1", "r2")]) == []
