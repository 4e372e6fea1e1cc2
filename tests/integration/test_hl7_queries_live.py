"""HL7 queries on a real ledger: answered from what it holds now, and on record before that."""

from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from adapters.eventstore.recorder import LedgerRecorder
from adapters.hl7.assigners import oid_of
from adapters.hl7.desk import Desk
from domain.aggregates.identity import Identity
from domain.commands.consents import Oppose
from domain.commands.directory import RegisterDevice
from domain.consent_statements import Scope
from domain.errors import StoreAway
from domain.tasks import TASKS
from krypton.devstack.stack import Stack
from krypton.queries import demographics
from krypton.services.hl7 import desk
from projections.engine.query import fetch
from projections.identity_index import search
from schemas.event import LedgerEvent
from tests.fakes.hl7 import MATRICULE, NIR, SENDER, message, mrg, pid
from tests.integration.audit_world import AuditWorld, audit_world
from tests.unit.test_hl7_queries import Response, query

pytestmark = pytest.mark.live
OTHER = "CHP_SIH"
INS = "1.2.250.1.213.1.4.10"


class Hospitals:
    """CHB's and CHP's systems, which send patients and ask for them."""

    def __init__(self, world: AuditWorld) -> None:
        self.world, ours = world, world.krypton
        self.desk: Desk = desk(ours, cast(Any, ours.ledger.log))
        for site, title in (("CHB", SENDER), ("CHP", OTHER)):
            world.ask(RegisterDevice(code=site, ae_title=title, kind="gateway"))

    def says(self, event: str, *rest: str, **changed: str) -> None:
        raw = self.desk.answer(message(event, uuid4().hex, *rest, **changed))
        assert raw is not None
        assert b"MSA|AA" in raw, raw

    def registers(self, number: str, family: str, site: str = "CHB", **changed: str) -> None:
        sender = {"CHB": SENDER, "CHP": OTHER}[site]
        fields = {"name": f"{family}^MARIE^MARIE JEANNE^^^^L", "f3": f"{number}^^^{site}^PI"} | changed
        self.says("A28", pid(number, **fields), f3=sender, f4=site)

    def asks(self, event: str, *lines: str, **changed: str) -> Response:
        return Response(self.desk.answer(query(event, *lines, control_id=uuid4().hex, **changed)))

    def pix(self, identifier: str, domains: str = "") -> Response:
        return self.asks("Q23", f"QPD|IHE PIX Query|t|{identifier}|{domains}", "RCP|I")

    def pdq(self, parameters: str, domains: str = "", *more: str) -> Response:
        self.world.settle()
        return self.asks("Q22", f"QPD|IHE PDQ Query|t|{parameters}|||||{domains}", *(more or ("RCP|I",)))

    def identity(self, number: str, site: str = "CHB") -> str:
        return str(Identity.create_id(self.world.krypton.ids, site, number))

    def merges(self, number: str, site: str, other: str, other_site: str) -> None:
        self.world.merge(self.identity(number, site), self.identity(other, other_site))

    def since(self, before: int) -> list[LedgerEvent]:
        codec = self.world.krypton.codec
        found = []
        for stored in self.world.krypton.ledger.recorder.select_notifications(before, 1_000, inclusive_of_start=False):
            schema, data = codec.decode(stored.state, stored.originator_version)
            found.append(LedgerEvent(stored.id, schema.type, data[schema.aggregate], stored.originator_version, data))
        return found


@pytest.fixture(scope="module")
def region(stack: Stack) -> Iterator[Hospitals]:
    with audit_world(stack) as world:
        yield Hospitals(world)


@pytest.fixture
def family() -> str:
    """A name that no other test has."""
    return "".join(chr(ord("A") + int(sign, 16)) for sign in uuid4().hex[:12])


@pytest.fixture
def number() -> str:
    return uuid4().hex[:12]


def ids(told: Response, n: int = 0) -> list[str]:
    return [f"{one.part(4)}|{one.part(1)}" for one in told.pids[n].values(3)]


