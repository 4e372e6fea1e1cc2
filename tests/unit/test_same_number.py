"""Can two statements of traits be of one person? Asked where one assigner used one number twice."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.same_number import can_be_one_person, completed, names_agree, telling
from domain.traits import received_traits
from domain.unlike import dates_differ, unlike

Stated = dict[str, str | None]
NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


def person(name: str, birth_date: str | None = None) -> Stated:
    """``FAMILY^Given``, as DICOM writes it."""
    family, _, given_name = name.partition("^")
    return {"family": family, "given": given_name or None, "birth_date": birth_date}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GÉRARD^Zoé", "GERARD^Zoe"),
        ("KRIŽ^Gilead", "KRIZ^GILEAD"),
        ("LE-GOFF^Anne-Marie", "LE GOFF^Anne Marie"),
        ("DE L'ÉPINE^Jeanne", "de l epine^JEANNE"),
        ("DE LA TOUR^Jeanne", "TOUR^Jeanne"),
        ("LE^Van Anh", "LE^Van Anh"),
        ("DURAND^Marie", "durand^marie"),
        ("DURAND^Marie", "MARIE^Durand"),
        ("DURAND-PETIT^Marie", "PETIT^Marie"),
        ("DURAND^Marie", "DURAND^M"),
        ("DURAND^Marie Louise", "DURAND^Marie"),
        ("MARTINEZ^Paul", "MARTINES^Paul"),
        ("DURAND^", "DURAND^Marie"),
        ("^Marie", "DURAND^Marie"),
        ("آدم^كوري", "آدم^كوري"),
    ],
)
def test_spellings_of_one_name_agree(one: str, other: str) -> None:
    """Accents, hyphens, apostrophes, case, order, initials, one letter wrong, a part not known; either way round."""
    assert names_agree(person(one), person(other))
    assert names_agree(person(other), person(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("DURAND^Marie", "DURAND^Paul"),
        ("DURAND^Marie", "MARTIN^Marie"),
        ("DURAND^Marie", "PAUL^Durand"),
        ("DURAND^M", "DURAND^Paul"),
        ("LI^Wei", "LU^Wei"),
        ("DE LA TOUR^Marie", "DE LA RUE^Marie"),
        ("D'ARC^Jeanne", "DURAND^Jeanne"),
    ],
)
def test_names_of_different_persons_do_not_agree(one: str, other: str) -> None:
    """One part alike is not enough, nor half a swap."""
    assert not names_agree(person(one), person(other))
    assert not names_agree(person(other), person(one))


def test_a_used_name_stands_for_the_family_name() -> None:
    """Married, and written by the name used."""
    born = person("DURAND^Marie") | {"used_name": "PETIT"}
    assert names_agree(born, person("PETIT^Marie"))


def test_a_further_first_name_stands_for_the_given_name() -> None:
    """Called by the second of three."""
    assert names_agree(person("DURAND^Louise") | {"first_names": "Marie Louise Anne"}, person("DURAND^Marie"))


REAL_COLLISIONS = {
    "four people under 4018119567876617": [
        person("Maessen^Aytac", "1958-04-21"),
        person("Križ^Gilead", "1923-09-30"),
        person("OpenREM^PulseData", "2018-01-01"),
        person("OpenREM^MultiRDSR", "1958-01-05"),
    ],
    "two people without birth dates": [person("OpenREM^Billy"), person("OpenREM^Denilson")],
    "one without a birth date": [person("Alexander^Alberto", "1986-09-12"), person("Anon^Ymous")],
}


@pytest.mark.parametrize("people", REAL_COLLISIONS.values(), ids=REAL_COLLISIONS.keys())
def test_people_found_under_one_number_in_real_files_stay_apart(people: list[Stated]) -> None:
    """Each pair, either way round: nothing but name and birth date says so."""
    together = [
        (a, b) for i, a in enumerate(people) for j, b in enumerate(people) if i != j and can_be_one_person(a, b)
    ]
    assert together == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (person("DURAND^Marie", "1980-01-02"), person("MARTIN^Marie", "1980-01-02")),
        (person("DURAND^Marie", "1980-01-02"), person("MARTIN^MARIE-LOUISE", "1980-01-02")),
    ],
)
def test_another_family_name_is_a_marriage_where_given_name_and_birth_date_agree(one: Stated, other: Stated) -> None:
    """The number, the given name and the date say the same."""
    assert can_be_one_person(one, other)
    assert not names_agree(one, other)


DIFFERENT_PEOPLE = {
    "twins": ("DURAND^Marie", "1980-01-02", "DURAND^Paul", "1980-01-02"),
    "twins whose names sound alike": ("DURAND^Lucas", "2010-03-04", "DURAND^Luca", "2010-03-04"),
    "brothers of compound names": ("DURAND^Jean-Pierre", "1950-03-04", "DURAND^Jean-Paul", "1950-03-04"),
    "the same words in another order": ("DURAND^Anne-Marie", "1950-03-04", "DURAND^Marie-Anne", "1950-03-04"),
    "father and son": ("DURAND^Jean", "1950-03-04", "DURAND^Jean", "1978-11-21"),
    "father and son, in part": ("DURAND^Jean", "1950-00-00", "DURAND^Jean", "1978-11-21"),
    "other names of one day": ("DURAND^Marie", "1980-01-02", "MARTIN^Jeanne", "1980-01-02"),
    "another family on one first of January": ("BA^Awa", "1980-01-01", "DIOP^Awa", "1980-01-01"),
    "another family, a date in part": ("BA^Awa", "1980-00-00", "DIOP^Awa", "1980-00-00"),
}


@pytest.mark.parametrize(("one", "born", "other", "born_then"), DIFFERENT_PEOPLE.values(), ids=DIFFERENT_PEOPLE)
def test_different_people_under_one_number_stay_apart(one: str, born: str, other: str, born_then: str) -> None:
    assert not can_be_one_person(person(one, born), person(other, born_then))
    assert not can_be_one_person(person(other, born_then), person(one, born))


BY_EAR = """Mathieu Matthieu, Catherine Katherine, Sara Sarah, Zoé ZOE, Frédéric Frederick, Yannick Yannic, Isaac Isaak,
Mohamed Mohammed, Sofia Sophia, Rafaël Raphaël, Kilian Kyllian, Yassine Yacine, Emmanuel Emanuel, Gaëlle Gaelle, Adrien
Hadrien, Nathalie Natalie, Anaëlle Annaëlle, Christelle Krystelle"""


@pytest.mark.parametrize(("given_name", "said"), [pair.split() for pair in BY_EAR.split(",")])
def test_a_name_that_sounds_the_same_is_the_same(given_name: str, said: str) -> None:
    """Written by ear."""
    assert can_be_one_person(person(f"DURAND^{given_name}", "1980-01-02"), person(f"DURAND^{said}", "1980-01-02"))


@pytest.mark.parametrize(
    ("given_name", "said"), [("Julie", "Jullie"), ("Catherine", "Cathrine"), ("Marie", "Mraie"), ("Aytac", "Ayatc")]
)
def test_what_slipped_at_the_desk_is_the_same(given_name: str, said: str) -> None:
    assert can_be_one_person(person(f"DURAND^{given_name}", "1980-01-02"), person(f"DURAND^{said}", "1980-01-02"))


@pytest.mark.parametrize(("one", "other"), [("Anis", "Yanis"), ("Sylvie", "Sylvia"), ("Ayselin", "Ayselen")])
def test_names_of_another_sound_are_two_whether_or_not_a_list_has_them(one: str, other: str) -> None:
    """Twins, of whom one has the other's number."""
    assert not can_be_one_person(person(f"DURAND^{one}", "1980-01-02"), person(f"DURAND^{other}", "1980-01-02"))


