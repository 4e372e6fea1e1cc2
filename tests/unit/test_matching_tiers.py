"""What is merged, what a human is shown: the cases of identities that other systems merge or lose."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ins import key_of, qualified
from domain.matching.agreement import agreement
from domain.matching.deciding import Decided, decide, scored
from domain.matching.frequencies import Shares
from domain.matching.levels import ENUMS, Birth, Family, Given, Number, Place
from domain.matching.limits import Limits, Placeless
from domain.matching.model import Model
from domain.matching.record import Record, record
from domain.matching.tier import Tier
from domain.matching.tiers import strict, sure
from domain.matching.weights import Weights

TEST = "1.2.250.1.213.1.4.10"
BASE = {"family": "FICTIVE", "given": "Lea", "birth_date": "1980-04-12", "sex": "F", "birth_place": "33063"}


def numbered(thirteen: str) -> str:
    return qualified(f"{thirteen}{key_of(thirteen):02}", TEST) or ""


OWN, ANOTHER = numbered("2800433063012"), numbered("2800433063099")
MOTHERS = numbered("2550233063012")


def of(*, replaced: bool = False, **changed: str) -> Record:
    stated: dict[str, str | None] = {**BASE, **changed}
    return record(stated, stated.pop("ins", None), replaced=replaced)


FLAT = Weights(20.0, tuple((0.0,) * len(enum) for enum in ENUMS))
"""Every agreement is worth enough to be merged or shown, so that tiers and guards alone decide."""


SMALL = Model(FLAT, limits=Limits(placeless=Placeless.LISTED))
"""Of a region so small that it knows no name."""


def decided(records: Sequence[Record], placeless: Placeless = Placeless.LISTED) -> Decided:
    model = replace(SMALL, limits=Limits(placeless=placeless))
    pairs = [(a, b) for b in range(len(records)) for a in range(b)]
    return decide(records, scored(records, pairs, model), model)


def groups(records: Sequence[Record], placeless: Placeless = Placeless.LISTED) -> list[list[int]]:
    return sorted(sorted(group) for group in decided(records, placeless).groups)


ONE = [
    ("strict traits", of(), of()),
    ("one slip in a name", of(), of(family="FICTIEV")),
    ("a given name written by ear", of(given="Julie"), of(given="Jullie")),
    ("no used name, in words", of(used_name="SANS"), of(used_name="MARTIN")),
    ("a name that some write for no name", of(family="SANS"), of(family="SANS")),
    ("a ligature", of(family="CŒURET"), of(family="COEURET")),
    ("a particle", of(family="Le Goff"), of(family="LEGOFF")),
    ("names swapped", of(given="Louise"), of(family="LOUISE", given="Fictive")),
    ("a married name", of(family="FICTIVE", used_name="MARTIN"), of(family="MARTIN")),
    ("one number, the place not known", of(ins=OWN), of(ins=OWN, birth_place="99999")),
    ("one number, a slip in the date", of(ins=OWN), of(ins=OWN, birth_date="1980-04-21")),
    ("one number, another decade", of(ins=OWN), of(ins=OWN, birth_date="1990-04-12")),
    ("one number, a name of the list", of(ins=OWN, first_names="Lea Rose"), of(ins=OWN, given="Rose")),
    ("the second name of one's list, and the first", of(given="Aziliz", first_names="Lea Aziliz"), of()),
    ("one list of given names, no place", of(first_names="Lea Rose"), of(first_names="Lea Rose", birth_place="")),
    ("an old code of the commune", of(birth_place="2A004"), of(birth_place="20004")),
]
TWO = [
    ("differing numbers", of(ins=OWN), of(ins=ANOTHER)),
    ("twin sisters", of(given="Anne-Marie"), of(given="Marie-Anne")),
    ("twins", of(given="Lea"), of(given="Theo", sex="M")),
    ("brothers", of(given="Lucas", sex="M"), of(given="Luca", sex="M")),
    ("a list of two names and a compound", of(given="Jean", first_names="Jean Paul"), of(given="Jean-Paul")),
    ("a slip that may be a name", of(given="Ayselin"), of(given="Ayselen")),
    ("compound names", of(given="Jean-Pierre", sex="M"), of(given="Jean-Paul", sex="M")),
    ("a name and a compound", of(given="Jean", sex="M"), of(given="Jean-Paul", sex="M")),
    ("a name of the other's list", of(given="Marie", first_names="Marie Claire"), of(given="Claire")),
    ("a name of the other's list that may be a twin's", of(first_names="Lea Aziliz"), of(given="Aziliz")),
    (
        "lists that share a third name",
        of(first_names="Lea Aziliz Rose"),
        of(given="Aziliz", first_names="Aziliz Lea Rose"),
    ),
    ("one number of two names", of(ins=OWN), of(ins=OWN, given="Marie")),
    ("one number of two sexes", of(ins=OWN), of(ins=OWN, sex="M")),
    ("one number, the day and month of another generation", of(ins=OWN), of(ins=OWN, birth_date="2010-04-12")),
    ("one number, thirteen years apart", of(ins=OWN), of(ins=OWN, birth_date="1993-04-12")),
    ("the mother's number", of(ins=MOTHERS), of(ins=MOTHERS, given="Marie")),
    ("lists that differ", of(first_names="Lea Rose"), of(first_names="Lea Louise")),
    ("another sex", of(), of(sex="M")),
    ("sex indeterminate", of(), of(sex="I")),
    ("another day", of(), of(birth_date="1980-04-13")),
    ("a date in part", of(), of(birth_date="1980-04-00")),
    ("a first of January", of(birth_date="1980-01-01"), of(birth_date="1980-01-01")),
    ("no place", of(), of(birth_place="99999")),
    ("a repeated word", of(family="MARTIN MARTIN"), of(family="MARTIN")),
    ("two slips", of(given="Louise"), of(family="FICTIEV", given="Luoise")),
]
NOBODY_IS_ASKED = [
    ("placeholders", record({"family": "INCONNU", "given": "X"}), record({"family": "INCONNU", "given": "X"})),
    ("patients unknown", of(family="PATIENT", given="INCONNU"), of(family="PATIENT", given="INCONNU")),
    ("a newborn without a name, and a child", of(family="BÉBÉ DE FICTIVE", given="BÉBÉ"), of()),
    ("two newborns without a name", of(family="BÉBÉ DE FICTIVE", given="X"), of(family="BÉBÉ DE MARTIN", given="X")),
    ("nobody, with two numbers", of(family="INCONNU", given="X", ins=OWN), of(ins=ANOTHER)),
]
A_NAME_OR_A_NUMBER_SPEAKS = [
    ("a given name", of(family="BÉBÉ DE FICTIVE"), of()),
    ("a family name", of(given="BÉBÉ"), of()),
    ("a number", of(family="INCONNU", given="X", ins=OWN), of(ins=OWN)),
    ("a used name", of(family="INCONNU", given="X", used_name="MARTIN"), of(family="INCONNU", used_name="MARTIN")),
]


@pytest.mark.parametrize(("one", "other"), [case[1:] for case in ONE], ids=[case[0] for case in ONE])
def test_a_rule_merges_one_person(one: Record, other: Record) -> None:
    assert groups([one, other]) == [[0, 1]]


@pytest.mark.parametrize(("one", "other"), [case[1:] for case in TWO], ids=[case[0] for case in TWO])
def test_a_rule_leaves_it_to_a_human(one: Record, other: Record) -> None:
    found = decided([one, other])
    assert found.merges == []
    assert [(pair.one, pair.other) for pair in found.review] == [(0, 1)]


@pytest.mark.parametrize(("one", "other"), [case[1:] for case in NOBODY_IS_ASKED], ids=[c[0] for c in NOBODY_IS_ASKED])
def test_a_birth_date_and_a_place_alone_propose_nobody(one: Record, other: Record) -> None:
    """They are those of all who were born there that day, however many bits they are worth."""
    found = decided([one, other])
    assert (found.merges, found.review) == ([], [])


@pytest.mark.parametrize(
    ("one", "other"), [case[1:] for case in A_NAME_OR_A_NUMBER_SPEAKS], ids=[c[0] for c in A_NAME_OR_A_NUMBER_SPEAKS]
)
def test_one_name_or_one_number_proposes_somebody_who_has_no_other_name(one: Record, other: Record) -> None:
    found = decided([one, other])
    assert (found.merges, [(pair.one, pair.other) for pair in found.review]) == ([], [(0, 1)])


def test_a_blank_number_never_bridges_two_that_differ() -> None:
    found = decided([of(ins=OWN), of(), of(ins=ANOTHER)])
    assert found.merges == []
    assert {(pair.one, pair.other) for pair in found.review} == {(0, 1), (0, 2), (1, 2)}


def merged(records: Sequence[Record], *told: tuple[int, int]) -> list[tuple[int, int]]:
    """Whom a rule merges, where a human merged these two."""
    pairs = scored(records, list(combinations(range(len(records)), 2)), SMALL)
    return [(pair.one, pair.other) for pair, _ in decide(records, pairs, SMALL, told).merges]


def test_nor_does_whom_a_human_merged_with_one_of_them() -> None:
    """Nor where an equal married name lifts suspicions; a human is asked."""
    mine, blank = of(ins=OWN, used_name="MARTIN"), of(used_name="MARTIN")
    other = of(ins=ANOTHER, family="DURAND")
    assert merged([mine, blank, other]) == [(0, 1)]
    assert merged([mine, blank, other], (1, 2)) == []
    assert merged([mine, blank, other, blank], (0, 2)) == [(0, 1), (0, 3)]


def test_whom_a_human_merged_though_they_have_two_numbers_take_a_third_record_of_either() -> None:
    records = [of(ins=OWN), of(ins=ANOTHER), of(ins=ANOTHER), of(ins=OWN)]
    assert merged(records, (0, 1)) == [(0, 3), (1, 2)]


def test_where_twins_are_suspected_a_number_alone_merges() -> None:
    marie = of(given="Marie")
    assert groups([of(), of(), marie]) == [[0], [1], [2]]
    assert groups([of(ins=OWN), of(ins=OWN), marie]) == [[0, 1], [2]]


NAMES_OF_TWINS = [
    ("Anis", "Yanis"),
    ("Sylvie", "Sylvia"),
    ("Nadia", "Nadira"),
    ("Lina", "Alina"),
    ("Lucas", "Luca"),
    ("Mila", "Milan"),
    ("Nael", "Noel"),
]


@pytest.mark.parametrize(("one", "other"), NAMES_OF_TWINS)
def test_twins_whose_names_differ_by_a_letter_or_two_are_suspected(one: str, other: str) -> None:
    """Each of the four may carry the other's name."""
    assert groups([of(given=one), of(given=one), of(given=other), of(given=other)]) == [[0], [1], [2], [3]]


