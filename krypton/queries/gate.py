"""The access gate: personal data is read only after the ledger has decided and recorded the request.

The decision is a command's (``domain.commands.viewings``), on what the event store itself holds; views only help to
find accesses that may be meant. If it cannot be stored, nothing is read.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID, uuid5

from domain.actors import Caller, Role
from domain.aggregates.consent import Consent
from domain.aggregates.viewing import REFUSED
from domain.commands.accesses import why
from domain.commands.judging import REFUSALS, feeding
from domain.commands.listings import ListPeople
from domain.commands.viewings import View
from domain.errors import NotForRole, NotFound, ReasonMissing, RuleBroken
from domain.ports import Answer
from domain.sight import Exclusions, Opposition, Sight
from domain.tasks import OF_A_SITE, may, who_may
from domain.times import micros
from domain.work import Envelope, Work, touched_by
from krypton.bootstrap import Krypton

LATELY: Final = 100_000
"""Positions at the ledger's end where an access is looked for that the view may not hold yet: an hour of a region."""
TOLD: Final = (Role.PATIENT, Role.AUDITOR)
"""Who may know that something is withheld."""


class Stands(Protocol):
    """Says of a decision that many answers rest on whether it stands."""

    def known(self) -> bool | None:
        """Whether it stands, at once; None: it takes a look."""

    def holds(self) -> bool:
        """Whether it stands. Raises what a look raises."""


class Recorded(NamedTuple):
    """A decision on record: its position, what was asked, and what was decided.

    ``standing``: who looks at it again, where many answers rest on it.
    """

    position: int
    command: View | ListPeople
    result: Mapping[str, Any]
    standing: Stands | None = None


RECORDED: Final[ContextVar[list[Recorded] | None]] = ContextVar("RECORDED", default=None)
"""Where a face has each decision noted that is recorded for a request of its own."""
KEPT_REASON: Final[ContextVar[Callable[[Collection[str]], str | None] | None]] = ContextVar("KEPT_REASON", default=None)
"""Where a face keeps why somebody asks about a person: it is given the person's identities."""
PASSING: Final = frozenset({"viewing", "feeding"})
"""What of a decision may differ the next time: its own id, and what opposes to what comes in later."""


class ViewRefused(RuleBroken):
    """A question was refused, and the refusal is recorded. ``rule``: the deciding rule."""

    def __init__(self, rule: str, task: str, role: Role) -> None:
        belongs = f"{task.replace('.', ' ')} is not for the role {role}: it is for {who_may(task)}; see --as"
        super().__init__(belongs if rule == NotForRole.rule else REFUSALS[rule])
        self.rule = rule


class ReasonNotGiven(ReasonMissing):
    """Nobody said why this person is asked about. ``identity``: names the person."""

    def __init__(self, identity: UUID) -> None:
        super().__init__("it is recorded why somebody is asked about: say why")
        self.identity = identity


@dataclass(frozen=True)
class Permit:
    """A question that may be answered. ``members``: the person's identities as decided; ``position``: of the record."""

    identity: str
    position: int
    members: frozenset[str]
    sight: Sight


def permit(
    ours: Krypton,
    caller: Caller,
    task: str,
    ref: str,
    other: str | None = None,
    *,
    asked: Iterable[str] = (),
    spoken_of: Iterable[str] = (),
    unsealed: bool = False,
) -> Permit:
    """Decide and record a question about one person or two. ``spoken_of``: further identities the answer is about.

    Raises ViewRefused (X1, X2, X4, X5, X12 to X14, X20, W2; recorded), ReasonMissing (X3; not recorded), NotFound.
    """
    kept = KEPT_REASON.get() if caller.reason is None else None
    if kept is None:
        why(caller.reason or "")
    identity, second = _named(ours, caller, task, ref, other)
    people = [str(one) for one in (identity, second) if one]
    members = ours.ledger.membership().members_of(people)
    if kept:
        caller = _with_reason(caller, identity, kept(members))
    ours.vault.prefetch(members)
    command = View(
        caller=caller,
        task=task,
        identity=identity,
        other=second,
        asked=tuple(asked),
        spoken_of=tuple(spoken_of),
        unsealed=unsealed,
        accesses=open_accesses(ours, caller, members),
        orders=open_orders(ours, caller, task, members),
        expected=tuple(members),
    )
    answer = decided(ours, caller, command)
    result = answer.result
    sight = Sight(
        Exclusions.of(result["exclusions"]),
        oppositions(ours, result["feeding"]),
        site=result["site"],
        counts=caller.role in TOLD,
    )
    return Permit(str(identity), answer.positions[0], frozenset(result["members"]), sight)