OF_ONE_CODE = """Lucas Luka, Lucas Loukas, Ryan Riyad, Neil Naël, Noël Naël, Nell Noëlle, Marie Maryse,
Julia Julien, Lilia Lilian, Mila Milan, Marie Marin, Élie Élise, Félicie Félicité, Élise Elin, Karim Karin,
Mario Marion, Noah Noam, Mandy Maddy, Amaël Amel, Alain Alan, Élia Élian, Louna Luna, Louis Luis, Olive Oliver,
Laurie Lauryn, Lyes Lyse, Clémence Clément, Gaël Gaëlle, Gabriel Gabrielle, Christel Christelle, Isabel Isabelle,
Nicola Nicolas, Célia Zélia, Élie Ellie, Evan Ewan, Alice Alizée, Hedi Heidi, Elio Eliot"""


@pytest.mark.parametrize(("one", "other"), [pair.split() for pair in OF_ONE_CODE.split(",")])
def test_two_names_that_have_one_phonetic_code_are_two(one: str, other: str) -> None:
    """Whether or not the sex is known: nasals, vowels of two letters and the end tell names apart."""
    assert not can_be_one_person(person(f"DURAND^{one}", "1980-01-02"), person(f"DURAND^{other}", "1980-01-02"))
    assert not can_be_one_person(person(f"DURAND^{other}", "1980-01-02"), person(f"DURAND^{one}", "1980-01-02"))


