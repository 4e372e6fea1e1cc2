"""Erasing an identity: at once nothing personal is shown, nothing else breaks, and a rebuild finds nothing either."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg2
import pytest

from domain.aggregates.identity import Identity
from domain.commands.studies import ReceivedReport
from domain.ids import Ids
from domain.work import Envelope
from krypton.bootstrap import Krypton
from krypton.devstack.stack import Stack
from krypton.erasing.status import of_identity
from projections.access_history import queries as accesses
from projections.cumulative_dose import queries as doses
from projections.cumulative_dose.asked import Asked
from projections.declared import VIEWS
from projections.engine.store import ViewStore
from projections.identity_index import queries as identities
from projections.patient_record import queries as records
from projections.versions import creation
from schemas.codec import Codec
from schemas.event import ERASED
from schemas.registry import registry
from tests.fakes.dicom import new_uid
from tests.fakes.erasing import without_delay
from tests.fakes.region import dose, exposure, received
from tests.fakes.topic import records as of_topics
from tests.integration.live_cli import CLINICIAN, DIFFERING, Region, region
from tests.waiting import until

__all__ = ["region"]
pytestmark = pytest.mark.live
MARK = "QXVMARK"
STATED: dict[str, str | None] = {"family": f"{MARK}FAM", "given": f"{MARK}GIV", "birth_date": "1907-03-13"}
TRACES = f"{MARK}(FAM|GIV| words| title)|1907-03-13"  # the bare local id is given to another later on
OTHER: dict[str, str | None] = {"family": "FICTIVE", "given": "Paul", "birth_date": "1950-01-01"}


class Story(NamedTuple):
    """Who was erased, and who were the same person for a while: ``other`` has a higher id, ``lower`` a lower one."""

    ref: str
    other: str
    lower: str
    identity: str
    other_identity: str


@pytest.fixture(scope="module")
def story(region: Region) -> Story:
    """A person of whom everything was said, then erased, while the worker of the identity index stands still."""
    told = lived(region)
    worker = region.worker("identity_index")
    worker.suspend()
    try:
        let_erase(region, told.ref)
        until(lambda: erasure(region, told.identity)["left"] == ["views"], "all but rows of views followed")
        assert MARK not in shown(region, told)
        said = region.run("erase", "status", told.identity).err
        assert f"views are left: {told.identity}: they wait for views that have not read yet" in " ".join(said.split())
    finally:
        worker.resume()
    until(lambda: erasure(region, told.identity)["state"] == "completed", "rows of views followed")
    region.settle()
    return told


def let_erase(region: Region, ref: str) -> None:
    """Requested by one and approved by another, under rules whose delay is over at once."""
    without_delay(region.krypton)
    told = ("--ground", "court_order", "--reference", "TJ 26/00123")
    region.ask("erase", "request", ref, *told, "--as", "clerk")
    region.ask("erase", "approve", ref, "--yes", "--as", "operator:second")


def erasure(region: Region, identity: str) -> Any:
    """How it stands."""
    return of_identity(region.krypton, UUID(identity))[0]


def lived(region: Region) -> Story:
    """Everything that can be said of a person, in marked words; and of two others, who shared some of it."""
    lower_id, local_id, other_id = _ids(region.krypton.ledger.ids)
    ref, other, lower = f"CHB|{local_id}", f"CHB|{other_id}", region.register(lower_id)
    study = receive(region, local_id, STATED)
    receive(region, other_id, OTHER)
    said = f"{MARK} words"
    region.ask("identity", "correct", ref, "--birth-place", "33063", "--reason", said)
    region.ask("identity", "attach-ins", ref, "--matricule", "279035121518989")
    order = ("--site", "CHB", "--by", CLINICIAN, "--modality", "CT", "--question", said)
    placed = region.ask("order", "place", ref, *order, "--number", f"{MARK}7")["order"]
    region.ask("order", "cancel", placed, "--reason", said)
    reading = ("--from", "CHB", "--to", "CHP", "--question", said)
    asked = region.ask("reading", "request", study, *reading)["reading"]
    region.ask("reading", "decline", asked, "--reason", said)
    region.ask("consent", "oppose", ref, "--to", "site:CHP", "--reason", said)
    region.ask("identity", "merge", ref, other, "--reason", said, *DIFFERING)
    region.ask("access", "open", ref, "--as", f"rpps:{CLINICIAN}", "--reason", said)
    region.settle()
    alert = next(
        one
        for one in region.ask("dose", "alerts", "--as", f"rpps:{CLINICIAN}", "--limit", 1000)
        if one["study"] == study
    )
    region.ask("dose", "acknowledge", alert["alert"], "--note", said, "--as", f"rpps:{CLINICIAN}")
    region.ask("identity", "unmerge", ref, other, "--reason", said)
    region.ask("identity", "merge", ref, other, "--reason", said, *DIFFERING)
    region.ask("identity", "unmerge", ref, other, "--reason", said)
    moved = receive(region, local_id, STATED)
    region.settle()
    seen = next(
        one
        for one in region.ask("dose", "alerts", "--as", f"rpps:{CLINICIAN}", "--limit", 1000)
        if one["study"] == moved
    )
    region.ask("dose", "acknowledge", seen["alert"], "--note", said, "--as", f"rpps:{CLINICIAN}")
    region.ask("study", "reassign", moved, "--to", other, "--reason", said, "--protects", "former")
    for statement in (("merge", *DIFFERING), ("unmerge",), ("bar",), ("unbar",)):
        region.ask("identity", *statement, lower, ref, "--reason", said)
    region.ask("audit", "exposure", lower, ref, "--reason", said)
    region.settle()
    told = Story(ref, other, lower, *(region.ask("identity", "show", one)["identity"] for one in (ref, other)))
    assert MARK in shown(region, told)
    return told


def _ids(ids: Ids) -> tuple[str, str, str]:
    """Three local ids in the order of their identities' ids: the second is one pair's low side and the other's high."""

    def place(local_id: str) -> UUID:
        return Identity.create_id(ids, "CHB", local_id)

    one, two, three = sorted((f"ERA-{uuid4().hex[:8]}" for _ in range(3)), key=place)
    marked = two.replace("ERA", MARK)
    if place(one) < place(marked) < place(three):
        return one, marked, three
    return _ids(ids)