def test_the_numbers_of_one_person_are_told_as_soon_as_it_is_one(region: Hospitals, family: str, number: str) -> None:
    """No view is waited for."""
    region.registers(number, family)
    region.registers(number, family, "CHP")
    assert region.pix(f"{number}^^^CHB").status == "NF"
    region.merges(number, "CHB", number, "CHP")
    told = region.pix(f"{number}^^^CHB")
    assert (told.status, ids(told)) == ("OK", [f"CHP|{number}"])
    assert told.pids[0].values(3)[0].part(4, 2) == oid_of("CHP")
    assert region.pix(f"{number}^^^CHB", "^^^CHB").status == "NF"
    assert ids(region.pix(f"{number}^^^&{oid_of('CHP')}&ISO", "^^^CHB")) == [f"CHB|{number}"]
    region.world.unmerge(region.identity(number), region.identity(number, "CHP"))
    assert region.pix(f"{number}^^^CHB").status == "NF"


def test_a_number_that_was_given_up_is_told_beside_the_one_that_is_kept(region: Hospitals, family: str) -> None:
    one, other = uuid4().hex[:12], uuid4().hex[:12]
    region.registers(one, family)
    region.registers(other, family)
    region.says("A40", pid(one, name=f"{family}^MARIE^^^^^L"), mrg(other))
    assert ids(region.pix(f"{one}^^^CHB")) == [f"CHB|{other}"]


def test_it_is_on_record_who_asked_of_whom_and_nothing_else_is_written(
    region: Hospitals, family: str, number: str
) -> None:
    region.registers(number, family)
    before = region.world.head
    region.pix(f"{number}^^^CHB", "^^^CHP")
    region.pdq(f"@PID.5.1^{family}")
    viewed, listed = region.since(before)
    for recorded, kind, reason in (
        (viewed, "identity.cross-reference", "QBP_Q23"),
        (listed, "identity.demographics", "QBP_Q22"),
    ):
        told = {name: recorded.data[name] for name in ("actor", "role", "site", "kind", "reason", "ground")}
        assert told == {
            "actor": f"aet:{SENDER}", "role": "service", "site": "CHB", "kind": kind, "reason": reason,
            "ground": "task",
        }  # fmt: skip
    assert (viewed.type, viewed.data["members"], viewed.data["asked"]) == (
        "access.viewed", [region.identity(number)], ["site=CHP"],
    )  # fmt: skip
    assert (listed.type, listed.data["identities"], listed.data["asked"]) == (
        "access.listed", [region.identity(number)], ["by=family_is"],
    )  # fmt: skip


