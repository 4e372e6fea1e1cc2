"""Delivers notices as JSON files in a folder, where a mailer or a worklist picks them up.

A notice is on disk before it counts as delivered, and the same one delivered again is the same file.
"""

import json
import os
from pathlib import Path

from domain.errors import NotDelivered
from domain.notices import Notice


class NoticeFolder:
    """``domain.ports.Notices`` on a folder, which is made when first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def deliver(self, notice: Notice) -> None:
        """See ``Notices``. Raises NotDelivered if the folder is not writable."""
        target = self._folder / f"{notice.id}.json"
        try:
            if not target.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                self._write(target, json.dumps(notice.document(), sort_keys=True).encode() + b"\n")
        except OSError as failure:
            raise NotDelivered(f"folder: {type(failure).__name__}") from failure

    def _write(self, target: Path, content: bytes) -> None:
        """Whole or not at all, whenever the power fails."""
        part = target.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        part.replace(target)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
