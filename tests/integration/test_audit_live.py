"""What auditors ask of a real ledger: as of any position it is what readers saw, and every question is recorded."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest
from fastavro import schemaless_writer

from adapters.eventstore import tables
from adapters.eventstore.histories import last_at
from domain.actors import Caller
from domain.commands.consents import Oppose
from domain.commands.identities import Correct
from domain.commands.links import Bar
from domain.commands.orders import PlaceOrder, PresentOrder
from domain.commands.readings import RequestReading
from domain.commands.studies import WithdrawStudy
from domain.consent_statements import Scope
from domain.errors import Contended, NotFound, ReasonMissing, SameIdentity
from krypton.auditing.accesses import Limits, accesses
from krypton.auditing.as_of import as_of
from krypton.auditing.exposure import exposure
from krypton.auditing.history import history
from krypton.devstack.stack import Stack
from schemas.event import ERASED
from tests.fakes.erasing import Erase
from tests.integration.audit_world import AUDITOR, CLINICIAN, RADIOLOGIST, AuditWorld, audit_world

pytestmark = pytest.mark.live
Document = dict[str, Any]
A_MOMENT = timedelta(microseconds=1)
STAMPED = "INSERT INTO ledger.ledger_events VALUES (%s, %s, 1, 'study.arrived', %s)"


def avro_long(value: int) -> bytes:
    """As Avro writes it."""
    out = BytesIO()
    schemaless_writer(out, "long", value)
    return out.getvalue()


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[AuditWorld]:
    with audit_world(stack) as made:
        yield made


@pytest.fixture(scope="module")
def lived(world: AuditWorld) -> dict[str, Any]:
    """Two sisters' year: what readers saw of each after every step, by position; and who and what was there."""
    one, other, third = world.register(), world.register("CHP"), world.register()
    seen: dict[int, dict[str, Document]] = {}

    def look() -> None:
        at = world.head  # before it is looked at, which is an event too
        seen[at] = {who: world.seen(who) for who in (one, other)}

    look()
    moved = world.receive(one, dlp=100.0)
    look()
    kept = world.receive(other, dlp=300.0)
    look()
    world.merge(one, other)
    look()
    world.ask(RequestReading(study=UUID(kept), from_site="CHP", to_site="CHB", question="nodule?"))
    look()
    world.ask(Correct(identity=UUID(one), stated={"given": "Alexandra"}, reason="read from a card"))
    look()
    world.reassign(moved, other)
    look()
    world.reassign(moved, third)
    look()
    world.unmerge(one, other)
    look()
    world.ask(WithdrawStudy(study=UUID(kept), reason="test image"))
    look()
    world.ask(Bar(one=UUID(one), other=UUID(other), reason="twin sisters"))
    look()
    return {"one": one, "other": other, "third": third, "moved": moved, "kept": kept, "seen": seen}


