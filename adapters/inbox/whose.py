"""Lists refused batches by who gave out the numbers that their items state, so that nobody has to read them all.

    whose/<digest of the assigner>/<command id>   the numbers that items of this batch state, as JSON
    whose/listed/<command id>                     it is listed; written last

A refused item is recorded for nobody, so ``filed.py`` lists it nowhere. A batch is listed before its refusal is final.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from adapters.durable import OWNER_ONLY, sync, write, write_all
from adapters.inbox.spool import Spool


class Borne(NamedTuple):
    """A number, and who may have given it out."""

    assigner: str
    number: str


def list_refused(spool: Spool, batch: str, borne: Iterable[Borne]) -> None:
    """List a refused batch, by its command id, in place of what was listed of it. Raises OSError."""
    numbers: dict[str, list[str]] = {}
    for one in sorted(set(borne)):
        numbers.setdefault(one.assigner, []).append(one.number)
    told = {_of(spool, assigner) / batch: json.dumps(mine).encode() for assigner, mine in numbers.items()}
    before = [file for file in _root(spool).glob(f"*/{batch}") if file not in told]  # also that it is listed
    for file in before:
        file.unlink(missing_ok=True)
    sync(*{file.parent for file in before})
    write_all(told, OWNER_ONLY)
    write(_listed(spool) / batch, b"")


def unlisted(spool: Spool) -> Iterator[str]:
    """Command ids of refused batches that are not listed, as those of older versions."""
    known = {file.name for file in _listed(spool).glob("*")}
    return (folder.name for folder in sorted(spool.refused.glob("*")) if folder.name not in known)


def listed(spool: Spool, assigner: str) -> Iterator[tuple[str, list[str]]]:
    """Command ids of the refused batches that state numbers which this assigner may have given out, and these."""
    for file in sorted(_of(spool, assigner).glob("[!.]*")):
        with suppress(FileNotFoundError):
            yield file.name, json.loads(file.read_bytes())


def _root(spool: Spool) -> Path:
    return spool.root / "whose"


def _of(spool: Spool, assigner: str) -> Path:
    return _root(spool) / hashlib.sha256(assigner.encode()).hexdigest()


def _listed(spool: Spool) -> Path:
    return _root(spool) / "listed"
