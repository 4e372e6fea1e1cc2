"""Reads stored instances again and compares them with the digests taken when they came in: disks lose bytes in silence.

What is damaged is noted in ``archive/rot/``, and stays noted until it is whole again, or deleted with its person. A
pass goes through all studies in turn; ``archive/scrubbed.json`` says how far it has come, so that the next process goes
on there.
"""

import hashlib
import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from adapters.archive.entry import Row, as_line, digest_of, exists, unreadable
from adapters.archive.places import INDEX, OWNER_ONLY_FOLDER, folder_of, rot_of
from adapters.archive.series import load
from adapters.archive.study import bring_up_to_date, forget, fresh
from adapters.dicom.bounds import UNBOUNDED, Most
from adapters.durable import OWNER_ONLY, write
from adapters.inbox.filed import listing
from adapters.inbox.linked import VolumeAway, check_volume
from adapters.inbox.refusal import Refused
from adapters.inbox.spool import Spool

MISSING: Final = "its file is not there"
CHANGED: Final = "its bytes are not those that came in"


@dataclass(frozen=True)
class Looked:
    """One instance that was read again; ``problem``: what is wrong with it, if anything is."""

    study: str
    claim: str
    size: int
    problem: str | None


def studies(spool: Spool, after: str = "") -> Iterator[str]:
    """Studies with instances here, in one order, from the one after ``after`` on."""
    root = spool.root / "filed"
    for shard in sorted(folder.name for folder in root.glob("[!.]*")) if root.is_dir() else ():
        if shard < after[-3:]:
            continue
        for name in sorted(file.name for file in (root / shard).glob("[!.]*")):
            if (shard, name) > (after[-3:], after) and _is_study(spool, name):
                yield name


def _is_study(spool: Spool, owner: str) -> bool:
    """Lists of what was put aside are under the ids of commands."""
    with suppress(ValueError):
        UUID(owner)
        return any(one.startswith(f"{spool.form.folder}/") for one in listing(spool, owner)[1])
    return False


def look(spool: Spool, study: str, most: Most = UNBOUNDED) -> Iterator[Looked]:
    """Bring a study's files up to date, then read each of its instances; what is found is noted.

    Raises VolumeAway: instances lie on a volume that is not there, and nothing is known of them; OSError.
    """
    bring_up_to_date(spool, study, most)
    rows = {row["claim"]: row for row in _rows(spool, study)}
    left_out = (fresh(spool, study) or {}).get("left_out", ())
    for claim in (*rows, *left_out, *_gone(spool, study, {*rows, *left_out})):
        row = rows.get(claim)
        problem = _problem(spool, study, claim, (row["size"], row["digest"]) if row else None)
        _note(spool, study, claim, problem)
        yield Looked(study, claim, row["size"] if row else 0, problem)


def _rows(spool: Spool, study: str) -> Iterator[Row]:
    folder = folder_of(spool, study)
    for index in sorted(folder.glob(f"[!.]*{INDEX}")):
        if series := load(folder, index.name.removesuffix(INDEX)):
            yield from series.rows


def _gone(spool: Spool, study: str, known: Collection[str]) -> list[str]:
    """What is filed, in no index, and not there. A line of the list that a crash cut off is none."""
    listed = sorted(set(listing(spool, study)[1]))
    whole = [one for one, other in pairwise([*listed, ""]) if not other.startswith(one)]
    prefix = f"{spool.form.folder}/"
    return [one for one in whole if one.startswith(prefix) and one not in known and not exists(spool.root, one)]


def _problem(spool: Spool, study: str, claim: str, came_in: tuple[int, str] | None) -> str | None:
    """What is wrong with an instance; ``came_in``: its size and digest then, where they are known."""
    try:
        now = digest_of(spool.root / claim)
    except FileNotFoundError:
        check_volume(spool.root / claim)
        return MISSING if claim in listing(spool, study)[1] else None  # deleted a moment ago
    except Refused as refused:
        return str(refused)
    except OSError as broken:
        return unreadable(broken)
    return None if came_in in (None, now) else CHANGED


def _note(spool: Spool, study: str, claim: str, problem: str | None) -> None:
    noted = rot_of(spool) / f"{hashlib.sha256(claim.encode()).hexdigest()}.json"
    if problem is None:
        noted.unlink(missing_ok=True)
    elif not noted.exists():
        noted.parent.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY_FOLDER)
        write(noted, as_line({"study": study, "claim": claim, "problem": problem}), OWNER_ONLY)


def rotten(spool: Spool) -> list[dict[str, Any]]:
    """What is noted as damaged; of what is not filed any more, because it was deleted, the note is removed."""
    found = []
    for file in sorted(rot_of(spool).glob("[!.]*.json")):
        told = json.loads(file.read_bytes())
        if told["claim"] in listing(spool, told["study"])[1]:
            found.append(told)
        else:
            file.unlink(missing_ok=True)
    return found


def orphans(spool: Spool) -> Iterator[str]:
    """Delete what is kept of studies of which nothing is filed, as after a crash between two deletions; says which."""
    for folder in sorted((spool.root / "archive").glob("???/[!.]*")):
        if folder.is_dir() and folder.parent.name != rot_of(spool).name and not listing(spool, folder.name)[1]:
            forget(spool, folder.name)
            yield folder.name


class Pass:
    """Goes through all studies again and again, a step at a time."""

    def __init__(self, spool: Spool, most: Most = UNBOUNDED) -> None:
        self._spool, self._most = spool, most
        self._file: Path = spool.root / "archive" / "scrubbed.json"

    def steps(self) -> Iterator[Looked]:
        """The rest of the pass that was begun, or a new one; notes of what was deleted go. Raises OSError."""
        for study in studies(self._spool, self._after()):
            with suppress(VolumeAway):  # the others are not to wait for it
                yield from look(self._spool, study, self._most)
            self._at(study)
        rotten(self._spool)
        self._at("")

    def _after(self) -> str:
        try:
            return str(json.loads(self._file.read_bytes())["after"])
        except (OSError, ValueError, KeyError):
            return ""

    def _at(self, study: str) -> None:
        self._file.parent.mkdir(exist_ok=True, mode=OWNER_ONLY_FOLDER)
        write(self._file, as_line({"after": study}), OWNER_ONLY)
