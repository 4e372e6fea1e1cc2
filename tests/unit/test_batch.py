"""Batches of commands: each is answered as if it had been run alone, and a refused one costs itself alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import IntegrityError, StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregates.identity import Identity
from domain.commands.directory import Affiliate, EnrollSite, RegisterDevice
from domain.commands.identities import Correct, Flag, Register, SetStatus
from domain.commands.links import Bar, Merge, Unbar, Unmerge
from domain.errors import (
    AeTitleTaken,
    AlreadyRegistered,
    BadIns,
    CommandRepeated,
    Contended,
    FlagUnchanged,
    NotFound,
    RuleBroken,
)
from domain.identity_status import Status
from domain.ports import Answer, CommandRecord
from domain.work import Command, Envelope, Work
from tests.fakes.eventstore import MemoryRecorder
from tests.fakes.ids import IDS
from tests.fakes.region import RADIOLOGIST, Region, received

LOCAL_IDS = ("1", "2", "3")
STATEMENTS: tuple[type[Any], ...] = (Merge, Unmerge, Bar, Unbar)
TEST_OID = "1.2.250.1.213.1.4.10"
OTHER_WRITERS = 100


class Counting(Region):
    """Counts the transactions that stored something, and those that were tried in vain."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = lambda: datetime(
            2026, 1, 5, 8, tzinfo=UTC
        )  # a batch has one time, commands alone have each their own
        self.stored = self.in_vain = 0
        self.interrupted = False
        self.interrupt: list[Any] = []  # what other writers do just before the next transactions, one each
        recorder: MemoryRecorder = self.recorder  # type: ignore[assignment]
        insert = recorder.insert_events

        def counted(events: Sequence[StoredEvent], *, commands: Sequence[CommandRecord] = (), **more: Any) -> Any:
            if self.interrupt and not self.interrupted:
                self.interrupted = True
                self.interrupt.pop()()
                self.interrupted = False
            try:
                done = insert(events, commands=commands, **more)
            except (CommandRepeated, IntegrityError):
                self.in_vain += 1
                raise
            self.stored += 1
            return done

        recorder.insert_events = counted  # type: ignore[method-assign, assignment]


@pytest.fixture
def region() -> Counting:
    """A region whose transactions are counted from here on."""
    return Counting()


def register(local_id: str = "1", **more: Any) -> Register:
    return Register(assigner="CHB", local_id=local_id, stated={"family": "FICTIVE"}, **more)


def of(local_id: str) -> UUID:
    return Identity.create_id(IDS, "CHB", local_id)


@dataclass(frozen=True)
class FlagAndRefuse:
    """Changes an aggregate, makes another, and is refused then: the worst of guests."""

    local_id: str

    def decide(self, work: Work) -> None:
        """Raises RuleBroken."""
        name = f"made of {self.local_id}"
        work.add(Identity(of(name), "CHB", name, 1, {"family": "FICTIVE"}, "register"))
        if held := work.find(Identity, of(self.local_id)):
            held.flag(flag="FICT", reason="to be taken back")
        raise AlreadyRegistered("changed first, refused then")


def asked(*commands: Command) -> list[tuple[Command, Envelope]]:
    return [(command, Envelope(command_id=uuid4())) for command in commands]


# What it costs


def test_four_refused_of_two_thousand_cost_no_transaction_more(region: Counting) -> None:
    """The figure of the issue, in what it stands for: 500 commands are one transaction, whatever is refused of them."""
    bad = {7, 600, 601, 1_999}
    for first in range(0, 2_000, 500):
        answers = region.execute_many(
            asked(*(register(str(n), ins="1" if n in bad else None) for n in range(first, first + 500)))
        )
        assert [n for n, answer in enumerate(answers, first) if isinstance(answer, BadIns)] == sorted(
            bad & set(range(first, first + 500))
        )
    assert (region.stored, region.in_vain) == (4, 0)


def test_a_batch_of_nothing_but_refusals_stores_nothing(region: Counting) -> None:
    """Nor is what they made looked up, one by one, to be taken back: none of it is in the ledger."""
    loaded, load = list[Sequence[UUID]](), region.load

    def counted(aggregate_ids: Sequence[UUID]) -> dict[UUID, Aggregate | None]:
        loaded.append(aggregate_ids)
        return load(aggregate_ids)

    region.load = counted  # type: ignore[method-assign]
    answers = region.execute_many(asked(*(register(str(n), ins="1") for n in range(50))))
    assert {type(answer) for answer in answers} == {BadIns}
    assert (region.stored, region.in_vain, len(loaded)) == (0, 0, 1)


