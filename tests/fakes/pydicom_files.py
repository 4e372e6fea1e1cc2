"""The test files that pydicom itself ships, where it is installed: they are read there, and not copied."""

from pathlib import Path
from typing import Final

import pydicom

PYDICOM_FILES: Final = Path(pydicom.__file__).parent / "data" / "test_files"
NOT_PART_10: Final = {
    "ExplVR_BigEndNoMeta",
    "ExplVR_LitEndNoMeta",
    "no_meta",
    "meta_missing_tsyntax",
    "rtplan_truncated",
    "rtstruct",
}
PART_10: Final = sorted(file for file in PYDICOM_FILES.glob("*.dcm") if file.stem not in NOT_PART_10)