@pytest.mark.parametrize(("one", "other"), [("Adam", "Adem"), ("Mathieu", "Matthieu")])
def test_two_names_of_one_sound_are_kept_apart_and_raise_no_suspicion(one: str, other: str) -> None:
    """Most of them are one person's name, written by ear."""
    assert groups([of(given=one), of(given=one), of(given=other), of(given=other)]) == [[0, 1], [2, 3]]


def test_a_slip_of_another_sound_is_one_name_under_ones_own_number() -> None:
    assert groups([of(ins=OWN, given="Ayselin"), of(ins=OWN, given="Ayselen")]) == [[0, 1]]


def test_words_of_a_compound_are_names_of_the_region_too() -> None:
    pair = [of(given="Jean", first_names="Jean Ayselin"), of(given="Jean-Ayselin")]
    region = replace(SMALL, given=Shares(common={"AYSELIN": 0.01}))
    pairs = [scored(pair, [(0, 1)], model) for model in (SMALL, region)]
    merged = [len(decide(pair, *each).merges) for each in zip(pairs, (SMALL, region), strict=True)]
    assert merged == [1, 0]


def test_one_persons_slip_raises_no_suspicion() -> None:
    slipped = of(ins=OWN, given="Rose", first_names="Lea Rose")
    assert groups([of(ins=OWN, first_names="Lea Rose"), slipped, of()]) == [[0, 1, 2]]


