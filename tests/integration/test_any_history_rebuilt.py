"""Live equals rebuild, whatever is asked of the ledger: commands of all families, late and repeated data, erasures.

Workers apply what is published in batches of any length, go back, and restart; at any moment a rebuild of any view
must show readers the very rows that the live version shows.
"""

from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg2
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from domain.commands import accesses, consents, identities, links, orders, readings, splits, studies
from domain.commands.studies import ReceivedReport
from domain.errors import NotFound, RuleBroken
from domain.identity_status import Status
from domain.work import Command
from projections.declared import VIEWS
from projections.engine.projection import schema_of
from projections.engine.sealed import sealed_columns
from projections.engine.store import ViewStore
from projections.versions import creation, diff, rebuild, versions
from projections.versions.build_log import Part
from projections.versions.rebuild import Builder
from schemas.bulk import BulkCodec
from schemas.codec import Codec
from schemas.event import Record
from schemas.registry import registry
from tests.fakes import topic
from tests.fakes.erasing import Erase
from tests.fakes.region import CLINICIAN, RADIOLOGIST, SITES, Region, dose, exposure, received, rules_in_force
from tests.fakes.ruled_views import MADE

pytestmark = pytest.mark.live

WHEN = datetime(2026, 2, 1, 8, tzinfo=UTC)
OID = "1.2.250.1.213.1.4.10"
sites = st.sampled_from(SITES)
few = st.integers(0, 3)
pairs = st.tuples(few, few)
texts = st.sampled_from(("because", "d'après la carte", 'a "quoted"\tone'))
views = st.sampled_from(sorted(MADE))
parties = st.sampled_from((f"rpps:{CLINICIAN}", "site:CHP"))


