"""What HL7 messages do to the ledger, and what is answered: on a real ledger in memory."""

import logging
from typing import Any
from uuid import UUID

import pytest

from adapters.hl7.desk import Desk
from adapters.hl7.people import Number
from domain.aggregates.identity import Identity
from domain.commands.identities import ClearFlag
from domain.commands.links import Bar, Merge, Unmerge
from domain.commands.received_patient import OF_EITHER
from domain.commands.splits import Split
from domain.identity_status import Status
from domain.work import Work
from tests.fakes import hl7
from tests.fakes.erasing import Erase
from tests.fakes.hl7 import MATRICULE, NIR, SITE, Answered, message, mrg, pid, sent
from tests.fakes.region import received


@pytest.fixture
def ledger() -> hl7.Ledger:
    return hl7.Ledger()


@pytest.fixture
def taken(ledger: hl7.Ledger) -> Desk:
    return hl7.desk(ledger)


HERS = "2790351215190" + f"{97 - 2790351215190 % 97:02}"
"""Another matricule that fits whoever ``WHOLE`` is."""


def known(ledger: hl7.Ledger, number: str = "1", ordinal: int = 1) -> Identity:
    found = ledger.find(Identity, Identity.create_id(ledger.ids, SITE, number, ordinal))
    assert found is not None
    return found


def together(ledger: hl7.Ledger, *numbers: str) -> bool:
    """Whether the numbers are one person's."""
    ids = [str(Identity.create_id(ledger.ids, SITE, number)) for number in numbers]
    membership = ledger.membership()
    membership.load(ids)
    return {*ids} <= membership.person_of(ids[0])


WHOLE: dict[str, Any] = {
    "name": "LE GOFF^ANNE^ANNE MARIE^^^^L~FICTIVE^ANNE^^^^^D",
    "f3": f"{MATRICULE}^^^{NIR}^INS~1^^^{SITE}^PI~{hl7.OTHERS_NUMBER}~{hl7.VISIT}",
    "f7": "19790328",
    "f11": "1 RUE^^VILLE^^75001^FRA^H~^^^^^^BDL^^63220",
    "f32": "QUAL",
}


@pytest.mark.parametrize("event", ["A01", "A04", "A05", "A28", "A08", "A31"])
def test_whoever_is_new_is_registered_with_all_that_is_said(ledger: hl7.Ledger, taken: Desk, event: str) -> None:
    assert sent(taken, event, "m1", pid(**WHOLE), "ZFD|||||INSI|20260105").verdict == "AA"
    person = known(ledger)
    assert person.traits == {
        "family": "LE GOFF", "given": "ANNE", "first_names": "ANNE MARIE", "used_name": "FICTIVE",
        "birth_date": "1979-03-28", "sex": "F", "birth_place": "63220",
    }  # fmt: skip
    assert (person.status, person.ins, person.ins_mode) == (Status.QUAL, f"1.2.250.1.213.1.4.10|{MATRICULE}", "INSI")
    assert not person.flags


