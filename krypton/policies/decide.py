"""Operators' decisions on entries that a policy gave up: each is in the ledger, and in the outbox, once."""

from collections.abc import Callable, Collection
from contextlib import closing
from typing import Any
from uuid import UUID

from adapters.outbox import operators
from adapters.outbox.operators import NONE_PARKED, Held
from domain.commands.policies import DropEntry, RetryEntry
from domain.errors import NotFound
from domain.ports import Answer
from domain.times import micros
from domain.work import Command, Envelope
from krypton.bootstrap import Krypton
from postgres.session import connect


def retry(ours: Krypton, entry: UUID, by: Envelope) -> Answer:
    """Retry a parked entry. Raises NotFound."""

    def command(held: Held) -> Command:
        return RetryEntry(policy=held.policy, entry=entry, does=held.does)

    return _decided(ours, entry, by, command, operators.retry, already=("waiting", "done", "refused"))


def drop(ours: Krypton, entry: UUID, reason: str, by: Envelope) -> Answer:
    """Discard a parked entry. Raises NotFound, NoReasonToDrop (Y1)."""

    def command(held: Held) -> Command:
        return DropEntry(policy=held.policy, entry=entry, does=held.does, by=by.actor, reason=reason)

    return _decided(ours, entry, by, command, operators.drop, already=("dropped",))


def _decided(
    ours: Krypton,
    entry: UUID,
    by: Envelope,
    command: Callable[[Held], Command],
    change: Callable[[Any, UUID, int], None],
    already: Collection[str],
) -> Answer:
    """Record it, then do it, while the entry is locked. Killed in between, it is still parked, and is asked again."""
    with closing(connect(ours.addresses.database, "policies")) as connection, connection:
        held = operators.hold(connection, entry)
        ask = command(held)
        if held.state == "parked":
            answer = ours.execute(ask, by)
            change(connection, entry, micros(ours.ledger.clock()))
            return answer
        if held.state not in already:
            raise NotFound(NONE_PARKED)
        known = ours.ledger.log.answer_of(by.command_id)  # asked before: as the first time, and to the same caller
        return ours.execute(ask, by) if known else Answer((), {"entry": str(entry)}, by.asker(ask))
