"""The matricule of INS: its form, its key, its OID. All numbers are test numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadIns
from domain.ins import key_of, matricule

TEST_OID = "1.2.250.1.213.1.4.10"


@pytest.mark.parametrize("number", ["279035121518989", "185072A00401205", "185072B03301235", "2 79 03 51 215 189 89"])
def test_a_well_formed_matricule_is_taken(number: str) -> None:
    """The ANS's sample, and both departments of Corsica, whose letter stays."""
    assert matricule(number, TEST_OID) == number.replace(" ", "")


@pytest.mark.parametrize(
    "number", ["", "2790351215189", "27903512151898", "2790351215189890", "9790351215189 89", "ABCDEFGHIJKLMNO"]
)
def test_what_has_another_form_is_refused(number: str) -> None:
    """Too short, too long, no sex digit, no digits."""
    with pytest.raises(BadIns, match="13 characters and a key of 2 digits"):
        matricule(number, TEST_OID)


def test_a_wrong_key_is_refused_never_repaired() -> None:
    """With where to fetch it again."""
    with pytest.raises(BadIns, match="fetch it again from INSi"):
        matricule("279035121518988", TEST_OID)


@given(st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(place: int, off: int) -> None:
    """97 is prime and larger than ten: no single slip passes."""
    number = "2790351215189"
    digit = str((int(number[place]) + off) % 10)
    with pytest.raises(BadIns):
        matricule(f"{number[:place]}{digit}{number[place + 1 :]}89", TEST_OID)


@given(st.integers(1_000_000_000_000, 8_999_999_999_999))
def test_the_key_completes_the_number_to_a_multiple_of_97(number: int) -> None:
    """And lies in 1 to 97."""
    key = key_of(str(number))
    assert 1 <= key <= 97
    assert (number + key) % 97 == 0


def test_an_oid_that_is_not_of_ins_is_refused() -> None:
    """INS-C, the historic one."""
    with pytest.raises(BadIns, match=r"OID 1\.2\.250\.1\.213\.1\.4\.2 is not one of INS"):
        matricule("279035121518989", "1.2.250.1.213.1.4.2")


def test_no_refusal_quotes_the_number() -> None:
    """It is personal."""
    with pytest.raises(BadIns) as refused:
        matricule("279035121518988", TEST_OID)
    assert "2790351215189" not in str(refused.value)
