"""Runs what keeps the archive's files beside the DICOM service, and checks all of them on demand."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, Final
from uuid import UUID

from adapters.archive.keeping import Keeping
from adapters.archive.moving import Moving
from adapters.archive.scrub import look, orphans, studies
from adapters.archive.study import fresh
from adapters.dicom.bounds import Most
from adapters.inbox.linked import VolumeAway
from adapters.inbox.spool import Spool
from adapters.inbox.volumes import Volumes
from domain.errors import StoreAway
from krypton.bootstrap import Krypton, most
from krypton.errors import ServiceUnavailable, SettingsWrong
from krypton.services.parent import PARENT
from krypton.services.spools import spool_at_home
from krypton.services.supervisor import PAUSES_S, WELL_S, krypton_command
from krypton.settings import Settings

NICE: Final = 10  # what comes in goes first
GRACE_S: Final = 2.0  # less than the DICOM service itself is given to stop
MIB: Final = 1024 * 1024


def keep(settings: Settings, stop: Event) -> None:
    """Make metadata and frame indexes of what arrives, and read instances again, until ``stop`` is set.

    Raises ServiceUnavailable: the folder cannot be used.
    """
    os.nice(NICE)
    with spool_at_home(settings) as spool:
        moving = Moving(Volumes(spool, settings.dicom_volumes)) if settings.dicom_volumes else None
        Keeping(spool, most(settings), settings.scrub_mib_s, moving).run(stop)


def check(settings: Settings, step: Callable[[], None]) -> dict[str, Any]:
    """Bring the files of all studies up to date and read every instance again; ``step`` is called for each of them.

    ``left_out``: instances that cannot be shown, and why; ``damaged``: those that are not what came in; ``away``:
    studies on a volume that is not there; ``retention_over``: how many studies are of records that need not be kept any
    more, None where the ledger cannot be asked. Raises ServiceUnavailable.
    """
    found: dict[str, Any] = {"studies": 0, "instances": 0, "mib": 0.0, "left_out": [], "damaged": [], "away": []}
    size, is_over = 0, _is_over(settings)
    found["retention_over"] = 0 if is_over else None
    with spool_at_home(settings) as spool:
        found["volumes"] = volumes_of(spool, settings)
        found["deleted"] = sum(1 for _ in orphans(spool))
        for study in studies(spool):
            found["studies"] += 1
            size += _check(spool, study, most(settings), found, step)
            if is_over:
                found["retention_over"] += is_over(UUID(study))
    found["mib"] = round(size / MIB, 1)
    return found


def _check(spool: Spool, study: str, bounds: Most, found: dict[str, Any], step: Callable[[], None]) -> int:
    """Check one study; how many bytes it has."""
    size = 0
    try:
        for looked in look(spool, study, bounds):
            found["instances"] += 1
            size += looked.size
            if looked.problem:
                found["damaged"].append({"study": study, "instance": looked.claim, "reason": looked.problem})
            step()
    except VolumeAway as away:
        found["away"].append({"study": study, "reason": away.strerror})
    left_out = (fresh(spool, study) or {}).get("left_out", {})
    found["left_out"] += [{"study": study, "instance": one, "reason": why} for one, why in left_out.items()]
    return size


def volumes_of(spool: Spool, settings: Settings) -> list[dict[str, Any]]:
    """The volumes that were set, each with its free room, and why it is not used, if it is not."""
    found = Volumes(spool, settings.dicom_volumes).look()
    return [{"volume": str(one.folder), "free_mib": one.free // MIB, "problem": one.why or None} for one in found]


def _is_over(settings: Settings) -> Callable[[UUID], bool] | None:
    """Whether the retention of a study's record is over; None where the ledger cannot be asked: files can be."""
    from krypton.erasing.kept import keeps

    try:
        ours = Krypton.connect(settings, login=None)
        kept, today = keeps(ours), ours.ledger.clock().date()
    except (ServiceUnavailable, SettingsWrong, StoreAway):
        return None
    return lambda study: (until := kept(study)) is not None and until <= today


class Keeper:
    """``krypton archive run`` as a child of the DICOM service: what is made of images is not to slow their arrival.

    Call ``look`` now and then, in one thread, then ``stop``.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self._started, self._failures, self._due = 0.0, 0, 0.0

    def look(self) -> None:
        """Start it, and again where it has ended, after a pause that grows."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            self._failures = 0 if now - self._started > WELL_S else self._failures + 1
            self._due = now + PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
            self._process = None
        if self._process is None and now >= self._due:
            env = {**os.environ, "KRYPTON_HOME": str(self._home), PARENT: str(os.getpid())}
            command = krypton_command("archive", "run")
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=env, start_new_session=True)
            self._started = now

    def stop(self) -> None:
        """End it; it may be ended at any moment."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
