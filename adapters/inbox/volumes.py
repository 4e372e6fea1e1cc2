"""Items that lie on another volume than the spool: their claim is a symbolic link, and nothing else is different.

    volumes/<id>                              in the spool: a link to the folder of that volume
    <volume>/krypton-volume                   its id; a folder without it is no volume: it may be an empty mount point
    <volume>/incoming/<token>                 a copy that is being made: worth nothing after a crash
    <volume>/items/<shard>/<owner>/<site>_<uid>

What comes in lands in the spool, as ever. What is recorded may be moved, an item at a time: it is copied and compared,
and then its claim becomes a link. Whatever a process dies at, the claim leads to a whole item. What has a pending name
is not moved, for claim and pending name are one file (``desk.py``). Whoever asks for an item of a volume that is away
gets ``VolumeAway``, and never that there is none.
"""

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from adapters.durable import OWNER_ONLY, create, sync
from adapters.inbox.alone import alone
from adapters.inbox.filed import folder_of_list, listing
from adapters.inbox.linked import DEPTH, LINKS, MARK, target_of
from adapters.inbox.spool import Spool

FOLDER_MODE: Final = 0o700
MADE_BY_THE_DISK: Final = {"lost+found"}


@dataclass(frozen=True)
class Volume:
    """One of the folders that were set. ``id`` is empty where it cannot be used; ``why`` says why not."""

    folder: Path
    id: str = ""
    why: str = ""
    free: int = 0


@dataclass
class Volumes:
    """The volumes of one spool."""

    spool: Spool
    folders: Sequence[Path]

    def look(self) -> list[Volume]:
        """Each of the volumes as it is now; one that is new is made ready."""
        return [self._look(folder) for folder in self.folders]

    def _look(self, folder: Path) -> Volume:
        try:
            mark = folder / MARK
            if not mark.exists() and not self._ready(folder, mark):
                return Volume(folder, why="it is not mounted, or another folder: its file krypton-volume is missing")
            if not (id := mark.read_text().strip()):
                return Volume(folder, why="it is being made ready")
            self._link(id, folder)
            free = shutil.disk_usage(folder).free
        except OSError as broken:
            return Volume(folder, why=broken.strerror or type(broken).__name__)
        why = "" if free >= self.spool.room else "it is full"
        return Volume(folder, id, why, free)

    def _ready(self, folder: Path, mark: Path) -> bool:
        """Make a volume of an empty folder that was none before."""
        known = {link.readlink() for link in (self.spool.root / LINKS).glob("*") if link.is_symlink()}
        if folder in known or not folder.is_dir() or {one.name for one in folder.iterdir()} - MADE_BY_THE_DISK:
            return False
        folder.chmod(FOLDER_MODE)
        with suppress(FileExistsError):  # another process was faster
            create(mark, secrets.token_hex(8).encode(), OWNER_ONLY)
        return True

    def _link(self, id: str, folder: Path) -> None:
        """Where the volume is now: it may be mounted elsewhere than before."""
        link = self.spool.root / LINKS / id
        if link.is_symlink() and link.readlink() == folder:
            return
        link.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        _point(link, str(folder), self.spool.root / LINKS)

    def sweep(self) -> None:
        """Delete what a killed process left half-made. One process alone moves items of a spool. Raises OSError."""
        half = [one.folder.glob("incoming/*") for one in self.look() if one.id]
        for one in chain((self.spool.root / LINKS).glob(".*"), *half):
            one.unlink(missing_ok=True)

    def move(self, owner: str) -> int:
        """Move what is recorded for an owner onto a volume; how many items are left that may be moved later.

        All of an owner goes to one volume while that has room, a new one where there is most. Raises OSError.
        """
        prefix = f"{self.spool.form.folder}/"
        claims = [one for one in dict.fromkeys(listing(self.spool, owner)[1]) if one.startswith(prefix)]
        here = [one for one in claims if _is_file(self.spool.root / one)]
        if not here or (volume := self._for(claims)) is None:
            return len(here)
        return sum(not self._move(owner, claim, volume) for claim in here)

    def _for(self, claims: Sequence[str]) -> Volume | None:
        usable = [one for one in self.look() if not one.why]
        theirs = {target.parts[-5] for one in claims if (target := target_of(self.spool.root / one))}
        mine = [one for one in usable if one.id in theirs]
        return max(mine or usable, key=lambda one: one.free, default=None)

    def _move(self, owner: str, claim: str, volume: Volume) -> bool:
        """Move one item; False: it is still being recorded."""
        source = self.spool.root / claim
        if source.stat().st_nlink > 1:
            return False
        site, uid = source.parts[-3], source.name
        below = Path("items", owner[-3:], owner, f"{site}_{uid}")
        target = volume.folder / below
        self._copy(source, target, volume.folder / "incoming")
        with alone(folder_of_list(self.spool, owner)):  # nobody deletes it meanwhile
            if claim not in listing(self.spool, owner)[1] or not _is_file(source):
                target.unlink(missing_ok=True)
                return True
            up = Path(*[".."] * (len(Path(claim).parts) - 1))
            _point(source, str(up / LINKS / volume.id / below), self.spool.root / LINKS)
        return True

    @staticmethod
    def _copy(source: Path, target: Path, incoming: Path) -> None:
        """Durably, and compared with what it is a copy of. Raises OSError."""
        for folder in (incoming, *reversed(target.parents[: DEPTH - 1])):
            folder.mkdir(exist_ok=True, mode=FOLDER_MODE)
        aside = incoming / secrets.token_hex(8)
        try:
            with source.open("rb") as read, open(aside, "wb", opener=_owner_only) as written:
                shutil.copyfileobj(read, written, 1 << 20)
                written.flush()
                os.fsync(written.fileno())
            came = source.stat()
            os.utime(aside, ns=(came.st_atime_ns, came.st_mtime_ns))  # when it came in, which erasures look at
            if _digest(aside) != _digest(source):
                raise OSError(errno.EIO, "the copy is another one than what was copied")
            aside.replace(target)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        sync(*target.parents[:DEPTH])


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, OWNER_ONLY)


def _digest(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _point(link: Path, target: str, aside: Path) -> None:
    """Make a link, in the place of whatever has its name, durably."""
    new = aside / f".{secrets.token_hex(8)}"
    new.symlink_to(target)
    try:
        new.replace(link)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync(link.parent)
