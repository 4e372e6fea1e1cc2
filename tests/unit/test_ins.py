"""The matricule of INS: its form, its key, its authority. All numbers are test numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.aggregates.identity import Identity
from domain.commands.identities import AttachIns
from domain.commands.received_patient import ReceivedPatient
from domain.errors import BadIns, OtherAuthority
from domain.ins import AUTHORITIES, PRODUCTION, TEST, Authorities, key_of, matricule, qualified
from domain.matching.pair import tiers, weighed
from domain.matching.record import record
from domain.matching.tier import Tier
from tests.fakes.region import Region, received
from tests.fakes.weighing import ALIKE, rules
from tests.fakes.weighing import matricule as own

TEST_OID, DEMONSTRATION_OID = TEST.names
REAL_OIDS = tuple(PRODUCTION.names)
NUMBER = "279035121518989"


@pytest.mark.parametrize("number", [NUMBER, "185072A00401205", "185072B03301235", "2 79 03 51 215 189 89"])
def test_a_well_formed_matricule_is_taken(number: str) -> None:
    """The ANS's sample, and both departments of Corsica, whose letter stays."""
    assert matricule(number, TEST_OID, TEST) == number.replace(" ", "")


@pytest.mark.parametrize(
    "number",
    [
        *("", "2790351215189", "27903512151898", "2790351215189890", "9790351215189 89", "ABCDEFGHIJKLMNO"),
        *("185072C00401205", "1850A2A00401205", "185072A0040120A"),  # a letter elsewhere, or another one
        "٢٧٩٠٣٥١٢١٥١٨٩٨٩",  # the sample in Arabic digits
        "２７９０３５１２１５１８９８９",  # and in wide ones
    ],
)
def test_what_has_another_form_is_refused(number: str) -> None:
    """Too short, too long, no sex digit, no digits of ASCII."""
    with pytest.raises(BadIns, match="13 characters and a key of 2 digits"):
        matricule(number, TEST_OID, TEST)


def test_a_wrong_key_is_refused_never_repaired() -> None:
    """With where to fetch it again."""
    with pytest.raises(BadIns, match="fetch it again from INSi"):
        matricule("279035121518988", TEST_OID, TEST)


@pytest.mark.parametrize(("number", "key"), [("185072A004012", 5), ("185072B033012", 35), ("2790351215189", 89)])
def test_the_key_of_a_corsican_number_counts_its_letter_as_19_or_18(number: str, key: int) -> None:
    assert key_of(number) == key


@given(st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(place: int, off: int) -> None:
    """97 is prime and larger than ten: no single slip passes."""
    number = "2790351215189"
    digit = str((int(number[place]) + off) % 10)
    with pytest.raises(BadIns):
        matricule(f"{number[:place]}{digit}{number[place + 1 :]}89", TEST_OID, TEST)


@given(st.integers(1_000_000_000_000, 8_999_999_999_999))
def test_the_key_completes_the_number_to_a_multiple_of_97(number: int) -> None:
    """And lies in 1 to 97."""
    key = key_of(str(number))
    assert 1 <= key <= 97
    assert (number + key) % 97 == 0


def test_an_oid_that_is_not_of_ins_is_refused() -> None:
    """INS-C, the historic one."""
    with pytest.raises(BadIns, match=r"OID 1\.2\.250\.1\.213\.1\.4\.2 is not one of INS"):
        matricule(NUMBER, "1.2.250.1.213.1.4.2", TEST)


@pytest.mark.parametrize(
    ("oid", "authorities", "said"),
    [
        *((oid, PRODUCTION, "is for tests, and this installation is not") for oid in TEST.names),
        *((oid, TEST, "is that of real people, and this installation is for tests") for oid in PRODUCTION.names),
    ],
)
def test_tests_and_production_do_not_take_each_others_matricules(oid: str, authorities: Authorities, said: str) -> None:
    """I9."""
    with pytest.raises(OtherAuthority, match=said):
        matricule(NUMBER, oid, authorities)


def test_production_is_meant_where_nobody_says_otherwise() -> None:
    """And in an installation for tests the authority of tests; the NIR's, in both."""
    assert (PRODUCTION.default, TEST.default) == ("1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.10")
    assert AUTHORITIES.keys() == {*PRODUCTION.names, *TEST.names}


def test_no_refusal_quotes_the_number() -> None:
    """It is personal."""
    for number, oid in (("279035121518988", TEST_OID), (NUMBER, REAL_OIDS[0])):
        with pytest.raises(BadIns) as refused:
            matricule(number, oid, TEST)
        assert "2790351215189" not in str(refused.value)


def test_without_an_oid_the_installations_own_authority_is_attached() -> None:
    region = Region()
    identity = region.register()
    region.ask(AttachIns(identity=identity, matricule=NUMBER))
    assert region.history()[-1].data["oid"] == TEST_OID
    region.authorities = PRODUCTION
    other = region.register(local_id="2")
    assert type(region.refusal(AttachIns(identity=other, matricule=NUMBER, oid=TEST_OID))) is OtherAuthority


def test_a_matricule_of_another_authority_that_a_device_sends_is_left_out_and_that_is_said() -> None:
    """The study is taken; nobody gets a test number for their own. Nor is its authority anybody's establishment."""
    region = Region()
    region.authorities = PRODUCTION
    sent = received()
    patient = ReceivedPatient(
        local_id=NUMBER, issuer=TEST.names[TEST_OID], stated=sent.patient.stated, ins=NUMBER, ins_oid=TEST_OID
    )
    answer = region.ask(type(sent)(**{**vars(sent), "patient": patient}))
    assert region.types() == ["identity.registered", "identity.flagged", "study.arrived"]
    assert [(e.data["flag"], NUMBER in e.data["reason"]) for e in region.history() if e.type == "identity.flagged"] == [
        ("ins_left_out", False)
    ]
    assert answer.result["identity"] == str(Identity.create_id(region.ids, "CHB", NUMBER))


@pytest.mark.parametrize("number", ["279035121518988", "12", "ABCDEFGHIJKLMNO"])
def test_a_matricule_that_is_wrong_is_left_out_and_said_once(number: str) -> None:
    """However often the device sends it; nothing is attached, and nothing is refused."""
    region = Region()
    sent = received()
    patient = ReceivedPatient(local_id="1", issuer=None, stated=sent.patient.stated, ins=number, ins_oid=TEST_OID)
    for study_uid in ("2.25.1", "2.25.2"):
        region.ask(type(sent)(**{**vars(sent), "patient": patient, "study_uid": study_uid}))
    assert region.types() == ["identity.registered", "identity.flagged", "study.arrived", "study.arrived"]


@pytest.mark.parametrize("other", [DEMONSTRATION_OID, *REAL_OIDS])
def test_two_of_different_authorities_are_never_matched(other: str) -> None:
    """I10: the same digits are another number."""
    model = rules().model
    assert model
    one, same, unlike = (record(ALIKE, qualified(own(), oid)) for oid in (TEST_OID, TEST_OID, other))
    assert Tier.SURE in tiers(one, same, weighed(one, same, model), model)
    assert Tier.SURE not in tiers(one, unlike, weighed(one, unlike, model), model)