class TestAsOf:
    """The person as of a position or a time."""

    @pytest.mark.parametrize("whole", [False, True])
    def test_it_answers_at_every_position_as_readers_saw_it(
        self, world: AuditWorld, lived: Document, whole: bool
    ) -> None:
        """Found by the views, or by reading the whole ledger."""
        for position, seen in lived["seen"].items():
            for who, document in seen.items():
                found = as_of(world.krypton, position, who, AUDITOR, whole=whole)
                assert {name: found[name] for name in document} == document, position
                assert found["differs_from_live"] == []

    def test_a_study_that_was_passed_on_twice_is_in_the_record_where_it_then_was(
        self, world: AuditWorld, lived: Document
    ) -> None:
        held = {
            position: [s["study"] for s in as_of(world.krypton, position, lived["other"], AUDITOR)["record"]["studies"]]
            for position in lived["seen"]
        }
        assert sum(lived["moved"] in studies for studies in held.values()) == 4

    def test_a_time_is_the_last_position_recorded_by_then(self, world: AuditWorld, lived: Document) -> None:
        position = list(lived["seen"])[3]
        at = datetime.fromisoformat(as_of(world.krypton, position, lived["one"], AUDITOR)["recorded_at"])
        assert as_of(world.krypton, at, lived["one"], AUDITOR)["position"] == position
        just_before = as_of(world.krypton, at - A_MOMENT, lived["one"], AUDITOR)
        assert just_before["position"] == position - 2  # the merge wrote two events at one time

    @pytest.mark.parametrize("second", [-1, 0, 5, 100, 250, 600, 10_000])
    def test_a_time_is_found_among_stamps_that_are_not_quite_in_order(self, database_url: str, second: int) -> None:
        """Commands are stamped when they decide, and stored in their turn; and some positions hold no event."""
        moment = second * 1_000_000
        stamps = {p: max(0, 3 * p + (p * 7919) % 50 - 25) * 1_000_000 for p in range(1, 400) if p % 7}
        tables.create(database_url)
        with closing(psycopg2.connect(database_url)) as connection:
            with connection.cursor() as cursor:
                for position, stamp in stamps.items():
                    cursor.execute(STAMPED, (position, str(UUID(int=position)), b"\0\0\0\0\1" + avro_long(stamp)))
            expected = max((p for p, stamp in stamps.items() if stamp <= moment), default=0)
            assert last_at(connection, moment) == expected

    def test_what_the_views_have_not_read_yet_is_found_all_the_same(self, world: AuditWorld) -> None:
        one, other = world.register(), world.register()
        world.settle()
        world.merge(one, other)
        found = as_of(world.krypton, world.head, one, AUDITOR)
        assert [member["identity"] for member in found["members"]] == [one, other]
        assert found["differs_from_live"] == ["identity_index"]

    def test_a_view_that_was_altered_changes_nothing_and_is_named(self, world: AuditWorld) -> None:
        one = world.register()
        world.receive(one, dlp=100.0)
        before = world.seen(one)
        position = world.head
        with world.cursor() as cursor:
            cursor.execute("UPDATE cumulative_dose_v1.dose_owner SET identity_id = %s WHERE identity_id = %s",
                           (str(uuid4()), one))  # fmt: skip
        found = as_of(world.krypton, position, one, AUDITOR)
        assert found["dose"] == before["dose"]
        assert found["differs_from_live"] == ["cumulative_dose"]

    def test_an_erased_person_is_shown_erased_on_every_day(self, world: AuditWorld) -> None:
        one = world.register(family="FICTIVEMARK")
        world.receive(one)
        position = world.head
        world.ask(Erase(identity=UUID(one), reason="asked for"))
        world.krypton.vault.destroy(one)
        found = as_of(world.krypton, position, one, AUDITOR)
        assert found["identity"]["traits"]["family"] == ERASED
        assert "FICTIVEMARK" not in str(found)

    def test_before_the_person_was_registered_there_is_nothing_to_see(self, world: AuditWorld) -> None:
        """Which is an answer, so the question is on record."""
        one = world.register()
        before = world.head
        with pytest.raises(NotFound, match="was not registered yet at position 1"):
            as_of(world.krypton, 1, one, AUDITOR)
        assert world.types(before) == ["access.viewed"]

    def test_the_future_is_not_told(self, world: AuditWorld) -> None:
        with pytest.raises(NotFound, match="the ledger ends at position"):
            as_of(world.krypton, 10**9, world.register(), AUDITOR)


