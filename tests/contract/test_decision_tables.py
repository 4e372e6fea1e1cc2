"""What decisions look up by key is what a fold of the log says, in memory and on PostgreSQL alike."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import combinations
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest
from eventsourcing.persistence import StoredEvent

from adapters.eventstore import decision_tables_again, tables
from domain.aggregates.identity import Identity
from domain.askers import Asker
from domain.commands.directory import EnrollSite, RegisterDevice
from domain.commands.identities import Register
from domain.commands.links import Bar, Dismiss, Merge, Propose, Unbar, Unmerge
from domain.commands.rules import PublishRules
from domain.commands.views import Promoted, RolledBack
from domain.decision_tables import PairStated
from domain.directory import Directory
from domain.errors import AeTitleTaken, CommandRepeated
from domain.held import HUMAN
from domain.ins import TEST
from domain.ledger import Ledger
from domain.membership import Membership
from domain.ports import CommandRecord
from domain.rules.document import MATCHING, RuleId
from domain.rules.in_force import ABSENT, BY_DAY
from domain.work import Command, Envelope
from schemas.codec import Codec
from schemas.registry import registry
from tests.fakes.ids import IDS
from tests.fakes.ledger import MemoryLedger
from tests.fakes.region import rules_in_force
from tests.fakes.vault import MemoryVault
from tests.fakes.weighing import ALIKE, EVERYBODY, document
from tests.waiting import WITHIN_S

VAULT = MemoryVault()
CODEC = Codec(registry(), VAULT)
PEOPLE, SITES, TITLES = 6, ("CHA", "CHB"), ("CT_1", "CT 2%", "MR'3")
STATEMENTS: tuple[Callable[..., Command], ...] = (Merge, Merge, Merge, Unmerge, Bar, Unbar, Dismiss)


class Ours:
    """A ledger with people of its own. ``another``: a second process's of the same event store."""

    def __init__(self, ledger: Ledger, another: Ledger) -> None:
        self.ledger, self.another = ledger, another
        for code in SITES:
            self.ask(EnrollSite(code=code, name=f"Hospital {code}"))
        rules_in_force(ledger, **EVERYBODY)
        self.people: list[UUID] = []
        self.more()

    def ask(self, command: Command) -> Any:
        return self.ledger.execute(command, Envelope("system:test"))

    def more(self) -> None:
        """Other people, whom nobody spoke of."""
        ids = [uuid4().hex for _ in range(PEOPLE)]
        for local_id in ids:
            self.ask(Register(assigner="CHA", local_id=local_id, stated={**ALIKE}))
        self.people = [Identity.create_id(self.ledger.ids, "CHA", local_id) for local_id in ids]

    def history(self) -> list[tuple[int, str, dict[str, Any]]]:
        """The whole log: position, type, fields."""
        found = self.ledger.recorder.select_notifications(None, 1_000_000)
        return [(one.id, one.topic, CODEC.decode(one.state, 1, unseal=False)[1]) for one in found]


def postgres_ledger(url: str) -> Ledger:
    env = {"PERSISTENCE_MODULE": "adapters.eventstore", "EVENT_STORE_DATABASE": url}
    return Ledger(env, codec=CODEC, vault=VAULT, authorities=TEST, ids=IDS)


@pytest.fixture
def on_postgres(database_url: str) -> Iterator[Ours]:
    tables.create(database_url)
    both = postgres_ledger(database_url), postgres_ledger(database_url)
    yield Ours(*both)
    for one in both:
        one.recorder.close()  # type: ignore[attr-defined]


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.live)])
def ours(request: pytest.FixtureRequest) -> Ours:
    """On either event store."""
    if request.param == "postgres":
        found: Ours = request.getfixturevalue("on_postgres")
        return found
    ledger = MemoryLedger()
    return Ours(ledger, ledger)


