"""The event store in memory: eventsourcing's own plain recorder, with our command log and decision tables."""

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from eventsourcing import popo
from eventsourcing.persistence import IntegrityError, StoredEvent

from adapters.eventstore.answers import NAMING
from domain.decision_tables import Change, KnownRules, Pair, PairStated, RulesPromoted, RulesPublished, TitleGiven
from domain.directory import Directory
from domain.errors import CommandRepeated
from domain.membership import MERGED, Membership
from domain.ports import Answer, Basis, CommandRecord, EventCodec
from domain.rules.in_force import ABSENT, RulesInForce

SAID_OF = re.compile(rb".*(?:[0-9a-f]{64}|\0)H([0-9a-f-]{36})", re.DOTALL).match
"""Whose the second of a conflict is, as it says: see ``adapters.eventstore.tables``."""
FOLDED = (*Membership.TYPES, *Directory.TYPES, *RulesInForce.TYPES)


class MemoryRecorder(popo.POPOApplicationRecorder):
    """Keeps events, answered commands, and what is looked up: all or nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[UUID, Answer] = {}
        self._pairs: dict[tuple[str, str], Pair] = {}
        self._sites: dict[str, str] = {}
        self._upto = 0
        self._rules = {(kind, r.version): KnownRules(kind, r.version, None, None) for kind, r in ABSENT.items()}

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        commands: Sequence[CommandRecord] = (),
        basis: Basis | None = None,
        changes: Sequence[tuple[int, Change]] = (),
        **_: Any,
    ) -> Sequence[int]:
        """See ``domain.ports.CommandLog``."""
        with self._database_lock:
            if basis and stored_events and self._changed(basis):
                raise IntegrityError
            if any(isinstance(change, TitleGiven) and change.ae_title in self._sites for _, change in changes):
                raise IntegrityError
            ids = [c.command_id for c in commands]
            if self._answers.keys() & set(ids) or len(set(ids)) < len(ids):
                raise CommandRepeated
            positions = list(super().insert_events(stored_events) or ())
            left = iter(positions)
            for command in commands:
                own = tuple(next(left) for _ in range(command.events))
                self._answers[command.command_id] = Answer(own, command.result, command.asker)
            for place, change in changes:
                self._look_up(positions[place], change)
            reached = (at for at, event in zip(positions, stored_events, strict=True) if event.topic in FOLDED)
            self._upto = max(reached, default=self._upto)
            return positions

    def _changed(self, basis: Basis) -> bool:
        newer = self.select_notifications(basis.upto, 1, topics=FOLDED, inclusive_of_start=False)
        return bool(newer) or any(self.select_events(one, gt=version) for one, version in basis.read.items())

    def _look_up(self, position: int, change: Change) -> None:
        match change:
            case PairStated(low, high, "open", _):
                self._pairs.pop((low, high), None)
            case PairStated(low, high, held, rule):
                self._pairs[low, high] = Pair(low, high, held, position, rule)
            case TitleGiven(ae_title, site):
                self._sites[ae_title] = site
            case RulesPublished(kind, version):
                known = self._rules.get((kind, version))
                self._rules[kind, version] = KnownRules(kind, version, position, known and known.promoted)
            case RulesPromoted(kind, version) if (kind, version) in self._rules:
                self._rules[kind, version] = self._rules[kind, version]._replace(promoted=position)

    def pairs_around(self, identities: Collection[str]) -> tuple[int, list[Pair]]:
        """See ``domain.ports.CommandLog``."""
        with self._database_lock:
            people, size = {*identities}, -1
            while len(people) != size:
                size = len(people)
                merged = (pair for pair in self._pairs if self._pairs[pair].held == MERGED)
                people |= {side for pair in merged if not people.isdisjoint(pair) for side in pair}
            return self._upto, [one for pair, one in self._pairs.items() if not people.isdisjoint(pair)]

    def known_rules(self) -> tuple[int, list[KnownRules]]:
        """See ``domain.ports.CommandLog``."""
        with self._database_lock:
            return self._upto, list(self._rules.values())

    def site_of(self, ae_title: str) -> str | None:
        """See ``domain.ports.CommandLog``."""
        return self._sites.get(ae_title)

    def sites_by_title(self) -> dict[str, str]:
        """See ``domain.ports.CommandLog``."""
        return dict(self._sites)

    def catch_up(self, codec: EventCodec) -> None:
        """Nobody else stores events here."""

    def now(self) -> datetime:
        """See ``domain.ports.CommandLog``."""
        return datetime.now(UTC)

    def answer_of(self, command_id: UUID) -> Answer | None:
        """See ``domain.ports.CommandLog``."""
        return self._answers.get(command_id)

    def answers_of(self, command_ids: Sequence[UUID]) -> dict[UUID, Answer]:
        """See ``domain.ports.CommandLog``."""
        return {each: self._answers[each] for each in command_ids if each in self._answers}

    def events_of(self, aggregate_ids: Sequence[UUID]) -> Sequence[StoredEvent]:
        """See ``domain.ports.CommandLog``."""
        with self._database_lock:
            return [event for i in aggregate_ids for event in self.select_events(i)]

    def positions_of(self, aggregate_ids: Collection[UUID]) -> dict[UUID, int]:
        """See ``domain.ports.CommandLog``."""
        indexes = {one: self._stored_events_index[str(one)] for one in aggregate_ids}
        return {one: index[1] + 1 for one, index in indexes.items() if 1 in index}

    def has_asked(self, actor: str) -> bool:
        """See ``domain.ports.CommandLog``."""
        head = self.max_notification_id() or 0
        asked = self.select_notifications(
            1, head + 1, topics=("access.listed", "access.view_refused", "policy.entry_dropped")
        )
        return any(actor.encode() in event.state for event in asked)

    def begun_for(self, identity: UUID, after: int = 0) -> Sequence[UUID]:
        """See ``domain.ports.CommandLog``."""
        head = self.max_notification_id() or 0
        asked = ("study.arrived", "order.placed", "study.reassigned", "order.reassigned")
        found = self.select_notifications(after + 1, head + 1, topics=asked)
        named = (one.originator_id for one in found if str(identity).encode() in one.state)
        return list(dict.fromkeys(UUID(str(one)) for one in named))

    def brought_to(
        self, identity: UUID, aggregates: Sequence[UUID], types: Sequence[str], after: int
    ) -> Sequence[tuple[UUID, str]]:
        """See ``domain.ports.CommandLog``."""
        found = self.select_notifications(after + 1, (self.max_notification_id() or 0) + 1, topics=types)
        wanted = {str(one) for one in aggregates}
        brought = (one for one in found if str(one.originator_id) in wanted or _said_of(one) == str(identity))
        return list(dict.fromkeys((UUID(str(one.originator_id)), one.topic) for one in brought))

    def conflicts(self, identities: Collection[str], studies: Collection[str]) -> Sequence[tuple[int, bytes]]:
        """See ``domain.ports.CommandLog``."""
        found = self.select_notifications(1, (self.max_notification_id() or 0) + 1, topics=("study.conflict_found",))
        return [
            (one.originator_version, one.state)
            for one in found
            if str(one.originator_id) in studies or _said_of(one) in identities
        ]

    def forget_answers(self, command_ids: Collection[UUID]) -> None:
        """See ``domain.ports.CommandLog``."""
        for one in command_ids:
            answer = self._answers[one]
            told = {name: "[erased]" for name in NAMING if name in answer.result}
            self._answers[one] = Answer(answer.positions, {**answer.result, **told}, answer.asker)


def _said_of(event: StoredEvent) -> str | None:
    """Whose the second of a conflict is, as it says."""
    said = SAID_OF(event.state) if event.topic == "study.conflict_found" else None
    return said[1].decode() if said else None


class Factory(popo.POPOFactory):
    """Named by PERSISTENCE_MODULE."""

    def application_recorder(self) -> MemoryRecorder:
        """A new, empty event store."""
        return MemoryRecorder()
