"""A file that somebody names is whole or not there, whatever ends the process; and nothing is written over."""

import errno
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.durable import OWNER_ONLY, PART, write_whole

ROOT = Path(__file__).parents[2]
CUT = """
import sys
from pathlib import Path
from adapters.durable import OWNER_ONLY, write_whole

def parts():
    yield b"x" * 1_000_000
    print("half", flush=True)
    sys.stdin.read()

write_whole(Path(sys.argv[1]), parts(), OWNER_ONLY)
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "return.csv"


@pytest.fixture
def half(out: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that wrote half of the file and waits."""
    command = [sys.executable, "-c", CUT, str(out)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        yield process
        process.kill()


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_a_process_that_is_killed_leaves_no_file_of_that_name_and_nothing_in_the_way(
    out: Path, half: "subprocess.Popen[bytes]"
) -> None:
    half.send_signal(signal.SIGKILL)
    half.wait()
    assert names(out.parent) == [f"return.csv{PART}"]
    write_whole(out, [b"whole"], OWNER_ONLY)
    assert (names(out.parent), out.read_bytes()) == (["return.csv"], b"whole")


def test_who_writes_the_same_file_meanwhile_is_refused_and_harms_nobody(
    out: Path, half: "subprocess.Popen[bytes]"
) -> None:
    with pytest.raises(BlockingIOError):
        write_whole(out, [b"other"])
    half.communicate()
    assert (half.returncode, names(out.parent), out.stat().st_size) == (0, ["return.csv"], 1_000_000)


@pytest.mark.parametrize("links", [True, False])
def test_what_is_there_stays_also_where_the_file_system_has_no_links(
    out: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if not links:
        monkeypatch.setattr(os, "link", without)
    write_whole(out, [b"mine"])
    with pytest.raises(FileExistsError):
        write_whole(out, [b"theirs"])
    assert (names(out.parent), out.read_bytes()) == (["return.csv"], b"mine")


def test_what_fails_in_its_middle_leaves_nothing(out: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"half"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        write_whole(out, parts())
    assert names(out.parent) == []


def test_a_file_about_people_is_its_owners_alone_from_its_first_byte_on(out: Path) -> None:
    seen = []

    def parts() -> Iterator[bytes]:
        seen.append(stat.S_IMODE(out.with_name(f"return.csv{PART}").stat().st_mode))
        yield b"of somebody"

    write_whole(out, parts(), OWNER_ONLY)
    assert (seen, stat.S_IMODE(out.stat().st_mode)) == ([0o600], 0o600)


def test_no_link_that_lies_in_the_way_is_followed(out: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"theirs")
    out.with_name(f"return.csv{PART}").symlink_to(theirs)
    with pytest.raises(OSError, match="symbolic links"):
        write_whole(out, [b"mine"])
    assert theirs.read_bytes() == b"theirs"


def test_no_command_writes_a_file_in_another_way() -> None:
    """Each goes through ``krypton.cli.new_files``."""
    writes = re.compile(r"\.write_(text|bytes)\(|open\([^)]*[\"'][wx]b?[\"']")
    commands = (path for path in (ROOT / "krypton" / "cli").glob("*.py") if path.name != "roles.py")  # makes a setting
    found = [path.name for path in commands if writes.search(path.read_text())]
    assert found == []