def receive(region: Region, local_id: str, stated: dict[str, str | None]) -> str:
    """A study with a report and a dose that calls for attention."""
    asked = received(
        "CHB",
        new_uid(),
        local_id=local_id,
        stated=stated,
        reports=(ReceivedReport(report_uid=new_uid(), kind="SR", title=f"{MARK} title"),) if stated is STATED else (),
        doses=(dose(new_uid(), exposure(new_uid(), dose_rp_mgy=2500.0)),),
    )
    return str(region.krypton.ledger.execute(asked, Envelope("system:test")).result["study"])


def documents(region: Region, ref: str) -> dict[str, Any]:
    """All that is shown of a person."""
    commands = ("identity show", "identity history", "record show", "dose show", "audit accesses", "consent show")
    return {command: region.ask(*command.split(), ref) for command in commands}


def shown(region: Region, told: Story) -> str:
    """All that is shown of these persons, and the lists of the whole region, as text."""
    lists = [
        region.ask("identity", "review", "list"),
        region.ask("dose", "alerts", "--all", "--as", f"rpps:{CLINICIAN}"),
    ]
    persons = [documents(region, one) for one in (told.identity, told.other)]
    persons.append(region.ask("identity", "history", told.lower))
    persons += [region.ask("audit", "history", one) for one in (told.identity, told.lower)]
    persons += [region.ask("audit", "exposure", told.lower, told.identity), region.ask("audit", "accesses", told.lower)]
    return json.dumps([persons, lists], ensure_ascii=False)


def test_nothing_of_the_person_is_shown_any_more(region: Region, story: Story) -> None:
    """Not of the others either, who were the same person: whichever side of the pair was erased."""
    assert MARK not in shown(region, story)


