"""Where the archive keeps what it knows of a study, below the root of the spool.

    archive/<shard>/<study>/<series uid>.json.gz   metadata of the series: a JSON array, an instance a line
    archive/<shard>/<study>/<series uid>.index     of the same instances, in the same order: where, what, which frames
    archive/<shard>/<study>/study.json             its series; written last, and of how much of ``filed`` it is made
    archive/rot/<digest of the claim>.json         an instance that is not what it was (``scrub.py``)

``study``: the id of the ledger's study. All is made of the instances' files, and made again where it is missing.
"""

from pathlib import Path
from typing import Final

from adapters.inbox.spool import Spool

STUDY: Final = "study.json"
METADATA, INDEX = ".json.gz", ".index"
OWNER_ONLY_FOLDER: Final = 0o700


def shard_of(spool: Spool, study: str) -> Path:
    """The folder that is locked while a study's files are changed; it stays."""
    return spool.root / "archive" / study[-3:]


def folder_of(spool: Spool, study: str) -> Path:
    """The folder of a study's files."""
    return shard_of(spool, study) / study


def rot_of(spool: Spool) -> Path:
    """The folder of what was found damaged."""
    return spool.root / "archive" / "rot"
