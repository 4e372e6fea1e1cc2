"""Brings the archive's files of one study up to date with the instances that are filed for it.

Idempotent: what is missing is made from the instances, what is gone is left out, and of what is there nothing changes.
Whatever a process dies at, the next one finishes it: ``study.json`` is written last and says of how much of the list of
filed instances (``adapters.inbox.filed``) it is made; where that list has grown, or shrunk, the files are looked at.
"""

import json
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adapters.archive.entry import Entry, as_line, exists, first, read_entry, unreadable
from adapters.archive.places import INDEX, METADATA, OWNER_ONLY_FOLDER, STUDY, folder_of, shard_of
from adapters.archive.series import VERSION, Series, load, save
from adapters.dicom.bounds import UNBOUNDED, Most
from adapters.durable import OWNER_ONLY, sync, write
from adapters.inbox.alone import alone
from adapters.inbox.filed import clear_grown, length, listing
from adapters.inbox.refusal import Refused
from adapters.inbox.spool import Spool

Document = dict[str, Any]
TWICE: Final = "the study has another instance of this UID, from another site"


@dataclass(frozen=True)
class Made:
    """What was done: instances ``read``, and in how many series; ``left_out``: those that cannot be shown."""

    read: int = 0
    series: int = 0
    left_out: int = 0


def fresh(spool: Spool, study: str) -> Document | None:
    """What ``study.json`` says; None where it is not there, or not of all that is filed now."""
    try:
        told: Document = json.loads((folder_of(spool, study) / STUDY).read_bytes())
        current = told["version"] == VERSION and told["listed"] == length(spool, study)
    except (OSError, ValueError, KeyError):
        return None
    return told if current else None


def bring_up_to_date(spool: Spool, study: str, most: Most = UNBOUNDED, *, whole: bool = False) -> Made:
    """Do it. ``whole``: also where the files seem to be whole already. Raises OSError."""
    if not length(spool, study):
        forget(spool, study)
        clear_grown(spool, study, 0)
        return Made()
    shard_of(spool, study).mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY_FOLDER)
    with alone(shard_of(spool, study)):
        told = None if whole else fresh(spool, study)
        size, made = (told["listed"], Made()) if told else _Update(spool, study, most).run()
    clear_grown(spool, study, size)
    return made


def forget(spool: Spool, study: str) -> None:
    """Delete what is kept of a study whose instances were deleted, durably. Raises OSError."""
    shard = shard_of(spool, study)
    with suppress(FileNotFoundError), alone(shard):
        _remove(folder_of(spool, study))


def _remove(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
        sync(folder.parent)


class _Update:
    """One update, by whoever has locked the study."""

    def __init__(self, spool: Spool, study: str, most: Most) -> None:
        self._spool, self._study, self._most = spool, study, most
        self._folder = folder_of(spool, study)
        self._skipped: dict[str, str] = {}

    def run(self) -> tuple[int, Made]:
        """How long the list was that it is made of, and what was done."""
        size, listed = listing(self._spool, self._study)
        prefix = f"{self._spool.form.folder}/"  # what was put aside is nobody's to show
        there = [one for one in dict.fromkeys(listed) if one.startswith(prefix) and exists(self._spool.root, one)]
        if not there:
            _remove(self._folder)
            return size, Made()
        self._folder.mkdir(exist_ok=True, mode=OWNER_ONLY_FOLDER)
        held = self._held()
        new = self._read(there, held)
        series = [self._series(uid, held.get(uid), new.get(uid, ()), set(there)) for uid in {**held, **new}]
        kept = [one for one in series if one.rows]
        write(self._folder / STUDY, as_line(self._document(size, kept)), OWNER_ONLY)
        return size, Made(sum(map(len, new.values())), len(new), len(self._skipped))

    def _held(self) -> dict[str, Series]:
        uids = sorted(file.name.removesuffix(INDEX) for file in self._folder.glob(f"[!.]*{INDEX}"))
        return {uid: series for uid in uids if (series := load(self._folder, uid))}

    def _read(self, there: Iterable[str], held: Mapping[str, Series]) -> dict[str, list[Entry]]:
        """Instances that are in no index yet, by series."""
        known = {row["claim"] for series in held.values() for row in series.rows}
        uids = {row["sop_uid"] for series in held.values() for row in series.rows}
        new: dict[str, list[Entry]] = defaultdict(list)
        for claim in there:
            if claim in known:
                continue
            if (uid := Path(claim).name) in uids:
                self._skipped[claim] = TWICE
                continue
            try:
                entry = read_entry(self._spool.root, claim, self._most)
            except Refused as refused:
                self._skipped[claim] = str(refused)
            except OSError as broken:
                self._skipped[claim] = unreadable(broken)
            else:
                uids.add(uid)
                new[entry.series].append(entry)
        return new

    def _series(self, uid: str, held: Series | None, new: Iterable[Entry], there: set[str]) -> Series:
        keeps = [row for row in held.rows if row["claim"] in there] if held else []
        new = list(new)
        if held and not new and len(keeps) == len(held.rows):
            return held
        if not keeps and not new:
            for suffix in (INDEX, METADATA):
                (self._folder / f"{uid}{suffix}").unlink(missing_ok=True)
            return Series(uid)
        return save(self._folder, held, keeps, new)

    def _document(self, size: int, series: list[Series]) -> Document:
        series = sorted(series, key=lambda one: (_number(one), one.uid))
        return {
            "version": VERSION,
            "listed": size,
            "said": series[0].study if series else {},
            "series": [{"uid": one.uid, "instances": len(one.rows), "said": one.said} for one in series],
            "left_out": self._skipped,
        }


def _number(series: Series) -> int:
    number = first(series.said, "00200011")
    return number if isinstance(number, int) else 2**31
