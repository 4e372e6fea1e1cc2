"""Requests and approves the erasure of many people whose retention is over: a command of the ledger for each."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Final
from uuid import UUID, uuid5

from domain.batch import Outcome
from domain.commands.erasures import ApproveErasure, RequestErasure
from domain.ports import Answer
from domain.retention import Ground
from domain.work import Command, Envelope
from krypton.bootstrap import Krypton

Document = dict[str, Any]
AT_A_TIME: Final = 200


def request(ours: Krypton, found: Iterable[Document], reference: str, by: Envelope) -> Document:
    """Request the erasure of these people. A repeat has the same command ids."""

    def command(one: Document) -> Command:
        return RequestErasure(identity=UUID(one["identity"]), ground=Ground.END_OF_RETENTION.value, reference=reference)

    return _summary("requested", _all(ours, found, command, by))


def approve(ours: Krypton, shown: Iterable[Document], by: Envelope) -> Document:
    """Approve these requests, each as it was shown: refused is one that another took the place of meanwhile, or to
    whose identity something came.
    """

    def command(one: Document) -> Command:
        return ApproveErasure(identity=UUID(one["identity"]), request=UUID(one["request"]), seen=one["position"])

    return _summary("approved", _all(ours, shown, command, by))


def _all(
    ours: Krypton, people: Iterable[Document], command: Callable[[Document], Command], by: Envelope
) -> list[tuple[str, Outcome]]:
    """Of each the answer, or why it is refused."""
    left, answered = iter(people), list[tuple[str, Outcome]]()
    while some := list(islice(left, AT_A_TIME)):
        asked = [(command(one), _by(by, one["identity"])) for one in some]
        answered += zip((one["identity"] for one in some), ours.ledger.execute_many(asked), strict=True)
    return answered


def _summary(done: str, answered: Sequence[tuple[str, Outcome]]) -> Document:
    """How many, where in the ledger, and who is refused and why."""
    positions = [at for _, one in answered if isinstance(one, Answer) for at in one.positions]
    refused = [{"identity": identity, "reason": str(one)} for identity, one in answered if not isinstance(one, Answer)]
    return {done: len(answered) - len(refused), "positions": positions, "refused": refused}


def _by(by: Envelope, identity: str) -> Envelope:
    return Envelope(by.actor, uuid5(by.command_id, identity), by.command_id)