def test_the_identity_is_shown_erased(region: Region, story: Story) -> None:
    found = region.ask("identity", "show", story.identity)
    assert (found["erased"], found["local_id"], found["ins"]) == (True, ERASED, None)
    assert set(found["traits"].values()) <= {ERASED, None}
    assert found["members"] == [{"identity": story.identity, "assigner": "CHB", "local_id": ERASED}]


def test_what_was_said_in_words_reads_erased_and_the_facts_stay(region: Region, story: Story) -> None:
    found = documents(region, story.identity)
    (study,) = found["record show"]["studies"]
    (order,) = found["record show"]["orders"]
    assert (study["description"], study["reports"][0]["title"]) == (ERASED, ERASED)
    assert (study["instances"], study["modalities"]) == (2, ["CT"])
    assert (order["question"], order["cancel_reason"], order["state"]) == (ERASED, ERASED, "cancelled")
    assert (study["readings"][0]["question"], study["readings"][0]["decline_reason"]) == (ERASED, ERASED)
    assert found["dose show"]["totals"]["dose_rp_mgy"] == 2500.0
    assert found["dose show"]["alerts"][0]["note"] == ERASED
    assert found["consent show"]["statements"][0]["reason"] == ERASED
    assert found["audit accesses"][0]["reason"] == ERASED
    reasons = {row["type"]: row["reason"] for row in found["identity history"]}
    assert reasons["link.merged"] == reasons["identity.traits_corrected"] == ERASED


def test_why_it_was_erased_stays_readable(region: Region, story: Story) -> None:
    last = region.ask("identity", "history", story.identity)[-1]
    assert (last["type"], last["reason"]) == ("identity.erased", "court_order: TJ 26/00123")


def test_the_other_person_is_intact(region: Region, story: Story) -> None:
    found = documents(region, story.other)
    assert found["identity show"]["traits"]["given"] == "Paul"
    assert found["identity show"]["local_id"] == story.other.removeprefix("CHB|")
    assert {s["description"] for s in found["record show"]["studies"]} == {"an exam", ERASED}


def test_every_event_still_decodes(region: Region, story: Story) -> None:
    """For a process that starts now; one that runs may hold a key for some seconds more."""
    ours = Krypton(region.krypton.settings, region.krypton.addresses)
    stored = ours.ledger.recorder.select_notifications(0, 1_000_000, inclusive_of_start=False)
    bodies = [ours.codec.decode(event.state, event.originator_version)[1] for event in stored]
    registered = next(b for b in bodies if b.get("identity_id") == story.identity and "traits" in b)
    ours.ledger.close()
    ours.vault.close()
    assert registered["traits"] in (None, ERASED)
    assert len(bodies) == len(stored)


def test_a_new_study_of_the_same_patient_id_comes_under_a_new_identity(region: Region, story: Story) -> None:
    study = receive(region, story.ref.removeprefix("CHB|"), OTHER)
    region.settle()
    found = region.ask("record", "show", f"{story.ref}#2")
    assert [one["study"] for one in found["studies"]] == [study]
    assert found["person"] != story.identity


def test_a_statement_about_the_erased_is_refused(region: Region, story: Story) -> None:
    said = region.complaint(1, "identity", "correct", story.ref, "--given", MARK, "--reason", "x")
    assert said.endswith("was erased: register the person under a new local id (I7)")
    assert MARK not in said


def test_erasing_again_is_refused(region: Region, story: Story) -> None:
    told = ("--ground", "error", "--reference", "again", "--as", "clerk")
    assert region.complaint(1, "erase", "request", story.identity, *told).endswith("(I7)")


def hold_no_trace(cursor: Any) -> None:
    """The tables of every version of every view."""
    cursor.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname ~ '_v[0-9]+$'")
    tables = cursor.fetchall()
    assert len(tables) > 8
    for schema, table in tables:
        cursor.execute(f'SELECT count(*) FROM "{schema}"."{table}" t WHERE t::text ~ %s', (TRACES,))
        assert cursor.fetchone() == (0,), table


