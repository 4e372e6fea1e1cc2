"""What ``audit verify`` found: as an object, and as the document that other programs read."""

from dataclasses import dataclass
from typing import Any

from krypton.tampering import Difference, Log


@dataclass
class Verdict:
    """What was found. ``events``: how many were compared; ``root``: of the tree over the event store so far."""

    events: int = 0
    root: bytes = b""
    checkpoints: int = 0
    repeats: int = 0
    waiting: int = 0
    difference: Difference | None = None

    def of_log(self, log: Log) -> str:
        """``ok``, or what is wrong with one of the logs."""
        found = self.difference
        if found is None or found.log not in (log, Log.BOTH):
            return "ok"
        return f"{found.kind} at position {found.position}"

    def document(self) -> dict[str, Any]:
        """The ``audit verify`` document."""
        found = self.difference
        return {
            "events": self.events,
            "root": self.root.hex(),
            "checkpoints": self.checkpoints,
            "event_store": self.of_log(Log.EVENT_STORE),
            "kafka": self.of_log(Log.KAFKA),
            "first_difference": found and found.position,
            "kind": found and found.kind.value,
            "log": found and found.log.value,
            "detail": found and found.detail,
            "repeats": self.repeats,
            "not_yet_published": self.waiting,
        }
