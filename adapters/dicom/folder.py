"""``krypton ingest``: imports DICOM files and folders of any size, as if their site had sent them.

A DICOMDIR is read for the files it lists; missing ones are reported. Symbolic links to folders are not followed. Memory
does not grow with the folder, except for the list of refusals and some bytes per study. Source: DICOM PS3.10 8.6
(DICOMDIR), PS3.3 F.3 (directory records).
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.dicom.batch import Held
from adapters.dicom.bounds import UNBOUNDED, Most
from adapters.dicom.dicomdir import listed
from adapters.dicom.inlet import batches, recorder
from adapters.dicom.intake import keep_file
from adapters.dicom.refusal import ListsFiles
from adapters.inbox.abandoned import abandoned
from adapters.inbox.batches import NEVER, Batch, Limits
from adapters.inbox.desk import Desk, open_desk
from adapters.inbox.recorder import Executes, Outcome, Recorder
from adapters.inbox.refusal import Refused
from adapters.inbox.spool import Name, NoRoom, Spool

Progress = Callable[[Path], None]
"""Called with each file after it was processed."""

OPEN = Limits(quiet_s=NEVER, linger_s=NEVER, longest_s=NEVER)  # a folder has no quiet times


@dataclass
class IngestSummary:
    """The result: ``files`` is ``accepted`` + ``duplicates`` + ``conflicts`` + refused files.

    ``conflicts``: of instances that are held with other content; they wait for somebody's decision.

    ``studies`` that arrived or grew; ``dose_reports`` recorded by this call, at ``positions``.
    """

    files: int = 0
    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    refused: list[dict[str, str]] = field(default_factory=list)
    dose_reports: int = 0
    study_ids: set[str] = field(default_factory=set)
    positions: list[int] = field(default_factory=list)

    def refuse(self, path: Path | str, reason: str) -> None:
        """Count one refused file."""
        self.refused.append({"path": str(path), "reason": reason})

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of ``krypton ingest``."""
        return {
            "files": self.files,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "conflicts": self.conflicts,
            "refused": self.refused,
            "studies": len(self.study_ids),
            "dose_reports": self.dose_reports,
            "positions": self.positions,
        }


def ingest_paths(
    paths: Iterable[Path],
    site: str,
    ledger: Executes,
    spool: Spool,
    progress: Progress,
    actor: str = "system:dicom",
    correlation: UUID | None = None,
    most: Most = UNBOUNDED,
) -> IngestSummary:
    """Take in files, folders and DICOMDIRs of an enrolled site. One bad file never stops the others.

    What a killed process left in the spool is recorded first. ``correlation``: the id that the events share.
    Raises what the ledger raises where it cannot be reached, NoRoom (what was taken in until then is recorded), and
    OSError where the spool's disk is broken: what was taken in is safe, and the next call or the DICOM service records
    it.
    """
    for left in abandoned(spool):
        _finish(left, ledger)
    desk = open_desk(spool)
    try:
        return _Ingest(desk, recorder(desk, ledger, correlation), site, actor, progress, most).run(paths)
    finally:
        desk.leave()


def _finish(desk: Desk, ledger: Executes) -> None:
    resumed = recorder(desk, ledger)
    try:
        for batch in resumed.recover():
            resumed.record(batch)
    finally:
        desk.leave()


class _Ingest:
    """One run over some paths."""

    def __init__(
        self, desk: Desk, recorder: Recorder[Held], site: str, actor: str, progress: Progress, most: Most
    ) -> None:
        self._desk, self._site, self._actor, self._progress = desk, site, actor, progress
        self._recorder, self._most = recorder, most
        self._batches = batches(OPEN)
        self._paths: dict[Name, str] = {}  # of the instances in open batches
        self._seconds: set[Name] = set()  # of those, the ones that came once more with other content
        self._summary = IngestSummary()

    def run(self, paths: Iterable[Path]) -> IngestSummary:
        try:
            for path in paths:
                self._take_all(path)
        except NoRoom:  # what was left free is enough to record what was taken in
            self._record(self._batches.close_all())
            raise
        self._record(self._batches.close_all())
        return self._summary

    def _take_all(self, path: Path) -> None:
        if path.is_dir():
            for file in self._files(path):
                self._take(file, walked=True)
        else:
            self._take(path, walked=False)

    def _files(self, folder: Path) -> Iterator[Path]:
        """All files below a folder, one open folder per level."""
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        yield from self._files(Path(entry.path))
                    elif not entry.is_dir():
                        yield Path(entry.path)
        except OSError as unreadable:
            self._refuse(folder, f"the folder cannot be read: {unreadable.strerror}")

    def _take(self, path: Path, *, walked: bool) -> None:
        self._desk.spool.check_room()
        try:
            held = keep_file(self._desk, path, site=self._site, actor=self._actor, most=self._most)
        except ListsFiles:
            self._take_listed(path, walked=walked)
        except Refused as refused:
            self._refuse(path, str(refused))
        else:
            self._summary.files += 1
            self._summary.duplicates += held is None
            if held:
                self._paths[held.name] = str(path)
                self._seconds |= {held.name} if held.second else set()
                self._record(self._batches.add(held, feeder=None, now=0.0))
        self._progress(path)

    def _take_listed(self, dicomdir: Path, *, walked: bool) -> None:
        """Import what the DICOMDIR lists; in a folder that is walked anyway, only report what is missing."""
        try:
            for path in listed(dicomdir):
                if not os.path.isfile(path):  # noqa: PTH113  Path.is_file raises where a name is too long
                    self._refuse(path, f"listed in {dicomdir.name}, but not there")
                elif not walked:
                    self._take(path, walked=False)
        except Refused as broken:
            self._refuse(dicomdir, str(broken))

    def _refuse(self, path: Path | str, reason: str) -> None:
        self._summary.files += 1
        self._summary.refuse(path, reason)

    def _record(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            self._count(self._recorder.record(batch))

    def _count(self, outcome: Outcome) -> None:
        summary = self._summary
        paths = [self._paths.pop(name) for name in outcome.batch.names]
        if outcome.refusal:
            for path in paths:
                summary.refuse(path, outcome.refusal)
            return
        seconds = self._seconds.intersection(outcome.batch.names)
        self._seconds -= seconds
        summary.conflicts += len(seconds)
        summary.accepted += len(paths) - len(seconds)
        summary.study_ids.add(outcome.result["study"])
        summary.dose_reports += outcome.result["dose_reports"]
        summary.positions += outcome.positions
