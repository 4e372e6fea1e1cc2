"""How far two records agree, trait by trait: the cases that other systems get wrong, as one table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ins import key_of, qualified
from domain.matching.agreement import agreement
from domain.matching.levels import Birth, Family, Given, Number, Others, Place, Sex, Used
from domain.matching.nicknames import GROUPS_OF, short_form
from domain.matching.record import Record, record

TEST, DEMONSTRATION = "1.2.250.1.213.1.4.10", "1.2.250.1.213.1.4.11"
BASE = {"family": "FICTIVE", "given": "Lea", "birth_date": "1980-04-12", "sex": "F", "birth_place": "33063"}


def numbered(thirteen: str, oid: str = TEST) -> str:
    return qualified(f"{thirteen}{key_of(thirteen):02}", oid) or ""


OWN, ANOTHER, NEXT = numbered("2800433063012"), numbered("2800433063099"), numbered("2800433063013")
FATHERS = numbered("1500233063012")

TRAITS = [
    ({"family": "CŒURET"}, {"family": "COEURET"}, "family", Family.EXACT),
    ({"family": "DE LA TOUR"}, {"family": "TOUR (DE LA)"}, "family", Family.EXACT),
    ({"family": "D'Almeida"}, {"family": "ALMEIDA"}, "family", Family.SPELLING),
    ({"family": "FICTIVE"}, {"family": "FICTIEV"}, "family", Family.SPELLING),
    ({"family": "DUPOND"}, {"family": "DUPONT"}, "family", Family.SPELLING),
    ({"family": "MARTIN-DUPONT"}, {"family": "DUPONT MARTIN"}, "family", Family.SPELLING),
    ({"family": "MARTIN MARTIN"}, {"family": "MARTIN"}, "family", Family.PART),
    ({"family": "MARTIN-DUPONT"}, {"family": "MARTIN"}, "family", Family.PART),
    ({"family": "DURAND", "used_name": "MARTIN"}, {"family": "MARTIN"}, "family", Family.CROSS),
    ({"family": "DURAND ÉP. MARTIN"}, {"family": "MARTIN"}, "family", Family.CROSS),
    ({"family": "FICTIVE", "given": "LEONIE"}, {"family": "LEONIE", "given": "FICTIVE"}, "family", Family.SWAPPED),
    ({"family": "FICTIVE", "given": "LEONIE"}, {"family": "LEONIE", "given": "FICTIVE"}, "given", Given.UNKNOWN),
    ({"family": "INCONNU"}, {"family": "INCONNU"}, "family", Family.UNKNOWN),
    ({"family": "FICTIVE"}, {"family": "TESTPATIENT"}, "family", Family.DIFFERENT),
    ({"given": "Lætitia"}, {"given": "LAETITIA"}, "given", Given.EXACT),
    ({"given": "Anne-Marie"}, {"given": "Marie-Anne"}, "given", Given.DIFFERENT),
    ({"given": "Jean-Pierre"}, {"given": "Jean-Paul"}, "given", Given.DIFFERENT),
    ({"given": "Jean-Pierre"}, {"given": "JEAN PIERRE"}, "given", Given.EXACT),
    ({"given": "Jean"}, {"given": "Jean-Michel"}, "given", Given.PART),
    ({"given": "J."}, {"given": "Jean"}, "given", Given.PART),
    ({"given": "Léa"}, {"given": "Léo"}, "given", Given.DIFFERENT),
    ({"given": "Philippe"}, {"given": "Philipe"}, "given", Given.SPELLING),
    ({"given": "Manu"}, {"given": "Emmanuel"}, "given", Given.SHORT_FORM),
    ({"given": "Rose", "first_names": "Lea Rose"}, {"given": "Lea"}, "given", Given.LISTED),
    ({"given": "Rose"}, {"given": "Lea", "first_names": "Lea Rose"}, "given", Given.LISTED),
    ({"given": "BÉBÉ"}, {"given": "BÉBÉ"}, "given", Given.UNKNOWN),
    ({"birth_date": "1950-00-00"}, {"birth_date": "1950-06-00"}, "birth", Birth.IN_PART),
    ({"birth_date": "1950-06-00"}, {"birth_date": "1950-06-12"}, "birth", Birth.IN_PART),
    ({"birth_date": "1950-06-00"}, {"birth_date": "1950-07-12"}, "birth", Birth.YEAR),
    ({"birth_date": "1950-31-00"}, {"birth_date": "1950-42-00"}, "birth", Birth.YEAR),
    ({"birth_date": "1950-31-00"}, {"birth_date": "1950-06-12"}, "birth", Birth.IN_PART),
    ({"birth_date": "1980-04-12"}, {"birth_date": "1980-12-04"}, "birth", Birth.SWAPPED),
    ({"birth_date": "1980-04-12"}, {"birth_date": "1980-04-13"}, "birth", Birth.ONE_DIGIT),
    ({"birth_date": "1980-04-12"}, {"birth_date": "1980-04-30"}, "birth", Birth.TWO_PARTS),
    ({"birth_date": "1950-01-02"}, {"birth_date": "1981-06-20"}, "birth", Birth.DIFFERENT),
    ({"birth_date": "1980-01-01"}, {"birth_date": "1980-01-01"}, "birth", Birth.WEAK),
    ({"birth_date": "1900-01-01"}, {"birth_date": "1900-01-01"}, "birth", Birth.UNKNOWN),
    ({"sex": "I"}, {"sex": "F"}, "sex", Sex.INDETERMINATE),
    ({"sex": "I"}, {"sex": "I"}, "sex", Sex.INDETERMINATE),
    ({"sex": "M"}, {"sex": "F"}, "sex", Sex.DIFFERENT),
    ({"birth_place": "2A004"}, {"birth_place": "20004"}, "place", Place.EQUAL),
    ({"birth_place": "75112"}, {"birth_place": "75056"}, "place", Place.EQUAL),
    ({"birth_place": "33063"}, {"birth_place": "33281"}, "place", Place.DEPARTMENT),
    ({"birth_place": "99352"}, {"birth_place": "99350"}, "place", Place.DIFFERENT),
    ({"birth_place": "99999"}, {"birth_place": "99999"}, "place", Place.UNKNOWN),
    ({"ins": OWN}, {"ins": OWN}, "number", Number.OWN),
    ({"ins": OWN}, {"ins": ANOTHER}, "number", Number.DIFFERENT),
    ({"ins": OWN}, {"ins": NEXT}, "number", Number.DIFFERENT),
    ({"ins": FATHERS}, {"ins": FATHERS}, "number", Number.BORROWED),
    ({"ins": OWN}, {"ins": FATHERS}, "number", Number.DOUBTFUL),
    ({"ins": OWN}, {"ins": numbered("2800433063012", DEMONSTRATION)}, "number", Number.UNKNOWN),
    ({"ins": OWN}, {}, "number", Number.UNKNOWN),
    ({"first_names": "Lea Rose"}, {"first_names": "LEA ROSE"}, "others", Others.EQUAL),
    ({"first_names": "Lea Rose Anne"}, {"first_names": "Lea Rose"}, "others", Others.COMMON),
    ({"first_names": "Lea Rose"}, {"first_names": "Lea Jeanne"}, "others", Others.DIFFERENT),
    ({"first_names": "Lea"}, {"first_names": "Lea Jeanne"}, "others", Others.UNKNOWN),
    ({"used_name": "MARTIN"}, {"used_name": "Martin"}, "used", Used.EQUAL),
    ({"used_name": "MARTIN"}, {"used_name": "BERNARD"}, "used", Used.DIFFERENT),
]


def of(changed: dict[str, str]) -> Record:
    stated: dict[str, str | None] = {**BASE, **changed}
    return record(stated, stated.get("ins"))


@pytest.mark.parametrize(("one", "other", "trait", "level"), TRAITS)
def test_a_pair_of_traits_agrees_as_far_as_it_should(
    one: dict[str, str], other: dict[str, str], trait: str, level: int
) -> None:
    assert getattr(agreement(of(one), of(other)), trait) is level


def test_a_number_that_took_the_place_of_another_joins_nobody_and_tells_two_apart_all_the_same() -> None:
    replaced, own = record(BASE, OWN, replaced=True), record(BASE, OWN)
    for one, other in ((replaced, own), (own, replaced), (replaced, replaced)):
        assert agreement(one, other).number is Number.BORROWED
    assert agreement(replaced, record(BASE, ANOTHER)).number is Number.DIFFERENT
    assert agreement(replaced, record(BASE)).number is Number.UNKNOWN


NAMES = "FICTIVE;FICTIEV;Le Goff;LEGOFF;MARTIN-DUPONT;DUPONT MARTIN;DURAND ÉP. MARTIN;X;Lea;LEA ROSE;Anne-Marie;J;-"
SOME = st.sampled_from(NAMES.split(";"))
DATES = st.sampled_from(["1980-04-12", "1980-12-04", "1950-00-00", "1950-31-12", "1900-01-01", "1980-04-13", "x"])
RECORDS = st.fixed_dictionaries(
    {
        "family": st.none() | SOME | st.text(),
        "given": st.none() | SOME | st.text(),
        "used_name": st.none() | SOME,
        "first_names": st.none() | SOME,
        "birth_date": st.none() | DATES,
        "sex": st.sampled_from(["M", "F", "I", None]),
        "birth_place": st.sampled_from(["33063", "2A004", "20004", "99999", None]),
    }
)
NUMBERS = st.sampled_from([None, OWN, ANOTHER, NEXT, FATHERS])


@given(RECORDS, NUMBERS, RECORDS, NUMBERS)
def test_agreement_is_the_same_from_both_sides(
    one: dict[str, str | None], ins_1: str | None, other: dict[str, str | None], ins_2: str | None
) -> None:
    a, b = record(one, ins_1), record(other, ins_2)
    assert agreement(a, b) == agreement(b, a)


@given(RECORDS, NUMBERS)
def test_a_record_agrees_with_itself_in_all_that_is_known(traits: dict[str, str | None], ins: str | None) -> None:
    a = record(traits, ins)
    found = agreement(a, a)
    assert found.family in (Family.EXACT, Family.UNKNOWN)
    assert found.given in (Given.EXACT, Given.UNKNOWN)
    assert found.birth in (Birth.EXACT, Birth.WEAK, Birth.IN_PART, Birth.UNKNOWN)
    assert found.number in (Number.OWN, Number.BORROWED, Number.UNKNOWN)


def test_a_short_form_stands_for_its_names_alone() -> None:
    assert short_form("FRED", "ALFRED")
    assert short_form("FRED", "FREDERIC")
    assert not short_form("ALFRED", "FREDERIC")
    assert len(GROUPS_OF) > 300