def test_the_sender_is_who_said_it(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A28", "m1", pid())
    assert ledger.history()[-1].data["actor"] == f"aet:{hl7.SENDER}"


def test_a_correction_changes_what_it_states_and_nothing_else(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A28", "m1", pid())
    assert sent(taken, "A31", "m2", pid(name="FICTIVE^MARIE^^^^^L", f7="19510312", f8="")).verdict == "AA"
    assert known(ledger).traits["birth_date"] == "1951-03-12"
    assert (known(ledger).traits["sex"], known(ledger).traits["first_names"]) == ("F", "MARIE JEANNE")


def test_what_is_deleted_is_not_known_any_more(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A28", "m1", pid())
    sent(taken, "A31", "m2", pid(f8='""'))
    assert known(ledger).traits["sex"] is None


@pytest.mark.parametrize("event", ["A04", "A31"])
def test_another_person_under_the_number_is_a_flagged_identity(ledger: hl7.Ledger, taken: Desk, event: str) -> None:
    sent(taken, "A28", "m1", pid())
    assert sent(taken, event, "m2", pid(name="ZWEITE^PAUL^^^^^L", f7="19880101", f8="M")).verdict == "AA"
    assert known(ledger).traits["family"] == "FICTIVE"
    assert (known(ledger, ordinal=2).traits["family"], known(ledger, ordinal=2).flags) == ("ZWEITE", {"collision"})


def test_a_name_in_use_alone_is_no_birth_name(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A28", "m1", pid(**WHOLE))
    assert sent(taken, "A08", "m2", pid(name="MARIEE^ANNE^^^^^D", f7="19790328")).verdict == "AA"
    assert (known(ledger).traits["family"], known(ledger).traits["used_name"]) == ("LE GOFF", "MARIEE")
    assert known(ledger).status is Status.QUAL


@pytest.mark.parametrize(
    ("names", "family", "used"),
    [
        ("MARIEE^ANNE^^^^^D~FICTIVE^ANNE^^^^^M", "FICTIVE", "MARIEE"),
        ("MARIEE^ANNE^^^^^D~FICTIVE^ANNE", "FICTIVE", "MARIEE"),
        ("MARIEE^ANNE^^^^^D~FICTIVE^ANNE^^^^^U", "FICTIVE", "MARIEE"),
        ("FICTIVE^ANNE^^^^^U", "FICTIVE", None),
        ("MARIEE^ANNE^^^^^D", None, "MARIEE"),
        ("MARIEE^ANNE^^^^^D~ALIAS^ZOE^^^^^A", None, "MARIEE"),
        ("^MINETTE^^^^^N~MARIEE^ANNE^^^^^D", None, "MARIEE"),
        ("MARIEE^ANNE^^^^^D~MARI^LUC^^^^^P", None, "MARIEE"),
        ("PSEUDO^XXX^^^^^S~FICTIVE^ANNE^^^^^M", "FICTIVE", None),
        ("ALIAS^ZOE^^^^^A~FICTIVE^ANNE^^^^^U", "FICTIVE", None),
        ("ALIAS^ANNE^^^^^A", "ALIAS", None),
    ],
)
def test_the_birth_name_is_the_one_that_is_not_in_use_alone(
    ledger: hl7.Ledger, taken: Desk, names: str, family: str | None, used: str | None
) -> None:
    assert sent(taken, "A28", "m1", pid(name=names)).verdict == "AA"
    traits = known(ledger).traits
    assert (traits["family"], traits["given"], traits["used_name"]) == (family, "ANNE", used)


@pytest.mark.parametrize("event", ["A08", "A31"])
def test_what_says_nothing_takes_the_place_of_nothing(ledger: hl7.Ledger, taken: Desk, event: str) -> None:
    """Else who is known by her name becomes nobody, and the next patient under the number has her INS and images."""
    sent(taken, "A28", "m1", pid(**WHOLE))
    before = known(ledger).traits
    for n, (name, born) in enumerate([("INCONNU^X", "19790328"), ("LE GOFF^BÉBÉ", ""), ("L^A", "19000101")]):
        assert sent(taken, event, f"n{n}", pid(name=f"{name}^^^^^L", f7=born, f8="")).verdict == "AA"
        assert (known(ledger).traits, known(ledger).status) == (before, Status.QUAL)


def test_nobody_takes_an_identity_over_by_way_of_a_placeholder(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A28", "m1", pid(**WHOLE))
    sent(taken, "A08", "m2", pid(name="INCONNU^X^^^^^L", f7="19880101", f8="M"))
    sent(taken, "A08", "m3", pid(name="ZWEITE^PAUL^^^^^L", f7="19880101", f8="M"))
    assert (known(ledger).traits["family"], known(ledger).status) == ("LE GOFF", Status.QUAL)
    assert (known(ledger, ordinal=2).traits["family"], known(ledger, ordinal=2).flags) == ("ZWEITE", {"collision"})


def test_a_placeholder_of_a_birth_date_does_not_bring_two_people_together(ledger: hl7.Ledger, taken: Desk) -> None:
    for n, born in enumerate(["19500312", "19000101", "19850102"]):
        sent(taken, "A28", f"m{n}", pid(f7=born))
    assert [known(ledger, ordinal=one).traits["birth_date"] for one in (1, 2)] == ["1950-03-12", "1985-01-02"]


def test_a_birth_date_that_is_known_in_part_may_be_stated_over_a_whole_one(ledger: hl7.Ledger, taken: Desk) -> None:
    """So INSi has some."""
    sent(taken, "A28", "m1", pid())
    sent(taken, "A08", "m2", pid(f7="1950"))
    assert known(ledger).traits["birth_date"] == "1950-00-00"


def test_a_correction_that_may_be_of_two_who_bear_the_number_is_written_over_neither(
    ledger: hl7.Ledger, taken: Desk
) -> None:
    """Father and son of one name: the son's birth date is corrected."""
    dates = ["1950-01-02", "1981-06-20"]
    for n, born in enumerate(dates):
        sent(taken, "A28", f"m{n}", pid(name="FICTIF^JEAN^^^^^L", f7=born.replace("-", ""), f8="M"))
    answer = sent(taken, "A08", "m3", pid(name="FICTIF^JEAN^^^^^L", f7="19820721", f8="M"))
    assert (answer.verdict, answer.place, answer.condition, answer.rule) == ("AE", "PID-3", "205", "I2")
    assert [known(ledger, ordinal=one).traits["birth_date"] for one in (1, 2)] == dates
    assert sent(taken, "A08", "m4", pid(name="FICTIF^JEAN^^^^^L", f7="19810620", f8="M")).verdict == "AA"


@pytest.mark.parametrize(("event", "verdict"), [("A04", "AA"), ("A08", "AE"), ("A28", "AA"), ("A31", "AE")])
@pytest.mark.parametrize("born", ["", "19000101"])
def test_what_may_be_of_father_or_son_under_one_number_is_written_over_neither(
    ledger: hl7.Ledger, taken: Desk, event: str, verdict: str, born: str
) -> None:
    """A correction is refused; a registration is of somebody whom a clerk tells apart, and so is the next."""
    for n, day in enumerate(["19500102", "19810620"]):
        sent(taken, "A28", f"m{n}", pid(name="FICTIF^JEAN^^^^^L", f7=day, f8="M"))
    before = [known(ledger, ordinal=one).traits for one in (1, 2)]
    for n in range(2):
        person = pid(name="FICTIF^JEAN^^^^^L", f7=born, f8="M", f11="^^^^^^BDL^^63220", f32="VALI")
        assert sent(taken, event, f"n{n}", person).verdict == verdict
    assert [known(ledger, ordinal=one).traits for one in (1, 2)] == before
    assert {known(ledger, ordinal=one).status for one in (1, 2)} == {Status.PROV}
    third, fourth = (Identity.create_id(ledger.ids, SITE, "1", ordinal) for ordinal in (3, 4))
    assert ledger.find(Identity, fourth) is None
    found = ledger.find(Identity, third)
    assert (found and found.flags) == ({"collision"} if verdict == "AA" else None)
    told = [event.data["reason"] for event in ledger.history() if event.type == "identity.flagged"]
    assert (OF_EITHER in told) == (verdict == "AA")


def test_after_a_split_a_message_is_of_who_is_named_and_not_of_who_has_no_name_yet(
    ledger: hl7.Ledger, taken: Desk
) -> None:
    sent(taken, "A28", "m1", pid())
    study = ledger.ask(received(SITE, stated={"family": "FICTIVE", "given": "MARIE"})).result["study"]
    ledger.ask(Split(identity=known(ledger).id, studies=(UUID(study),), reason="two people"))
    assert sent(taken, "A28", "m2", pid(f11="^^^^^^BDL^^63220")).verdict == "AA"
    assert known(ledger).traits["birth_place"] == "63220"


def test_another_sex_and_another_birth_date_under_one_name_are_another_person(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A28", "m1", pid(name="FICTIVE^CLAUDE^^^^^L", f7="19500102", f8="M", f32="VALI"))
    before = known(ledger).traits
    assert sent(taken, "A08", "m2", pid(name="FICTIVE^CLAUDE^^^^^L", f7="19820721", f8="F")).verdict == "AA"
    assert (known(ledger).traits, known(ledger).status) == (before, Status.VALI)
    assert known(ledger, ordinal=2).flags == {"collision"}


def test_a_correction_is_of_whom_it_names_and_not_of_who_has_no_name_yet(ledger: hl7.Ledger, taken: Desk) -> None:
    """After a split nobody said yet who the other person is."""
    sent(taken, "A28", "m1", pid())
    study = ledger.ask(received(SITE, stated={"family": "FICTIVE", "given": "MARIE"})).result["study"]
    ledger.ask(Split(identity=known(ledger).id, studies=(UUID(study),), reason="two people"))
    sent(taken, "A08", "m2", pid(f7="19820721"))
    assert known(ledger).traits["birth_date"] == "1982-07-21"
    assert not any(known(ledger, ordinal=2).traits.values())


def test_a_correction_without_a_given_name_is_of_the_twin_whom_it_does_not_contradict(
    ledger: hl7.Ledger, taken: Desk
) -> None:
    for n, (given, sex) in enumerate([("LÉA", "F"), ("LÉO", "M")]):
        sent(taken, "A28", f"m{n}", pid(name=f"MARTIN^{given}^^^^^L", f7="20200102", f8=sex))
    sent(taken, "A08", "m3", pid(name="MARTIN^^^^^^L", f7="20200102", f8="M", f11="^^^^^^BDL^^63220"))
    assert [known(ledger, ordinal=one).traits["sex"] for one in (1, 2)] == ["F", "M"]
    assert known(ledger, ordinal=2).traits["birth_place"] == "63220"


def test_a_repeated_message_is_answered_again_and_writes_nothing(ledger: hl7.Ledger, taken: Desk) -> None:
    first, head = sent(taken, "A28", "m1", pid()), ledger.recorder.max_notification_id()
    again = sent(taken, "A28", "m1", pid(), f7="20260105090000")
    assert (first.verdict, again.verdict, again.of) == ("AA", "AA", "m1")
    assert ledger.recorder.max_notification_id() == head


@pytest.mark.parametrize("other", [("A28", pid("2")), ("A31", pid(f8="M")), ("A40", pid() + "\r" + mrg("1"))])
def test_a_message_id_is_not_used_twice(ledger: hl7.Ledger, taken: Desk, other: tuple[str, str]) -> None:
    sent(taken, "A28", "m1", pid())
    head = ledger.recorder.max_notification_id()
    event, rest = other
    again = sent(taken, event, "m1", rest)
    assert (again.verdict, again.place, again.condition) == ("AE", "MSH-10", "205")
    assert ledger.recorder.max_notification_id() == head


def test_the_same_again_under_another_id_changes_nothing(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A28", "m1", pid(**WHOLE))
    head = ledger.recorder.max_notification_id()
    assert sent(taken, "A31", "m2", pid(**WHOLE)).verdict == "AA"
    assert ledger.recorder.max_notification_id() == head


@pytest.mark.parametrize("charset", ["8859/1", "8859/15", "ISO-8859-1", "ISO8859-15", "WINDOWS-1252", ""])
def test_accents_are_read_as_the_sender_wrote_them(ledger: hl7.Ledger, taken: Desk, charset: str) -> None:
    encoding = "iso8859-15" if "15" in charset else "cp1252"
    assert sent(taken, "A28", "m1", pid(name="HÉLÈNE^ZOÉ^^^^^L"), charset=charset, encoding=encoding).verdict == "AA"
    assert (known(ledger).traits["family"], known(ledger).traits["given"]) == ("HÉLÈNE", "ZOÉ")


REFUSED = [
    ("AE", "PID-3", "204", pid(f3="5^^^AUTRE^PI")),
    ("AE", "PID-3", "204", pid(f3=f'""^^^{SITE}^PI')),
    ("AE", "PID-5", "101", pid(name='FICTIVE^""^^^^^D')),
    ("AE", "PID-3", "205", pid(f3=f"5^^^{SITE}^PI~6^^^{SITE}^PI")),
    ("AE", "PID-3", "102", pid(f3=f"5^^^{SITE}^PI~279035121518988^^^{NIR}^INS")),
    ("AE", "PID-3", "102", pid(f3=f"5^^^{SITE}^PI~{MATRICULE}^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.8&ISO^INS")),
    ("AE", "PID-5", "101", pid(name="")),
    ("AE", "PID-5", "101", pid(name="FICTIVE^^^^^^D")),
    ("AE", "PID-5", "102", pid(name="12345!!^X2^^^^^L")),
    ("AE", "PID-7", "102", pid(f7="20800101")),
    ("AE", "PID-7", "102", pid(f7="1950031")),
    ("AE", "PID-7", "102", pid(f7="in March")),
    ("AE", "PID-8", "103", pid(f8="W")),
    ("AE", "PID-11", "102", pid(f11="^^^^^^BDL^^6322")),
    ("AE", "PID-32", "103", pid(f32="QUAL")),
    ("AE", "PID-32", "103", pid(f32="DOUT~FICT")),
    ("AE", "PID", "100", "PV1||N"),
    ("AE", "PID", "100", pid() + "\r" + pid("2")),
    ("AE", "PID", "100", pid() + "\rFICTIVE CONTINUED"),
]  # fmt: skip


@pytest.mark.parametrize(("verdict", "place", "condition", "rest"), REFUSED)
def test_what_cannot_be_is_refused_where_it_stands_and_writes_nothing(
    ledger: hl7.Ledger, taken: Desk, verdict: str, place: str, condition: str, rest: str
) -> None:
    head = ledger.recorder.max_notification_id()
    answer = sent(taken, "A28", "m1", rest)
    assert (answer.verdict, answer.place, answer.condition, answer.of) == (verdict, place, condition, "m1")
    assert ledger.recorder.max_notification_id() == head


HEADERS = [
    ("MSH-3", "103", {"f3": "STRANGER"}),
    ("MSH-4", "103", {"f4": "CHX"}),
    ("MSH-9", "200", {"f9": "ORU^R01"}),
    ("MSH-9", "201", {"f9": "ADT^A03"}),
    ("MSH-10", "101", {"f10": ""}),
    ("MSH-11", "202", {"f11": "X"}),
    ("MSH-12", "203", {"f12": "3.0"}),
    ("MSH-18", "103", {"charset": "EBCDIC"}),
    ("MSH-18", "103", {"charset": "8859/1~UNICODE UTF-8"}),
    ("MSH-18", "102", {"charset": "ASCII"}),
    ("MSH-18", "102", {"charset": "UTF-8", "encoding": "iso8859-1"}),
]


@pytest.mark.parametrize(("place", "condition", "changed"), HEADERS)
def test_a_header_that_does_not_fit_is_rejected(
    ledger: hl7.Ledger, taken: Desk, place: str, condition: str, changed: dict[str, str]
) -> None:
    head = ledger.recorder.max_notification_id()
    answer = sent(taken, "A28", "m1", pid(name="HÉLÈNE^ZOÉ^^^^^L"), **changed)
    assert (answer.verdict, answer.place, answer.condition) == ("AR", place, condition)
    assert ledger.recorder.max_notification_id() == head


def test_training_is_not_taken_where_there_are_patients() -> None:
    taken = hl7.desk(hl7.Ledger(), real_only=True)
    assert sent(taken, "A28", "m1", pid(), f11="T").place == "MSH-11"
    assert sent(taken, "A28", "m1", pid()).verdict == "AA"


@pytest.mark.parametrize("raw", [b"", b"\r", b"PID|1", b"MSH", b"MSH||||", b"MSH|^~\\&|A|B|||1||ACK^A28|1|P|2.5\r"])
def test_what_is_no_message_has_no_answer(taken: Desk, raw: bytes) -> None:
    assert taken.answer(raw) is None


def test_no_log_and_no_answer_repeats_anything_of_the_person(taken: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bodies = [rest for *_, rest in REFUSED] + [pid(**WHOLE, f24="x")]
    answers = b"".join(taken.answer(message("A28", f"m{n}", rest)) or b"" for n, rest in enumerate(bodies))
    for personal in ("FICTIVE", "LE GOFF", "MARIE", "27903512151898", "20800101", "12345!!", "63220"):
        assert personal not in caplog.text
        assert personal.encode() not in answers


def test_where_the_ledger_cannot_be_asked_nothing_is_answered(ledger: hl7.Ledger, taken: Desk) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise ConnectionError("the database is away")

    ledger.execute = away  # type: ignore[method-assign]
    assert taken.answer(message("A28", "m1", pid())) is None


def two(taken: Desk, **second: str) -> None:
    sent(taken, "A28", "one", pid("1"))
    sent(taken, "A28", "two", pid("2", **second))


def test_a_number_given_up_for_another_is_the_same_person(ledger: hl7.Ledger, taken: Desk) -> None:
    two(taken)
    assert sent(taken, "A40", "m3", pid("1"), mrg("2")).verdict == "AA"
    assert together(ledger, "1", "2")


def test_a_merge_that_is_announced_again_changes_nothing_and_the_other_way_round_is_seen(
    ledger: hl7.Ledger, taken: Desk
) -> None:
    two(taken)
    sent(taken, "A40", "m3", pid("1"), mrg("2"))
    head = ledger.recorder.max_notification_id()
    assert sent(taken, "A40", "m4", pid("1"), mrg("2")).verdict == "AA"
    swapped = sent(taken, "A40", "m5", pid("2"), mrg("1"))
    assert (swapped.verdict, swapped.condition) == ("AA", "0")
    assert "a clerk asks which is in use" in swapped.told
    assert [one.type for one in ledger.history(head or 0)] == ["identity.flagged"]
    assert known(ledger).flags == {"number_swapped"}
    assert together(ledger, "1", "2")
    head = ledger.recorder.max_notification_id()
    assert sent(taken, "A40", "m6", pid("1"), mrg("2")).verdict == "AA"
    assert sent(taken, "A40", "m7", pid("2"), mrg("1")).told == swapped.told
    assert ledger.recorder.max_notification_id() == head


def test_a_swapped_merge_that_is_repeated_is_answered_alike(ledger: hl7.Ledger, taken: Desk) -> None:
    two(taken)
    sent(taken, "A40", "m3", pid("1"), mrg("2"))
    told = [sent(taken, "A40", "m4", pid("2"), mrg("1")).told for _ in range(2)]
    assert told[0] == told[1] != ""


def test_a_merge_with_itself_is_refused(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A28", "one", pid())
    head = ledger.recorder.max_notification_id()
    answer = sent(taken, "A40", "m2", pid(), mrg("1"))
    assert (answer.verdict, answer.place, answer.rule) == ("AE", "MRG-1", "L1")
    assert ledger.recorder.max_notification_id() == head


def test_merges_in_a_circle_end_as_one_person(ledger: hl7.Ledger, taken: Desk) -> None:
    two(taken)
    sent(taken, "A28", "three", pid("3"))
    for n, (kept, gone) in enumerate([("2", "1"), ("3", "2"), ("1", "3")]):
        assert sent(taken, "A40", f"m{n}", pid(kept), mrg(gone)).verdict == "AA"
    assert together(ledger, "1", "2", "3")


def test_several_merges_of_one_message_are_stored_together_or_not_at_all(ledger: hl7.Ledger, taken: Desk) -> None:
    two(taken)
    head = ledger.recorder.max_notification_id()
    broken = sent(taken, "A40", "m3", pid("8"), mrg("1"), pid("2"), mrg("404"))
    assert (broken.verdict, broken.place, broken.condition) == ("AE", "MRG-1", "204")
    assert ledger.recorder.max_notification_id() == head
    assert sent(taken, "A40", "m4", pid("8"), mrg("1"), pid("8"), mrg("2")).verdict == "AA"
    assert together(ledger, "8", "1", "2")


BROKEN = {
    "PID-7": (pid("9", f7="20800101"), mrg("2")),
    "PID-3": (pid("9", f3=f"9^^^{SITE}^PI~279035121518988^^^{NIR}^INS"), mrg("2")),
    "PID-32": (pid("9", f32="QUAL"), mrg("2")),
    "MRG-1": (pid("2"), mrg("2")),
}


@pytest.mark.parametrize(("place", "second"), BROKEN.items())
def test_of_several_merges_of_which_one_cannot_be_nothing_is_written(
    ledger: hl7.Ledger, taken: Desk, place: str, second: tuple[str, str]
) -> None:
    two(taken)
    head = ledger.recorder.max_notification_id()
    answer = sent(taken, "A40", "m3", pid("8"), mrg("1"), *second)
    assert (answer.verdict, answer.place, ledger.recorder.max_notification_id()) == ("AE", place, head)


def test_where_one_of_several_merges_is_of_two_who_are_barred_nothing_is_written(
    ledger: hl7.Ledger, taken: Desk
) -> None:
    two(taken)
    sent(taken, "A28", "three", pid("3"))
    ledger.ask(Bar(one=known(ledger, "2").id, other=known(ledger, "3").id, reason="twins"))
    head = ledger.recorder.max_notification_id()
    answer = sent(taken, "A40", "m3", pid("8"), mrg("1"), pid("2"), mrg("3"))
    assert (answer.verdict, answer.rule, ledger.recorder.max_notification_id()) == ("AE", "L3", head)


def test_a_bar_of_who_was_erased_keeps_no_number_from_a_merge(ledger: hl7.Ledger, taken: Desk) -> None:
    """The number is another person's since."""
    sent(taken, "A28", "m1", pid(name="ALPHA^ZOE^^^^^L", f7="19600606"))
    sent(taken, "A28", "m2", pid("2"))
    ledger.ask(Bar(one=known(ledger).id, other=known(ledger, "2").id, reason="two people"))
    ledger.ask(Erase(identity=known(ledger).id, reason="a file in error"))
    sent(taken, "A28", "m3", pid("1"))
    assert (sent(taken, "A40", "m4", pid("1"), mrg("2")).verdict, known(ledger, ordinal=2).flags) == ("AA", set())
    ids = {str(known(ledger, *of).id) for of in (("1", 2), ("2", 1))}
    membership = ledger.membership()
    membership.load([*ids])
    assert membership.person_of(ids.pop()) >= ids


@pytest.mark.parametrize("event", ["A40", "A47"])
def test_a_new_number_under_a_matricule_in_doubt_is_told_of(ledger: hl7.Ledger, taken: Desk, event: str) -> None:
    sent(taken, "A28", "one", pid(name="LE GOFF^ANNE^^^^^L", f7="20091120"))
    child = pid(**{**WHOLE, "f7": "20091120", "f3": f"7^^^{SITE}^PI~{MATRICULE}^^^{NIR}^INS"})
    answers = [sent(taken, event, "m2", child, mrg("1")).told for _ in range(2)]
    assert IN_DOUBT in answers[0]
    assert answers[0] == answers[1]
    assert known(ledger, "7").status is Status.VALI
    assert together(ledger, "1", "7")


def test_two_whose_sex_or_birth_date_differ_are_left_to_a_human(ledger: hl7.Ledger, taken: Desk) -> None:
    two(taken, f7="19620101")
    answer = sent(taken, "A40", "m3", pid("1"), mrg("2"))
    assert (answer.verdict, answer.condition) == ("AA", "0")
    assert "a human decides" in answer.told
    assert not together(ledger, "1", "2")
    assert ledger.history()[-1].type == "link.review_requested"


@pytest.mark.parametrize("event", ["A40", "A47"])
def test_a_merge_that_names_somebody_else_under_the_number_is_left_to_a_human(
    ledger: hl7.Ledger, taken: Desk, event: str
) -> None:
    """The number is another person's here: to merge its bearer would show a stranger's images."""
    two(taken)
    answer = sent(taken, event, "m3", pid("1", f5="INVENTE^Paul^^^^^L", f7="19500101", f8="M"), mrg("2"))
    assert (answer.verdict, answer.condition) == ("AA", "0")
    assert "PID states somebody else" in answer.told
    assert not together(ledger, "1", "2")
    assert ledger.history()[-1].type == "link.review_requested"


@pytest.mark.parametrize("wrong", ["1", "2"])
def test_a_link_that_names_somebody_else_under_a_number_is_left_to_a_human(
    ledger: hl7.Ledger, taken: Desk, wrong: str
) -> None:
    two(taken)
    paul = {"name": "INVENTE^PAUL^^^^^L", "f7": "19880101", "f8": "M"}
    answer = sent(taken, "A24", "m3", *(pid(each, **(paul if each == wrong else {})) for each in ("1", "2")))
    assert (answer.verdict, answer.condition) == ("AA", "0")
    assert "PID states somebody else" in answer.told
    assert not together(ledger, "1", "2")
    assert ledger.history()[-1].type == "link.review_requested"


@pytest.mark.parametrize("event", ["A40", "A24", "A47"])
def test_a_number_whose_two_bearers_a_clerk_merged_is_one_persons(ledger: hl7.Ledger, taken: Desk, event: str) -> None:
    two(taken)
    sent(taken, "A28", "m3", pid(f7="19610708"))
    first, second = known(ledger), known(ledger, ordinal=2)
    second_segment = pid("2") if event == "A24" else mrg("2")
    assert sent(taken, event, "m4", pid(), second_segment).condition == "205"
    ledger.ask(Merge(one=first.id, other=second.id, reason="a slip", even_though=("birth_date",)))
    assert sent(taken, event, "m5", pid(), second_segment).verdict == "AA"
    assert together(ledger, "1", "2")
    index = hl7.MemoryIndex.of(ledger)
    assert index.numbers(hl7.SENDER, SITE, Number(SITE, "2"), ()) == (Number(SITE, "1"),)
    ledger.ask(Unmerge(one=first.id, other=second.id, reason="two after all"))
    assert sent(taken, event, "m6", pid(), second_segment).condition == "205"


def test_a_link_whose_pids_name_nobody_is_made(ledger: hl7.Ledger, taken: Desk) -> None:
    two(taken)
    assert sent(taken, "A24", "m3", pid("1", name=""), pid("2", name="")).told == ""
    assert together(ledger, "1", "2")


def test_a_merge_that_corrects_a_birth_date_or_a_family_name_is_made(ledger: hl7.Ledger, taken: Desk) -> None:
    two(taken)
    sent(taken, "A28", "three", pid("3"))
    assert sent(taken, "A40", "m3", pid("1", f7="19820502"), mrg("2")).told == ""
    assert sent(taken, "A40", "m4", pid("1", f5="MARIEE^MARIE^^^^^L"), mrg("3")).told == ""
    assert together(ledger, "1", "2", "3")


def test_a_merge_without_its_second_number_is_refused(taken: Desk) -> None:
    sent(taken, "A28", "one", pid())
    assert sent(taken, "A40", "m2", pid()).place == "MRG"
    assert sent(taken, "A40", "m3", pid(), "MRG|9^^^AUTRE^PI").place == "MRG-1"


def test_two_numbers_are_linked_and_unlinked(ledger: hl7.Ledger, taken: Desk) -> None:
    two(taken)
    assert sent(taken, "A24", "m3", pid("1"), pid("2")).verdict == "AA"
    assert together(ledger, "1", "2")
    assert sent(taken, "A37", "m4", pid("2"), pid("1")).verdict == "AA"
    assert not together(ledger, "1", "2")
    assert sent(taken, "A37", "m5", pid("2"), pid("1")).verdict == "AA"


def test_two_whom_others_join_too_are_unlinked_and_it_is_said_that_they_are_one_person_yet(
    ledger: hl7.Ledger, taken: Desk
) -> None:
    two(taken)
    sent(taken, "A28", "three", pid("3"))
    for n, (one, other) in enumerate([("1", "2"), ("2", "3"), ("1", "3")]):
        sent(taken, "A24", f"m{n}", pid(one), pid(other))
    answer = sent(taken, "A37", "m4", pid("1"), pid("3"))
    assert (answer.verdict, answer.condition) == ("AA", "0")
    assert "other pairs hold the two one person" in answer.told
    assert sent(taken, "A37", "m5", pid("1"), pid("2")).told == ""
    assert not together(ledger, "1", "3")


def test_two_who_are_one_by_a_third_are_not_unlinked(ledger: hl7.Ledger, taken: Desk) -> None:
    two(taken)
    sent(taken, "A28", "three", pid("3"))
    sent(taken, "A24", "m4", pid("1"), pid("2"))
    sent(taken, "A24", "m5", pid("2"), pid("3"))
    assert (sent(taken, "A37", "m6", pid("1"), pid("3")).rule, together(ledger, "1", "3")) == ("L2", True)


def test_a_number_that_is_changed_stays_the_same_person(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A28", "one", pid())
    assert sent(taken, "A47", "m2", pid("7"), mrg("1")).verdict == "AA"
    assert together(ledger, "1", "7")
    assert known(ledger, "7").traits == known(ledger).traits


def test_a_matricule_is_changed_and_taken_away(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A28", "one", pid(**WHOLE))
    other = f"1^^^{SITE}^PI~{hl7.OTHER_MATRICULE}^^^{NIR}^INS"
    assert sent(taken, "A47", "m2", pid(**{**WHOLE, "f3": other, "f32": ""}), f"MRG|{WHOLE['f3']}").verdict == "AA"
    assert (known(ledger).ins or "").endswith(hl7.OTHER_MATRICULE)
    assert known(ledger).status is Status.VALI
    assert known(ledger).flags == {"ins_replaced", "ins_doubtful"}
    alone = pid(**{**WHOLE, "f3": f"1^^^{SITE}^PI", "f32": ""})
    assert sent(taken, "A47", "m3", alone, f"MRG|{other}").verdict == "AA"
    assert (known(ledger).ins, known(ledger).flags) == (None, set())


IN_DOUBT = "in place of QUAL: the matricule is in doubt"


@pytest.mark.parametrize("event", ["A28", "A31", "A04"])
def test_a_patient_under_a_parents_number_is_stored_validated_flagged_and_the_sender_told(
    ledger: hl7.Ledger, taken: Desk, event: str
) -> None:
    """I4, I12: the papers were seen all the same; nothing that is said again is stored again."""
    child = {**WHOLE, "f7": "20091120"}
    answer = sent(taken, event, "m1", pid(**child))
    assert (answer.verdict, answer.condition) == ("AA", "0")
    assert IN_DOUBT in answer.told
    assert (known(ledger).status, known(ledger).flags) == (Status.VALI, {"ins_doubtful"})
    assert (known(ledger).ins or "").endswith(MATRICULE)
    head = ledger.recorder.max_notification_id()
    assert sent(taken, event, "m1", pid(**child)).told == answer.told
    assert sent(taken, "A31", "m2", pid(**child)).told == answer.told
    assert ledger.recorder.max_notification_id() == head


def test_once_a_clerk_settled_the_doubt_the_next_message_qualifies(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A28", "m1", pid(**{**WHOLE, "f7": "20091120"}))
    ledger.ask(ClearFlag(identity=known(ledger).id, flag="ins_doubtful", reason="INSi says the same"))
    assert sent(taken, "A31", "m2", pid(**{**WHOLE, "f7": "20091120"})).told == ""
    assert (known(ledger).status, known(ledger).flags) == (Status.QUAL, set())


def test_a_corrected_birth_date_that_contradicts_the_matricule_is_no_longer_qualified(
    ledger: hl7.Ledger, taken: Desk
) -> None:
    sent(taken, "A28", "m1", pid(**WHOLE))
    assert IN_DOUBT in sent(taken, "A31", "m2", pid(**{**WHOLE, "f7": "19790428"})).told
    assert (known(ledger).status, known(ledger).flags) == (Status.VALI, {"ins_doubtful"})
    sent(taken, "A31", "m3", pid(**WHOLE))
    assert (known(ledger).status, known(ledger).flags) == (Status.QUAL, set())


def test_another_matricule_over_the_first_is_not_qualified_until_a_clerk_settles_it(
    ledger: hl7.Ledger, taken: Desk
) -> None:
    """I11: whatever status the message says."""
    sent(taken, "A28", "m1", pid(**WHOLE))
    other = {**WHOLE, "f3": f"1^^^{SITE}^PI~{HERS}^^^{NIR}^INS"}
    assert IN_DOUBT in sent(taken, "A31", "m2", pid(**other)).told
    assert (known(ledger).status, known(ledger).flags) == (Status.VALI, {"ins_replaced"})
    assert (known(ledger).ins or "").endswith(HERS)
    sent(taken, "A31", "m3", pid(**WHOLE))
    assert (known(ledger).status, known(ledger).flags) == (Status.VALI, {"ins_replaced"})
    ledger.ask(ClearFlag(identity=known(ledger).id, flag="ins_replaced", reason="INSi knows the first"))
    assert sent(taken, "A31", "m4", pid(**WHOLE)).told == ""
    assert known(ledger).status is Status.QUAL


class QualifiedThen:
    """As a program of before qualified who bore a matricule in doubt."""

    @staticmethod
    def decide(work: Work) -> dict[str, Any]:
        """The status, and no question."""
        work.get(Identity, Identity.create_id(work.ids, SITE, "1"))._status_changed(status=Status.QUAL, reason="papers")
        return {}


def test_who_was_qualified_in_doubt_by_a_program_of_before_is_so_until_the_next_message(
    ledger: hl7.Ledger, taken: Desk
) -> None:
    child = {**WHOLE, "f7": "20091120"}
    sent(taken, "A28", "m1", pid(**child))
    ledger.ask(QualifiedThen())
    assert known(ledger).status is Status.QUAL
    sent(taken, "A31", "m2", pid(**{**child, "f32": ""}))
    assert known(ledger).status is Status.QUAL
    assert IN_DOUBT in sent(taken, "A31", "m3", pid(**child)).told
    assert known(ledger).status is Status.VALI


def test_doubt_forces_the_provisional_status_and_ends_with_a_validated_one(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A28", "m1", pid(f32="VALI"))
    sent(taken, "A31", "m2", pid(f32="PROV~DOUT"))
    assert (known(ledger).status, known(ledger).flags) == (Status.PROV, {"DOUT"})
    sent(taken, "A31", "m3", pid(f32="VALI"))
    assert (known(ledger).status, known(ledger).flags) == (Status.VALI, set())


@pytest.mark.parametrize("beside", ["", f"{MATRICULE}^^^{NIR}^INS~"])
def test_a_matricule_that_is_to_be_deleted_says_nothing(ledger: hl7.Ledger, taken: Desk, beside: str) -> None:
    person = pid(**WHOLE | {"f3": f'1^^^{SITE}^PI~{beside}""^^^{NIR}^INS', "f32": "VALI"})
    assert sent(taken, "A28", "m1", person).verdict == "AA"
    assert known(ledger).has_ins is bool(beside)


def test_a_part_of_a_name_that_is_to_be_deleted_says_nothing(ledger: hl7.Ledger, taken: Desk) -> None:
    sent(taken, "A28", "m1", pid())
    assert sent(taken, "A08", "m2", pid(name='FICTIVE^MARIE^""^""^^^L')).verdict == "AA"
    assert known(ledger).traits["first_names"] == "MARIE JEANNE"


@pytest.mark.parametrize(("before", "now"), [("DOUT", "FICT"), ("FICT", "DOUT")])
def test_of_doubtful_and_fictitious_the_one_that_is_said_takes_the_place_of_the_other(
    ledger: hl7.Ledger, taken: Desk, before: str, now: str
) -> None:
    sent(taken, "A28", "m1", pid(f32=f"PROV~{before}"))
    sent(taken, "A31", "m2", pid(f32="PROV"))
    assert known(ledger).flags == {before}
    assert sent(taken, "A31", "m3", pid(f32=f"PROV~{now}")).verdict == "AA"
    assert known(ledger).flags == {now}


def test_an_answer_names_the_message_and_goes_back_where_it_came_from(taken: Desk) -> None:
    answer: Answered = sent(taken, "A28", "m|1".replace("|", "\\F\\"), pid())
    (head, *_) = answer.segments
    assert (head.value(3), head.value(5), head.value(6)) == ("KRYPTON", hl7.SENDER, SITE)
    assert (head.value(9), head.value(9, 2), head.value(12)) == ("ACK", "A28", "2.5")
    assert answer.of == "m|1"
