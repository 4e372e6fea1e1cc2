"""Chooses the system account that PostgreSQL runs as: the current user, or an unprivileged one instead of root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from krypton.devstack.teller import Teller
from krypton.errors import ServiceUnavailable

CANDIDATES = ("postgres", "nobody")  # nobody exists on every Debian


@dataclass(frozen=True)
class Account:
    """A system account to start a program as."""

    uid: int
    gid: int

    def as_arguments(self) -> dict[str, Any]:
        """Arguments for subprocess: run as that account, without additional groups."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Make the account the owner of the file or folder."""
        os.chown(path, self.uid, self.gid)


def for_postgres(data: Path) -> Account | None:
    """The account to run PostgreSQL as; None means the current user. Existing data is run by its owner."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise ServiceUnavailable(
        f"PostgreSQL does not run as root, and none of the accounts {', '.join(CANDIDATES)} exists here: "
        "create one, or run krypton dev up as another user"
    )


def let_through(path: Path, account: Account, tell: Teller) -> None:
    """Let the account traverse, not list, the folders above ``path``. Reports what it changed."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if mode & stat.S_IXOTH or (folder.stat().st_uid == account.uid and mode & stat.S_IXUSR):
            continue
        folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
        tell.say(f"{folder} may now be traversed by all accounts (chmod o+x): PostgreSQL does not run as root")


def let_read(tree: Path, tell: Teller) -> None:
    """Let all accounts read a program's folder that a strict umask hides. Reports it."""
    for path in (tree, *tree.rglob("*")):
        mode = path.stat().st_mode
        run = stat.S_IXOTH if mode & stat.S_IXUSR else 0
        path.chmod(stat.S_IMODE(mode) | stat.S_IROTH | run)
    tell.say(f"{tree} may now be read by all accounts (chmod o+rX): PostgreSQL does not run as root")
