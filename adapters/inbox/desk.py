"""A desk: one process's folder in the spool, where items are made durable before they are answered.

``spool.py`` says what its files are, and why no order of crashes loses an item or records it twice. A process locks its
desk. One that is killed leaves it unlocked, and the next process takes it over.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from threading import Lock
from typing import BinaryIO
from urllib.parse import unquote

from adapters.durable import OWNER_ONLY, Bytes, sync, write_new
from adapters.inbox.blanks import Blanks
from adapters.inbox.linked import VolumeAway, is_there
from adapters.inbox.spool import PENDING, Name, Spool, path_part

Step = Callable[[str], None]
"""Called with the name of each finished step; tests make it raise, to crash there."""


def no_step(_: str) -> None:
    """Does nothing."""


class Kept(Enum):
    """What became of an item."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


def open_desk(spool: Spool, step: Step = no_step) -> "Desk":
    """A new desk of this process."""
    while True:
        desk = Desk(spool, spool.root / "work" / secrets.token_hex(8), step)
        desk.folder.mkdir(parents=True)
        if desk.take():
            break  # else a process that looks for abandoned desks was faster: it removes the empty one
    for name in ("pending", "incoming", "batches"):
        (desk.folder / name).mkdir()
    sync(desk.folder, desk.folder.parent, spool.root)
    return desk