@pytest.mark.parametrize(("one", "other"), [("Paul", "Paula"), ("Jullien", "Julienn")])
def test_a_slip_is_no_other_sex(one: str, other: str) -> None:
    he, she = (person(f"DURAND^{name}", "1980-01-02") | {"sex": sex} for name, sex in ((one, "M"), (other, "F")))
    assert not can_be_one_person(he, she)
    assert not can_be_one_person(she, he)


@pytest.mark.parametrize("sex", ["F", "I", None])
def test_names_that_differ_in_a_mute_end_are_two(sex: str | None) -> None:
    """Brother and sister, or a slip: a human sees both."""
    one = person("DURAND^Michel", "1980-01-02") | {"sex": "M"}
    assert not can_be_one_person(one, person("DURAND^Michèle", "1980-01-02") | {"sex": sex})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("LE GOFF^Anne", "LEGOFF^Anne"),
        ("Le-Goff^Anne", "LEGOFF^Anne"),
        ("D'ALMEIDA^Ana", "DALMEIDA^Ana"),
        ("MARTIN-DUPONT^Luc", "MARTINDUPONT^Luc"),
        ("MARTIN DUPONT^Luc", "DUPONT-MARTIN^Luc"),
        ("CŒURET^Inès", "COEURET^INES"),
        ("WEIß^Ida", "WEISS^Ida"),
        ("DURAND^Marie", "D^Marie"),
        ("INCONNU^X", "DURAND^Marie"),
        ("DURAND^BÉBÉ", "DURAND^Marie"),
    ],
)
def test_what_says_the_same_in_another_spelling_or_says_nothing_agrees(one: str, other: str) -> None:
    """Particles, apostrophes, double names, ligatures, initials, placeholders."""
    assert names_agree(person(one), person(other))
    assert names_agree(person(other), person(one))


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("1950-00-00", "1950-03-12", False),
        ("1950-03-00", "1950-03-12", False),
        ("1950-04-00", "1950-03-12", True),
        ("1950-00-00", "1951-03-12", True),
        ("1950-33-12", "1950-03-12", False),
        ("1900-01-01", "1950-03-12", False),
        (None, "1950-03-12", False),
        ("1950-03-21", "1950-03-12", True),
    ],
)
def test_birth_dates_differ_as_far_as_they_are_known(one: str | None, other: str, differ: bool) -> None:
    """In part, by a lunar calendar, or a placeholder."""
    assert dates_differ(person("DURAND^Marie", one), person("DURAND^Marie", other)) is differ
    assert unlike({"birth_date": one, "sex": "I"}, {"birth_date": other, "sex": "F"}) == ["birth_date"] * differ


