"""Stores the embedded servers' ports and passwords between runs."""

import contextlib
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

from krypton.devstack.ports import becomes_free, choose
from krypton.devstack.teller import Teller
from krypton.listeners import listener
from krypton.ports import Ports


def save(remembered: Ports, path: Path) -> None:
    """Write the ports atomically."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(asdict(remembered), indent=2) + "\n")
    new.replace(path)


def with_free(remembered: Ports, names: tuple[str, ...], tell: Teller) -> Ports:
    """Keep each named port that is free; choose and report another if it is taken."""
    chosen = remembered
    for name in names:
        old = getattr(chosen, name)
        if old is not None and becomes_free(old):
            continue
        taken = {port for port in asdict(chosen).values() if port is not None}
        new = choose(taken)
        if old is not None:
            tell.say(f"port {old} of {name} is held by {listener(old)}: using {new} from now on")
        chosen = replace(chosen, **{name: new})
    return chosen


def write_secret(path: Path, text: str) -> None:
    """Write ``text`` to a file only its owner may read; an existing file is never replaced."""
    with contextlib.suppress(FileExistsError):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "w") as secret:
            secret.write(text)
