"""Keys of a query: each kind of PS3.4 C.2.2.2 finds what it asks for and nothing else."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.query_keys import BadKey, Kind, condition, fits, folded, met

FINDS = [
    (Kind.NUMBER_OF, "1234", ["1234"], ["_1234", "%1234", "12345", "123", "1234 x"]),
    (Kind.NUMBER_OF, "%1234", ["%1234"], ["1234", "X1234"]),
    (Kind.NUMBER_OF, "_1234", ["_1234"], ["1234", "X1234", "%1234"]),
    (Kind.NUMBER_OF, "12*", ["12", "1234", "12%"], ["112", "%12"]),
    (Kind.NUMBER_OF, "12?4", ["1234", "12_4", "12%4"], ["124", "12345"]),
    (Kind.NUMBER_OF, "A-1", ["A-1"], ["a-1", "A1"]),
    (Kind.CODE, "CT", ["CT"], ["ct", "CTA", ""]),
    (Kind.CODE, "C?", ["CT", "CR"], ["C", "CTA"]),
    (Kind.WORDS, "durand^elodie", ["DURAND^Élodie", "Durand^É-lodie"], ["DURAND", "DURANDO^ELODIE"]),
    (Kind.WORDS, "d'or*", ["D'Or^Jean", "DOR^JEAN", "D-ORSAY"], ["ADOR", "OR"]),
    (Kind.WORDS, "*thorax*", ["Scanner du THORAX", "thorax"], ["abdomen"]),
    (Kind.WORDS, "T?", ["T1", "T 2"], ["T", "T12"]),
    (Kind.WORDS, "œdème", ["Oedeme", "ŒDÈME"], ["edeme"]),
    (Kind.WORDS, "100%", ["100%", "100"], ["1000", "100x"]),
    (Kind.WORDS, "山田*", ["山田^太郎"], ["YAMADA^TARO", "山"]),
    (Kind.UID, "1.2.3", ["1.2.3"], ["1.2.33", "1.2.*"]),
    (Kind.UID, "1.2.3\\1.2.4", ["1.2.3", "1.2.4"], ["1.2.5"]),
    (Kind.UID, "1.2.3,1.2.4", ["1.2.3", "1.2.4"], ["1.2.34"]),
    (Kind.DATE, "20260105", ["20260105", "2026.01.05"], ["20260106", "2026", ""]),
    (Kind.DATE, "20260105-20260107", ["20260105", "20260107"], ["20260104", "20260108"]),
    (Kind.DATE, "20260105-", ["20260105", "20991231"], ["20260104"]),
    (Kind.DATE, "-20260105", ["19000101", "20260105"], ["20260106", "not a date"]),
    (Kind.TIME, "10", ["10", "1015", "105959.999"], ["09", "11"]),
    (Kind.TIME, "1015-1020", ["101500", "102059.5"], ["1014", "1021"]),
    (Kind.TIME, "101500.5", ["101500.5", "101500.50"], ["101500", "101500.6"]),
    (Kind.TIME, "-10", ["000000", "1059"], ["11"]),
    (Kind.AMOUNT, "7", ["7", "7.0", " 7"], ["8", "07a", "seven"]),
]


@pytest.mark.parametrize(("kind", "key", "finds", "others"), FINDS, ids=lambda value: str(value)[:30])
def test_a_key_finds_what_it_asks_for(kind: Kind, key: str, finds: list[str], others: list[str]) -> None:
    asked = condition("Key", kind, key)
    assert [value for value in (*finds, *others) if fits(asked, [value])] == finds


@pytest.mark.parametrize("kind", [Kind.WORDS, Kind.NUMBER_OF, Kind.CODE])
def test_a_key_of_many_stars_is_answered_as_any_other(kind: Kind) -> None:
    """Tried in each way, this one would take longer than anybody waits, and nobody else would be answered."""
    assert not fits(condition("Key", kind, "*a" * 200 + "*b"), ["a" * 1_000])
    assert fits(condition("Key", kind, "*a" * 200 + "*"), ["a" * 1_000])


@given(st.text("ab*?", min_size=1, max_size=8), st.text("ab*", min_size=1, max_size=8))
def test_stars_and_question_marks_are_those_of_a_shell(pattern: str, value: str) -> None:
    asked = condition("Key", Kind.NUMBER_OF, pattern)
    if asked is not None:
        assert fits(asked, [value]) is fnmatchcase(value, pattern)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("values", [[], [""], ["anything"]])
def test_an_empty_key_finds_everything(kind: Kind, values: list[str]) -> None:
    assert fits(condition("Key", kind, " "), values)


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind, key, _, _ in FINDS])
def test_what_is_empty_meets_no_other_key(kind: Kind, key: str) -> None:
    assert not fits(condition("Key", kind, key), ["", ""])


def test_one_of_several_values_is_enough() -> None:
    asked = condition("ModalitiesInStudy", Kind.CODE, "CT")
    assert fits(asked, ["SR", "CT"])
    assert not fits(asked, ["SR", "MR"])


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (Kind.DATE, "yesterday"),
        (Kind.DATE, "2026-01-05"),
        (Kind.DATE, "-"),
        (Kind.TIME, "25h"),
        (Kind.TIME, "1"),
        (Kind.UID, "1.2.*"),
        (Kind.UID, "x"),
        (Kind.AMOUNT, "many"),
        (Kind.WORDS, "a" * 1_025),
        (Kind.NUMBER_OF, "a\0b"),
        (Kind.UID, "\\".join(["1.2"] * 1_001)),
    ],
)
def test_a_key_that_cannot_be_asked_is_refused_by_name_and_without_its_value(kind: Kind, key: str) -> None:
    with pytest.raises(BadKey, match=r"^TheKey: ") as refused:
        condition("TheKey", kind, key)
    assert key == "-" or key not in str(refused.value)


@given(st.text())
def test_to_fold_twice_is_to_fold_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(st.text(alphabet="abé -", max_size=8), st.text(alphabet="abÉ'", max_size=8))
def test_words_that_fold_alike_find_each_other(one: str, other: str) -> None:
    if folded(one):
        assert fits(condition("Key", Kind.WORDS, one), [other]) == (folded(one) == folded(other))


def test_a_sequence_is_met_by_one_item_that_meets_all_of_its_keys() -> None:
    step = condition("ScheduledProcedureStepID", Kind.NUMBER_OF, "S1")
    asked = {"00400275": {"00400009": step, "00401001": condition("RequestedProcedureID", Kind.NUMBER_OF, "P1")}}

    def request(step: str, procedure: str) -> dict[str, object]:
        return {"00400009": {"vr": "SH", "Value": [step]}, "00401001": {"vr": "SH", "Value": [procedure]}}

    def said(*items: dict[str, object]) -> dict[str, dict[str, object]]:
        return {"00400275": {"vr": "SQ", "Value": list(items)}}

    assert met(asked, said(request("S2", "P2"), request("S1", "P1")))
    assert not met(asked, said(request("S1", "P2"), request("S2", "P1")))
    assert not met(asked, {})
    assert met({"00400275": {}}, {})


def test_a_name_is_found_by_each_of_its_groups() -> None:
    said = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "YAMADA^TARO", "Ideographic": "山田^太郎"}]}}
    for key, found in (("yamada*", True), ("山田*", True), ("tanaka*", False)):
        assert met({"00100010": condition("PatientName", Kind.WORDS, key)}, said) is found


def test_numbers_of_json_are_compared_as_numbers() -> None:
    said = {"00200011": {"vr": "IS", "Value": [3]}, "00180050": {"vr": "DS", "Value": [2.5]}}
    for tag, key, found in (("00200011", "3.0", True), ("00180050", "2.50", True), ("00180050", "2", False)):
        assert met({tag: condition("Key", Kind.AMOUNT, key)}, said) is found