def test_homonyms_born_in_two_places_are_told_apart_by_place() -> None:
    here, there = of(), of(birth_place="75056")
    assert groups([here, here, there, there]) == [[0, 1], [2, 3]]
    assert groups([here, there, of(birth_place="")], Placeless.ALWAYS) == [[0], [1], [2]]


def test_the_rules_say_whether_a_place_may_be_missing() -> None:
    pair = [of(), of(birth_place="")]
    assert groups(pair, Placeless.ALWAYS) == [[0, 1]]
    assert groups(pair, Placeless.NEVER) == [[0], [1]]


def test_whom_a_human_merged_raise_no_suspicion_of_twins() -> None:
    records = [of(given="Lea"), of(given="Lea"), of(given="Zoe")]
    pairs = scored(records, [(0, 1), (0, 2), (1, 2)], SMALL)
    assert [tier for _, tier in decide(records, pairs, SMALL).merges] == []
    ((merged, tier),) = decide(records, pairs, SMALL, told=[(1, 2)]).merges
    assert (merged.one, merged.other, tier) == (0, 1, Tier.STRICT)


def test_an_equal_married_name_merges_where_twins_are_suspected() -> None:
    married = of(used_name="MARTIN")
    assert groups([married, married, of(given="Marie")]) == [[0, 1], [2]]


def test_the_tier_is_stored_with_each_merge() -> None:
    tiers = [tier for _, tier in decided([of(ins=OWN), of(ins=OWN), of()]).merges]
    assert tiers == [Tier.SURE, Tier.STRICT]


