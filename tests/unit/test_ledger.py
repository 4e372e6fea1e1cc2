"""The ledger itself: a command happens once, whole or not at all, whoever else writes at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError

from domain import event_sizes
from domain.aggregates.identity import Identity
from domain.commands.directory import EnrollSite
from domain.commands.identities import Correct, Flag, Register
from domain.commands.links import Bar, Merge, Unbar, Unmerge
from domain.errors import AlreadyRegistered, Contended, EventTooLong, NotFound, NothingToChange
from domain.ports import Answer
from domain.work import Command, Envelope, Work
from streams.broker.topics import MAX_RECORD_BYTES
from streams.relay.outlet import RECORD_OVERHEAD
from tests.fakes.ids import IDS
from tests.fakes.region import Region, dose, exposure, received, rules_in_force


@pytest.fixture
def region() -> Region:
    return Region()


def register(local_id: str, family: str = "FICTIVE") -> Register:
    return Register(assigner="CHB", local_id=local_id, stated={"family": family})


# Whole, and not too long


def test_an_event_that_no_topic_takes_is_refused_and_those_beside_it_are_stored(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B1: the relay leaves no event out, so after it nothing would be sent."""
    assert event_sizes.MOST_BYTES + 2 * RECORD_OVERHEAD <= MAX_RECORD_BYTES
    monkeypatch.setattr(event_sizes, "MOST_BYTES", 2_000)
    asked: list[tuple[Command, Envelope]] = [(register(one), Envelope()) for one in ("1", "2")]
    shots = [exposure(f"1.2.{n}", dlp_mgycm=1.0) for n in range(50)]
    asked.insert(1, (received(study_uid="1.2.3", doses=(dose("1.2.4", *shots),)), Envelope()))
    done = region.execute_many(asked)
    assert [isinstance(one, Answer) for one in done] == [True, False, True]
    assert isinstance(done[1], EventTooLong)
    assert region.types() == ["identity.registered", "identity.registered"]


# Once


def test_a_repeated_command_answers_as_the_first_time_and_writes_nothing(region: Region) -> None:
    """The same positions, the same ids."""
    by = Envelope()
    first, head = region.execute(register("1"), by), region.head()
    assert [region.execute(register("1"), by) for _ in range(3)] == [first] * 3
    assert region.head() == head


def test_a_repeat_that_would_be_refused_by_now_answers_as_the_first_time(region: Region) -> None:
    """Merged, unmerged by somebody, barred by somebody else: the merge was answered long ago."""
    one, other = region.persons("1", "2")
    by = Envelope()
    first = region.execute(Merge(one=one, other=other, reason="same"), by)
    region.ask(Unmerge(one=one, other=other, reason="twins"))
    region.ask(Bar(one=one, other=other, reason="twins"))
    head = region.head()
    assert region.execute(Merge(one=one, other=other, reason="same"), by) == first
    assert region.head() == head


def test_a_repeat_that_would_decide_otherwise_by_now_answers_as_the_first_time(region: Region) -> None:
    """What is asked under a known id is not even looked at."""
    by = Envelope()
    first, head = region.execute(register("1"), by), region.head()
    assert region.execute(register("2"), by) == first
    assert region.head() == head


def test_a_command_that_changed_nothing_is_remembered_too(region: Region) -> None:
    """A rule's merge that went to review is none when its command is repeated after the bar was lifted."""
    rules_in_force(region)
    a, b, c = region.persons("a", "b", "c")
    region.ask(Bar(one=a, other=c, reason="not the same"))
    region.ask(Merge(one=a, other=b, reason="same"))
    merge = Merge(one=b, other=c, reason="same", rule="strict", rule_version=1)
    region.ask(merge)  # opens the link: to review
    by = Envelope()
    review = region.execute(merge, by)
    assert (review.result["outcome"], review.positions) == ("review", ())
    region.ask(Unbar(one=a, other=c, reason="a mistake"))
    head = region.head()
    assert region.execute(merge, by) == review
    assert region.head() == head


def test_a_refused_command_may_be_asked_again_under_its_id(region: Region) -> None:
    """A refusal is not an answer: once the cause is gone, the same command goes through."""
    by = Envelope()
    command = Register(assigner="CHX", local_id="1", stated={"family": "FICTIVE"})
    with pytest.raises(Exception, match="no establishment CHX is enrolled"):
        region.execute(command, by)
    region.ask(EnrollSite(code="CHX", name="Hospital CHX"))
    assert region.execute(command, by).positions


