"""Clocks that are wrong: libfaketime, from its wheel, set before a program that is started.

Only the clock on the wall is moved: a steady clock measures time, and no administrator sets it. Never for a JVM, whose
timed waits it breaks.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest


@cache
def library() -> Path | None:
    """The library to preload, where anybody may read it; None where it does not run on this machine."""
    import libfaketime

    wheels = Path(libfaketime.__file__).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
    if not wheels.exists():
        return None
    folder = Path(tempfile.mkdtemp(prefix="krypton-faketime-"))
    folder.chmod(0o755)  # the database has an account of its own
    copy = Path(shutil.copy(wheels, folder))
    copy.chmod(0o755)
    env = {**os.environ, **_preloaded(copy, 24)}
    day = ["date", "+%s"]
    moved, true = (int(subprocess.run(day, env=e, capture_output=True).stdout or 0) for e in (env, None))
    return copy if moved - true > 23 * 3600 else None


def environment(hours: int) -> Mapping[str, str]:
    """The variables under which a program's clock is wrong by so many hours."""
    found = library()
    assert found is not None
    return _preloaded(found, hours)


def _preloaded(path: Path, hours: int) -> dict[str, str]:
    return {
        "LD_PRELOAD": str(path),
        "FAKETIME": f"{hours:+d}h",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else timed waits return at once, and programs spin
    }


@pytest.fixture(scope="session")
def wrong_clocks() -> Iterator[None]:
    """Needed by a test that moves clocks."""
    if library() is None:
        pytest.skip("libfaketime does not run on this machine")
    yield
    if copy := library():
        shutil.rmtree(copy.parent, ignore_errors=True)
