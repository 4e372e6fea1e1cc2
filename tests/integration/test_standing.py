"""One decision stands for the many images of a study, and for nothing that the ledger would not decide any more."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from domain.actors import Caller
from domain.commands.consents import Grant, Oppose
from domain.commands.studies import ReassignStudy, WithdrawStudy
from domain.consent_statements import Scope
from domain.errors import NotFound, ReasonMissing
from krypton.devstack.stack import Stack
from krypton.queries import gate, standing
from krypton.queries.gate import KEPT_REASON, RECORDED, Recorded, ViewRefused
from krypton.queries.standing import AGAIN_S, REFUSED_S, SOON_S, STANDS_S, Standing
from krypton.queries.study_uids import Ambiguous
from tests.fakes.dicom import new_uid
from tests.fakes.erasing import erase
from tests.fakes.region import received
from tests.integration.audit_world import CLINICIAN, RADIOLOGIST, AuditWorld, audit_world

pytestmark = pytest.mark.live
DOCTOR = f"rpps:{CLINICIAN}"
WHY = "follow-up"
CALLER = Caller(DOCTOR, WHY, "CHB")
TRAITS: dict[str, str | None] = {"family": "FICTIVE", "given": "Alex", "birth_date": "1970-01-01"}


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[AuditWorld]:
    with audit_world(stack) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def decisions(world: AuditWorld, clock: Clock) -> Standing:
    return Standing(world.krypton, clock)


def study(world: AuditWorld, person: str, uid: str | None = None) -> tuple[str, str]:
    """A study of somebody comes in: its UID and its id."""
    uid = uid or new_uid()
    shown = world.identity(person)
    traits = {name: shown["traits"][name] for name in TRAITS}
    command = received(shown["assigner"], uid, local_id=shown["local_id"], stated=traits)
    made = str(world.ask(command).result["study"])
    world.settle()
    return uid, made


@pytest.fixture
def person(world: AuditWorld) -> str:
    """Somebody whom the doctor may see."""
    made = world.register()
    world.open(made)
    world.settle()
    return made


def test_a_thousand_questions_are_one_record(world: AuditWorld, decisions: Standing, person: str) -> None:
    uid, made = study(world, person)
    before = world.head
    for _ in range(1_000):
        assert decisions.seen(CALLER, uid).studies == (made,)
    assert world.types(before) == ["access.viewed"]


def test_another_caller_study_or_reason_is_another_record(world: AuditWorld, decisions: Standing, person: str) -> None:
    (one, _), (other, _) = study(world, person), study(world, person)
    before = world.head
    for asked in ((CALLER, one), (CALLER, other), (Caller(DOCTOR, "a second look", "CHB"), one), (CALLER, one)):
        decisions.seen(*asked)
    decisions.seen(Caller(f"patient:{person}", WHY), one)
    assert len(world.types(before)) == 4
    with pytest.raises(ReasonMissing):
        decisions.seen(Caller(DOCTOR), one)


def test_whoever_goes_on_looking_is_on_record_again(
    world: AuditWorld, decisions: Standing, clock: Clock, person: str
) -> None:
    uid, _ = study(world, person)
    before = world.head
    for _ in range(4):
        decisions.seen(CALLER, uid)
        clock.now += STANDS_S / 2
    assert world.types(before) == ["access.viewed"] * 2


def test_each_process_decides_for_itself(world: AuditWorld, person: str) -> None:
    uid, _ = study(world, person)
    before = world.head
    for made in (Standing(world.krypton), Standing(world.krypton)):
        made.seen(CALLER, uid)
    assert world.types(before) == ["access.viewed"] * 2


def test_what_a_request_rests_on_is_noted_each_time(world: AuditWorld, decisions: Standing, person: str) -> None:
    uid, _ = study(world, person)
    positions = []
    for _ in range(2):
        token = RECORDED.set(noted := list[Recorded]())
        decisions.seen(CALLER, uid)
        RECORDED.reset(token)
        ((position, *_, stands),) = noted
        assert stands is not None
        assert stands.known()
        positions.append(position)
    assert positions == [world.head, world.head]


def opposed(world: AuditWorld, person: str, _: str) -> None:
    world.ask(Oppose(identity=UUID(person), party=DOCTOR), f"patient:{person}")


def excluded(world: AuditWorld, person: str, _: str) -> None:
    world.ask(Grant(identity=UUID(person), party=DOCTOR, exclusions=["period:2000-01-01/2000-01-02"]),
              f"patient:{person}")  # fmt: skip


def withdrawn(world: AuditWorld, _: str, made: str) -> None:
    world.ask(WithdrawStudy(study=UUID(made), reason="another person's"))


def reassigned(world: AuditWorld, _: str, made: str) -> None:
    world.ask(ReassignStudy(study=UUID(made), to_identity=UUID(world.register()), reason="another person's"))


def merged(world: AuditWorld, person: str, _: str) -> None:
    world.merge(person, world.register())


def erased(world: AuditWorld, person: str, _: str) -> None:
    erase(world.krypton, UUID(person))


Ends = Callable[[AuditWorld, str, str], object]
"""What ends that a study of a person may be seen. The views do not know of it yet."""


@pytest.mark.parametrize("ends", [opposed, excluded, withdrawn, reassigned, merged, erased])
def test_nothing_outlives_what_it_rests_on_by_more_than_a_look(
    world: AuditWorld, decisions: Standing, clock: Clock, person: str, ends: Ends
) -> None:
    uid, made = study(world, person)
    token = RECORDED.set(noted := list[Recorded]())
    decisions.seen(CALLER, uid)
    RECORDED.reset(token)
    stands: Any = noted[0].standing
    ends(world, person, made)
    assert stands.known()
    clock.now += 1.01 * AGAIN_S
    assert stands.known() is None
    assert not stands.holds()
    assert stands.known() is False
    before = world.head
    if ends in (withdrawn, reassigned):
        with pytest.raises(NotFound):
            decisions.seen(CALLER, uid)
    elif ends in (opposed, erased):
        with pytest.raises(ViewRefused):
            decisions.seen(CALLER, uid)
    else:
        decisions.seen(CALLER, uid)
    assert len(world.types(before)) == 1


def test_a_look_writes_nothing_and_is_shared(
    world: AuditWorld, decisions: Standing, clock: Clock, person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid, _ = study(world, person)
    decisions.seen(CALLER, uid)
    looked = list[Any]()

    def look(*asked: Any) -> Any:
        looked.append(asked)
        return gate.again(*asked)

    monkeypatch.setattr(standing, "again", look)
    before = world.head
    for _ in range(10):
        clock.now += 0.51 * SOON_S
        for _ in range(10):
            decisions.seen(CALLER, uid)
    assert len(looked) == 5
    assert world.types(before) == []


def test_who_asks_early_enough_does_not_wait_for_the_look(world: AuditWorld, clock: Clock, person: str) -> None:
    """And a look that never comes is not waited for: the next who asks too late looks."""
    put_off = list[Callable[[], None]]()
    decisions = Standing(world.krypton, clock, put_off.append)
    uid, made = study(world, person)
    decisions.seen(CALLER, uid)
    withdrawn(world, person, made)
    clock.now += 1.01 * SOON_S
    for _ in range(5):
        assert decisions.seen(CALLER, uid).studies == (made,)
    (look,) = put_off
    look()
    with pytest.raises(NotFound):
        decisions.seen(CALLER, uid)
    uid, made = study(world, person)
    decisions.seen(CALLER, uid)
    withdrawn(world, person, made)
    clock.now += 1.01 * SOON_S
    assert decisions.seen(CALLER, uid).studies == (made,)
    clock.now += 1.01 * SOON_S
    with pytest.raises(NotFound):
        decisions.seen(CALLER, uid)


def test_a_look_that_finds_nothing_out_shows_nothing(
    world: AuditWorld, decisions: Standing, clock: Clock, person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid, _ = study(world, person)
    decisions.seen(CALLER, uid)

    def away(*_: object) -> None:
        raise RuntimeError("the ledger is away")

    clock.now += 1.01 * AGAIN_S
    with monkeypatch.context() as patched:
        patched.setattr(standing, "again", away)
        with pytest.raises(RuntimeError):
            decisions.seen(CALLER, uid)
    assert decisions.seen(CALLER, uid)


def test_a_refusal_stands_for_a_second_and_then_what_was_granted_counts(
    world: AuditWorld, decisions: Standing, clock: Clock
) -> None:
    person = world.register()
    uid, made = study(world, person)
    before = world.head
    for _ in range(50):
        with pytest.raises(ViewRefused) as refused:
            decisions.seen(CALLER, uid)
        assert refused.value.rule == "X12"
    assert world.types(before) == ["access.view_refused"]
    world.open(person)
    clock.now += 1.01 * REFUSED_S
    assert decisions.seen(CALLER, uid).studies == (made,)


def test_a_study_that_nobody_sent_is_not_found_and_no_task_is_refused_on_record(
    world: AuditWorld, decisions: Standing
) -> None:
    before = world.head
    with pytest.raises(NotFound):
        decisions.seen(CALLER, new_uid())
    assert world.types(before) == []
    with pytest.raises(ViewRefused) as refused:
        decisions.seen(Caller("clerk:desk", WHY), new_uid())
    assert (refused.value.rule, world.types(before)) == ("W2", ["access.view_refused"])


def test_what_the_consent_excludes_is_not_found_and_that_it_was_asked_for_is_on_record(
    world: AuditWorld, decisions: Standing
) -> None:
    person = world.register()
    uid, _ = study(world, person)
    world.ask(Grant(identity=UUID(person), party=DOCTOR, exclusions=[f"study:{uid}"]), f"patient:{person}")
    world.open(person)
    other, shown = study(world, person)
    before = world.head
    for _ in range(3):
        with pytest.raises(NotFound):
            decisions.seen(CALLER, uid)
    assert decisions.seen(CALLER, other).studies == (shown,)
    assert world.types(before) == ["access.viewed"] * 2


def test_what_was_added_against_an_opposition_hides_a_study_whole_before_any_view_knows(
    world: AuditWorld, clock: Clock
) -> None:
    person = world.register()
    uid, made = study(world, person)
    other = f"rpps:{RADIOLOGIST}"
    world.ask(Grant(identity=UUID(person), party=other), f"patient:{person}")
    world.open(person, RADIOLOGIST)
    world.settle()
    decisions, caller = Standing(world.krypton, clock), Caller(other, WHY)
    opposes = Oppose(identity=UUID(person), party="site:CHB", scope=Scope.FEED, reason="a relative works there")
    world.ask(opposes, f"patient:{person}")
    assert decisions.seen(caller, uid).studies == (made,)
    shown = world.identity(person, but="patient_record")
    traits = {name: shown["traits"][name] for name in TRAITS}
    world.ask(received("CHB", uid, local_id=shown["local_id"], stated=traits))
    clock.now += 1.01 * AGAIN_S
    with pytest.raises(NotFound, match="files are given out whole"):
        decisions.seen(caller, uid)


def two_people(world: AuditWorld) -> tuple[str, str, str]:
    """Two people of one hospital, and a UID that each has a study of."""
    one, other, uid = world.register(), world.register(), new_uid()
    for person in (one, other):
        study(world, person, uid)
    return one, other, uid


def test_of_one_uid_under_two_people_the_one_is_shown_whom_the_caller_may_see(
    world: AuditWorld, decisions: Standing, clock: Clock
) -> None:
    one, other, uid = two_people(world)
    before = world.head
    with pytest.raises(ViewRefused):
        decisions.seen(CALLER, uid)
    world.open(other)
    world.settle()
    clock.now += 1.01 * REFUSED_S
    seen = decisions.seen(CALLER, uid)
    assert (seen.identity, seen.members) == (other, frozenset([other]))
    assert decisions.seen(Caller(f"patient:{one}", WHY), uid).identity == one
    kinds = [kind for kind in world.types(before) if kind.startswith("access.view")]
    assert kinds == ["access.view_refused", "access.viewed", "access.viewed"]


def test_where_both_may_be_seen_it_must_be_said_who_is_meant(world: AuditWorld, decisions: Standing) -> None:
    one, other, uid = two_people(world)
    for person in (one, other):
        world.open(person)
    world.settle()
    before = world.head
    with pytest.raises(Ambiguous):
        decisions.seen(CALLER, uid)
    assert world.types(before) == []
    for person in (one, other):
        assert decisions.seen(CALLER, uid, UUID(person)).identity == person
    with pytest.raises(NotFound):
        decisions.seen(CALLER, uid, UUID(world.register()))


def test_copies_of_one_persons_study_that_two_sites_sent_are_one(world: AuditWorld, decisions: Standing) -> None:
    one, other, uid = two_people(world)
    world.merge(one, other)
    world.open(one)
    world.settle()
    seen = decisions.seen(CALLER, uid)
    assert len(seen.studies) == 2
    assert seen.members == {one, other}


def test_no_more_decisions_are_kept_than_fit(
    world: AuditWorld, decisions: Standing, person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "MOST", 3)
    uids = [study(world, person)[0] for _ in range(5)]
    for uid in uids:
        decisions.seen(CALLER, uid)
    assert len(decisions._slots) == 3
    before = world.head
    decisions.seen(CALLER, uids[-1])
    assert world.types(before) == []


def test_a_session_gives_its_reason_once_and_another_reason_is_another_record(
    world: AuditWorld, decisions: Standing, person: str
) -> None:
    uid, _ = study(world, person)
    nobody_said, before = Caller(DOCTOR, site="CHB"), world.head
    with pytest.raises(ReasonMissing):
        decisions.seen(nobody_said, uid)
    for reason in (WHY, WHY, "a second look"):
        token = KEPT_REASON.set(lambda members, said=reason: said if person in members else None)  # type: ignore[misc]
        decisions.seen(nobody_said, uid)
        KEPT_REASON.reset(token)
    assert world.types(before) == ["access.viewed"] * 2
    with pytest.raises(ReasonMissing):
        decisions.seen(nobody_said, uid)


def test_a_hospitals_own_system_fetches_studies_of_whom_it_knows(
    world: AuditWorld, decisions: Standing, person: str
) -> None:
    uid, made = study(world, person)
    assert decisions.seen(Caller("service:pacs", WHY, "CHB"), uid).studies == (made,)
    with pytest.raises(ViewRefused) as refused:
        decisions.seen(Caller("service:pacs", WHY, "CHP"), uid)
    assert refused.value.rule == "X20"