def test_a_batch_that_is_known_already_costs_no_transaction(region: Counting) -> None:
    batch = asked(*(register(str(n)) for n in range(50)))
    first = region.execute_many(batch)
    region.stored = 0
    assert region.execute_many(batch) == first
    assert (region.stored, region.in_vain) == (0, 0)


def test_where_another_writer_was_first_the_batch_is_cut_in_halves(region: Counting) -> None:
    """One aggregate in conflict costs about as many transactions as 500 can be halved, not 500."""
    region.interrupt = [lambda: Region.ask(region, register("250"))]
    answers = region.execute_many(asked(*(register(str(n)) for n in range(500))))
    assert [n for n, answer in enumerate(answers) if not isinstance(answer, Answer)] == [250]
    assert isinstance(answers[250], AlreadyRegistered)
    assert region.stored <= 4
    assert region.in_vain == 1


def test_two_writers_of_one_batch_answer_alike(region: Counting) -> None:
    """Two processes import one file at the same moment: whoever is second answers as the first."""
    batch = asked(*(register(str(n)) for n in range(100)), register("0"))
    firsts: list[Any] = []
    region.interrupt = [lambda: firsts.extend(region.execute_many(batch[:60]))]
    answers = region.execute_many(batch)
    assert answers[:60] == firsts
    assert [type(answer) for answer in answers[60:]] == [Answer] * 40 + [AlreadyRegistered]
    assert region.stored <= 4


def test_a_refusal_that_the_same_command_of_another_process_caused_is_its_answer(region: Counting) -> None:
    """Registered by the other under this very id, just before this one decided: no refusal."""
    one = (register("1"), Envelope(command_id=uuid4()))
    look = region.log.answers_of
    firsts: list[Answer] = []

    def late(ids: Sequence[UUID]) -> Any:
        found = look(ids)
        if not firsts:  # after the first look, before anything is decided
            firsts.append(region.execute(*one))
        return found

    region.recorder.answers_of = late  # type: ignore[attr-defined]
    assert region.execute_many([one, *asked(register("2"))])[0] == firsts[0]


# What a refused command leaves


def test_what_a_refused_command_changed_is_not_seen_by_the_next(region: Counting) -> None:
    """Aggregates that it changed, that an earlier command of the batch changed, and that it made."""
    region.register(local_id="1")
    answers = region.execute_many(
        asked(
            register("2"),
            Flag(identity=of("2"), flag="HOMA", reason="homonym"),
            FlagAndRefuse("1"),
            FlagAndRefuse("2"),
            SetStatus(identity=of("1"), status=Status.VALI, reason="seen"),  # FICT would forbid it
            Flag(identity=of("2"), flag="HOMA", reason="again"),  # is there still
            Flag(identity=of("2"), flag="FICT", reason="fictitious"),
            register("made of 1"),
        )
    )
    kinds = [type(answer) for answer in answers]
    assert kinds == [
        Answer, Answer, AlreadyRegistered, AlreadyRegistered, Answer, FlagUnchanged, Answer, Answer
    ]  # fmt: skip
    assert [(e.type, e.version) for e in region.history(region.start) if e.aggregate_id == str(of("2"))] == [
        ("identity.registered", 1),
        ("identity.flagged", 2),
        ("identity.flagged", 3),
    ]


def test_a_refused_registration_leaves_its_number_free(region: Counting) -> None:
    """Refused after the identity was made, for its matricule; the next line of the file has it right."""
    answers = region.execute_many(asked(register("1", ins="1"), register("1")))
    assert [type(answer) for answer in answers] == [BadIns, Answer]


def test_a_writer_between_two_looks_is_not_overlooked(region: Counting) -> None:
    """A refused command's aggregate is read again; had it changed meanwhile, the batch is decided again."""
    region.register(local_id="1")
    answers = region.execute_many(
        asked(
            Flag(identity=of("1"), flag="DOUT", reason="doubtful"),
            FlagWhileAnotherWrites("1"),
            Flag(identity=of("1"), flag="HOMA", reason="homonym"),
        )
    )
    assert [type(answer) for answer in answers] == [Answer, AlreadyRegistered, Answer]
    held = region.find(Identity, of("1"))
    assert held is not None
    assert held.flags == {"DOUT", "collision", "HOMA"}


@dataclass(frozen=True)
class FlagWhileAnotherWrites:
    """Flags, lets another writer in, and is refused."""

    local_id: str

    def decide(self, work: Work) -> None:
        """Raises RuleBroken."""
        held = work.get(Identity, of(self.local_id))
        held.flag(flag="names_differ", reason="to be taken back")
        ledger: Any = work._ledger
        if "collision" not in ledger.find(Identity, held.id).flags:
            ledger.ask(Flag(identity=held.id, flag="collision", reason="by another writer"))
        raise AlreadyRegistered("changed first, refused then")


