"""Stores each import's answer under its command id, so that the same caller's repeated import returns the first answer.

Beside the items and not in the ledger, for an answer names files, and files may be named after people.
"""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.durable import OWNER_ONLY, write
from adapters.inbox.alone import alone
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


def forgettings(spool: Spool) -> int:
    """How often names of files were taken out of the stored answers: an import asks before it begins."""
    try:
        return int(_times(spool).read_text())
    except FileNotFoundError:
        return 0


def keep_answer(spool: Spool, command_id: UUID, actor: str, answer: dict[str, Any], forgotten: int) -> None:
    """Store it durably. ``forgotten``: ``forgettings`` when the import began; since then it names no files either.

    Raises OSError.
    """
    file = _file(spool, command_id)
    file.parent.mkdir(exist_ok=True)
    with alone(file.parent):
        told = answer if forgettings(spool) == forgotten else _without_names(answer)
        write(file, json.dumps({**told, "actor": actor}).encode(), OWNER_ONLY)


def forget_files(spool: Spool) -> None:
    """Overwrite the names of files in all stored answers, and in those of imports that go on; counts and reasons stay.

    Safe to repeat. Raises OSError.
    """
    folder = _times(spool).parent
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        write(_times(spool), str(forgettings(spool) + 1).encode())
        for file in sorted(folder.glob("*.json")):
            known = json.loads(file.read_bytes())
            if (told := _without_names(known)) != known:
                write(file, json.dumps(told).encode(), OWNER_ONLY)


def _without_names(answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "refused": [{**one, "path": ERASED} for one in answer["refused"]]}


def _file(spool: Spool, command_id: UUID) -> Path:
    return spool.root / "answers" / f"{command_id}.json"


def _times(spool: Spool) -> Path:
    return spool.root / "answers" / "forgotten"