def test_where_that_cannot_be_recorded_nothing_is_answered(
    region: Hospitals, family: str, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    region.registers(number, family)
    region.world.settle()

    def away(*_: Any, **__: Any) -> Any:
        raise StoreAway("the event store does not answer")

    monkeypatch.setattr(LedgerRecorder, "insert_events", away)
    assert region.desk.answer(query("Q23", f"QPD|IHE PIX Query|t|{number}^^^CHB", "RCP|I")) is None
    assert region.desk.answer(query("Q22", f"QPD|IHE PDQ Query|t|@PID.5.1^{family}", "RCP|I")) is None


def test_whoever_s_task_it_is_not_gets_nothing_and_that_is_on_record(
    region: Hospitals, family: str, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    region.registers(number, family)
    for task in ("identity.cross-reference", "identity.demographics"):
        monkeypatch.setitem(cast(Any, TASKS), task, frozenset())
    before = region.world.head
    for told in (region.pix(f"{number}^^^CHB"), region.pdq(f"@PID.5.1^{family}")):
        assert (told.verdict, told.rule, told.pids) == ("AE", "W2", [])
    assert [one.type for one in region.since(before)] == ["access.view_refused"] * 2


@pytest.mark.parametrize("identifier", ["none^^^CHB", "1^^^NONE", f"1^^^&{oid_of('NONE')}&ISO", f"1^^^&{INS}&ISO"])
def test_what_nobody_knows_is_refused_and_writes_nothing(region: Hospitals, identifier: str) -> None:
    before = region.world.head
    told = region.pix(identifier)
    assert (told.verdict, told.status, told.condition) == ("AE", "AE", "204")
    assert region.world.head == before


def test_a_number_that_two_people_bear_leads_to_neither(region: Hospitals, family: str, number: str) -> None:
    region.registers(number, family)
    other = uuid4().hex[:12]
    region.registers(other, family)
    region.merges(number, "CHB", other, "CHB")
    assert ids(region.pix(f"{other}^^^CHB")) == [f"CHB|{number}"]
    region.registers(number, "ZWEITE", name="ZWEITE^PAUL^^^^^L", f7="19880101", f8="M")
    told = region.pix(f"{number}^^^CHB")
    assert (told.verdict, told.places, told.condition) == ("AE", ["QPD^1^3^1^1"], "205")
    assert region.pix(f"{other}^^^CHB").status == "NF"
    assert ids(region.pdq(f"@PID.5.1^{family}")) == [f"CHB|{other}"]


def test_a_matricule_is_told_and_asked_by_where_the_identity_is_qualified(region: Hospitals, family: str) -> None:
    one, other = uuid4().hex[:12], uuid4().hex[:12]
    both = {"f3": f"{MATRICULE}^^^{NIR}^INS~{one}^^^CHB^PI", "f7": "19790328", "f11": "^^^^^^BDL^^63220"}
    region.says("A28", pid(one, name=f"{family}^ANNE^ANNE^^^^L", **both, f32="PROV"), "ZFD|||||INSI|20260105")
    region.registers(other, family, "CHP", f7="19790328")
    region.merges(one, "CHB", other, "CHP")
    region.world.settle()
    assert region.pix(f"{MATRICULE}^^^&{INS}&ISO").condition == "204"
    assert region.pix(f"{one}^^^CHB", f"^^^&{INS}&ISO").status == "NF"
    region.says("A31", pid(one, name=f"{family}^ANNE^ANNE^^^^L", **both, f32="QUAL"), "ZFD|||||INSI|20260105")
    region.world.settle()
    assert ids(region.pix(f"{MATRICULE}^^^&{INS}&ISO")) == [f"CHB|{one}", f"CHP|{other}"]
    assert [each.part(1) for each in region.pix(f"{other}^^^CHP", f"^^^&{INS}&ISO").pids[0].values(3)] == [MATRICULE]
    assert [len(region.pdq(f"@PID.3.1^{MATRICULE}~@PID.3.4.2^{INS}").pids[0].values(3))] == [3]


def test_each_person_comes_once_with_all_their_numbers_or_those_of_the_wanted_assigners(
    region: Hospitals, family: str, number: str
) -> None:
    region.registers(number, family)
    region.registers(number, family, "CHP")
    alone = uuid4().hex[:12]
    region.registers(alone, family, f7="19710203")
    region.merges(number, "CHB", number, "CHP")
    told = region.pdq(f"@PID.5.1^{family}")
    assert [ids(told, n) for n in range(len(told.pids))] == [[f"CHB|{number}", f"CHP|{number}"], [f"CHB|{alone}"]]
    wanted = region.pdq(f"@PID.5.1^{family}", "^^^CHP")
    assert [ids(wanted, n) for n in range(len(wanted.pids))] == [[f"CHP|{number}"]]
    assert [ids(region.pdq(f"@PID.5.1^{family}~@PID.7^1971"), n) for n in (0,)] == [[f"CHB|{alone}"]]


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ("@PID.5.1^{}", True),
        ("@PID.5.1^{}X", False),
        ("@PID.5.1^{short}", False),
        ("@PID.5.1^{short}*", True),
        ("@PID.5.1^{}~@PID.5.2^marie", True),
        ("@PID.5.1^{}~@PID.5.2^Jeanne", True),
        ("@PID.5.1^{}~@PID.5.2^JEAN", False),
        ("@PID.5.1^{}~@PID.5.2^JEAN*", True),
        ("@PID.5.1^{}~@PID.8^M", False),
        ("@PID.5.1^{}~@PID.7^19500312", True),
        ("@PID.5.1^{}~@PID.7^195003", True),
        ("@PID.5.1^{}~@PID.7^19500313", False),
        ("@PID.3.1^{number}~@PID.3.4^CHB", True),
        ("@PID.3.1^{number}~@PID.3.4^CHP", False),
        ("@PID.3.1^%~@PID.3.4^CHB", False),
        ("@PID.3.1^____________~@PID.3.4^CHB", False),
    ],
)
def test_who_is_found_is_who_fits(region: Hospitals, family: str, number: str, parameters: str, found: bool) -> None:
    region.registers(number, family)
    told = region.pdq(parameters.format(family, short=family[:8], number=number))
    assert [ids(told, n) for n in range(len(told.pids))] == ([[f"CHB|{number}"]] if found else [])
    assert (told.verdict, told.status) == ("AA", "OK" if found else "NF")


