"""The embedded servers' part of the state folder: creates, cleans up and locks it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from adapters.private import close_to_writers
from krypton.devstack.teller import Teller
from krypton.errors import ServiceUnavailable
from krypton.home import Home
from krypton.once import LOCK_TIMEOUT_S, locked_file

MIN_FREE_BYTES = 1 << 30  # jars 46 MB, a new database 60 MB, and up to 2 GB of WAL: with less it would soon stop


class StackHome(Home):
    """The paths of the embedded servers' files."""

    @property
    def kafka(self) -> Path:
        """Kafka's log folder. It exists only when completely formatted."""
        return self.root / "kafka"

    @property
    def kafka_properties(self) -> Path:
        """The broker's configuration, rewritten at each start."""
        return self.root / "kafka.properties"

    @property
    def kafka_controller_password(self) -> Path:
        """The broker's password for its controller in the secure profile (``devstack.secure``)."""
        return self.root / "kafka-controller.password"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data folder. It exists only when completely initialised."""
        return self.root / "postgres"

    @property
    def logs(self) -> Path:
        """The servers' logs of all runs."""
        return self.root / "logs"

    def prepare(self, *, min_free_bytes: int = MIN_FREE_BYTES) -> None:
        """Create the folder, whose keys nobody else may replace. Raises ServiceUnavailable if it is not writable or the
        disk is full.
        """
        if any(sign in str(self.root) for sign in ",:\n"):
            raise ServiceUnavailable(
                f"the state folder {self.root} has a comma or a colon in its path, which Kafka reads as a "
                "separator: set KRYPTON_HOME to another folder, then run krypton dev up"
            )
        self._make()
        free = shutil.disk_usage(self.root).free
        if free < min_free_bytes:
            raise ServiceUnavailable(
                f"only {free >> 20} MiB are free on the disk of {self.root}, {min_free_bytes >> 20} MiB are "
                "needed: free some, or set KRYPTON_HOME to another disk, then run krypton dev up"
            )
        with suppress(PermissionError):  # another user's: whoever reads a key there is told
            close_to_writers(self.root)

    def _make(self) -> None:
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            writable = os.access(self.root, os.W_OK)
        except OSError:
            writable = False
        if not writable:
            raise ServiceUnavailable(
                f"the state folder {self.root} cannot be written: set KRYPTON_HOME to a folder of yours, "
                "then run krypton dev up"
            )

    def sweep(self) -> None:
        """Remove temporary folders left by an interrupted start."""
        for remains in self.root.glob("*.new-*"):
            shutil.rmtree(remains, ignore_errors=True)

    @contextmanager
    def locked(self, tell: Teller, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
        """Be the only process that starts and stops servers here; the lock ends with its holder."""
        self._make()
        with locked_file(self.root / "lock", f"another krypton dev is working on {self.root}", tell.say, timeout_s):
            yield
