"""Decides whether a file that gives rights is believed: nobody else could have written it, or put another in its place.

The file, and each folder and link on the way to it from the root on, belongs to root or to the owner of the state
folder, and nobody else may write there, as sshd's StrictModes has it. Further up a group may that has no other member,
as a umask of 002 makes folders, and so may everybody where the sticky bit is set: nobody takes away there what is
another's.
"""

import grp
import os
import pwd
import stat
from pathlib import Path

from adapters.private import OTHERS_MAY_WRITE
from krypton.errors import SettingsWrong


def believe(what: str, file: Path, found: os.stat_result, home: Path) -> None:
    """Raises SettingsWrong where somebody else than root or the ledger's owner could have written the file.

    ``what``: what the file is, for messages; ``found``: what the system says of the open file.
    """
    keepers = {0, home.stat().st_uid if home.exists() else os.getuid()}
    if found.st_uid not in keepers:
        raise SettingsWrong(
            f"{what} {file} belongs to neither root nor the owner of the state folder {home}: "
            f"give it to root (chown root {file})"
        )
    _refuse_open(what, file, bool(found.st_mode & OTHERS_MAY_WRITE))
    own = {file.absolute().parent, file.resolve().parent}  # that of a link, and that of what it leads to
    for path in _way_to(file):
        there = path.lstat()
        if there.st_uid not in keepers:
            raise SettingsWrong(
                f"{path} belongs to neither root nor the owner of the state folder {home}, so {what} {file} "
                f"is not believed: give it to root (chown -h root {path}), or keep the file elsewhere"
            )
        if not stat.S_ISLNK(there.st_mode):
            strict = bool(there.st_mode & OTHERS_MAY_WRITE)
            _refuse_open(what, path, strict if path in own else _others_may_write(there, keepers))


def _refuse_open(what: str, path: Path, is_open: bool) -> None:
    """Raises SettingsWrong where others may write to it."""
    if is_open:
        raise SettingsWrong(f"others may write to {path}, so {what} is not believed: chmod go-w {path}")


def _others_may_write(folder: os.stat_result, keepers: set[int]) -> bool:
    """Whether somebody else may put something in the place of what is in a folder."""
    if folder.st_mode & stat.S_ISVTX or not folder.st_mode & OTHERS_MAY_WRITE:
        return False
    return bool(folder.st_mode & stat.S_IWOTH) or not _members(folder.st_gid) <= keepers


def _members(gid: int) -> set[int]:
    """The users in a group; one whom the system does not know is -1, and nobody's."""
    uids = {user.pw_name: user.pw_uid for user in pwd.getpwall()}
    primary = {user.pw_uid for user in pwd.getpwall() if user.pw_gid == gid}
    try:
        named = grp.getgrgid(gid).gr_mem
    except KeyError:
        return {-1}
    return primary | {uids.get(name, -1) for name in named}


def _way_to(file: Path) -> list[Path]:
    """All folders and links on the way to a file, from the root on, those that links lead through included."""
    found: set[Path] = set()
    left, seen = [file.absolute()], set[Path]()
    while left:
        path = left.pop()
        for one in {path, *path.parents} - seen:
            seen.add(one)
            if one.is_symlink():
                left.append(one.parent / one.readlink())
            if one.is_symlink() or one.is_dir():
                found.add(one)
    return sorted(found)