@pytest.mark.parametrize(
    "criteria",
    [
        {"family_is": "LE GOFF"},
        {"family": "LEG"},
        {"birth_date": "1950-03-12"},
        {"birth_date": "1950-03-00"},
        {"number": "12", "assigner": "CHB"},
        {"ins": MATRICULE, "ins_oid": INS, "status": "QUAL"},
    ],
)
def test_a_search_reads_no_whole_region(
    region: Hospitals, criteria: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a small table PostgreSQL would read it all the same: here it may not."""
    plans: list[str] = []

    def explained(connection: Any, query: str, **values: Any) -> list[Any]:
        fetch(connection, "SELECT set_config('enable_seqscan', 'off', true)")
        plans.extend(row["QUERY PLAN"] for row in fetch(connection, f"EXPLAIN {query}", **values))
        return []

    monkeypatch.setattr(search, "fetch", explained)
    with region.world.krypton.snapshot() as connection:
        search.some_of(connection, criteria, 10)
    assert any("Index" in line for line in plans)
    assert not [line for line in plans if "Seq Scan" in line]


def test_pages_show_everybody_once_and_record_whom_they_show(region: Hospitals, family: str) -> None:
    numbers = [f"{n}{uuid4().hex[:10]}" for n in range(5)]
    for number in numbers:
        region.registers(number, family)
    seen: list[str] = []
    more: list[str] = []
    while True:
        before = region.world.head
        told = region.pdq(f"@PID.5.1^{family}", "", "RCP|I|2^RD", *more)
        (listed,) = region.since(before)
        page = [one for n in range(len(told.pids)) for one in ids(told, n)]
        assert listed.data["identities"] == sorted(region.identity(one.removeprefix("CHB|")) for one in page)
        seen += page
        if not told.pointer:
            break
        more = [f"DSC|{told.pointer}|I"]
    assert seen == [f"CHB|{number}" for number in numbers]
    assert [told.one("QAK").value(n) for n in (4, 5, 6)] == ["5", "1", "0"]


def test_where_too_many_fit_nobody_is_shown_and_that_is_on_record(
    region: Hospitals, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demographics, "MOST", 2)
    for _ in range(3):
        region.registers(uuid4().hex[:12], family)
    before = region.world.head
    told = region.pdq(f"@PID.5.1^{family}")
    assert (told.verdict, told.places, told.pids) == ("AE", ["QPD^1^3"], [])
    (listed,) = region.since(before)
    assert (listed.type, listed.data["identities"]) == ("access.listed", [])


def test_nobody_erased_is_in_an_answer(region: Hospitals, family: str, number: str) -> None:
    other = uuid4().hex[:12]
    region.registers(number, family)
    region.registers(other, family, "CHP")
    region.merges(number, "CHB", other, "CHP")
    assert ids(region.pix(f"{other}^^^CHP")) == [f"CHB|{number}"]
    region.world.settle()
    region.world.krypton.vault.destroy(region.identity(number))
    told = region.pdq(f"@PID.5.1^{family}")
    assert [ids(told, n) for n in range(len(told.pids))] == [[f"CHP|{other}"]]
    assert region.pix(f"{other}^^^CHP").status == "NF"
    gone = region.pix(f"{number}^^^CHB")
    assert (gone.verdict, gone.condition, gone.pids) == ("AE", "204", [])


def test_an_opposition_to_feeding_keeps_nobodys_number_back(region: Hospitals, family: str, number: str) -> None:
    """It is about what is in a record; who somebody is, is not."""
    region.registers(number, family)
    region.registers(number, family, "CHP")
    region.merges(number, "CHB", number, "CHP")
    region.world.ask(Oppose(identity=UUID(region.identity(number)), scope=Scope.FEED, reason="a legitimate one"))
    assert ids(region.pix(f"{number}^^^CHB")) == [f"CHP|{number}"]