@dataclass
class Desk:
    """One process's work folder. Its methods may be called from several threads."""

    spool: Spool
    folder: Path
    step: Step = no_step
    _lock: int | None = None
    _blanks: dict[Path, Blanks] = field(default_factory=dict)
    _making: Lock = field(default_factory=Lock)

    def take(self) -> bool:
        """Lock the desk; False if a living process has it or it is gone."""
        try:
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def leave(self) -> None:
        """Unlock the desk, and remove it if it is empty."""
        if self._lock is None:
            return
        if not any(True for _ in self.pending()) and not any((self.folder / "batches").glob("*.json")):
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)
        self._lock = None

    def holds(self, site: str, uid: str, digest: str) -> bool:
        """Whether the very same item is held: what it says is the same, byte for byte."""
        return self.spool.form.digest(self.spool.claim(site, uid)) == digest

    def keep(self, name: Name, parts: Sequence[Bytes]) -> Kept:
        """Make an item durable: when this returns NEW, a power cut cannot lose it. ``parts``: the file's bytes.

        Raises OSError if the disk is full or broken, or the volume away on which one of that uid lies; then nothing is
        held.
        """

        def write(pending: Path) -> None:
            write_new(pending, parts, OWNER_ONLY)
            self.step("written")
            sync(pending.parent)

        return self._keep(name, write)

    def keep_sealed(self, name: Name, parts: Sequence[Bytes]) -> Kept:
        """As ``keep``, at half its cost, of a file that states its uid and digest itself (``Form.seal``)."""

        def write(pending: Path) -> None:
            blank = self._blanks[pending.parent].fill(parts)
            self.step("written")
            blank.rename(pending)

        return self._keep(name, write)

    def new_file(self) -> BinaryIO:
        """A file for an item that comes in piece by piece: to be given to ``adopt`` or ``drop``. Raises OSError."""
        path = self.scratch / secrets.token_hex(8)
        return open(path, "x+b", opener=lambda name, flags: os.open(name, flags, OWNER_ONLY))

    @property
    def scratch(self) -> Path:
        """The folder for what is worth nothing after a crash."""
        return self.folder / "incoming"

    def adopt(self, name: Name, file: BinaryIO) -> Kept:
        """As ``keep``, of an item that lies in a file of this desk; the file is closed. Raises OSError."""

        def move(pending: Path) -> None:
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).rename(pending)
            self.step("written")
            sync(pending.parent)

        try:
            return self._keep(name, move)
        finally:
            self.drop(file)

    def drop(self, file: BinaryIO) -> None:
        """Close a file of this desk, and remove it unless it was adopted."""
        with suppress(OSError):  # its buffer may not fit on the disk: it is not wanted any more
            file.close()
        Path(file.name).unlink(missing_ok=True)

    def _keep(self, name: Name, write: Callable[[Path], None]) -> Kept:
        pending = self.path(name)
        try:
            self._make_folder(pending.parent)
            write(pending)
        except OSError:
            pending.unlink(missing_ok=True)
            raise
        self.step("pending")
        try:
            kept = self.claim(name)
        except VolumeAway:  # it cannot be compared with the one that is held
            pending.unlink()
            raise
        self.step("claimed")
        return kept

    def _make_folder(self, folder: Path) -> None:
        """Once per sender; nobody goes on before the folder itself is durable."""
        with self._making:
            if folder not in self._blanks:
                folder.mkdir(parents=True, exist_ok=True)
                sync(folder.parent, folder.parent.parent)
                self._blanks[folder] = Blanks(folder)

    def claim(self, name: Name) -> Kept:
        """Link a pending item into the archive, or settle it as a duplicate or a conflict. Raises VolumeAway."""
        pending, claim = self.path(name), self.spool.claim(name.site, name.uid)
        try:
            try:
                os.link(pending, claim)
            except FileNotFoundError:
                claim.parent.mkdir(parents=True, exist_ok=True)
                os.link(pending, claim)
        except FileExistsError:
            if not is_there(claim):  # a link that leads to what was deleted
                claim.unlink(missing_ok=True)
                return self.claim(name)
            if pending.samefile(claim):
                return Kept.NEW
            return self._settle_second(name)
        return Kept.NEW

    def _settle_second(self, name: Name) -> Kept:
        if self.holds(name.site, name.uid, name.digest):
            self.path(name).unlink()
            return Kept.DUPLICATE
        return Kept.CONFLICT

    def where(self, name: Name) -> Path:
        """Where the item is, however far its recording got: pending, put aside, or the one that is held."""
        places = (self.path(name), self.spool.aside(name))
        return next((place for place in places if place.exists()), self.spool.claim(name.site, name.uid))

    def path(self, name: Name) -> Path:
        """Where a pending item is."""
        return Path(self._path(name))

    def _path(self, name: Name) -> str:
        return f"{self.folder}/pending/{path_part(name.site)}/{path_part(name.actor)}/{name.file}"

    def claimed(self, names: Iterable[Name]) -> Iterator[str]:
        """The claims of those pending items that are held under their uid, below the root of the spool."""
        for name in names:
            claim = self.spool.claim_below(name.site, name.uid)
            with suppress(FileNotFoundError):
                if os.path.samefile(self._path(name), f"{self.spool.root}/{claim}"):  # noqa: PTH121
                    yield claim

    def seconds(self, names: Iterable[Name], claimed: Collection[str]) -> Iterator[str]:
        """Where those pending items that are not among the ``claimed`` will be put aside, below the root."""
        for name in names:
            if self.spool.claim_below(name.site, name.uid) not in claimed and self.path(name).exists():
                yield str(self.spool.aside(name).relative_to(self.spool.root))

    def pending(self) -> Iterator[Name]:
        """All pending items."""
        for path in (self.folder / "pending").glob(PENDING):
            yield Name(unquote(path.parts[-3]), unquote(path.parts[-2]), path.name)

    def settle(self, names: Iterable[Name]) -> None:
        """Make their pending names durable."""
        sync(*{self.path(name).parent for name in names})
        self.step("settled")

    def release(self, names: Iterable[Name]) -> None:
        """They are recorded: make their claims durable, then remove their pending names durably."""
        names = list(names)
        shards = {self.spool.claim(n.site, n.uid).parent for n in names}
        sync(*sorted(shards | {p for shard in shards for p in (shard.parent, shard.parent.parent)}), self.spool.root)
        self.step("synced")
        for name in names:
            self._part_with(name)
        sync(*{self.path(name).parent for name in names}, *{self.spool.aside(name).parent for name in names})
        self.step("released")

    def _part_with(self, name: Name) -> None:
        pending, claim = self.path(name), self.spool.claim(name.site, name.uid)
        if pending.exists() and not (claim.exists() and claim.samefile(pending)):
            aside = self.spool.aside(name)
            aside.parent.mkdir(parents=True, exist_ok=True)
            pending.rename(aside)
        else:
            pending.unlink(missing_ok=True)