class TestHistory:
    """What was said of a person, and of all who ever were one with them."""

    def test_it_tells_all_statements_corrections_and_moves_in_ledger_order(
        self, world: AuditWorld, lived: Document
    ) -> None:
        found = history(world.krypton, lived["one"], AUDITOR)
        assert [entry["position"] for entry in found] == sorted(entry["position"] for entry in found)
        assert [entry["type"] for entry in found] == [
            "identity.registered",
            "identity.registered",
            "link.proposed",
            "link.merged",
            "identity.traits_corrected",
            "study.reassigned",
            "dose.reassigned",
            "study.reassigned",
            "dose.reassigned",
            "link.unmerged",
            "study.withdrawn",
            "link.barred",
        ]

    def test_each_entry_says_who_was_one_person_before_and_after(self, world: AuditWorld, lived: Document) -> None:
        one, other = lived["one"], lived["other"]
        found = {entry["type"]: entry for entry in history(world.krypton, one, AUDITOR)}
        apart = [[one], [other]]
        assert sorted(found["link.merged"]["before"]) == sorted(apart)
        assert found["link.merged"]["after"] == [[one, other]]
        assert found["identity.traits_corrected"]["before"] == found["identity.traits_corrected"]["after"]
        assert sorted(found["link.unmerged"]["after"]) == sorted(apart)

    def test_a_merge_names_who_why_and_by_which_rule(self, world: AuditWorld, lived: Document) -> None:
        merged = next(e for e in history(world.krypton, lived["other"], AUDITOR) if e["type"] == "link.merged")
        told = {name: merged[name] for name in ("actor", "reason", "rule", "rule_version", "score", "compared")}
        assert told == {
            "actor": "rpps:10101207776",
            "reason": "same traits",
            "rule": "human",
            "rule_version": 0,
            "score": None,
            "compared": [],
        }

    def test_who_was_one_person_with_a_former_member_belongs_to_it(self, world: AuditWorld) -> None:
        """A with B, later B with C: all three are in the history of A."""
        one, other, third = world.register(), world.register(), world.register()
        world.merge(one, other)
        world.unmerge(one, other)
        world.merge(other, third)
        world.settle()
        registered = [e for e in history(world.krypton, one, AUDITOR) if e["type"] == "identity.registered"]
        assert [e["identities"] for e in registered] == [[one], [other], [third]]

    def test_the_whole_ledger_tells_the_same(self, world: AuditWorld, lived: Document) -> None:
        found = [history(world.krypton, lived["one"], AUDITOR, whole=whole) for whole in (False, True)]
        assert found[0] == found[1]


@pytest.fixture(scope="module")
def looked(world: AuditWorld) -> Document:
    """The sisters are one person between two looks of the clinician's; the radiologist opens an emergency meanwhile."""
    one, other = world.register(), world.register("CHP")
    hers, sisters = world.receive(one, dlp=100.0), world.receive(other, dlp=300.0)
    before = world.open(one)
    opened_at = world.head
    world.merge(one, other, "same address")
    asked = RequestReading(study=UUID(sisters), from_site="CHP", to_site="CHB", question="nodule?")
    world.ask(asked)
    urgent = world.open(one, RADIOLOGIST, emergency=True)
    world.close(urgent, RADIOLOGIST)
    late = world.receive(other)
    world.unmerge(one, other)
    after = world.open(one)
    world.settle()
    return locals()


