"""The event store in memory: eventsourcing's own plain recorder, with the command log that ours adds."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from eventsourcing import popo
from eventsourcing.persistence import IntegrityError, Notification, StoredEvent

from domain.directory import Directory
from domain.errors import CommandRepeated
from domain.membership import Membership
from domain.ports import Answer, Basis, CommandRecord
from domain.rules.in_force import RulesInForce

FOLDED = (*Membership.TYPES, *Directory.TYPES, *RulesInForce.TYPES)


class MemoryRecorder(popo.POPOApplicationRecorder):
    """Keeps events and answered commands; both or neither."""

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[UUID, Answer] = {}

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        commands: Sequence[CommandRecord] = (),
        basis: Basis | None = None,
        **_: Any,
    ) -> Sequence[int]:
        """See ``domain.ports.CommandLog``."""
        with self._database_lock:
            if basis and stored_events and self._changed(basis):
                raise IntegrityError
            ids = [c.command_id for c in commands]
            if self._answers.keys() & set(ids) or len(set(ids)) < len(ids):
                raise CommandRepeated
            positions = list(super().insert_events(stored_events) or ())
            left = iter(positions)
            for command in commands:
                own = tuple(next(left) for _ in range(command.events))
                self._answers[command.command_id] = Answer(own, command.result, command.asker)
            return positions

    def _changed(self, basis: Basis) -> bool:
        newer = self.select_notifications(basis.upto, 1, topics=FOLDED, inclusive_of_start=False)
        return bool(newer) or any(self.select_events(one, gt=version) for one, version in basis.read.items())

    def now(self) -> datetime:
        """See ``domain.ports.CommandLog``."""
        return datetime.now(UTC)

    def answer_of(self, command_id: UUID) -> Answer | None:
        """See ``domain.ports.CommandLog``."""
        return self._answers.get(command_id)

    def answers_of(self, command_ids: Sequence[UUID]) -> dict[UUID, Answer]:
        """See ``domain.ports.CommandLog``."""
        return {each: self._answers[each] for each in command_ids if each in self._answers}

    def changes(self, after: int, types: Sequence[str]) -> tuple[int, Sequence[Notification]]:
        """See ``domain.ports.CommandLog``."""
        with self._database_lock:
            head = self.max_notification_id() or 0
            found = self.select_notifications(after, head + 1, topics=types, inclusive_of_start=False)
            return head, found

    def events_of(self, aggregate_ids: Sequence[UUID]) -> Sequence[StoredEvent]:
        """See ``domain.ports.CommandLog``."""
        with self._database_lock:
            return [event for i in aggregate_ids for event in self.select_events(i)]

    def position_of(self, aggregate_id: UUID) -> int | None:
        """See ``domain.ports.CommandLog``."""
        index = self._stored_events_index[str(aggregate_id)]
        return index[1] + 1 if 1 in index else None

    def has_asked(self, actor: str) -> bool:
        """See ``domain.ports.CommandLog``."""
        head = self.max_notification_id() or 0
        asked = self.select_notifications(
            1, head + 1, topics=("access.listed", "access.view_refused", "policy.entry_dropped")
        )
        return any(actor.encode() in event.state for event in asked)


class Factory(popo.POPOFactory):
    """Named by PERSISTENCE_MODULE."""

    def application_recorder(self) -> MemoryRecorder:
        """A new, empty event store."""
        return MemoryRecorder()
