"""The domain's ports, as Protocols; implemented by ``adapters``, and by fakes in ``tests/fakes``."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from eventsourcing.domain import Aggregate
from eventsourcing.persistence import StoredEvent

from domain.askers import TAKEN, Asker
from domain.decision_tables import Change, KnownRules, Pair
from domain.errors import IdTaken
from domain.ids import Ids
from domain.ins import Authorities
from domain.persons import Persons
from domain.rules.in_force import RulesInForce

Clock = Callable[[], datetime]
"""Now, with a time zone (UTC)."""


class EventCodec(Protocol):
    """Encodes events for storage and publication, and decodes them (``schemas.codec.Codec``)."""

    def encode(self, event_type: str, body: Mapping[str, Any], *, aggregate_id: str, version: int) -> bytes:
        """The stored bytes."""

    def subjects(self, event_type: str, body: Mapping[str, Any], aggregate_id: str, version: int) -> Mapping[str, bool]:
        """Whose keys seal the event; true of each of whom it may be the first event that is sealed."""

    def decode(self, raw: bytes, version: int, *, unseal: bool = True) -> tuple[Any, dict[str, Any]]:
        """The schema (with ``type``, ``aggregate`` and ``uuids``) and the fields."""

    def decode_all(self, stored: Sequence[tuple[bytes, int]]) -> list[tuple[Any, dict[str, Any]]]:
        """The same of many, bytes and version each; the keys of all are fetched together."""


class KeyVault(Protocol):
    """Keeps one key per subject (an identity), separate from the events."""

    def seal(self, subject: str, plain: bytes, aad: bytes) -> bytes:
        """Encrypt under the subject's key; empty if the key was destroyed. Raises KeyMissing (K1)."""

    def unseal(self, subject: str, sealed: bytes, aad: bytes) -> bytes | None:
        """Decrypt; None if the subject's key was destroyed. Raises SealBroken if the bytes were altered."""

    def holds(self, subject: str) -> bool:
        """Whether the subject's key exists: created, and not destroyed."""

    def prefetch(self, subjects: Iterable[str]) -> None:
        """Fetch the keys of many subjects at once: a hint, for speed."""

    def prepare(self, subjects: Iterable[str], new: Collection[str] = ()) -> set[str]:
        """Fetch the keys of many subjects at once, and make the missing ones of ``new``: nothing else makes a key.

        ``new``: subjects of whom no event is sealed yet. Returns those that have no key, and never had one here.
        """

    def unflushed(self, subjects: Iterable[str]) -> Collection[str]:
        """Of these subjects, those whose key a crash may still take back: it is asked for again with what it sealed."""

    def forget(self, subjects: Iterable[str]) -> None:
        """Fetch the keys of these subjects before they are used again."""

    def destroy(self, subject: str) -> None:
        """Destroy the subject's key for ever (crypto-shredding); safe to repeat."""

    def destroyed(self, subjects: Iterable[str]) -> set[str]:
        """Which of these subjects had their key destroyed."""


class MasterKey(Protocol):
    """Wraps the keys of subjects, for the vault. Each wrapped key is bound to its subject."""

    @property
    def name(self) -> str:
        """Tells it from other master keys; nothing of the key itself. Stored state."""

    def wrap(self, subject: str, key: bytes) -> bytes:
        """The subject's key, wrapped."""

    def unwrap(self, subject: str, wrapped: bytes) -> bytes:
        """The subject's key. Raises KeyBroken: altered, another subject's, or wrapped by another master key."""


@dataclass(frozen=True)
class Answer:
    """A command's answer: the ledger positions it wrote, and ids it created. Never names or traits.

    ``asker``: whose it is; None: it is not stored. ``repeated``: it is from before.
    """

    positions: tuple[int, ...]
    result: Mapping[str, Any]
    asker: Asker | None = field(default=None, compare=False)
    repeated: bool = field(default=False, compare=False)

    def to(self, asker: Asker) -> "Answer":
        """The stored answer, to who repeats its command id. Raises IdTaken (W5)."""
        if self.asker is None or not self.asker.answers(asker):
            raise IdTaken(TAKEN)
        return self


@dataclass(frozen=True)
class CommandRecord:
    """One command of a transaction: its id, whose that is, how many of the transaction's events are its own, and its
    result.
    """

    command_id: UUID
    asker: Asker
    events: int
    result: Mapping[str, Any]