def statement(draw: random.Random, people: list[UUID]) -> Command:
    """Anything that may be said of a pair, by a human or a rule."""
    one, other = draw.sample(people, 2)
    by_rule: dict[str, Any] = {"rule": "strict", "rule_version": 1, "score": 0.9}
    match draw.randrange(9):
        case 0 | 1:
            return Merge(one=one, other=other, reason="same", **by_rule)
        case 2:
            asked = by_rule | {"rule": "review"}
            return Propose(one=one, other=other, reason="alike", compared=["family"], **asked)
        case _:
            return draw.choice(STATEMENTS)(one=one, other=other, reason="looked at")


def told(ours: Ours) -> Membership:
    """The fold of the whole log."""
    folded = Membership()
    for position, event_type, data in ours.history():
        if event_type in Membership.TYPES:
            folded.apply(event_type, position, data)
    return folded


def as_folded(ours: Ours) -> None:
    """What a decision sees now of each pair, together and one by one, is what the log says."""
    folded, together = told(ours), ours.ledger.membership()
    people = [*map(str, ours.people)]
    together.load(people)
    for one in people:
        assert together.person_of(one) == ours.ledger.membership().person_of(one) == folded.person_of(one)
    for pair in combinations(people, 2):
        found, expected = together.bar_between(*pair), folded.bar_between(*pair)
        assert (found is None) == (expected is None), pair


@pytest.mark.parametrize("seed", range(6))
def test_any_history_of_pairs_is_looked_up_as_the_log_tells_it(ours: Ours, seed: int) -> None:
    """Merges, unmerges, bars, bars lifted, reviews; alone, and in batches with refusals."""
    draw = random.Random(seed)
    for _ in range(8):
        asked = [statement(draw, ours.people) for _ in range(draw.choice((1, 1, 2, 5)))]
        ours.ledger.execute_many([(command, Envelope("system:test")) for command in asked])
        as_folded(ours)


@pytest.mark.parametrize("seed", range(4))
def test_two_writers_leave_what_the_log_tells(ours: Ours, seed: int) -> None:
    """Both at once, on the same few people."""

    def write(ledger: Ledger, chance: int) -> None:
        draw = random.Random(chance)
        for _ in range(6):
            asked = [statement(draw, ours.people) for _ in range(draw.choice((1, 3)))]
            ledger.execute_many([(command, Envelope("system:test")) for command in asked])

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write, ours.ledger, seed), pool.submit(write, ours.another, -1 - seed)]:
            done.result(timeout=WITHIN_S)
    as_folded(ours)


def test_a_rules_merge_gives_way_to_a_humans_for_whoever_looks_up(ours: Ours) -> None:
    """A and B by a rule, A and C barred, B and C by a human; then the human merges A and B as well, too late."""
    a, b, c, *_ = ours.people
    ours.ask(Merge(one=a, other=b, reason="same", rule="strict", rule_version=1, score=0.9))
    ours.ask(Bar(one=a, other=c, reason="twins"))
    ours.ask(Merge(one=b, other=c, reason="papers seen"))
    assert ours.another.membership().person_of(str(b)) == {str(b), str(c)}
    ours.ask(Merge(one=a, other=b, reason="papers seen"))
    assert ours.another.membership().person_of(str(b)) == {str(b), str(c)}
    ours.ask(Unmerge(one=b, other=c, reason="twins"))
    assert ours.another.membership().person_of(str(b)) == {str(a), str(b)}
    as_folded(ours)


def test_an_ae_title_is_its_first_establishments_whoever_asks(ours: Ours) -> None:
    """E5: also for the process that did not register it, and beside the list of all."""
    for site, title in zip(("CHA", "CHB", "CHA"), TITLES, strict=True):
        ours.ask(RegisterDevice(code=site, ae_title=title))
        with pytest.raises(AeTitleTaken):
            ours.another.execute(RegisterDevice(code="CHB", ae_title=title), Envelope("system:test"))
    expected = dict(zip(TITLES, ("CHA", "CHB", "CHA"), strict=True))
    assert dict(ours.another.log.sites_by_title()) == expected
    assert {title: ours.another.log.site_of(title) for title in (*TITLES, "NOBODY")} == expected | {"NOBODY": None}
    folded = Directory()
    for _, event_type, data in ours.history():
        folded.apply(event_type, data)
    assert folded.sites["CHA"].ae_titles == {"CT_1", "MR'3"}
    assert ours.ledger.directory().sites == folded.sites


