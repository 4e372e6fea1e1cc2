"""What orders and reports say of a pregnancy: the most cautious is shown, and a denial beside a statement is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.pregnancy import SAID, disagree, ordered
from krypton.faces.dose.exams import exams
from tests.unit.test_cumulative_dose_distinct import carried

WORDS = st.lists(st.sampled_from(SAID), max_size=3)
REPORTED = st.sampled_from([None, True, False])


@pytest.mark.parametrize(
    ("said", "shown"),
    [([], None), (["no"], "no"), (["no", "possible"], "possible"), (["unknown", "no"], "no"), (["no", "yes"], "yes")],
)
def test_of_several_orders_the_most_cautious_is_shown(said: list[str], shown: str | None) -> None:
    assert ordered(said) == shown


@given(WORDS, REPORTED)
def test_they_disagree_exactly_where_one_says_no_and_another_says_that_there_is_or_may_be_one(
    said: list[str], reported: bool | None
) -> None:
    denied = "no" in said or reported is False
    stated = "yes" in said or "possible" in said or reported is True
    assert disagree(said, reported) == (denied and stated)


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"pregnancy_ordered": "possible"}, "said"),
        ({"pregnant": True}, "said"),
        ({"pregnancy_ordered": "yes", "pregnant": False, "pregnancy_disagrees": True}, "disagrees"),
        ({"pregnancy_ordered": "no", "pregnant": False}, ""),
        ({"pregnancy_ordered": "unknown"}, ""),
    ],
)
def test_the_page_tells_of_it_at_the_exam(known: dict[str, object], told: str) -> None:
    nothing = {"pregnant": None, "pregnancy_ordered": None, "pregnancy_disagrees": False, "in_totals": True}
    row = carried("e1", implausible=[]) | nothing | known
    (exam,) = exams({"exposures": [row], "stated_alone": [], "reports": []})
    assert exam.pregnancy == told