class TestAccesses:
    """Who asked for the record, and what lay open."""

    def test_every_access_tells_what_lay_open_while_it_lasted(self, world: AuditWorld, looked: Document) -> None:
        found = {e["access"]: e for e in accesses(world.krypton, looked["one"], AUDITOR, Limits(looks=False))}
        studies = {access: {s["id"] for s in entry["shown"]["studies"]} for access, entry in found.items()}
        hers, sisters, late = looked["hers"], looked["sisters"], looked["late"]
        assert studies == {
            looked["before"]: {hers, sisters, late},  # granted for a day, and the merge came within it
            looked["urgent"]: {hers, sisters},  # closed before the last one came
            looked["after"]: {hers},
        }

    def test_what_was_there_at_the_opening_is_what_a_reader_saw_then(self, world: AuditWorld, looked: Document) -> None:
        found = accesses(world.krypton, looked["one"], AUDITOR, Limits(by=RADIOLOGIST))
        (urgent,) = found
        record = as_of(world.krypton, urgent["position"], looked["one"], AUDITOR)["record"]
        assert {s["study"] for s in record["studies"]} == {s["id"] for s in urgent["shown"]["studies"]}

    def test_each_names_who_was_held_to_be_the_person(self, world: AuditWorld, looked: Document) -> None:
        found = accesses(world.krypton, looked["one"], AUDITOR, Limits(looks=False))
        both, alone = sorted((looked["one"], looked["other"])), [looked["one"]]
        assert [(e["members"], e["ground"]) for e in found] == [
            (alone, "care_team"),
            (both, "emergency"),
            (alone, "care_team"),
        ]

    def test_a_denied_request_showed_nothing(self, world: AuditWorld) -> None:
        one = world.register()
        world.receive(one)
        world.open(one, RADIOLOGIST)
        (found,) = accesses(world.krypton, one, AUDITOR, Limits(looks=False))
        assert (found["decision"], found["rule"], found["shown"]) == ("denied", "X9", None)

    @pytest.mark.parametrize(
        ("limits", "names"),
        [
            (Limits(by=f"rpps:{CLINICIAN}"), ["before", "after"]),
            (Limits(site="CHP"), ["urgent"]),
            (Limits(emergency=True, looks=False), ["urgent"]),
            (Limits(emergency=False, looks=False), ["before", "after"]),
            (Limits(until=datetime(2020, 1, 1, tzinfo=UTC)), []),
        ],
    )
    def test_they_are_told_apart(self, world: AuditWorld, looked: Document, limits: Limits, names: list[str]) -> None:
        found = accesses(world.krypton, looked["one"], AUDITOR, limits)
        assert [entry["access"] for entry in found] == [looked[name] for name in names]

    def test_one_that_was_opened_before_a_period_and_was_open_still_belongs_to_it(
        self, world: AuditWorld, looked: Document
    ) -> None:
        """The first was granted for a day; the emergency was closed before the third."""
        every = accesses(world.krypton, looked["one"], AUDITOR, Limits(looks=False))
        begun = datetime.fromisoformat(every[-1]["opened_at"])
        ended = datetime.fromisoformat(every[1]["closed_at"])
        asked = {
            "from": Limits(since=begun, looks=False),
            "to": Limits(until=begun, looks=False),
            "end": Limits(since=ended, looks=False),
            "within": Limits(since=ended - timedelta(microseconds=1), until=begun, looks=False),
        }
        found = {
            name: [entry["access"] for entry in accesses(world.krypton, looked["one"], AUDITOR, limits)]
            for name, limits in asked.items()
        }
        before, urgent, after = looked["before"], looked["urgent"], looked["after"]
        assert found == {
            "from": [before, after],
            "to": [before, urgent],
            "end": [before, after],
            "within": [before, urgent],
        }