# What a later command of the batch sees


def test_an_establishment_enrolled_in_the_batch_is_known_to_the_next_command(region: Counting) -> None:
    answers = region.execute_many(
        asked(
            EnrollSite(code="NEW", name="New", ae_titles=("CT1",)),
            Register(assigner="NEW", local_id="1", stated={"family": "FICTIVE"}),
            EnrollSite(code="NEWER", name="Newer", ae_titles=("CT1",)),
            EnrollSite(code="NEWER", name="Newer"),
        )
    )
    assert [type(answer) for answer in answers] == [Answer, Answer, AeTitleTaken, Answer]


def test_two_people_registered_in_the_batch_can_be_merged_in_it(region: Counting) -> None:
    """Their link is made from the positions at which they were registered: those are stored first."""
    answers = region.execute_many(
        asked(register("1"), register("2"), Merge(one=of("1"), other=of("2"), reason="same person"))
    )
    assert [type(answer) for answer in answers] == [Answer] * 3
    assert region.stored == 2


def test_what_is_not_in_the_ledger_is_not_found(region: Counting) -> None:
    answers = region.execute_many(asked(register("1"), Merge(one=of("1"), other=of("2"), reason="same person")))
    assert [type(answer) for answer in answers] == [Answer, NotFound]


def test_other_writers_who_never_let_go_are_told(region: Counting) -> None:
    """As one by one: asked again under the same ids, nothing is done twice."""
    region.register(local_id="1")
    flags = [Correct(identity=of("1"), stated={"given": "N" + "o" * n}, reason="typing") for n in range(OTHER_WRITERS)]
    region.interrupt = [lambda flag=flag: Region.ask(region, flag) for flag in flags]
    with pytest.raises(Contended):
        region.execute_many(asked(Flag(identity=of("1"), flag="HOMA", reason="homonym")))


# Any batch at all


local_ids = st.sampled_from(LOCAL_IDS)
identities = local_ids.map(of)
names = st.sampled_from(("Lea", "Zoe"))
flags = st.sampled_from(("FICT", "DOUT", "HOMA", "no such flag"))
sites = st.sampled_from(("CHB", "NEW", "x"))
titles = st.sampled_from(("CT1", "CT2", "\\"))
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(register, local_ids, ins=st.sampled_from((None, "1", "279035121518989")), ins_oid=st.just(TEST_OID)),
    st.builds(FlagAndRefuse, local_ids),
    st.builds(Flag, identity=identities, flag=flags, reason=st.just("said")),
    st.builds(SetStatus, identity=identities, status=st.sampled_from(Status), reason=st.just("said")),
    st.builds(Correct, identity=identities, stated=st.fixed_dictionaries({"given": names}), reason=st.just("said")),
    *(st.builds(kind, one=identities, other=identities, reason=st.just("said")) for kind in STATEMENTS),
    st.builds(EnrollSite, code=sites, name=st.just("New"), ae_titles=st.lists(titles, max_size=2).map(tuple)),
    st.builds(RegisterDevice, code=sites, ae_title=titles),
    st.builds(Affiliate, rpps=st.just(RADIOLOGIST), site=sites),
    st.builds(received, sites, st.sampled_from(("2.25.1", "2.25.2")), local_id=local_ids),
)  # fmt: skip
envelopes = st.integers(0, 40).map(lambda n: Envelope("system:test", UUID(int=n)))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(st.tuples(commands, envelopes), max_size=12), max_size=3))
def test_any_batches_answer_as_their_commands_would_one_by_one(batches: list[list[tuple[Command, Envelope]]]) -> None:
    """Refused, repeated, on the same aggregates, on each other's: the answers and the stored events are the same."""
    batch, single = Counting(), Counting()
    for each in batches:
        assert said(batch.execute_many(each)) == said([alone(single, *one) for one in each])
    assert facts(batch) == facts(single)


def alone(region: Region, command: Command, by: Envelope) -> Answer | Exception:
    try:
        return region.execute(command, by)
    except (RuleBroken, NotFound) as refusal:
        return refusal


def said(answers: Sequence[Answer | Exception]) -> list[Any]:
    return [answer if isinstance(answer, Answer) else (type(answer), str(answer)) for answer in answers]


def facts(region: Region) -> list[Any]:
    return [(e.position, e.type, e.aggregate_id, e.version, e.data) for e in region.history(region.start)]
