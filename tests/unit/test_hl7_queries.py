"""What HL7 queries ask and how they are answered, byte for byte as IHE writes it; the index of people is made up."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.hl7.assigners import oid_of
from adapters.hl7.desk import Clerk, Desk
from adapters.hl7.er7 import Segment
from adapters.hl7.inquiry import Cancelled, Inquiry
from adapters.hl7.people import Number, Page, Person, TooMany
from domain.errors import AlreadyRegistered, NotFound
from tests.fakes.hl7 import MATRICULE, SENDER, SITE, Answered, msh
from tests.fakes.ids import IDS

INS = "1.2.250.1.213.1.4.10"
MARIE: dict[str, str | None] = {
    "family": "FICTIVE", "given": "MARIE", "first_names": "MARIE JEANNE", "used_name": "INVENTÉE",
    "birth_date": "1950-03-12", "sex": "F", "birth_place": "63220",
}  # fmt: skip
PEOPLE = tuple(
    Person((Number("CHB", str(n)), Number("CHP", f"P{n}")), MARIE | {"given": f"MARIE {'ABCDE'[n]}"}, "PROV")
    for n in range(5)
)


@dataclass
class MadeUp:
    """Five people; who asked, and what."""

    asked: list[Any] = field(default_factory=list)
    refusal: Exception | None = None

    def assigner(self, name: str, oid: str) -> str | None:
        if oid == INS:
            return INS
        by_oid = {oid_of(code): code for code in ("CHB", "CHP")}.get(oid)
        if name in ("CHB", "CHP"):
            return name if by_oid in (None, name) else None
        return by_oid

    def numbers(self, application: str, site: str, of: Number, wanted: tuple[str, ...]) -> tuple[Number, ...]:
        self.asked.append((application, site, of, wanted))
        if self.refusal:
            raise self.refusal
        known = (Number("CHP", "P1"), Number("CHP", "P|2"), Number(INS, MATRICULE))
        return tuple(one for one in known if not wanted or one.assigner in wanted)

    def people(
        self,
        application: str,
        site: str,
        criteria: Mapping[str, str],
        wanted: tuple[str, ...],
        after: int,
        limit: int | None,
    ) -> Page:
        self.asked.append((criteria, wanted))
        if self.refusal:
            raise self.refusal
        if criteria.get("family_is") == "NOBODY":
            return Page((), 0)
        end = len(PEOPLE) if limit is None else min(after + limit, len(PEOPLE))
        return Page(PEOPLE[after:end], len(PEOPLE), len(PEOPLE) - end, end)


@pytest.fixture
def index() -> MadeUp:
    return MadeUp()


@pytest.fixture
def desk(index: MadeUp) -> Desk:
    clerks: dict[str, Clerk] = {"QBP": Inquiry(index=index, ids=IDS, turn=nullcontext()), "QCN": Cancelled()}
    return Desk(clerks=clerks, site_of={SENDER: SITE, "OTHER": "CHP"}.get, real_only=False)


class Response(Answered):
    """An answer to a query."""

    def __init__(self, raw: bytes | None, codec: str = "utf-8") -> None:
        super().__init__(raw, codec)

    @property
    def status(self) -> str:
        """QAK-2."""
        return self.one("QAK").value(2)

    @property
    def pids(self) -> list[Segment]:
        return [each for each in self.segments if each.name == "PID"]

    @property
    def places(self) -> list[str]:
        """ERR-2 of each ERR, as it is written."""
        return [each.text(2) for each in self.segments if each.name == "ERR"]

    @property
    def pointer(self) -> str:
        """DSC-1; empty where there is none."""
        return next((each.value(1) for each in self.segments if each.name == "DSC"), "")


def query(event: str, *lines: str, control_id: str = "q1", encoding: str = "utf-8", **changed: str) -> bytes:
    changed.setdefault("f9", f"QBP^{event}^QBP_Q21")
    return "".join(f"{line}\r" for line in (msh(event, control_id, **changed), *lines)).encode(encoding)


def pix(desk: Desk, identifier: str, domains: str = "", **changed: str) -> Response:
    return Response(desk.answer(query("Q23", f"QPD|IHE PIX Query|tag1|{identifier}|{domains}", "RCP|I", **changed)))


def pdq(desk: Desk, parameters: str, domains: str = "", rcp: str = "RCP|I", *more: str, **changed: str) -> Response:
    qpd = f"QPD|IHE PDQ Query|tag1|{parameters}|||||{domains}"
    return Response(desk.answer(query("Q22", qpd, rcp, *more, **changed)))


def test_the_other_numbers_of_a_patient_are_told_and_nothing_else_of_them(desk: Desk, index: MadeUp) -> None:
    told = pix(desk, "123^^^CHB^PI")
    assert told.raw.decode().split("\r")[1:] == [
        "MSA|AA|q1|",
        "QAK|tag1|OK",
        "QPD|IHE PIX Query|tag1|123^^^CHB^PI|",
        f"PID|||P1^^^CHP&{oid_of('CHP')}&ISO^PI~P\\F\\2^^^CHP&{oid_of('CHP')}&ISO^PI~"
        f"{MATRICULE}^^^ASIP-SANTE-INS-NIR&{INS}&ISO^INS||~^^^^^^S",
        "",
    ]
    head = told.segments[0]
    assert [head.value(9, n) for n in (1, 2, 3)] == ["RSP", "K23", "RSP_K23"]
    assert (head.value(3), head.value(5), head.value(18)) == ("KRYPTON", SENDER, "UNICODE UTF-8")
    assert index.asked == [(SENDER, SITE, Number("CHB", "123"), ())]


@pytest.mark.parametrize(
    "written",
    [
        "123^^^CHB", f"123^^^&{oid_of('CHB')}&ISO", f"123^^^CHB&{oid_of('CHB')}&ISO^PI", "123^^^CHB&1.2.3.4&ISO",
    ],
)  # fmt: skip
def test_an_assigner_is_named_by_code_or_by_oid_or_by_both(desk: Desk, index: MadeUp, written: str) -> None:
    assert pix(desk, written).status == "OK"
    assert index.asked[0][2] == Number("CHB", "123")


def test_numbers_of_the_wanted_assigners_alone_are_told(desk: Desk, index: MadeUp) -> None:
    told = pix(desk, "123^^^CHB", f"^^^&{INS}&ISO~^^^CHB")
    assert [one.part(1) for one in told.pids[0].values(3)] == [MATRICULE]
    assert index.asked[0][3] == (INS, "CHB")


def test_a_patient_without_a_number_there_is_not_found_and_that_is_no_error(desk: Desk) -> None:
    told = pix(desk, "123^^^CHB", "^^^CHB")
    assert (told.verdict, told.status, told.pids, told.places) == ("AA", "NF", [], [])


@pytest.mark.parametrize(
    ("refusal", "condition"), [(NotFound("nobody"), "204"), (AlreadyRegistered("2 people bear it"), "205")]
)
def test_a_number_that_nobody_bears_or_several_is_refused(
    desk: Desk, index: MadeUp, refusal: Exception, condition: str
) -> None:
    index.refusal = refusal
    told = pix(desk, "123^^^CHB")
    assert (told.verdict, told.status, told.places, told.condition) == ("AE", "AE", ["QPD^1^3^1^1"], condition)
    assert told.one("QPD").text(3) == "123^^^CHB"


PIX_REFUSED = [
    ("123^^^STRANGE", "", ["QPD^1^3^1^4"], "204"),
    ("123^^^STRANGE&1.2.3&ISO", "", ["QPD^1^3^1^4"], "204"),
    (f"123^^^CHB&{oid_of('CHP')}&ISO", "", ["QPD^1^3^1^4"], "204"),
    ("123", "", ["QPD^1^3^1^4"], "204"),
    ("^^^CHB", "", ["QPD^1^3^1^1"], "101"),
    ("", "", ["QPD^1^3"], "101"),
    ("1^^^CHB~2^^^CHB", "", ["QPD^1^3"], "102"),
    ("123^^^CHB", "^^^STRANGE", ["QPD^1^4^1"], "204"),
    ("123^^^CHB", "^^^CHP~^^^STRANGE~^^^CHB~^^^ODD", ["QPD^1^4^2", "QPD^1^4^4"], "204"),
    ("123^^^CHB", "~".join(["^^^CHB"] * 101), ["QPD^1^4"], "102"),
]


@pytest.mark.parametrize(("identifier", "domains", "places", "condition"), PIX_REFUSED)
def test_a_query_that_cannot_be_answered_says_where_and_asks_nobody(
    desk: Desk, index: MadeUp, identifier: str, domains: str, places: list[str], condition: str
) -> None:
    told = pix(desk, identifier, domains)
    assert (told.verdict, told.status, told.places, told.condition) == ("AE", "AE", places, condition)
    assert told.pids == index.asked == []


def test_who_may_be_meant_is_told_as_france_writes_a_patient(desk: Desk, index: MadeUp) -> None:
    told = pdq(desk, "@PID.5.1.1^FICTIVE~@PID.7^19500312~@PID.8^F")
    assert [told.segments[0].value(9, n) for n in (1, 2, 3)] == ["RSP", "K22", "RSP_K21"]
    assert (told.verdict, told.status) == ("AA", "OK")
    assert [told.one("QAK").value(n) for n in (3, 4, 5, 6)] == ["IHE PDQ Query", "5", "5", "0"]
    pid = told.pids[0]
    assert [one.part(1) for one in pid.values(3)] == ["0", "P0"]
    assert pid.text(5) == "FICTIVE^MARIE A^MARIE JEANNE^^^^L~INVENTÉE^MARIE A^^^^^D"
    assert (pid.text(7), pid.text(8), pid.text(11), pid.text(32)) == ("19500312", "F", "^^^^^^BDL^^63220", "PROV")
    assert told.pointer == ""
    assert index.asked == [({"family_is": "FICTIVE", "birth_date": "1950-03-12", "sex": "F"}, ())]


SOUGHT = [
    ("@PID.5.1^Le Goff", {"family_is": "Le Goff"}),
    ("@PID.5.1.1^LEG*~@PID.5.2^AN*", {"family": "LEG", "given": "AN"}),
    ("@PID.5^DUPONT^ANNE", {"family_is": "DUPONT", "given_is": "ANNE"}),
    ("@PID.5^DUPONT\\S\\ANNE", {"family_is": "DUPONT", "given_is": "ANNE"}),
    ("@PID.7.1^1950", {"birth_date": "1950-00-00"}),
    ("@PID.7^195003121200", {"birth_date": "1950-03-12"}),
    ("@PID.3.1^12~@PID.3.4.1^CHB", {"number": "12", "assigner": "CHB"}),
    (f"@PID.3.1^12~@PID.3.4.2^{oid_of('CHP')}~@PID.3.4.3^ISO", {"number": "12", "assigner": "CHP"}),
    ("@PID.3^12^^^CHB^PI", {"number": "12", "assigner": "CHB"}),
    ("@PID.3^12\\S\\\\S\\\\S\\CHB", {"number": "12", "assigner": "CHB"}),
    (f"@PID.3.1^{MATRICULE}~@PID.3.4.2^{INS}", {"ins": MATRICULE, "ins_oid": INS, "status": "QUAL"}),
    ("@PID.5.1^DUPONT~@PID.8^U~@PID.5.2^", {"family_is": "DUPONT"}),
    ("@PID.5.1^O\\S\\NEILL", {"family_is": "O^NEILL"}),
    ("@PID.5.1^王小明", {"family_is": "王小明"}),
]


@pytest.mark.parametrize(("parameters", "meant"), SOUGHT)
def test_what_is_sought_is_read_in_all_usual_spellings(
    desk: Desk, index: MadeUp, parameters: str, meant: dict[str, str]
) -> None:
    assert pdq(desk, parameters).verdict == "AA"
    assert index.asked == [(meant, ())]


PDQ_REFUSED = [
    ("", "", ["QPD^1^3"], "101"),
    ("@PID.8^F", "", ["QPD^1^3"], "101"),
    ("@PID.5.2^MARIE~@PID.8^F", "", ["QPD^1^3"], "101"),
    ("@PID.3.4.1^CHB", "", ["QPD^1^3"], "101"),
    ("@PID.5.1^F", "", ["QPD^1^3^1"], "102"),
    ("@PID.5.1^*", "", ["QPD^1^3^1"], "102"),
    ("@PID.5.1^%%", "", ["QPD^1^3^1"], "102"),
    ("@PID.5.1^FI*VE", "", ["QPD^1^3^1"], "102"),
    ("@PID.5.1^12-3", "", ["QPD^1^3^1"], "102"),
    ("@PID.5.1^" + "A" * 257, "", ["QPD^1^3^1"], "102"),
    ("@PID.8^F~@PID.7^1950-03-12", "", ["QPD^1^3^2"], "102"),
    ("@PID.7^19501332", "", ["QPD^1^3^1"], "102"),
    ("@PID.5.1^FICTIVE~@PID.8^W", "", ["QPD^1^3^2"], "103"),
    ("@PID.5.1^FICTIVE~@PID.11.3^BORDEAUX", "", ["QPD^1^3^2"], "103"),
    ("@PD1.4^1~@PID.5.1^FICTIVE", "", ["QPD^1^3^1"], "103"),
    ("PID.5.1^FICTIVE", "", ["QPD^1^3^1"], "103"),
    ("@PID.5.1^FICTIVE~@PID.5.1.1^OTHER", "", ["QPD^1^3^2"], "205"),
    ("@PID.3.1^12", "", ["QPD^1^3^1"], "101"),
    ("@PID.3.1^12~@PID.3.4^STRANGE", "", ["QPD^1^3^2"], "204"),
    ("@PID.5.1^FICTIVE", "^^^STRANGE~^^^CHB~^^^ODD", ["QPD^1^8^1", "QPD^1^8^3"], "204"),
]


@pytest.mark.parametrize(("parameters", "domains", "places", "condition"), PDQ_REFUSED)
def test_a_search_that_finds_too_many_or_nobody_is_refused_where_the_cause_is(
    desk: Desk, index: MadeUp, parameters: str, domains: str, places: list[str], condition: str
) -> None:
    told = pdq(desk, parameters, domains)
    assert (told.verdict, told.status, told.places, told.condition) == ("AE", "AE", places, condition)
    assert told.pids == index.asked == []


def test_nobody_who_fits_is_no_error(desk: Desk) -> None:
    told = pdq(desk, "@PID.5.1^NOBODY")
    assert (told.verdict, told.status, told.pids) == ("AA", "NF", [])
    assert [told.one("QAK").value(n) for n in (4, 5, 6)] == ["0", "0", "0"]


def test_too_many_who_fit_are_not_shown(desk: Desk, index: MadeUp) -> None:
    index.refusal = TooMany("more than 100 identities fit: say more of the person")
    told = pdq(desk, "@PID.5.1^FICTIVE")
    assert (told.verdict, told.status, told.places, told.pids) == ("AE", "AE", ["QPD^1^3"], [])
    assert "say more" in told.told


def test_people_come_by_pages_until_there_are_no_more(desk: Desk) -> None:
    seen: list[str] = []
    more: list[str] = []
    pages = 0
    while True:
        told = pdq(desk, "@PID.5.1^FICTIVE", "", "RCP|I|2^RD", *more, control_id=f"q{pages}")
        seen += [one.value(3) for one in told.pids]
        pages += 1
        if not told.pointer:
            break
        assert told.pointer.isalnum()
        more = [f"DSC|{told.pointer}|I"]
    assert (seen, pages) == (["0", "1", "2", "3", "4"], 3)


def test_a_pointer_goes_on_with_its_own_query_of_its_own_sender_alone(desk: Desk, index: MadeUp) -> None:
    pointer = pdq(desk, "@PID.5.1^FICTIVE", "", "RCP|I|2^RD").pointer
    index.asked.clear()
    others = [
        pdq(desk, "@PID.5.1^OTHER", "", "RCP|I|2^RD", f"DSC|{pointer}"),
        pdq(desk, "@PID.5.1^FICTIVE", "^^^CHB", "RCP|I|2^RD", f"DSC|{pointer}"),
        pdq(desk, "@PID.5.1^FICTIVE", "", "RCP|I|2^RD", f"DSC|{pointer}", f3="OTHER", f4="CHP"),
        pdq(desk, "@PID.5.1^FICTIVE", "", "RCP|I|2^RD", f"DSC|9{pointer[1:]}"),
        pdq(desk, "@PID.5.1^FICTIVE", "", "RCP|I|2^RD", "DSC|x"),
    ]
    assert [(one.verdict, one.places, one.condition) for one in others] == [("AE", ["DSC^1^1"], "204")] * 5
    assert index.asked == []


@pytest.mark.parametrize(
    ("rcp", "place"), [("RCP|D", "RCP-1"), ("RCP|I|0^RD", "RCP-2"), ("RCP|I|x", "RCP-2"), ("RCP|I|5^ZO", "RCP-2")]
)
def test_how_it_is_to_be_answered_is_checked(desk: Desk, rcp: str, place: str) -> None:
    assert (pdq(desk, "@PID.5.1^FICTIVE", "", rcp).place) == place


def test_a_query_that_is_no_query_is_refused_as_a_message(desk: Desk) -> None:
    without = Response(desk.answer(query("Q23", "RCP|I")))
    assert (without.verdict, without.place, without.segments[0].value(9)) == ("AE", "QPD", "ACK")
    untagged = Response(desk.answer(query("Q23", "QPD|IHE PIX Query||1^^^CHB")))
    assert (untagged.verdict, untagged.place) == ("AE", "QPD-2")
    other = Response(desk.answer(query("Q21", "QPD|x|y|z", f9="QBP^Q21^QBP_Q21")))
    assert (other.verdict, other.place, other.condition) == ("AR", "MSH-9", "201")


def test_a_query_is_cancelled_and_nothing_is_asked(desk: Desk, index: MadeUp) -> None:
    told = Response(desk.answer(query("J01", "QID|tag1|IHE PDQ Query", f9="QCN^J01^QCN_J01")))
    assert (told.verdict, told.segments[0].value(9), told.segments[0].value(9, 2)) == ("AA", "ACK", "J01")
    assert Response(desk.answer(query("J01", "QID|", f9="QCN^J01^QCN_J01"))).place == "QID-1"
    assert index.asked == []


@pytest.mark.parametrize(
    ("charset", "encoding", "answered", "read_as"),
    [
        ("8859/1", "iso8859-1", "8859/1", "iso8859-1"),
        ("8859/15", "iso8859-15", "8859/15", "iso8859-15"),
        ("", "ascii", "UNICODE UTF-8", "utf-8"),
        ("ASCII", "ascii", "UNICODE UTF-8", "utf-8"),
        ("WINDOWS-1252", "cp1252", "WINDOWS-1252", "cp1252"),
        ("8859/5", "iso8859-5", "UNICODE UTF-8", "utf-8"),
    ],
)
def test_names_are_written_in_the_querys_character_set_or_else_in_utf_8(
    desk: Desk, charset: str, encoding: str, answered: str, read_as: str
) -> None:
    raw = desk.answer(query("Q22", "QPD|IHE PDQ Query|t|@PID.5.1^FICTIVE", "RCP|I", charset=charset, encoding=encoding))
    told = Response(raw, read_as)
    assert told.segments[0].value(18) == answered
    assert "INVENTÉE" in told.pids[0].text(5)


def test_an_answer_names_the_message_and_the_source_as_the_query_did(desk: Desk) -> None:
    told = pix(desk, "123^^^CHB", control_id="numéro 1", f5="RÉGION")
    assert (told.of, told.segments[0].value(3)) == ("numéro 1", "RÉGION")


def test_a_query_with_delimiters_of_its_own_is_echoed_with_the_usual_ones(desk: Desk) -> None:
    raw = (
        b"MSH$*%/:$CHB_SIH$CHB$KRYPTON$$20260105$$QBP*Q23*QBP_Q21$q1$P$2.5\rQPD$IHE PIX Query$a^b$123***CHB:1.2.3:ISO\r"
    )
    told = Response(desk.answer(raw), "ascii")
    assert told.one("QPD").text(3) == "123^^^CHB&1.2.3&ISO"
    assert (told.one("QPD").text(2), told.one("QAK").value(1)) == ("a\\S\\b", "a^b")


def test_what_cannot_be_printed_does_not_end_the_answer(desk: Desk) -> None:
    told = pix(desk, "123\x1c^^^CHB", "^^^CHP\x1c\x0b")
    assert b"\x1c" not in told.raw
    assert b"\x0b" not in told.raw
    assert told.verdict in ("AA", "AE")


def test_where_the_index_cannot_be_asked_nothing_is_answered(desk: Desk, index: MadeUp) -> None:
    index.refusal = ConnectionError("the database is away")
    assert desk.answer(query("Q23", "QPD|IHE PIX Query|tag1|123^^^CHB", "RCP|I")) is None


def test_no_query_is_answered_where_nobody_knows_who_asks(index: MadeUp) -> None:
    closed = Inquiry(index=index, ids=IDS, turn=nullcontext(), closed="queries are answered elsewhere")
    desk = Desk(clerks={"QBP": closed}, site_of={SENDER: SITE}.get, real_only=False)
    told = pix(desk, "123^^^CHB")
    assert (told.verdict, told.place, index.asked) == ("AR", "MSH-9", [])
