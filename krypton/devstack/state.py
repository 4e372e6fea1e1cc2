"""What the stack remembers between runs: its ports. Losing it costs nothing but other ports."""

import contextlib
import json
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from krypton.devstack import ports
from krypton.devstack.teller import Teller


@dataclass(frozen=True)
class Ports:
    """The loopback ports of the embedded servers; None where none was chosen yet."""

    kafka: int | None = None
    kafka_controller: int | None = None
    database: int | None = None

    @staticmethod
    def load(path: Path) -> "Ports":
        """Read them; a missing or damaged file is an empty memory."""
        try:
            kept = json.loads(path.read_text())
            return Ports(**{f.name: _port(kept.get(f.name)) for f in fields(Ports)})
        except (OSError, ValueError, AttributeError):
            return Ports()

    def save(self, path: Path) -> None:
        """Write them in one step, so that a crash leaves the old file or the new one."""
        new = path.with_suffix(".new")
        new.write_text(json.dumps(asdict(self), indent=2) + "\n")
        new.replace(path)

    def with_free(self, names: tuple[str, ...], tell: Teller) -> "Ports":
        """Keep each named port that is free; choose another, and say so, where somebody else has it."""
        chosen = self
        for name in names:
            old = getattr(chosen, name)
            if old is not None and ports.becomes_free(old):
                continue
            taken = {port for port in asdict(chosen).values() if port is not None}
            new = ports.choose(taken)
            if old is not None:
                tell.say(f"port {old} of {name} is taken by another program: using {new} from now on")
            chosen = replace(chosen, **{name: new})
        return chosen


def _port(value: object) -> int | None:
    return value if isinstance(value, int) and 0 < value < 65536 else None


def write_secret(path: Path, text: str) -> None:
    """Write ``text`` where only its owner may read it; an existing file is never replaced."""
    with contextlib.suppress(FileExistsError):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "w") as secret:
            secret.write(text)
