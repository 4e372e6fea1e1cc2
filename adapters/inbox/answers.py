"""Stores each import's answer under its command id, so that the same caller's repeated import returns the first answer.

Beside the items and not in the ledger, for an answer names files, and files may be named after people.
"""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.durable import write
from adapters.inbox.spool import Spool
from domain.askers import TAKEN
from domain.errors import IdTaken
from schemas.event import ERASED


def answer_of(spool: Spool, command_id: UUID, actor: str) -> dict[str, Any] | None:
    """The stored answer of an import; None if unknown or unfinished. Raises IdTaken (W5): another's import."""
    try:
        known: dict[str, Any] = json.loads(_file(spool, command_id).read_bytes())
    except FileNotFoundError:
        return None
    if known.pop("actor") != actor:
        raise IdTaken(TAKEN)
    return known


def keep_answer(spool: Spool, command_id: UUID, actor: str, answer: dict[str, Any]) -> None:
    """Store it durably. Raises OSError."""
    file = _file(spool, command_id)
    file.parent.mkdir(exist_ok=True)
    write(file, json.dumps({**answer, "actor": actor}).encode())


def _file(spool: Spool, command_id: UUID) -> Path:
    return spool.root / "answers" / f"{command_id}.json"


def forget_files(spool: Spool) -> None:
    """Overwrite the names of files in all stored answers; counts and reasons stay. Safe to repeat. Raises OSError."""
    for file in sorted((spool.root / "answers").glob("*.json")):
        known = json.loads(file.read_bytes())
        if any(one["path"] != ERASED for one in known["refused"]):
            write(
                file, json.dumps({**known, "refused": [{**one, "path": ERASED} for one in known["refused"]]}).encode()
            )
