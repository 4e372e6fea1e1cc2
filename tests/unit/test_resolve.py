"""Which identity a REF names. Matricules are looked up in a view: ``tests/integration/test_identity_queries.py``."""

from uuid import UUID

import pytest

from domain.aggregates.identity import Identity
from domain.errors import NotFound
from krypton.bootstrap import Krypton
from tests.fakes.asked import krypton_over
from tests.fakes.ids import IDS
from tests.fakes.region import Region


@pytest.fixture
def region() -> Region:
    return Region()


@pytest.fixture
def ours(region: Region) -> Krypton:
    return krypton_over(region)


def two_people(region: Region, number: str = "123") -> list[UUID]:
    """The number is used for both."""
    received = [
        region.receive(study_uid=f"2.25.{n}", local_id=number, stated={"family": family, "given": "Alix"})
        for n, family in enumerate(("EXEMPLE", "ZOULOU"))
    ]
    return [UUID(answer.result["identity"]) for answer in received]


def test_the_second_person_under_one_number_is_found_by_its_ordinal(region: Region, ours: Krypton) -> None:
    """``123`` stays the first person."""
    first, second = two_people(region)
    assert [ours.resolve("CHB|123"), ours.resolve("CHB|123#2")] == [first, second]


@pytest.mark.parametrize("local_id", ["123#2", "123#1", "123#02", "123#100", "#2", "1|2#3"])
def test_a_local_id_spelt_with_a_hash_is_found_as_it_is_spelt(region: Region, ours: Krypton, local_id: str) -> None:
    """An assigner may use the sign itself, before any number that is used twice."""
    identity = region.register(local_id=local_id)
    assert ours.resolve(f"CHB|{local_id}") == identity


def test_a_local_id_that_is_spelt_as_another_persons_ordinal_names_nobody(region: Region, ours: Krypton) -> None:
    """Both are shown as ``123#2``: the refusal names the two, for ``identity show`` to tell them apart."""
    _, second = two_people(region)
    spelt = region.register(local_id="123#2")
    with pytest.raises(NotFound, match="write the uuid of the one that is meant") as refusal:
        ours.resolve("CHB|123#2")
    assert str(spelt) in str(refusal.value)
    assert str(second) in str(refusal.value)
    assert [ours.resolve(str(one)) for one in (spelt, second)] == [spelt, second]


def test_the_second_person_under_a_number_with_a_hash_is_found(region: Region, ours: Krypton) -> None:
    """Only the last sign counts."""
    _, second = two_people(region, "123#2")
    assert ours.resolve("CHB|123#2#2") == second


@pytest.mark.parametrize("digits", ["1", "02", "٢", "9" * 5_000])
def test_only_what_is_shown_is_an_ordinal(region: Region, ours: Krypton, digits: str) -> None:
    """``123#02`` was never shown to anybody."""
    two_people(region)
    assert Identity.create_id(IDS, "CHB", "123", 2) != Identity.create_id(IDS, "CHB", "123#02")
    with pytest.raises(NotFound, match="no such identity"):
        ours.resolve(f"CHB|123#{digits}")


@pytest.mark.parametrize("ref", ["CHB|SECRET", "CHB|SECRET#2", "SECRET", "00000000-0000-4000-8000-000000000000"])
def test_what_is_not_there_is_refused_without_repeating_the_number(ours: Krypton, ref: str) -> None:
    """The message goes to logs too; it says what to do."""
    with pytest.raises(NotFound, match="write ASSIGNER") as refusal:
        ours.resolve(ref)
    assert "SECRET" not in str(refusal.value)
