"""Says what is wrong with the stored images of this machine: damaged ones, studies that wait, volumes.

Looks at names of files and free room alone, so that health stays quick.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from krypton.settings import Settings
from krypton.views.looking import Problem


def problems_of(instances: Path, now: float, still_s: float) -> Iterator[Problem]:
    """``now``: seconds since 1970; ``still_s``: so long may a study wait."""
    if damaged := sum(1 for _ in instances.glob("archive/rot/*.json")):
        said = f"{damaged} stored instances are not what came in, or gone: krypton archive check names them"
        yield Problem("archive", f"{said}; bring them back from a backup")
    waits = []
    for mark in instances.glob("grown/*"):
        with suppress(FileNotFoundError):
            waits.append(now - mark.stat().st_mtime)
    if max(waits, default=0.0) > still_s:
        said = f"stands still: {len(waits)} studies wait for their metadata, the first for {max(waits):.0f} s"
        yield Problem("archive", f"{said}; is krypton dicom serve running?")


def problems_of_volumes(settings: Settings) -> Iterator[Problem]:
    """Volumes that cannot be used, each by its name."""
    if not settings.dicom_volumes or not settings.instances.is_dir():
        return
    from adapters.dicom.inlet import spool_at  # with the readers of DICOM, which health needs here alone
    from adapters.inbox.volumes import Volumes

    for one in Volumes(spool_at(settings.instances), settings.dicom_volumes).look():
        if one.why:
            said = f"volume {one.folder} is not used: {one.why}; what comes in stays in {settings.instances}"
            yield Problem("archive", said)
