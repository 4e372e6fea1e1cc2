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
from domain.ledger import ALL
from krypton.bootstrap import Krypton
from krypton.home import Home

UNSEALED: Final = "unsealed.jsonl"
MANIFEST: Final = "manifest.json"
Document = dict[str, Any]


def note(home: Path, folder: Path, identities: Collection[str], asked_by: str) -> Path:
    """Note an export before it is written; returns where. ``identities``: whom it names. Raises OSError."""
    told = {"folder": str(folder.resolve()), "identities": sorted(identities), "asked_by": asked_by}
    noted = Home(home).exports / f"{uuid4()}.json"
    write(noted, json.dumps(told).encode())
    return noted


def written(ours: Krypton, noted: Path, since: int) -> None:
    """An export is written whole, of what the ledger held at a position: whoever was erased since closes it at once.

    Who is erased later finds it whole (``deleted``), so nobody is missed.
    """
    told = json.loads(noted.read_bytes())
    erased = ours.ledger.recorder.select_notifications(since + 1, ALL, topics=("identity.erased",))
    if not {str(one.originator_id) for one in erased}.isdisjoint(told["identities"]) and _close(told):
        noted.unlink(missing_ok=True)


def deleted(ours: Krypton, causes: Mapping[str, int]) -> Mapping[str, Sequence[str]]:
    """Delete what was opened of these people, in the folders that are where they were written."""
    for noted, told in _noted(ours.settings.home):
        if not causes.keys().isdisjoint(told["identities"]) and _close(told):
            noted.unlink(missing_ok=True)
    return dict.fromkeys(causes, ())


def handed_on(ours: Krypton, identities: Collection[str]) -> list[Document]:
    """The noted exports about these people: the folder, and who asked for it."""
    found = (told for _, told in _noted(ours.settings.home))
    return [told for told in found if not set(identities).isdisjoint(told["identities"])]


def _noted(home: Path) -> Iterator[tuple[Path, Document]]:
    for file in sorted(Home(home).exports.glob("*.json")):
        yield file, json.loads(file.read_bytes())


def _close(noted: Document) -> bool:
    """Delete the opened fields of an export, and take them out of its manifest; whether it is there.

    Another one may have been written to its folder since: an export's manifest says about whom it is.
    """
    folder = Path(noted["folder"])
    try:
        told = json.loads((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError, PermissionError, ValueError):
        return False
    if not _is_export(told) or not set(told.get("identities", ())) <= set(noted["identities"]):
        return False
    told["files"].pop(UNSEALED, None)
    (folder / UNSEALED).unlink(missing_ok=True)
    write(folder / MANIFEST, f"{json.dumps({**told, 'unsealed': False}, ensure_ascii=False, indent=1)}\n".encode())
    return True


def _is_export(manifest: Any) -> bool:
    """Whether it is an export's; any program may write a file of that name."""
    return isinstance(manifest, dict) and isinstance(manifest.get("files"), dict) and "unsealed" in manifest
