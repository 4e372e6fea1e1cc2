"""Tells whether a file that holds a secret is its owner's alone, and how to make it so.

A key is for its owner: nobody else may read or write it, nor put another file in its place (as ssh has it). A password
may be read by a group too, for two accounts of one machine may need it. What is no regular file, such as a pipe, has no
mode that says anything.
"""

import stat
from pathlib import Path
from typing import Final

OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
OUTSIDE: Final = stat.S_IWGRP | stat.S_IRWXO
"""All that neither the owner has, nor a group that reads."""
OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


class Exposed(Exception):
    """Somebody else may read or change a secret: which file, its mode, and the command that mends it."""


def check_key(file: Path) -> None:
    """Raises Exposed; OSError: it cannot be looked at."""
    _check(file, OTHERS, "600")
    for folder in dict.fromkeys((file.absolute().parent, file.resolve().parent)):  # of a link, and where it leads
        if (mode := _mode(folder)) & OTHERS_MAY_WRITE:
            raise Exposed(
                f"{folder} has mode {mode:04o}, so others may put another file in the place of {file}: "
                f"chmod go-w {folder}"
            )


def check_password(file: Path) -> None:
    """Raises Exposed; OSError: it cannot be looked at."""
    _check(file, OUTSIDE, "640")


def close_to_writers(folder: Path) -> None:
    """Let nobody but its owner put files into a folder. Raises OSError."""
    folder.chmod(_mode(folder) & ~OTHERS_MAY_WRITE)


def _check(file: Path, closed: int, wanted: str) -> None:
    if stat.S_ISREG(file.stat().st_mode) and (mode := _mode(file)) & closed:
        raise Exposed(
            f"{file} has mode {mode:04o}, so others may read or change it: chmod {wanted} {file}, and put another "
            "secret there if somebody did"
        )


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
