"""The paths of all files in the state folder (``.krypton/``, or KRYPTON_HOME)."""

import os
from dataclasses import dataclass
from pathlib import Path

from streams.broker.broker import OPERATOR, login_file


@dataclass(frozen=True)
class Home:
    """Where Krypton keeps what is not in the database. ``root`` is absolute."""

    root: Path

    @property
    def instances(self) -> Path:
        """The DICOM instances taken in, one file each."""
        return self.root / "dicom"

    @property
    def exports(self) -> Path:
        """Where exports with opened fields were written to, one file per export."""
        return self.root / "exports"

    @property
    def run_lock(self) -> Path:
        """Locked by the one ``krypton run`` of this folder, and holds its pid."""
        return self.root / "run.lock"

    @property
    def notices(self) -> Path:
        """What policies tell others, one file per notice."""
        return self.root / "notices"

    @property
    def tiles(self) -> Path:
        """The signed tree's folder, to be served as static files."""
        return self.root / "tlog"

    @property
    def tree_key(self) -> Path:
        """The key that signs the tree: apart from the tiles, which anybody may read."""
        return self.root / "tlog.key"

    @property
    def master_key(self) -> Path:
        """The master key of the embedded stack's vault: base64 of 32 random bytes."""
        return self.root / "master.key"

    @property
    def ports(self) -> Path:
        """The ports of the embedded servers."""
        return self.root / "ports.json"

    @property
    def kafka_logins(self) -> Path:
        """A password file for each of Krypton's logins at the embedded broker."""
        return self.root / "kafka-logins"

    @property
    def kafka_password(self) -> Path:
        """The operator's password at the embedded broker; there is one where that broker asks for logins."""
        return login_file(self.kafka_logins, OPERATOR)

    @property
    def postgres_password(self) -> Path:
        """The password of the embedded database, readable by its owner only."""
        return self.root / "postgres.password"


def cache_folder(home: Path) -> Path:
    """The user's cache, shared by all checkouts; without a home folder, ``downloads`` in the state folder."""
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = (Path(base) if base else Path.home() / ".cache") / "krypton"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):  # accounts such as nobody have no home
        pass
    return home / "downloads"