class TestRecorded:
    """Asking is an access too."""

    @pytest.mark.parametrize("kind", ["history", "accesses", "as_of", "exposure"])
    def test_each_question_is_on_record_with_who_asked_and_why(self, world: AuditWorld, kind: str) -> None:
        one, other = world.register(), world.register()
        before = world.head
        ASKED[kind](world, one, other)
        assert world.types(before) == ["access.viewed"]
        last = Caller("auditor:other", "to see the last question")
        (asked,) = accesses(world.krypton, one, last, Limits(by=AUDITOR.actor))
        told = {name: asked[name] for name in ("decision", "kind", "actor", "reason", "rule", "purpose")}
        assert told == {
            "decision": "viewed",
            "kind": f"audit.{kind.replace('_', '-')}",
            "actor": AUDITOR.actor,
            "reason": AUDITOR.reason,
            "rule": "W2",
            "purpose": "HCOMPL",
        }

    @pytest.mark.parametrize("kind", ["history", "accesses", "as_of", "exposure"])
    def test_without_a_reason_nothing_is_answered(self, world: AuditWorld, kind: str) -> None:
        with pytest.raises(ReasonMissing):
            ASKED[kind](world, world.register(), world.register(), Caller("auditor:other", " "))

    @pytest.mark.parametrize("kind", ["history", "accesses", "as_of", "exposure"])
    def test_where_it_cannot_be_recorded_nothing_is_answered(
        self, world: AuditWorld, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        def away(*_: object) -> None:
            raise Contended("other writers were first")

        one, other = world.register(), world.register()
        monkeypatch.setattr(type(world.krypton.ledger), "execute", away)
        with pytest.raises(Contended):
            ASKED[kind](world, one, other)

    def test_a_filter_is_on_record_with_the_question(self, world: AuditWorld) -> None:
        one = world.register()
        accesses(world.krypton, one, AUDITOR, Limits(site="CHP", since=datetime(2026, 1, 1, tzinfo=UTC)))
        (asked,) = accesses(world.krypton, one, AUDITOR, Limits())
        assert asked["asked"] == ["site=CHP", "from=2026-01-01T00:00:00Z"]


ASKED: dict[str, Any] = {
    "history": lambda world, one, _, by=AUDITOR: history(world.krypton, one, by),
    "accesses": lambda world, one, _, by=AUDITOR: accesses(world.krypton, one, by, Limits()),
    "as_of": lambda world, one, _, by=AUDITOR: as_of(world.krypton, world.head, one, by),
    "exposure": lambda world, one, other, by=AUDITOR: exposure(world.krypton, one, other, by),
}


class TestExposure:
    """Who saw data of the one as the other's."""

    def test_it_names_each_access_and_what_of_the_sister_lay_open(self, world: AuditWorld, looked: Document) -> None:
        found = exposure(world.krypton, looked["one"], looked["other"], AUDITOR)
        shown = {e["access"]: {o["id"] for o in e["foreign"] if o["kind"] == "study"} for e in found["accesses"]}
        assert shown == {looked["before"]: {looked["sisters"], looked["late"]}, looked["urgent"]: {looked["sisters"]}}
        assert all(o["identity"] == looked["other"] for e in found["accesses"] for o in e["foreign"])

    def test_an_access_counts_only_while_the_two_were_one(self, world: AuditWorld, looked: Document) -> None:
        """The first look began before the merge."""
        found = exposure(world.krypton, looked["one"], looked["other"], AUDITOR)
        (period,) = found["together"]
        first = next(e for e in found["accesses"] if e["access"] == looked["before"])
        assert first["opened_at"] < period["from"] == first["exposed_from"]
        assert first["exposed_to"] == period["to"] < first["ended_at"]

    def test_the_other_way_round_it_is_the_same(self, world: AuditWorld, looked: Document) -> None:
        there, back = (
            exposure(world.krypton, a, b, AUDITOR)
            for a, b in ((looked["one"], looked["other"]), (looked["other"], looked["one"]))
        )
        assert there["accesses"] == back["accesses"]
        assert there["counts"] == back["counts"]

    def test_the_period_names_the_statements_that_began_and_ended_it(self, world: AuditWorld, looked: Document) -> None:
        (period,) = exposure(world.krypton, looked["one"], looked["other"], AUDITOR)["together"]
        assert (period["began"]["type"], period["began"]["reason"]) == ("link.merged", "same address")
        assert (period["ended"]["type"], period["ended"]["reason"]) == ("link.unmerged", "twin sisters")

    def test_what_was_sent_meanwhile_is_listed_with_where_it_went(self, world: AuditWorld, looked: Document) -> None:
        (sent,) = exposure(world.krypton, looked["one"], looked["other"], AUDITOR)["sent"]
        told = {name: sent[name] for name in ("type", "identity", "study", "from_site", "to_site")}
        assert told == {
            "type": "reading.requested",
            "identity": looked["other"],
            "study": looked["sisters"],
            "from_site": "CHP",
            "to_site": "CHB",
        }

    def test_what_an_opposition_to_feeding_withholds_is_counted_and_not_listed(self, world: AuditWorld) -> None:
        """Whole items, and what came in later of others."""
        one, other = world.register(), world.register("CHP")
        world.merge(one, other)
        asked: dict[str, Any] = {"identity": UUID(one), "site": "CHB", "ordered_by": CLINICIAN, "modality": "CT"}
        order = UUID(str(world.ask(PlaceOrder(**asked, question="nodule?")).result["order"]))
        access = world.open(one)
        world.ask(Oppose(identity=UUID(one), scope=Scope.FEED, reason="a relative"))
        world.ask(PresentOrder(order=order, site="CHP"))
        world.ask(PlaceOrder(**asked, question="again?"))
        world.settle()
        found = exposure(world.krypton, one, other, AUDITOR)
        assert ([sent["type"] for sent in found["sent"]], found["withheld"]) == (["order.placed"], 2)
        (opened,) = accesses(world.krypton, one, AUDITOR, Limits(looks=False))
        assert (opened["access"], len(opened["shown"]["orders"]), opened["withheld"]) == (access, 1, 2)

    def test_a_third_member_goes_with_its_side(self, world: AuditWorld) -> None:
        """C is A's for good; what of C was read as B's was exposed as well."""
        one, other, third = world.register(), world.register("CHP"), world.register()
        study = world.receive(third)
        world.merge(one, third)
        world.merge(one, other)
        access = world.open(other, RADIOLOGIST)
        world.unmerge(one, other)
        world.settle()
        (found,) = exposure(world.krypton, one, other, AUDITOR)["accesses"]
        assert (found["access"], [o["id"] for o in found["foreign"]]) == (access, [study])

    def test_two_who_never_were_one_person_exposed_nothing(self, world: AuditWorld) -> None:
        one, other = world.register(), world.register()
        world.open(one)
        found = exposure(world.krypton, one, other, AUDITOR)
        assert (found["together"], found["accesses"], found["still_one_person"]) == ([], [], False)

    def test_one_identity_twice_is_refused(self, world: AuditWorld) -> None:
        one = world.register()
        with pytest.raises(SameIdentity, match="name two identities"):
            exposure(world.krypton, one, one, AUDITOR)


class TestCommandLine:
    """As auditors type it."""

    def test_the_officers_report_is_written(self, world: AuditWorld, looked: Document, tmp_path: Path) -> None:
        file = tmp_path / "report.md"
        world.cli.show("audit", "exposure", looked["one"], looked["other"], "--out", file, "--reason", "art. 33")
        page = file.read_text()
        assert "2 access(es) by 2 professional(s) of 2 establishment(s)" in page
        assert "same address" not in page, "reasons may name somebody, and nothing finds the file when they are erased"
        assert "FICTIVE" not in page

    @pytest.mark.parametrize("words", [("history",), ("accesses",), ("as-of", "99999999999T"), ("exposure",)])
    def test_tables_are_readable(self, world: AuditWorld, looked: Document, words: tuple[str, ...]) -> None:
        command, *moment = words
        refs = (looked["one"], looked["other"]) if command == "exposure" else (looked["one"],)
        at = [str(looked["opened_at"])] if moment else []
        assert looked["one"][:8] in world.cli.show("audit", command, *at, *refs)

    def test_a_moment_that_is_neither_position_nor_time_is_wrong_usage(self, world: AuditWorld) -> None:
        said = world.cli.run("audit", "as-of", "yesterday", "CHB|1")
        assert said.code == 2
        assert "neither a ledger position nor a time" in said.err

    def test_a_person_nobody_knows_is_not_found(self, world: AuditWorld) -> None:
        assert world.cli.complaint(3, "audit", "history", "CHB|NOBODY").startswith("not found:")