# Whole or not at all


@dataclass(frozen=True)
class HalfDone:
    """Registers a person, and then is refused."""

    def decide(self, work: Work) -> dict[str, Any]:
        register("half").decide(work)
        register("1").decide(work)
        return {}


def test_a_refused_command_writes_nothing_not_even_its_first_half(region: Region) -> None:
    """One transaction."""
    region.register()
    assert type(region.refusal(HalfDone())) is AlreadyRegistered
    assert region.find(Identity, Identity.create_id(IDS, "CHB", "half")) is None


def test_what_is_not_in_the_ledger_is_not_found(region: Region) -> None:
    """By its kind and id, for the person who typed it."""
    missing = uuid4()
    refusal = region.refusal(Flag(identity=missing, flag="HOMA", reason="homonym"))
    assert (type(refusal), str(refusal)) == (NotFound, f"identity {missing} is not in the ledger")


def test_an_id_of_another_kind_is_not_found(region: Region) -> None:
    """A study's id given for an identity's."""
    study = UUID(region.receive().result["study"])
    assert type(region.refusal(Flag(identity=study, flag="HOMA", reason="homonym"))) is NotFound


def test_no_study_is_ever_held_to_be_a_person(region: Region) -> None:
    """Linking looks at both sides."""
    answer = region.receive()
    identity, study = UUID(answer.result["identity"]), UUID(answer.result["study"])
    assert type(region.refusal(Merge(one=identity, other=study, reason="mixed up"))) is NotFound


# The envelope


def test_every_event_of_a_command_carries_its_envelope(region: Region) -> None:
    """Actor, command, correlation, and one time for all of them."""
    by = Envelope("aet:CT_BAYONNE", uuid4(), uuid4())
    identity = region.register()
    before = region.head()
    region.execute(Correct(identity=identity, stated={"given": "Zoé"}, reason="typing error"), by)
    region.execute(Flag(identity=identity, flag="DOUT", reason="no document"), Envelope("rpps:10101201233"))
    first, second = region.history(before)
    assert (first.data["actor"], second.data["actor"]) == ("aet:CT_BAYONNE", "rpps:10101201233")
    assert first.data["command_id"] == str(by.command_id)
    assert first.data["correlation_id"] == str(by.correlation_id)
    assert second.data["correlation_id"] == second.data["command_id"]
    assert first.data["recorded_at"] < second.data["recorded_at"]


def test_events_of_one_command_are_recorded_at_one_time_and_next_to_each_other(region: Region) -> None:
    """A study with its new identity."""
    before = region.head()
    answer = region.receive(local_id="77")
    events = region.history(before)
    assert [e.position for e in events] == list(answer.positions) == list(range(before + 1, before + 3))
    assert len({e.data["recorded_at"] for e in events}) == 1


@pytest.mark.parametrize("local_id", [str(n) for n in range(8)])
def test_events_of_one_command_come_in_the_order_in_which_they_happened(region: Region, local_id: str) -> None:
    """First the person, then the study, then its dose: whatever their ids are."""
    region.receive(local_id=local_id, doses=(dose("2.25.5", exposure("2.25.51")),))
    assert region.types() == ["identity.registered", "study.arrived", "dose.opened", "dose.reported"]


def test_an_aggregate_is_the_same_when_loaded_again(region: Region) -> None:
    """From its stored bytes, sealed fields opened, ids as ids."""
    identity = region.register(given="Zoé", birth_date="1980-01-02")
    region.ask(Flag(identity=identity, flag="HOMA", reason="homonym"))
    held = region.find(Identity, identity)
    assert held is not None
    assert (held.id, held.version, held.flags) == (identity, 2, {"HOMA"})
    assert (held.traits["given"], held.traits["birth_date"]) == ("Zoé", "1980-01-02")


# Many at once


def test_a_batch_stores_what_its_commands_would_store_one_by_one() -> None:
    """Same ids, same events, same answers."""
    batch, single = Region(), Region()
    commands: list[tuple[Command, Envelope]] = [
        (command, Envelope(command_id=uuid4()))
        for command in (register("1"), register("2"), register("3", family="AUTRE"))
    ]
    answers = batch.execute_many(commands)
    assert answers == [single.execute(command, by) for command, by in commands]
    assert [(e.type, e.aggregate_id) for e in batch.history()] == [(e.type, e.aggregate_id) for e in single.history()]


