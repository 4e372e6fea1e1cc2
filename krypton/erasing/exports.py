"""Notes where exports with opened fields were written, and deletes what they opened when one of their people is erased.

An auditor's export holds events as stored; only ``unsealed.jsonl``, where it was asked for, names the person. A folder
that was moved or handed on is not here any more: whoever asked for it was recorded, and is to destroy it.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from adapters.durable import write
from krypton.bootstrap import Krypton
from krypton.home import Home

UNSEALED: Final = "unsealed.jsonl"
MANIFEST: Final = "manifest.json"
Document = dict[str, Any]


def note(home: Path, folder: Path, identities: Collection[str], asked_by: str) -> None:
    """Note an export before it is written. Raises OSError."""
    told = {"folder": str(folder.resolve()), "identities": sorted(identities), "asked_by": asked_by}
    write(Home(home).exports / f"{uuid4()}.json", json.dumps(told).encode())


def deleted(ours: Krypton, causes: Mapping[str, int]) -> Mapping[str, Sequence[str]]:
    """Delete what was opened of these people, in the folders that are where they were written."""
    for noted, told in _noted(ours.settings.home):
        if not causes.keys().isdisjoint(told["identities"]) and _close(Path(told["folder"])):
            noted.unlink()
    return dict.fromkeys(causes, ())


def handed_on(ours: Krypton, identities: Collection[str]) -> list[Document]:
    """The noted exports about these people: the folder, and who asked for it."""
    found = (told for _, told in _noted(ours.settings.home))
    return [told for told in found if not set(identities).isdisjoint(told["identities"])]


def _noted(home: Path) -> Iterator[tuple[Path, Document]]:
    for file in sorted(Home(home).exports.glob("*.json")):
        yield file, json.loads(file.read_bytes())


def _close(folder: Path) -> bool:
    """Delete the opened fields of an export, and take them out of its manifest; whether it is there."""
    manifest = folder / MANIFEST
    if not manifest.exists():
        return False
    told = json.loads(manifest.read_bytes())
    told["files"].pop(UNSEALED, None)
    (folder / UNSEALED).unlink(missing_ok=True)
    write(manifest, f"{json.dumps({**told, 'unsealed': False}, ensure_ascii=False, indent=1)}\n".encode())
    return True
