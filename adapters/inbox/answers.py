"""Stores each import's answer under its command id, so that a repeated import returns the first answer.

Beside the items and not in the ledger, for an answer names files, and files may be named after people.
"""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.durable import write
from adapters.inbox.spool import Spool


def answer_of(spool: Spool, command_id: UUID) -> dict[str, Any] | None:
    """The stored answer of an import; None if unknown or unfinished."""
    try:
        known: dict[str, Any] = json.loads(_file(spool, command_id).read_bytes())
    except FileNotFoundError:
        return None
    return known


def keep_answer(spool: Spool, command_id: UUID, answer: dict[str, Any]) -> None:
    """Store it durably. Raises OSError."""
    file = _file(spool, command_id)
    file.parent.mkdir(exist_ok=True)
    write(file, json.dumps(answer).encode())


def _file(spool: Spool, command_id: UUID) -> Path:
    return spool.root / "answers" / f"{command_id}.json"