SOME = st.builds(
    of,
    replaced=st.booleans(),
    family=st.sampled_from(["FICTIVE", "FICTIEV", "MARTIN"]),
    given=st.sampled_from(["Lea", "Marie", "Louise", "Louis"]),
    ins=st.sampled_from(["", OWN, ANOTHER, MOTHERS]),
    sex=st.sampled_from(["F", "M", "I"]),
    birth_date=st.sampled_from(["1980-04-12", "1980-04-12", "1980-12-04"]),
    birth_place=st.sampled_from(["33063", "33063", "75056", ""]),
    first_names=st.sampled_from(["", "Lea Rose", "Marie Louise"]),
)


@settings(max_examples=60)
@given(st.lists(SOME, max_size=7))
def test_no_group_holds_two_numbers_of_their_own(records: list[Record]) -> None:
    for group in groups(records, Placeless.ALWAYS):
        inside = [agreement(records[a], records[b]) for a in group for b in group]
        assert all(each.number is not Number.DIFFERENT for each in inside)


@settings(max_examples=60)
@given(st.lists(SOME, max_size=7))
def test_groups_part_all_records_and_hold_every_merge(records: list[Record]) -> None:
    found = decided(records)
    assert sorted(place for group in found.groups for place in group) == list(range(len(records)))
    assert all(found.groups.same(pair.one, pair.other) for pair, _ in found.merges)
    assert len(found.merges) == len(records) - len(list(found.groups))
    assert not any(found.groups.same(pair.one, pair.other) for pair in found.review)


def test_no_agreement_without_name_or_date_merges() -> None:
    """Of all combinations of levels, none that contradicts is merged by strict traits."""
    base = agreement(of(), of())
    limits = Limits(placeless=Placeless.ALWAYS)
    assert strict(base, limits)
    for family in (Family.UNKNOWN, Family.SIMILAR, Family.DIFFERENT, Family.PART):
        assert not strict(base._replace(family=family), limits)
    for birth in set(Birth) - {Birth.EXACT}:
        assert not strict(base._replace(birth=birth), limits)
    for place in (Place.DEPARTMENT, Place.DIFFERENT):
        assert not strict(base._replace(place=place), limits)
    for number in (Number.BORROWED, Number.DOUBTFUL, Number.DIFFERENT):
        assert not strict(base._replace(number=number), limits)
        assert not sure(base._replace(number=number), of(), of())
    assert not sure(base._replace(number=Number.OWN, given=Given.DIFFERENT), of(), of())
    assert not sure(base._replace(number=Number.OWN, birth=Birth.DIFFERENT), of(), of())


def test_a_number_that_took_the_place_of_another_merges_nobody_and_is_shown() -> None:
    """Whatever else agrees, until a clerk settles which of the two is right."""
    replaced, own = of(ins=OWN, replaced=True), of(ins=OWN)
    assert groups([own, own]) == [[0, 1]]
    for two in ([replaced, own], [replaced, replaced]):
        assert groups(two, Placeless.ALWAYS) == [[0], [1]]
        assert [(pair.one, pair.other) for pair in decided(two).review] == [(0, 1)]


def test_nobody_without_a_number_bridges_one_that_took_the_place_of_another_and_a_third() -> None:
    replaced = of(ins=OWN, replaced=True)
    assert groups([replaced, of()]) == [[0, 1]]
    assert all(not {0, 2} <= {*group} for group in groups([replaced, of(), of(ins=ANOTHER)], Placeless.ALWAYS))


BETWEEN = [
    ("sex", of(ins=OWN, sex=""), of(ins=OWN, sex="M")),
    ("a generation", of(ins=OWN, birth_date=""), of(ins=OWN, birth_date="2010-04-12")),
]


@pytest.mark.parametrize(("third", "other"), [case[1:] for case in BETWEEN], ids=[case[0] for case in BETWEEN])
def test_nor_does_a_third_record_of_the_number_bring_them_together(third: Record, other: Record) -> None:
    assert all(not {0, 2} <= {*group} for group in groups([of(ins=OWN), third, other]))


def test_a_daughter_of_her_mothers_name_and_month_is_not_her_mother() -> None:
    """Her care runs under her mother's number, which differs from what is said of her in the year alone."""
    mother = of(ins=OWN)
    daughter = of(ins=OWN, birth_date="2019-04-21", birth_place="")
    assert agreement(mother, daughter).number is Number.OWN
    assert groups([mother, daughter]) == [[0], [1]]
    assert [(pair.one, pair.other) for pair in decided([mother, daughter]).review] == [(0, 1)]