@pytest.mark.parametrize("late", ["another establishment", "the same one"])
def test_two_who_register_one_ae_title_at_the_same_instant_are_told_apart(
    ours: Ours, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    """Where both decided before either stored, the second is decided again, and refused."""
    recorder, insert = ours.ledger.recorder, ours.ledger.recorder.insert_events
    first = RegisterDevice(code="CHA", ae_title="CT_9")
    second = RegisterDevice(code="CHB" if late == "another establishment" else "CHA", ae_title="CT_9")

    def overtaken(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(recorder, "insert_events", insert)
        ours.another.execute(first, Envelope("system:test"))
        return insert(*given, **named)

    monkeypatch.setattr(recorder, "insert_events", overtaken)
    with pytest.raises(AeTitleTaken):
        ours.ask(second)
    assert ours.ledger.log.site_of("CT_9") == "CHA"


def publish(version: int) -> PublishRules:
    return PublishRules(document=document(version))


@pytest.mark.parametrize("seed", range(4))
def test_the_rules_that_decide_are_those_of_the_last_promotion_of_known_ones(ours: Ours, seed: int) -> None:
    """Whatever was published, promoted and rolled back before, known or not by then."""
    draw, known = random.Random(seed), {0, 1}
    decides = {kind: rules.version for kind, rules in ABSENT.items() if kind not in BY_DAY}
    decides[MATCHING] = 1
    for number in range(2, 12):
        version = draw.choice((number, number - 1, 0, 99))
        if draw.random() < 0.5:
            ours.ask(publish(number))
            known.add(number)
        rules = {MATCHING: version, "consents": 3}
        command: Command = Promoted(view="v", version=number, former=None, rules=rules)
        if draw.random() < 0.3:
            command = RolledBack(view="v", version=number, former=None, rules=rules)
        ours.ask(command)
        decides[MATCHING] = version if version in known else decides[MATCHING]
        found = ours.another.rules()
        assert found.in_force == decides
        assert {one.version for one in found.published} == known - {0}
    for version in known - {0}:
        assert ours.another.rules().document(RuleId(MATCHING, version)).version == version


def test_what_is_not_stored_is_not_looked_up(ours: Ours) -> None:
    """One transaction: events, command, and what is looked up."""
    log, known = ours.ledger.log, CommandRecord(uuid4(), Asker("clerk:c1", "Merge"), 1, {})
    a, b, c = sorted(str(uuid4()) for _ in range(3))

    def insert(low: str, high: str) -> None:
        merged = StoredEvent(uuid4(), 1, "link.merged", b"state")
        changes = [(0, PairStated(low, high, "merged", HUMAN))]
        log.insert_events([merged], commands=[known], basis=None, changes=changes)

    insert(a, b)
    with pytest.raises(CommandRepeated):
        insert(b, c)
    assert [(one.low, one.high) for one in log.pairs_around([c])[1]] == []
    assert [(one.low, one.high) for one in log.pairs_around([a])[1]] == [(a, b)]


# On PostgreSQL alone: the tables are compared with the log, and made again


def sql(url: str, *statements: str) -> list[Any]:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        for one in statements:
            cursor.execute(one)
        return list(cursor.fetchall()) if cursor.description else []


def differences(url: str) -> list[str]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        cursor.execute("SELECT pg_export_snapshot()")
        ((snapshot,),) = cursor.fetchall()
        return [one.detail for one in decision_tables_again.differences(url, CODEC, snapshot, 100)]


EVERYTHING = """SELECT 'p', low::text, high::text, held, position, rule FROM ledger.pair
UNION ALL SELECT 't', ae_title, site, NULL, position, NULL FROM ledger.ae_title
UNION ALL SELECT 'r', kind, version::text, published::text, promoted, NULL FROM ledger.rules ORDER BY 1, 2, 3"""


def lived(ours: Ours) -> None:
    """Something of everything."""
    draw = random.Random(7)
    for _ in range(30):
        ours.ledger.execute_many([(statement(draw, ours.people), Envelope("system:test"))])
    one, other, third, *_ = ours.people
    for said in (Unmerge, Unbar, Merge):
        ours.ledger.execute_many([(said(one=one, other=other, reason="so"), Envelope("system:test"))])
    ours.ledger.execute_many([(Bar(one=other, other=third, reason="so"), Envelope("system:test"))])
    ours.ask(RegisterDevice(code="CHB", ae_title=TITLES[1]))
    ours.ask(publish(2))


@pytest.mark.live
def test_what_differs_from_the_log_is_named_and_made_again(on_postgres: Ours, database_url: str) -> None:
    lived(on_postgres)
    right = sql(database_url, EVERYTHING)
    assert {kind for kind, *_ in right} == {"p", "t", "r"}
    assert differences(database_url) == []
    ((low, high),) = sql(database_url, "SELECT low::text, high::text FROM ledger.pair LIMIT 1")
    foreign = str(uuid4())
    sql(
        database_url,
        f"DELETE FROM ledger.pair WHERE low = '{low}' AND high = '{high}'",
        f"INSERT INTO ledger.pair VALUES ('{low}', '{foreign}', 'merged', 7, 'human')",
        "UPDATE ledger.ae_title SET site = 'CHX'",
        "UPDATE ledger.rules SET promoted = NULL WHERE kind = 'matching'",
    )
    found = differences(database_url)
    assert len(found) == 4
    assert {one.partition(":")[0] for one in found} == {
        f"pair {low} {high}", f"pair {low} {foreign}", f"AE title {TITLES[1]}", "rules matching 1",
    }  # fmt: skip
    assert any(
        one.startswith(f"pair {low} {foreign}: looked up as merged 7 human, and the log says nothing") for one in found
    )
    assert decision_tables_again.rebuild(database_url, CODEC) == 6  # two of them are rows in another's place
    assert (sql(database_url, EVERYTHING), differences(database_url)) == (right, [])
    assert decision_tables_again.rebuild(database_url, CODEC) == 0
    as_folded(on_postgres)


@pytest.mark.live
@pytest.mark.parametrize("page", [2, 1_000])
def test_tables_that_another_program_left_behind_catch_up_before_anything_is_decided(
    on_postgres: Ours, database_url: str, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """A program of before stores events and knows of no tables; who knows of them goes on writing beside it."""
    monkeypatch.setattr(decision_tables_again, "PAGE", page)
    lived(on_postgres)
    right = sql(database_url, EVERYTHING)
    sql(
        database_url,
        "DELETE FROM ledger.pair; DELETE FROM ledger.ae_title; DELETE FROM ledger.rules WHERE published IS NOT NULL",
        "UPDATE ledger.rules SET promoted = NULL",
        "UPDATE ledger.decision_tables SET upto = 0",
    )
    on_postgres.ask(EnrollSite(code="CHC", name="Hospital CHC"))  # which reads no table, and mends none
    assert sql(database_url, "SELECT upto FROM ledger.decision_tables") == [(0,)]
    on_postgres.ledger.rules()
    assert sql(database_url, EVERYTHING) == right
    assert not decision_tables_again.catch_up(database_url, CODEC)
    as_folded(on_postgres)


@pytest.mark.live
def test_an_older_ledgers_tables_are_filled_once(on_postgres: Ours, database_url: str) -> None:
    """As ``krypton init`` does."""
    lived(on_postgres)
    right = sql(database_url, EVERYTHING)
    sql(database_url, "DROP TABLE ledger.pair, ledger.ae_title, ledger.rules, ledger.decision_tables")
    tables.create(database_url)
    assert decision_tables_again.catch_up(database_url, CODEC)
    assert not decision_tables_again.catch_up(database_url, CODEC)
    assert (sql(database_url, EVERYTHING), differences(database_url)) == (right, [])


@pytest.mark.live
@pytest.mark.parametrize("page", [2, 1_000])
@pytest.mark.parametrize("by", ["init", "who decides"])
def test_by_whom_pairs_are_held_is_noted_where_a_program_of_before_did_not(
    on_postgres: Ours, database_url: str, monkeypatch: pytest.MonkeyPatch, page: int, by: str
) -> None:
    """Its tables have no such column; and it may go on beside, and insert rows without."""
    monkeypatch.setattr(decision_tables_again, "PAGE", page)
    lived(on_postgres)
    on_postgres.more()
    one, other, *_ = on_postgres.people
    on_postgres.ask(Merge(one=one, other=other, reason="same", rule="strict", rule_version=1, score=0.9))
    right = sql(database_url, EVERYTHING)
    assert {rule for kind, *_, rule in right if kind == "p"} == {HUMAN, "strict"}
    if by == "init":
        sql(database_url, "ALTER TABLE ledger.pair DROP COLUMN rule")
        for _ in range(2):
            tables.create(database_url)
        assert decision_tables_again.catch_up(database_url, CODEC)
        assert not decision_tables_again.catch_up(database_url, CODEC)
    else:
        sql(database_url, "UPDATE ledger.pair SET rule = NULL")
        on_postgres.ledger.membership().person_of(str(one))
    assert (sql(database_url, EVERYTHING), differences(database_url)) == (right, [])
    as_folded(on_postgres)


@pytest.mark.live
def test_a_row_that_no_event_made_is_nobodys_and_named(on_postgres: Ours, database_url: str) -> None:
    """Nothing waits for it without end."""
    one, other, third, *_ = sorted(map(str, on_postgres.people))
    position = on_postgres.ask(Merge(one=UUID(one), other=UUID(other), reason="so")).positions[-1]
    for at in (position, 10_000_000):
        sql(database_url, f"INSERT INTO ledger.pair VALUES ('{other}', '{third}', 'merged', {at})")
        assert on_postgres.ledger.membership().person_of(third) == {one, other, third}
        (found,) = differences(database_url)
        assert found.startswith(f"pair {other} {third}: ")
        assert decision_tables_again.rebuild(database_url, CODEC) == 1


@pytest.mark.live
def test_two_programs_that_store_in_turns_decide_alike(on_postgres: Ours, database_url: str) -> None:
    """Each second change is made by one that changes no table: it is what the others read next."""
    recorder = on_postgres.another.recorder
    insert, draw = recorder.insert_events, random.Random(5)
    recorder.insert_events = lambda *given, changes=(), **named: insert(*given, **named)  # type: ignore[method-assign]
    for turn in range(20):
        ledger = on_postgres.another if turn % 2 else on_postgres.ledger
        if turn % 2:
            sql(database_url, "CREATE OR REPLACE RULE stay AS ON UPDATE TO ledger.decision_tables DO INSTEAD NOTHING")
        ledger.execute_many([(statement(draw, on_postgres.people), Envelope("system:test")) for _ in range(3)])
        sql(database_url, "DROP RULE IF EXISTS stay ON ledger.decision_tables")
        as_folded(on_postgres)
    assert differences(database_url) == []


@pytest.mark.live
def test_writers_beside_a_rebuild_lose_nothing(on_postgres: Ours, database_url: str) -> None:
    """Its reading and their storing interleave; its end waits for them, or they for it."""

    def write() -> None:
        draw = random.Random(3)
        for _ in range(40):
            on_postgres.another.execute_many([(statement(draw, on_postgres.people), Envelope("system:test"))])

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not writing.done():
            decision_tables_again.rebuild(database_url, CODEC)
        writing.result(timeout=WITHIN_S)
    assert differences(database_url) == []
    as_folded(on_postgres)


@pytest.mark.live
def test_a_log_of_more_than_a_page_is_read_to_its_end(
    on_postgres: Ours, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_tables_again, "PAGE", 3)
    lived(on_postgres)
    right = sql(database_url, EVERYTHING)
    sql(database_url, "TRUNCATE ledger.pair, ledger.ae_title")
    decision_tables_again.rebuild(database_url, CODEC)
    assert sql(database_url, EVERYTHING) == right
