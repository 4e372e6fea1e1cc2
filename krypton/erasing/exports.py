"""Notes where exports with opened fields were written, and deletes what they opened when one of their people is erased.

An auditor's export holds events as stored; only ``unsealed.jsonl``, where it was asked for, names the person. A folder
that was moved or handed on is not here any more: whoever asked for it was recorded, and is to destroy it. Each machine
notes and closes its own; the ledger holds how many were asked for at all. Of one that is closed the note says no more
than that.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from adapters.durable import write
from adapters.eventstore.histories import StoredEvent, events_of, head, speaking_of
from domain.aggregates.identity import Identity
from domain.ledger import ALL
from krypton.bootstrap import Krypton
from krypton.home import Home

UNSEALED: Final = "unsealed.jsonl"
MANIFEST: Final = "manifest.json"
Document = dict[str, Any]


def note(home: Path, folder: Path, identities: Collection[str], asked_by: str, access: int) -> Path:
    """Note an export before it is written; returns where. ``identities``: whom it names; ``access``: the position that
    says who asked. Raises OSError.
    """
    told = {"folder": str(folder.resolve()), "identities": sorted(identities), "asked_by": asked_by, "access": access}
    noted = Home(home).exports / f"{uuid4()}.json"
    write(noted, json.dumps(told).encode())
    return noted


def written(ours: Krypton, noted: Path, since: int) -> None:
    """An export is written whole, of what the ledger held at a position: whoever was erased since closes it at once.

    Who is erased later finds it whole (``deleted``), so nobody is missed.
    """
    told = json.loads(noted.read_bytes())
    erased = ours.ledger.recorder.select_notifications(since + 1, ALL, topics=("identity.erased",))
    if not {str(one.originator_id) for one in erased}.isdisjoint(told["identities"]):
        _closed(noted, told)


def deleted(ours: Krypton, causes: Mapping[str, int]) -> Mapping[str, Sequence[str]]:
    """Delete what was opened of these people, in the folders that are where they were written."""
    for noted, told in _open(ours.settings.home):
        if not causes.keys().isdisjoint(told["identities"]):
            _closed(noted, told)
    return dict.fromkeys(causes, ())


def follow(ours: Krypton) -> None:
    """Close those of this machine that name somebody who is erased by now; the policies may run on another one.

    What cannot be changed now stays noted.
    """
    named = {identity for _, told in _open(ours.settings.home) for identity in told["identities"]}
    held = ours.ledger.load([UUID(one) for one in named]).values() if named else ()
    erased = {str(one.id): 0 for one in held if isinstance(one, Identity) and one.erased}
    with suppress(OSError):
        deleted(ours, erased)


def asked_for(ours: Krypton, identity: str) -> Document:
    """How many exports about somebody were opened before they were erased: all that the ledger holds, those that this
    machine closed, that it knows and could not close, and that were written elsewhere.
    """
    with ours.snapshot() as connection:
        last = head(connection)
        own = events_of(connection, [identity], last)
        upto = next((one.position for one in own if one.type == "identity.erased"), last)
        spoken = speaking_of(connection, [identity], 0, upto, "access.viewed")
    made = {one.position for one in spoken if _is_opened(ours, one, identity)}
    here = {told["access"]: told for _, told in _noted(ours.settings.home) if told.get("access") in made}
    closed = sum("folder" not in told for told in here.values())
    return {"made": len(made), "closed": closed, "left": len(here) - closed, "elsewhere": len(made) - len(here)}


def _is_opened(ours: Krypton, event: StoredEvent, identity: str) -> bool:
    told = ours.codec.decode(event.state, event.version, unseal=False)[1]
    return told["kind"] == "audit.export" and told["unsealed"] and identity in told["members"]


def handed_on(ours: Krypton, identities: Collection[str]) -> list[Document]:
    """The noted exports about these people: the folder, and who asked for it."""
    found = (told for _, told in _open(ours.settings.home))
    return [told for told in found if not set(identities).isdisjoint(told["identities"])]


def _noted(home: Path) -> Iterator[tuple[Path, Document]]:
    for file in sorted(Home(home).exports.glob("*.json")):
        yield file, json.loads(file.read_bytes())


def _open(home: Path) -> Iterator[tuple[Path, Document]]:
    return ((noted, told) for noted, told in _noted(home) if "folder" in told)


def _closed(noted: Path, told: Document) -> None:
    """Close an export, where it is there; its folder's name may name somebody too."""
    if _close(told):
        write(noted, json.dumps({"access": told.get("access"), "identities": told["identities"]}).encode())


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
