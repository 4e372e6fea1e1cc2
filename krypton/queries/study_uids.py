"""Finds the studies of a DICOM UID that one caller may be shown: of one person, whole, as the event store has them.

A broken device may have used a UID for two people, and a view lags: of whom it is decided, and what is shown then, is
worked out here, for ``standing``, which has the gate decide.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple
from uuid import UUID

from domain.actors import Caller, Role
from domain.aggregates.identity import Identity
from domain.aggregates.study import Study
from domain.aggregates.viewing import REFUSED
from domain.commands.accesses import why
from domain.commands.viewings import View
from domain.errors import NotFound
from domain.sight import Sight
from domain.tasks import may
from domain.work import Work, touched_by
from krypton.bootstrap import Krypton
from krypton.queries.gate import KEPT_REASON, Permit, decided, open_accesses, open_orders

UNRECORDED: Final = "which of several people is meant"
MOST_PEOPLE: Final = 16
"""Whose studies of one UID are looked at: a UID of more people is none."""
NOBODYS: Final = "no study of that UID is here, or none that you may see: a person's record names those"
Row = Mapping[str, Any]


def task_of(caller: Caller) -> str:
    """What is asked by whoever wants images: an establishment's own system fetches them, others are shown them."""
    return "study.retrieve" if caller.role is Role.SERVICE else "study.show"


class Ambiguous(Exception):
    """Two people who may both be seen have a study of that UID: say whose is asked for."""


class Whole(NamedTuple):
    """``studies``: ids of those that are shown; ``partly``: of another one a part alone would be; ``versions``: of the
    first.
    """

    studies: tuple[str, ...]
    partly: bool
    versions: Mapping[UUID, int]


def studies_of_uid(ours: Krypton, caller: Caller, uid: str, person: UUID | None) -> Sequence[Row]:
    """The studies of the UID, of one person. Raises NotFound, Ambiguous, ViewRefused, ReasonMissing (X3)."""
    from projections.patient_record.found import of_uid

    if KEPT_REASON.get() is None or caller.reason is not None:
        why(caller.reason or "")
    with ours.snapshot() as connection:
        found = of_uid(connection, uid)
    membership = ours.ledger.membership()
    if person is not None:
        members = set(membership.members_of([str(person)]))
        found = [row for row in found if row["identity"] in members]
    people: dict[frozenset[str], list[Row]] = {}
    membership.load({row["identity"] for row in found})
    for row in found:
        people.setdefault(frozenset(membership.person_of(row["identity"])), []).append(row)
    if not 0 < len(people) <= MOST_PEOPLE:
        why(caller.reason or "")
        if not may(caller.role, task_of(caller)):
            decided(ours, caller, View(caller=caller, task=task_of(caller), identity=None))
        raise NotFound(NOBODYS)
    return _one_persons(ours, caller, people)


def _one_persons(ours: Krypton, caller: Caller, people: Mapping[frozenset[str], Sequence[Row]]) -> Sequence[Row]:
    """Of several people's studies of one UID those of the only one whom the caller may see; if there is none, any.

    Raises Ambiguous.
    """
    if len(people) == 1:
        return next(iter(people.values()))
    allowed = [rows for members, rows in people.items() if _may_see(ours, caller, rows[0]["identity"], members)]
    if len(allowed) > 1:
        raise Ambiguous
    return allowed[0] if allowed else min(people.values(), key=lambda rows: str(rows[0]["study"]))


def _may_see(ours: Krypton, caller: Caller, identity: str, members: Collection[str]) -> bool:
    """Whether the ledger would show this person to the caller; nothing is recorded."""
    ours.vault.prefetch(members)
    task = task_of(caller)
    asked = View(
        caller=caller if caller.reason else replace(caller, reason=UNRECORDED),
        task=task,
        identity=UUID(identity),
        accesses=open_accesses(ours, caller, members),
        orders=open_orders(ours, caller, task, members),
        expected=tuple(members),
    )
    return bool(asked.decide(Work(ours.ledger, touched_by(ours.ids, asked)))["decision"] != REFUSED)


def shown_whole(ours: Krypton, rows: Sequence[Row], allowed: Permit) -> Whole:
    """Which of these studies are shown. Whose one is, and whether it was withdrawn, is the event store's to say."""
    work = Work(ours.ledger, {UUID(row[name]) for row in rows for name in ("study", "identity")})
    shown, partly, versions = list[str](), False, dict[UUID, int]()
    positions = _positions(ours, [row["study"] for row in rows]) if allowed.sight.oppositions else {}
    for row in rows:
        study = work.find(Study, UUID(row["study"]))
        if study is None or not is_open(work, study, allowed.members):
            continue
        first, last = positions.get(row["study"], (None, None))
        if _left_out(row, allowed.sight, first):
            continue
        if allowed.sight.withholds(last, [row["site"]]):
            partly = True
            continue
        shown.append(row["study"])
        versions[study.id] = study.version
    return Whole(tuple(shown), partly, versions)


def is_open(work: Work, study: Study, members: Collection[str]) -> bool:
    """Whether it is a study of theirs still, and shown at all: of somebody erased nothing is, not to them either."""
    if study.withdrawn or str(study.identity_id) not in members:
        return False
    owner = work.find(Identity, study.identity_id)
    return owner is not None and not owner.erased


def _left_out(row: Row, sight: Sight, first: int | None) -> bool:
    excluded = sight.exclusions.study(row["study_uid"], row["started_at"])
    return excluded or sight.withholds(first, [row["site"]])


def _positions(ours: Krypton, studies: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Where each study began in the ledger, and where it was last added to."""
    from adapters.eventstore.histories import versions_of

    with ours.snapshot() as connection:
        found = versions_of(connection, studies)
    every = {study: [at for (one, _), at in found.items() if one == study] for study in studies}
    return {study: (min(at), max(at)) for study, at in every.items() if at}
