"""The result of ``audit verify``: an object, and the JSON document for other programs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from krypton.integrity.findings import Difference, Log

MOST: Final = 1_000
"""Differences that are listed: whoever may write to Kafka can make any number of them."""


@dataclass
class Verdict:
    """The result. ``events``: how many were compared; ``root``: root of the tree over the event store.

    ``unsigned``: events after the last valid checkpoint; ``is_overdue``: they should have been signed by now.
    ``waiting``: events probably not published yet. ``keys``: of the vault, that were compared; None: it was not.
    ``foreign_keys``: of subjects that the ledger does not know, some of them ``foreign_named``. ``has_tables``:
    decision tables were compared. ``found``: differences in the order found; verification continues after those that do
    not question the event store, such as a forged record. ``more``: further ones that are counted alone.
    """

    events: int = 0
    root: bytes = b""
    checkpoints: int = 0
    unsigned: int = 0
    is_overdue: bool = False
    repeats: int = 0
    waiting: int = 0
    keys: int | None = None
    foreign_keys: int = 0
    foreign_named: Sequence[str] = ()
    found: list[Difference] = field(default_factory=list)
    more: int = 0
    has_tables: bool = False

    def tell(self, one: Difference) -> None:
        """Take up a difference between the logs; after ``MOST`` of them it is only counted."""
        if len(self.found) < MOST:
            self.found.append(one)
        else:
            self.more += 1

    @property
    def findings(self) -> Sequence[Difference]:
        """The differences sorted by position."""
        return sorted(self.found, key=lambda one: one.position)

    @property
    def difference(self) -> Difference | None:
        """The first difference."""
        return next(iter(self.findings), None)

    def of_log(self, log: Log) -> str:
        """``ok``, or what is wrong with one of the logs, or with what is looked up."""
        concerned = {log} if log is Log.DECISION_TABLES else {log, Log.BOTH}
        wrong = (f"{one.kind} at position {one.position}" for one in self.findings if one.log in concerned)
        return next(wrong, "ok")

    def document(self) -> dict[str, Any]:
        """The JSON document of ``audit verify``."""
        found = self.difference
        return {
            "events": self.events,
            "root": self.root.hex(),
            "checkpoints": self.checkpoints,
            "unsigned": self.unsigned,
            "event_store": self.of_log(Log.EVENT_STORE),
            "kafka": self.of_log(Log.KAFKA),
            "vault": None if self.keys is None else self.of_log(Log.VAULT),
            "keys": self.keys,
            "foreign_keys": self.foreign_keys,
            "foreign_named": list(self.foreign_named),
            "decision_tables": self.of_log(Log.DECISION_TABLES) if self.has_tables else None,
            "first_difference": found and found.position,
            "kind": found and found.kind.value,
            "log": found and found.log.value,
            "detail": found and found.detail,
            "findings": [
                {"position": one.position, "kind": one.kind.value, "log": one.log.value, "detail": one.detail}
                for one in self.findings
            ],
            "findings_not_listed": self.more,
            "repeats": self.repeats,
            "not_yet_published": self.waiting,
        }