def test_a_refusal_in_a_batch_does_not_stop_the_others(region: Region) -> None:
    """It stands in the place of its answer."""
    region.register(local_id="2")
    answers = region.execute_many([(register(local_id), Envelope()) for local_id in ("1", "2", "3")])
    assert [type(answer) for answer in answers] == [Answer, AlreadyRegistered, Answer]
    assert region.types()[-2:] == ["identity.registered"] * 2


def test_a_batch_repeated_answers_as_the_first_time(region: Region) -> None:
    """Also when it was cut otherwise: a part of it, in another order."""
    asked: list[tuple[Command, Envelope]] = [(register(local_id), Envelope()) for local_id in ("1", "2", "3")]
    first, head = region.execute_many(asked), region.head()
    assert region.execute_many(asked) == first
    assert region.execute_many(asked[:1:-1]) == first[:1:-1]
    assert region.head() == head


def test_in_a_batch_a_command_sees_what_the_one_before_it_did(region: Region) -> None:
    """Both about one person, in one transaction."""
    identity = region.register()
    answers = region.execute_many(
        [
            (Flag(identity=identity, flag="HOMA", reason="homonym"), Envelope()),
            (Flag(identity=identity, flag="HOMA", reason="homonym"), Envelope()),
        ]
    )
    assert [type(answer).__name__ for answer in answers] == ["Answer", "FlagUnchanged"]


def test_in_a_batch_a_merge_sees_the_bar_stated_just_before(region: Region) -> None:
    """So that a batch answers as its commands would one by one."""
    a, b, c = region.persons("a", "b", "c")
    answers = region.execute_many(
        [
            (Bar(one=a, other=c, reason="not the same"), Envelope()),
            (Merge(one=a, other=b, reason="same"), Envelope()),
            (Merge(one=b, other=c, reason="same"), Envelope()),
        ]
    )
    outcomes = [answer.result["outcome"] for answer in answers if isinstance(answer, Answer)]
    assert outcomes == ["barred", "merged", "held_back"]


# Writers at the same moment


def together(asks: list[Callable[[], Any]]) -> list[Any]:
    """Run all at once; a raised error stands as its result."""

    def caught(ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(asks)) as pool:
        return list(pool.map(caught, asks))


def test_writers_of_one_aggregate_all_get_through_or_are_told_to_ask_again(region: Region) -> None:
    """No statement is lost, none is stored twice."""
    identity = region.register()
    names = [f"Prénom {letter}" for letter in "ABCDEFGH"]

    def ask(name: str) -> Callable[[], Any]:
        return lambda: region.ask(Correct(identity=identity, stated={"given": name}, reason="typing error"))

    answers = together([ask(name) for name in names])
    through = [name for name, answer in zip(names, answers, strict=True) if isinstance(answer, Answer)]
    assert all(isinstance(answer, Answer | Contended) for answer in answers)
    stored = [e.data["traits"]["given"] for e in region.history() if e.type == "identity.traits_corrected"]
    assert sorted(stored) == sorted(through)


def test_one_command_sent_by_several_threads_at_once_happens_once(region: Region) -> None:
    """Every caller gets the same answer."""
    by = Envelope()
    answers = together([lambda: region.execute(register("1"), by)] * 8)
    assert all(answer == answers[0] for answer in answers)
    assert region.types() == ["identity.registered"]


def test_the_first_two_objects_of_one_person_arriving_at_once_are_of_one_identity(region: Region) -> None:
    """Identity case 31."""
    answers = together([partial(region.receive, study_uid=uid) for uid in ("2.25.1", "2.25.2", "2.25.3")])
    assert len({answer.result["identity"] for answer in answers}) == 1
    assert sorted(region.types()) == ["identity.registered"] + ["study.arrived"] * 3


def test_a_merge_asked_twice_at_once_is_made_once(region: Region) -> None:
    """One is answered, the other refused: nothing to do."""
    one, other = region.persons("1", "2")
    answers = together([lambda: region.ask(Merge(one=one, other=other, reason="same"))] * 2)
    assert {type(answer) for answer in answers} == {Answer, NothingToChange}
    assert region.types().count("link.merged") == 1


def test_a_writer_that_is_never_first_is_told_so(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing written, ask again: it does not try for ever."""

    def always_late(*_: Any, **__: Any) -> Any:
        raise IntegrityError

    monkeypatch.setattr(region.recorder, "insert_events", always_late)
    with pytest.raises(Contended, match=r"8 times in a row: nothing was written, ask again"):
        region.ask(register("1"))