class Histories(RuleBasedStateMachine):
    """A region of four people, and workers of every view."""

    url = ""

    @initialize()
    def begin(self) -> None:
        """Four people, and empty views."""
        self.region = Region()
        rules_in_force(self.region)
        self.people = self.region.persons("1", "2", "3", "4")
        self.studies: list[UUID] = []
        self.orders: list[UUID] = []
        self.readings: list[UUID] = []
        self.accesses: list[UUID] = []
        self.split_off: list[UUID] = []
        self.erased: set[str] = set()
        self.again: list[Record] = []
        self.stores: dict[str, ViewStore] = {}
        self.codec = Codec(registry(), self.region.memory_vault)
        with closing(psycopg2.connect(self.url)) as connection, connection, connection.cursor() as cursor:
            for name, make in MADE.items():
                view = make()
                for table in {t.name for t in view.tables.sorted_tables} - {key.table for key, _ in view.seeds()}:
                    cursor.execute(f'TRUNCATE "{schema_of(view)}"."{table}"')
                self.stores[name] = self._store(name)
            cursor.execute("TRUNCATE views.position, views.dead_letter, views.parked_key")

    def _store(self, name: str) -> ViewStore:
        return ViewStore(MADE[name](), self.codec, self.url)

    def teardown(self) -> None:
        """In the end all views are compared."""
        if not hasattr(self, "stores"):
            return
        try:
            for name in MADE:
                self.compare(name)
        finally:
            for store in self.stores.values():
                store.close()

    def _ask(self, command: Command) -> dict[str, Any]:
        """What was refused never happened."""
        with suppress(RuleBroken, NotFound):
            return dict(self.region.ask(command).result)
        return {}

    def _published(self, topics: tuple[str, ...]) -> list[Record]:
        """What the relay published, where it went back now and then: repeats have offsets of their own."""
        found: list[Record] = []
        for name in topics:
            of_topic = topic.records(self.region, [name])
            for n, record in enumerate(of_topic):
                found.append(record)
                if n % 5 == 4:
                    found += of_topic[n - 1 : n + 1]
        ends: dict[str, int] = {}
        numbered = []
        for record in found:
            numbered.append(record._replace(offset=ends.setdefault(record.topic, 0)))
            ends[record.topic] += 1
        return numbered

    @rule(local_id=few, site=sites, text=texts)
    def register(self, local_id: int, site: str, text: str) -> None:
        command = identities.Register(assigner=site, local_id=str(local_id), stated={"family": "FICTIVE"})
        if found := self._ask(command):
            self.people.append(UUID(found["identity"]))

    @rule(who=few, what=st.integers(0, 8), text=texts)
    def state(self, who: int, what: int, text: str) -> None:
        one = self.people[who]
        every: tuple[Command, ...] = (
            identities.Correct(identity=one, stated={"family": "FICTIF", "given": "Alex"}, reason=text),
            identities.SetStatus(identity=one, status=Status.VALI, reason=text),
            identities.AttachIns(identity=one, matricule="279035121518989", oid=OID),
            identities.AttachIns(identity=one, matricule="279035121519088", oid=OID),
            identities.ClearFlag(identity=one, flag="ins_replaced", reason=text),
            identities.DetachIns(identity=one, reason=text),
            identities.Flag(identity=one, flag="HOMA", reason=text),
            identities.ClearFlag(identity=one, flag="HOMA", reason=text),
            identities.SetStatus(identity=one, status=Status.PROV, reason=text),
        )
        self._ask(every[what])

    @rule(pair=pairs, what=st.integers(0, 6), text=texts)
    def link(self, pair: tuple[int, int], what: int, text: str) -> None:
        sides: dict[str, Any] = {"one": self.people[pair[0]], "other": self.people[pair[1]], "reason": text}
        merge: Callable[..., Command] = links.Merge
        every = (merge, merge, links.Unmerge, links.Bar, links.Unbar, links.Dismiss, _by_rule)
        self._ask(every[what](**sides))

    @rule(site=sites, who=few, number=few, report=st.booleans(), mgy=st.sampled_from((None, 30.0, 900_000.0)))
    def receive(self, site: str, who: int, number: int, report: bool, mgy: float | None) -> None:
        uid = f"2.25.{number}"
        reports = (ReceivedReport(report_uid=f"{uid}.9", kind="SR", title='an "é"'),) if report else ()
        doses = (dose(f"{uid}.{site}.8", exposure(f"{uid}.7", dap_mgycm2=mgy), exposure(f"{uid}.{site}.6")),)
        command = received(site, uid, local_id=str(who + 1), reports=reports, doses=doses if mgy else ())
        if found := self._ask(command):
            self.studies.append(UUID(found["study"]))

    @rule(number=few, who=few, withdraw=st.booleans(), text=texts)
    def reassign(self, number: int, who: int, withdraw: bool, text: str) -> None:
        if not self.studies:
            return
        study = self.studies[number % len(self.studies)]
        if withdraw:
            self._ask(studies.WithdrawStudy(study=study, reason=text))
        else:
            self._ask(studies.ReassignStudy(study=study, to_identity=self.people[who], reason=text))

    @rule(who=few, number=few, undo=st.booleans(), text=texts)
    def split(self, who: int, number: int, undo: bool, text: str) -> None:
        """Half of what somebody has goes to somebody new; or that is taken back."""
        if undo and self.split_off:
            other = self.split_off[number % len(self.split_off)]
            self._ask(splits.UndoSplit(identity=other, reason=text))
            return
        held = self.region.load(list(dict.fromkeys([*self.studies, *self.orders])))
        theirs = [one for one, known in held.items() if known and vars(known)["identity_id"] == self.people[who]]
        moved = theirs[number % 2 :: 2]
        command = splits.Split(
            identity=self.people[who],
            studies=tuple(one for one in moved if one in self.studies),
            orders=tuple(one for one in moved if one in self.orders),
            reason=text,
        )
        if found := self._ask(command):
            self.split_off.append(UUID(found["other"]))

    @rule(who=few, what=st.integers(0, 5), party=parties, text=texts)
    def consent(self, who: int, what: int, party: str, text: str) -> None:
        one = self.people[who]
        every: tuple[Command, ...] = (
            consents.Grant(identity=one, party=party),
            consents.Revoke(identity=one, party=party, reason=text),
            consents.Oppose(identity=one, party=party, reason=text),
            consents.LiftOpposition(identity=one, party=party, reason=text),
            consents.IssueCode(identity=one, code="123456"),
            consents.Oppose(identity=one, reason=text),
        )
        self._ask(every[what])

    @rule(who=few, emergency=st.booleans(), code=st.sampled_from((None, "123456")), text=texts)
    def access(self, who: int, emergency: bool, code: str | None, text: str) -> None:
        one = self.people[who]
        command = accesses.OpenAccess(identity=one, rpps=RADIOLOGIST, reason=text, code=code, emergency=emergency)
        if self._ask(command):
            self.accesses.append(command.access)

    @rule(number=few, text=texts)
    def close(self, number: int, text: str) -> None:
        if self.accesses:
            access = self.accesses[number % len(self.accesses)]
            self._ask(accesses.CloseEmergency(access=access, rpps=RADIOLOGIST, note=text))

    @rule(who=few, site=sites, text=texts)
    def order(self, who: int, site: str, text: str) -> None:
        command = orders.PlaceOrder(
            identity=self.people[who], site=site, ordered_by=CLINICIAN, modality="CT", question=text
        )
        if found := self._ask(command):
            self.orders.append(UUID(found["order"]))

    @rule(number=few, what=st.integers(0, 3), site=sites, text=texts)
    def carry_on(self, number: int, what: int, site: str, text: str) -> None:
        if not self.orders:
            return
        one = self.orders[number % len(self.orders)]
        every: tuple[Command, ...] = (
            orders.PresentOrder(order=one, site=site),
            orders.ScheduleOrder(order=one, site=site, at=WHEN, accession="A1"),
            orders.PerformOrder(order=one, study_uid="2.25.1"),
            orders.CancelOrder(order=one, reason=text),
        )
        self._ask(every[what])

    @rule(number=few, what=st.integers(0, 3), text=texts)
    def read(self, number: int, what: int, text: str) -> None:
        if self.studies and (what == 0 or not self.readings):
            study = self.studies[number % len(self.studies)]
            found = self._ask(readings.RequestReading(study=study, from_site="CHB", to_site="CHP", question=text))
            self.readings += [UUID(found["reading"])] if found else []
        elif self.readings:
            one = self.readings[number % len(self.readings)]
            every: tuple[Command, ...] = (
                readings.AcceptReading(reading=one, by=RADIOLOGIST),
                readings.DeclineReading(reading=one, reason=text),
                readings.ReportReading(reading=one, by=RADIOLOGIST, report_uid="2.25.77", conclusion=text),
            )
            self._ask(every[what - 1])

    @rule(who=few, text=texts)
    def erase(self, who: int, text: str) -> None:
        one = self.people[who]
        if self._ask(Erase(identity=one, reason=text)):
            self.region.memory_vault.destroy(str(one))
            self.erased.add(str(one))

    @rule(name=views, length=st.integers(1, 12), back=few, restarted=st.booleans())
    def work(self, name: str, length: int, back: int, restarted: bool) -> None:
        """A worker applies a batch: some records again, some by a worker that has just started."""
        if restarted:
            self.stores[name].close()
            self.stores[name] = self._store(name)
        self._apply(name, length, back)

    def _apply(self, name: str, length: int, back: int) -> None:
        store = self.stores[name]
        known = store.positions()
        for of_topic in store.topics:
            at = known.get((of_topic, 0), 0)
            batch = self._published((of_topic,))[max(0, at - back) : at + length]
            if batch:
                store.apply(batch)

    @rule(name=views)
    def compare(self, name: str) -> None:
        """When the workers have caught up, a rebuild shows what they show; so does the diff that operators see."""
        self._apply(name, 1_000_000, 0)
        built = MADE[name]()
        built.version = 2
        parts = {Part(t, 0, len(held)): held for t in built.topics if (held := self._published((t,)))}
        started = rebuild.begin(self.url, built, {(p.topic, p.partition): p.end for p in parts})
        try:
            codec = BulkCodec(registry(), self.region.memory_vault, built.reads)
            Builder(self.url, built, codec, started, lambda part: [parts[part]], most_rows=4).build(started.todo)
            rebuild.finish(self.url, built, started)
            pair = diff.Pair(name, 1, 2, sealed_columns(built.tables), sorted(self.erased), VIEWS[name].meaning())
            with closing(psycopg2.connect(self.url)) as connection:
                summary = diff.summary(connection, pair)
            assert (summary["equal"], summary["settled"]) == (True, True), summary
        finally:
            versions.discard(self.url, name, 2)


def _by_rule(**sides: Any) -> Command:
    return links.Merge(rule="strict", rule_version=1, score=0.9, compared=["family"], **sides)


@pytest.fixture
def url(database_url: str) -> str:
    for make in MADE.values():
        creation.create(database_url, make())
    return database_url


def test_any_history_shows_the_same_live_and_rebuilt(url: str) -> None:
    Histories.url = url
    # Not shrunk: each try takes a second, and thirty steps can be read as they are.
    bounded = settings(
        max_examples=12,
        stateful_step_count=30,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Histories, settings=bounded)