def test_no_row_of_a_live_view_tells_of_the_person(region: Region, story: Story) -> None:
    """Not only are they masked: they are overwritten."""
    with region.krypton.snapshot() as connection, connection.cursor() as cursor:
        hold_no_trace(cursor)


def test_no_stored_answer_holds_a_number_of_the_person(region: Region, story: Story) -> None:
    with region.krypton.snapshot() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger.command c WHERE c::text ~ %s", (MARK,))
        assert cursor.fetchone() == (0,)


def test_how_it_stands_is_told_to_who_may_see_nobody(region: Region, story: Story) -> None:
    before = region.krypton.ledger.recorder.max_notification_id() or 0
    (found,) = region.ask("erase", "status", story.identity)
    listed = region.ask("erase", "status")
    recorded = region.krypton.ledger.recorder.select_notifications(before, 2, inclusive_of_start=False)
    assert [one.topic for one in recorded] == ["access.viewed", "access.listed"]
    assert (found["ground"], found["requested_by"], found["approved_by"]) == (
        "court_order", "clerk:dev", "operator:second",
    )  # fmt: skip
    assert (found["left"], found["overdue"]) == ([], False)
    assert story.identity not in {one["identity"] for one in listed}


def test_a_check_of_many_requests_nothing(region: Region, story: Story) -> None:
    """Everybody here was seen this year."""
    before = region.krypton.ledger.recorder.max_notification_id()
    told = region.ask("erase", "request-lapsed", "--reference", "list 2026", "--check")
    assert told == {"to_request": 0, "positions": [], "refused": []}
    assert region.krypton.ledger.recorder.max_notification_id() == before
    assert "nothing was written" in region.run("erase", "request-lapsed", "--reference", "list 2026", "--check").out


class TestRebuilt:
    """Views rebuilt from the log."""

    @pytest.fixture(scope="class")
    @classmethod
    def rebuilt(cls, region: Region, story: Story) -> Iterator[Any]:
        """A connection to a database that holds all views, folded from the first event on."""
        stack, name = Stack(region.home), f"rebuilt_{uuid4().hex}"
        url = stack.new_database(name)
        codec = Codec(registry(), region.krypton.vault)
        for view in VIEWS.values():
            creation.create(url, view.make())
            with closing(ViewStore(view.make(), codec, url)) as store:
                for topic in view.make().topics:
                    store.apply(of_topics(region.krypton.ledger, [topic]))
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            yield connection
        stack.drop_database(name)

    def test_no_event_is_left_out(self, rebuilt: Any) -> None:
        with rebuilt.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM views.dead_letter")
            assert cursor.fetchone() == (0,)

    def test_no_table_holds_anything_of_the_person(self, rebuilt: Any) -> None:
        with rebuilt.cursor() as cursor:
            hold_no_trace(cursor)

    def test_rows_read_erased(self, rebuilt: Any, story: Story) -> None:
        assert identities.show(rebuilt, story.identity)["local_id"] == ERASED
        (study,) = records.record(rebuilt, [story.identity], ())["studies"]
        assert (study["description"], study["reports"][0]["title"]) == (ERASED, ERASED)
        assert {one["reason"] for one in accesses.accesses(rebuilt, [story.identity])} == {ERASED}

    def test_the_other_person_reads_as_before(self, region: Region, rebuilt: Any, story: Story) -> None:
        other, live = story.other_identity, documents(region, story.other)
        assert identities.show(rebuilt, other).items() <= live["identity show"].items()
        assert records.record(rebuilt, [other], ())["studies"] == live["record show"]["studies"]
        members = identities.members(rebuilt, other)
        born = identities.birth_dates(rebuilt, [member["identity"] for member in members])
        told = doses.dose(rebuilt, members, asked=Asked(born=born))["exposures"]
        shown = live["dose show"]["exposures"]
        assert told == [{name: one[name] for name in told[0]} for one in shown]  # levels stand beside them
        assert identities.history(rebuilt, members) == live["identity history"]
