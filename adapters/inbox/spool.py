"""The spool: keeps received items safe on disk before they are acknowledged, until they are recorded, and after.

An item is what an inlet takes in: a DICOM instance, a message, an upload. ``Form`` says what a spool must know of it.

Folders below the root:

    <form>/<site>/<shard>/<uid>               every item held, one per site and uid: the claim; DICOM: instances/
    work/<desk>/pending/<site>/<actor>/<name> items held but not known to be recorded; ``name`` is Name below
    work/<desk>/pending/<site>/<actor>/blank-<token>  see ``blanks.py``
    work/<desk>/incoming/<token>              large items that are still coming in: worth nothing after a crash
    work/<desk>/batches/<command id>.json     the write-ahead: which pending items make up a command
    conflicts/<site>/<uid>_<digest>           the same uid with other bytes: kept aside, first one stands
    refused/<command id>/                     batches that a rule refused: their items, and reason.json
    answers/<command id>.json                 what imports answered (``answers.py``)
    filed/<shard>/<owner>                     which items were recorded for what (``filed.py``)
    whose/<assigner>/<command id>             of whom refused batches say that they are (``whose.py``)
    commitments/<site>_<uuid>.json            requests for commitment whose report is not heard (``adapters.retrieval``)

A desk is one process's work folder, which it locks: a killed process leaves its desk unlocked, and the next one
takes it over (``desk.py``). The pending name and the claim are two hard links to one file: back the spool up with
links kept.

The invariant: **a claim without a pending name is recorded**, for every order of crashes, because

1. an item's bytes are flushed, in a file whose name is durable, before its claim is linked and the sender is answered.
   That name is its pending name, or a blank's: a sealed item, which states its own digest, is written into a blank, and
   the blank renamed. So what was answered has a pending name, or after a power cut a blank's, which is one as soon as
   the seal is seen to be true. What has no claim of its own may be half-written, and is checked against its digest;
2. the claim is a link(2): of two that bring one uid, in any process, exactly one wins; the other is compared with it;
3. pending names are durable before the batch's file that lists them, and that file before its command is asked: a
   restart asks the same command id again, which the ledger answers as the first time, whatever has arrived since;
4. claims are fsynced before pending names are removed, and pending names are durably gone before the batch's file is:
   what is pending after a restart is either in a batch's file or was never asked;
5. a second item of a uid, with other content, stays pending until it is recorded that it came: then it is put aside,
   into conflicts/. So what is in conflicts/ is recorded;
6. a refusal is final when reason.json is there: its items give up their claims, so they may be sent again.
"""

import errno
import hashlib
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

PENDING = "*/*/*_*"  # below a folder of pending items: site, actor, name; a blank has no such name
ROOM = 512 * 1024 * 1024  # bytes left free for the database and the logs that share the disk


class NoRoom(OSError):
    """The spool's disk has too little free space: nothing more is taken in until somebody frees some."""


class Name(NamedTuple):
    """A pending item: file name ``<uid>_<digest>_<token>``. ``uid``: how its site names it; the same is sent once."""

    site: str
    actor: str
    file: str

    @staticmethod
    def new(site: str, actor: str, *, uid: str, digest: str) -> "Name":
        """A name that no other pending item has."""
        return Name(site, actor, f"{uid}_{digest}_{secrets.token_hex(6)}")

    @property
    def uid(self) -> str:
        """The uid; it holds no underscore and no slash."""
        return self.file.split("_")[0]

    @property
    def digest(self) -> str:
        """Hex of a SHA-256 of what the item says (``Form.digest``)."""
        return self.file.split("_")[1]


@dataclass(frozen=True)
class Form:
    """What the items of a spool are: their folder, their files' suffix, and the digest of what a file says.

    ``digest``: hex of a SHA-256; None where there is no file, or none that can be read. ``seal``: the uid and digest
    that a sealed file states itself; None where it states none.
    """

    folder: str
    suffix: str
    digest: Callable[[Path], str | None]
    seal: Callable[[Path], tuple[str, str] | None] = lambda _: None


@dataclass(frozen=True)
class Spool:
    """The shared folders."""

    root: Path
    form: Form
    room: int = ROOM

    @property
    def conflicts(self) -> Path:
        """Items whose uid is held with other bytes."""
        return self.root / "conflicts"

    @property
    def refused(self) -> Path:
        """Batches that a rule refused."""
        return self.root / "refused"

    def claim(self, site: str, uid: str) -> Path:
        """Where the item of that uid is, or would be."""
        return Path(f"{self.root}/{self.claim_below(site, uid)}")  # once: joining costs each time

    def claim_below(self, site: str, uid: str) -> str:
        """The same, below the root, as text: each part of a Path goes into a table of Python's own."""
        shard = hashlib.sha256(uid.encode()).hexdigest()[:3]  # 4,096 folders a site
        return f"{self.form.folder}/{path_part(site)}/{shard}/{uid}"

    def aside(self, name: Name) -> Path:
        """Where a second item of that uid is, once it is recorded that it came."""
        return self.conflicts / path_part(name.site) / f"{name.uid}_{name.digest}"

    def pending(self) -> Iterator[Path]:
        """Where the items are that are held but not known to be recorded, of all desks."""
        return self.root.glob(f"work/*/pending/{PENDING}")

    def is_full(self) -> bool:
        """Whether the free space is below the reserve."""
        return shutil.disk_usage(self.root).free < self.room

    def check_room(self) -> None:
        """Raises NoRoom."""
        if self.is_full():
            left = f"less than {self.room >> 20} MiB are free, which are left to the database"
            raise NoRoom(errno.ENOSPC, left)


@lru_cache(4_096)
def path_part(text: str) -> str:
    """A site or an actor as one path component: an AE title may contain almost any character (PS3.5 6.2)."""
    return quote(text, safe="").replace(".", "%2E")
