"""An auditor and a question: recorded as an access before it is answered; where that fails, nothing is shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from domain.commands.accesses import Audit
from domain.ports import Answer
from domain.work import Envelope
from krypton.bootstrap import Krypton


@dataclass(frozen=True)
class Auditor:
    """Who asks, under which actor id (``system:cli``, ``rpps:…``), and why."""

    actor: str
    reason: str


def recorded(
    ours: Krypton,
    auditor: Auditor,
    kind: str,
    identity: str,
    spoken_of: Iterable[str],
    *,
    other: str | None = None,
    asked: Iterable[str] = (),
    unsealed: bool = False,
) -> Answer:
    """Record one question; ``spoken_of``: identities that the answer may speak of. Raises ReasonMissing (X3)."""
    command = Audit(
        identity=UUID(identity),
        kind=kind,
        reason=auditor.reason,
        other=None if other is None else UUID(other),
        asked=tuple(asked),
        members=tuple(spoken_of),
        unsealed=unsealed,
    )
    return ours.execute(command, Envelope(auditor.actor))