@pytest.mark.parametrize(
    ("trait", "known", "stated"),
    [
        ("given", "M", "Marie"),
        ("given", "BÉBÉ", "Marie"),
        ("family", "INCONNUE", "DURAND"),
        ("family", "INCONNU", "O"),
        ("given", "BÉBÉ", "U"),
        ("birth_date", "1900-01-01", "1950-03-12"),
        ("birth_date", "1950-00-00", "1950-03-12"),
        ("birth_place", "99999", "13055"),
        ("used_name", "SANS", "MARTIN"),
    ],
)
def test_what_says_more_takes_the_place_of_what_says_less(trait: str, known: str, stated: str) -> None:
    """And never the other way round."""
    assert completed({trait: known}, {trait: stated}) == {trait: stated}
    assert completed({trait: stated}, {trait: known}) == {trait: stated}


def test_a_used_name_that_says_there_is_none_corrects_none() -> None:
    assert telling({"used_name": "MARTIN"}, {"used_name": "SANS"}) == {}
    assert telling({"used_name": "SANS"}, {"used_name": "MARTIN"}) == {"used_name": "MARTIN"}


def test_a_family_name_that_some_write_for_no_name_says_less_only_where_no_given_name_stands_beside_it() -> None:
    marie = {"family": "DURAND", "given": "Marie"}
    assert completed({"family": "PATIENT", "given": "INCONNU"}, marie) == marie
    assert completed({"family": "PATIENT", "given": "Marie"}, marie) == {"family": "PATIENT", "given": "Marie"}
    assert completed({"family": "INCONNU", "given": "X"}, {"family": "PATIENT", "given": "X"})["family"] == "INCONNU"


def test_a_birth_date_that_differs_does_not_part_one_name() -> None:
    """A typing error in a date is far more likely: it is flagged, not split."""
    assert can_be_one_person(person("DURAND^Marie", "1980-01-02"), person("DURAND^Marie", "1980-02-01"))


@pytest.mark.parametrize("missing", [None, ""])
def test_a_missing_birth_date_speaks_for_nothing(missing: str | None) -> None:
    """Two unknowns are not an agreement."""
    assert not can_be_one_person(person("DURAND^Marie", missing), person("MARTIN^Paul", missing))


@pytest.mark.parametrize(("one", "other"), [("", ""), ("", "MARTIN^Paul"), ("DURAND^", "^Marie")])
def test_where_no_name_can_be_compared_birth_dates_decide(one: str, other: str) -> None:
    """Two that differ are two persons; one that is not known says nothing."""
    assert not can_be_one_person(person(one, "1950-01-01"), person(other, "1980-01-01"))
    assert can_be_one_person(person(one, "1950-01-01"), person(other))


NAMES = st.text(alphabet="ABCDÉÈÇ -'", max_size=12)
DATES = st.sampled_from((None, "1980-01-02", "1950-01-01"))
PEOPLE = st.fixed_dictionaries({"family": NAMES, "given": NAMES, "birth_date": DATES})


@given(PEOPLE, PEOPLE)
def test_comparing_does_not_depend_on_which_came_first(one: Stated, other: Stated) -> None:
    """Else two sites would get two answers."""
    assert can_be_one_person(one, other) == can_be_one_person(other, one)


@given(PEOPLE)
def test_everybody_can_be_themselves(one: Stated) -> None:
    """Whatever is missing."""
    assert can_be_one_person(one, dict(one))


@given(PEOPLE, PEOPLE)
def test_what_was_added_is_not_added_again(known: Stated, stated: Stated) -> None:
    """What is said again changes nothing, so that no event follows."""
    whole = completed(known, stated)
    assert completed(whole, stated) == whole


def test_a_trait_that_nobody_states_is_not_added() -> None:
    """Not even as one that is not known: nothing would have changed."""
    assert completed({"family": "DURAND"}, received_traits(NOW, family="DURAND")) == {"family": "DURAND"}
