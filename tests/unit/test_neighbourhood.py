"""What a lookup works out once, it tells of those alone of whom it was worked out."""

from domain.matching.deciding import weighed
from domain.matching.keys import keys
from domain.matching.record import record
from projections.identity_index.neighbourhood import Neighbourhood
from tests.fakes.weighing import rules

BORN = [f"19{year}-04-12" for year in range(10, 99)]


def test_a_record_that_is_gone_lends_nothing_to_the_next_one_in_its_place() -> None:
    """Most who share a key are let go at once, and others are made where they were."""
    model = rules(1).model
    assert model
    one, inside = record({"family": "FICTIVE", "given": "Lea", "birth_date": BORN[0]}), Neighbourhood(model)
    for birth_date in BORN:
        stated = {"family": "FICTIVE", "given": "Lea", "birth_date": birth_date}
        assert inside.weigh(one, record(stated)) == weighed(one, record(stated), model)
        assert inside.keys(record(stated)) == keys(record(stated))
