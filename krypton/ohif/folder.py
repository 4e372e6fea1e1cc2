"""The folder in which OHIF's viewer is kept as it is served; all of it is read, and checked, before any is served."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from krypton.home import cache_folder
from krypton.ohif.lock import BASE, EDITION
from krypton.ohif.making import MANIFEST, Made

ENTRY, STYLES = "app.bundle.", "app.bundle.css"
NOT_THERE: Final = "the viewer is not there: run krypton viewer fetch, or name its folder in KRYPTON_WEB_VIEWER"


@dataclass(frozen=True)
class Served:
    """A file, and its bytes as they are kept."""

    made: Made
    data: bytes


def folder_of(home: Path) -> Path:
    """Where it is kept, if settings name no other folder: in the user's cache."""
    return cache_folder(home) / f"viewer-{EDITION}"


def read(folder: Path) -> Mapping[str, Served]:
    """The files by name; none where the folder is missing, of another edition, or not as it was made."""
    try:
        told = json.loads((folder / MANIFEST).read_bytes())
        if told["base"] != BASE:
            return {}
        found = {
            name: Served(Made(**made), (folder / name).read_bytes())
            for name, made in told["files"].items()
            if (folder / name).resolve().is_relative_to(folder.resolve())
        }
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    whole = all(hashlib.sha256(one.data).hexdigest() == one.made.sha256 for one in found.values())
    return found if whole else {}


def entry(files: Mapping[str, Served]) -> str:
    """The name of the program that a page loads."""
    return next(name for name in files if name.startswith(ENTRY) and name != STYLES)
