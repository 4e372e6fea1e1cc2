"""Requests and approves the erasure of many people whose retention is over: a command of the ledger for each.

Some at a time, each batch stored by itself. Killed anywhere, the command is given again: it goes on with who is left,
and under the same id its answer is that of all.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Final
from uuid import UUID, uuid5

from domain.batch import Asked, Outcome
from domain.commands.erasures import ApproveErasure, RequestErasure
from domain.ports import Answer
from domain.retention import Ground
from domain.work import Command, Envelope
from krypton.bootstrap import Krypton
from krypton.erasing.lapsed import AskedBefore

Document = dict[str, Any]
Ask = Callable[[Asked], Sequence[Outcome]]
AT_A_TIME: Final = 200


def request(ours: Krypton, found: Iterable[Document], reference: str, by: Envelope, *, check: bool = False) -> Document:
    """Request the erasure of these people. A repeat has the same command ids. ``check``: say what would be answered,
    and write nothing.
    """

    def command(one: Document) -> Command:
        return RequestErasure(identity=UUID(one["identity"]), ground=Ground.END_OF_RETENTION.value, reference=reference)

    if check:
        return _told("to_request", ours.ledger.foresee, found, command, by)
    return _told("requested", ours.ledger.execute_many, found, command, by)


def approve(ours: Krypton, shown: Iterable[Document], by: Envelope) -> Document:
    """Approve these requests, each as it was shown: refused is one that another took the place of meanwhile, or to
    whose identity something came.
    """

    def command(one: Document) -> Command:
        return ApproveErasure(identity=UUID(one["identity"]), request=UUID(one["request"]), seen=one["position"])

    return _told("approved", ours.ledger.execute_many, shown, command, by)


def asked_before(ours: Krypton, by: Envelope) -> AskedBefore:
    """Tells of which people a command under this id was answered already."""

    def answered(identities: Sequence[str]) -> set[str]:
        asked = {_by(by, one).command_id: one for one in identities}
        return {asked[one] for one in ours.ledger.log.answers_of(list(asked))}

    return answered


def _told(
    done: str, ask: Ask, people: Iterable[Document], command: Callable[[Document], Command], by: Envelope
) -> Document:
    """How many, where in the ledger, and who is refused and why."""
    left, told = iter(people), Document({done: 0, "positions": [], "refused": []})
    while some := list(islice(left, AT_A_TIME)):
        answered = ask([(command(one), _by(by, one["identity"])) for one in some])
        for one, outcome in zip(some, answered, strict=True):
            if isinstance(outcome, Answer):
                told[done] += 1
                told["positions"] += outcome.positions
            else:
                told["refused"].append({"identity": one["identity"], "reason": str(outcome)})
    return told


def _by(by: Envelope, identity: str) -> Envelope:
    return Envelope(by.actor, uuid5(by.command_id, identity), by.command_id)