def _with_reason(caller: Caller, identity: UUID, reason: str | None) -> Caller:
    """Raises ReasonNotGiven (X3)."""
    if reason is None:
        raise ReasonNotGiven(identity)
    return replace(caller, reason=reason)


def decided(ours: Krypton, caller: Caller, command: View | ListPeople) -> Answer:
    """Have the ledger decide and record. Raises ViewRefused."""
    answer = ours.execute(command, Envelope(caller.actor))
    if (noted := RECORDED.get()) is not None:
        noted.append(Recorded(answer.positions[0], command, answer.result))
    if answer.result["decision"] == REFUSED:
        raise ViewRefused(answer.result["rule"], command.task, caller.role)
    return answer


def stands(ours: Krypton, recorded: Recorded) -> bool:
    """Whether the ledger would decide so still: an access may end, a consent be taken back, a person be another.

    For answers that take long; nothing is recorded. Raises NotFound.
    """
    return recorded.standing.holds() if recorded.standing else again(ours, recorded) is not None


def again(ours: Krypton, recorded: Recorded, touched: Iterable[UUID] = ()) -> tuple[Mapping[str, Any], Work] | None:
    """What the ledger decides now, and on what; None: it is another decision. Nothing is recorded.

    ``touched``: aggregates that are looked at beside those of the question. Raises NotFound.
    """
    work = Work(ours.ledger, {*touched_by(ours.ids, recorded.command), *touched})
    now = recorded.command.decide(work)
    same = all(now.get(name) == value for name, value in recorded.result.items() if name not in PASSING)
    return (now, work) if same else None


def feeding_of(ours: Krypton, identities: Collection[str]) -> dict[str, tuple[Opposition, ...]]:
    """Oppositions to feeding that stand for the person of each identity, as the event store has them."""
    membership = ours.ledger.membership()
    membership.load(identities)
    people = {identity: membership.person_of(identity) for identity in identities}
    members = sorted({member for person in people.values() for member in person})
    ours.vault.prefetch(members)
    found = ours.ledger.load([Consent.create_id(ours.ledger.ids, UUID(member)) for member in members])
    stated = feeding(consent for consent in found.values() if isinstance(consent, Consent))
    standing = [*zip((identity for identity, *_ in stated), oppositions(ours, stated), strict=True)]
    return {one: tuple(held for said, held in standing if said in person) for one, person in people.items()}


def oppositions(ours: Krypton, stated: Collection[Sequence[str]]) -> tuple[Opposition, ...]:
    """Oppositions to feeding as ``feeding`` names them, each with the position from which it stands."""
    if not stated:
        return ()
    from adapters.eventstore.histories import versions_of

    consents = {said_for: Consent.create_id(ours.ledger.ids, UUID(said_for)) for *_, said_for in stated}
    with ours.snapshot() as connection:
        places = versions_of(connection, [str(one) for one in consents.values()])
    since = {str(uuid5(UUID(one), str(version))): position for (one, version), position in places.items()}
    return tuple(Opposition(since[statement], party) for _, statement, party, _ in stated)


def _named(ours: Krypton, caller: Caller, task: str, ref: str, other: str | None) -> tuple[UUID, UUID | None]:
    """Who is meant. That nobody is known by a name is an answer too: only those may get it whose task it is."""
    try:
        return ours.resolve(ref), None if other is None else ours.resolve(other)
    except NotFound:
        why(caller.reason or "")
        if not may(caller.role, task):
            decided(ours, caller, View(caller=caller, task=task, identity=None))
        raise


def open_accesses(ours: Krypton, caller: Caller, members: Collection[str]) -> tuple[UUID, ...]:
    """Accesses under which a professional may be reading: those that the view knows, and those just opened."""
    if caller.rpps is None:
        return ()
    from adapters.eventstore.histories import opened_speaking_of
    from projections.access_history import queries

    with ours.snapshot() as connection:
        known = queries.open_to(connection, caller.rpps, list(members), micros(ours.ledger.clock()))
        found = {*known, *opened_speaking_of(connection, [caller.rpps], LATELY, members)}
    return tuple(UUID(one) for one in sorted(found))


def open_orders(ours: Krypton, caller: Caller, task: str, members: Collection[str]) -> tuple[UUID, ...]:
    """Orders under which an establishment's own system may be asking."""
    if task not in OF_A_SITE or caller.role is not Role.SERVICE or caller.site is None:
        return ()
    from projections.patient_record.found import orders_of

    with ours.snapshot() as connection:
        return tuple(UUID(one) for one in orders_of(connection, sorted(members)))
