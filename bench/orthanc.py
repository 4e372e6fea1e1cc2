"""Debian's Orthanc, with which Krypton is compared: as it comes, save what a benchmark sets."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

PROGRAM: Final = "Orthanc"
PLUGINS: Final = Path("/usr/share/orthanc/plugins")
DICOMWEB: Final = PLUGINS / "libOrthancDicomWeb.so"
WEB_ALONE: Final[Mapping[str, Any]] = {"DicomServerEnabled": False, "AuthenticationEnabled": False}
"""Settings of one that is asked over HTTP, by anybody."""


def has_dicomweb() -> bool:
    """Whether it is installed with its DICOMweb plugin."""
    return shutil.which(PROGRAM) is not None and DICOMWEB.exists()


def configured(folder: Path, **settings: Any) -> list[str]:
    """The command that runs one which keeps all in that folder, as the settings say."""
    file = folder / "orthanc.json"
    file.write_text(json.dumps({"StorageDirectory": str(folder), "IndexDirectory": str(folder), **settings}))
    return [PROGRAM, str(file)]