@dataclass(frozen=True)
class Basis:
    """What decisions rest on, beside the aggregates that they change.

    ``read``: aggregate to the version that was read; ``upto``: the position up to which links, rules and the
    directory were read.
    """

    read: Mapping[UUID, int]
    upto: int


class CommandLog(Protocol):
    """The part of the event recorder that makes commands idempotent: command ids in the events' own transaction.

    ``insert_events(stored, commands=…)`` stores both or nothing; it raises CommandRepeated if an id is already stored,
    IntegrityError if an event of an aggregate is, or something newer than the decisions' basis, and KeysLost.
    """

    def now(self) -> datetime:
        """The store's time, never before the stamp of a stored event: a command decides by it."""

    def answer_of(self, command_id: UUID) -> Answer | None:
        """The stored answer of a command; None if unknown."""

    def answers_of(self, command_ids: Sequence[UUID]) -> Mapping[UUID, Answer]:
        """The stored answers by command id, in one query; unknown ones are absent."""

    def pairs_around(self, identities: Collection[str]) -> tuple[int, Sequence[Pair]]:
        """The position of the last event on links, rules or the directory; and the pairs merged or barred now of these
        identities, and of all whom merged pairs connect to them. As of one moment, in one query. Raises TablesBehind.
        """

    def known_rules(self) -> tuple[int, Sequence[KnownRules]]:
        """The same position, and all rules that are built in or published; likewise."""

    def site_of(self, ae_title: str) -> str | None:
        """Code of the establishment that has the AE title; None: nobody has it."""

    def sites_by_title(self) -> Mapping[str, str]:
        """AE title to the code of its establishment."""

    def catch_up(self, codec: EventCodec) -> None:
        """Let what is looked up go as far as the log, after TablesBehind. Raises LedgerAltered."""

    def events_of(self, aggregate_ids: Sequence[UUID]) -> Sequence[StoredEvent]:
        """All events of several aggregates, each in version order, in one query."""

    def positions_of(self, aggregate_ids: Collection[UUID]) -> dict[UUID, int]:
        """Position of each aggregate's first event; those that have none are left out."""

    def has_asked(self, actor: str) -> bool:
        """Whether an event is sealed under the actor's own key: the reason of a question."""

    def forget_answers(self, command_ids: Collection[UUID]) -> None:
        """Overwrite numbers of orders and exams in the stored answers of these commands; safe to repeat."""

    def begun_for(self, identity: UUID, after: int = 0) -> Sequence[UUID]:
        """Ids of the studies and orders that began for an identity, or were ever moved to it or from it; all at
        positions later than ``after``.
        """

    def brought_to(
        self, identity: UUID, aggregates: Sequence[UUID], types: Sequence[str], after: int
    ) -> Sequence[tuple[UUID, str]]:
        """Aggregate and type of the events at positions later than ``after``: those of these types of these aggregates,
        and conflicts whose second is said to be of the identity. Each pair once.
        """

    def max_notification_id(self) -> int | None:
        """The last position; None in an empty ledger."""

    def conflicts(self, identities: Collection[str], studies: Collection[str]) -> Sequence[tuple[int, bytes]]:
        """Version and bytes of the conflicts whose second is said to be of one of these identities, and of those that
        were found in one of these studies.
        """

    def insert_events(
        self,
        stored_events: Sequence[Any],
        *,
        commands: Sequence[CommandRecord],
        basis: Basis | None,
        changes: Sequence[tuple[int, Change]] = (),
        keys: Collection[str] = (),
        **kwargs: Any,
    ) -> Sequence[int]:
        """Store events and commands in one transaction; returns the positions.

        ``changes``: what events change of what is looked up, each with the place of its event; ``keys``: subjects whose
        keys must be in the vault beside, or nothing is stored.
        """


class LedgerState(Protocol):
    """What a command may look up, as of the last stored event (``domain.ledger.Ledger``)."""

    @property
    def ids(self) -> Ids:
        """Makes ids from names."""

    @property
    def authorities(self) -> Authorities:
        """The authorities whose matricules are taken."""

    @property
    def clock(self) -> Clock:
        """Now."""

    @property
    def log(self) -> CommandLog:
        """The recorder, as the log of commands."""

    def load(self, aggregate_ids: Sequence[UUID]) -> dict[UUID, Aggregate | None]:
        """Several aggregates in one query; None for those without events."""

    def holds(self, aggregate_id: UUID) -> bool:
        """Whether the aggregate has events."""

    def membership(self) -> Persons:
        """Persons and bars."""

    def rules(self) -> RulesInForce:
        """Published rules, and which of them decide."""
