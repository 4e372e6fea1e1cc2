"""Commands that write what is made of a person's doses to a file: whom they asked about, and what they are told."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from krypton.cli import dose, dose_export
from krypton.faces.dose.standards import given
from tests.fakes.roles import roles_file

AS_AUDITOR = ("--as", "auditor:test")
SITES = {"CHA": SimpleNamespace(name="Hôpital fictif A")}
LEDGER = SimpleNamespace(clock=lambda: datetime(2026, 3, 1, tzinfo=UTC), directory=lambda: SimpleNamespace(sites=SITES))
OURS = SimpleNamespace(ledger=LEDGER, archive=None)
READERS = (dose, given)
COMMANDS = (dose, dose_export)


class Asking(NamedTuple):
    """``document``: what is known of whoever is asked about; ``asked``: their references, and as what task."""

    document: dict[str, Any]
    asked: list[tuple[str, str]]

    def dose_of(self, _ours: Any, _caller: Any, ref: str, *, task: str = "dose.show", **_: Any) -> dict[str, Any]:
        """In the place of the query."""
        self.asked.append((ref, task))
        return self.document


def asking(patched: pytest.MonkeyPatch, folder: Path, document: dict[str, Any]) -> Asking:
    """An auditor with a reason, who is told this of everybody."""
    made = Asking(document, [])
    patched.setenv("KRYPTON_ROLES", str(roles_file(folder / "roles", "auditor:test")))
    patched.setenv("KRYPTON_REASON", "essai")
    for module in READERS:
        patched.setattr(module, "dose_of", made.dose_of)
    for module in COMMANDS:
        patched.setattr(module, "asker", lambda *_: None)
        patched.setattr(module, "krypton", lambda: OURS)
    return made
