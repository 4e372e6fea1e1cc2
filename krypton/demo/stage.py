"""Runs and prints the demo's commands: a heading, one line of explanation, the command and its output."""

import io
import json
import shlex
import time
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, NamedTuple

from rich.console import Console
from rich.panel import Panel

from adapters.inbox.spool import Spool
from krypton.cli.main import run

console = Console(highlight=False, width=110)


class Done(NamedTuple):
    """What a command did."""

    returncode: int
    stdout: str
    stderr: str


RECORDED_S = 60.0


class CommandFailed(Exception):
    """A command of the demo did not do what the story says it does."""


class Stage:
    """Runs ``krypton`` commands in the demo's own state folder and shows them."""

    def __init__(self, spool: Spool) -> None:
        """``spool``: the DICOM service's."""
        self._spool = spool
        self._step = 0

    def step(self, title: str, why: str) -> None:
        """Start a chapter."""
        self._step += 1
        console.print()
        console.rule(f"[bold]{self._step}. {title}", align="left")
        console.print(why, style="italic")

    def note(self, line: str) -> None:
        """One line between commands."""
        console.print(line, markup=False)

    def show(self, *words: str, expect: int = 0) -> str:
        """Run a command and show it with what it printed. Raises CommandFailed on another exit code."""
        console.print(f"\n$ krypton {shlex.join(words)}", style="bold cyan", markup=False)
        done = self._run(words)
        console.out(done.stdout.rstrip(), highlight=False) if done.stdout.strip() else None
        if done.stderr.strip():
            console.out(done.stderr.rstrip(), style="yellow", highlight=False)
        if done.returncode != expect:
            raise CommandFailed(f"krypton {shlex.join(words)} ended with {done.returncode}, not {expect}")
        return done.stdout

    def ask(self, *words: str) -> Any:
        """Run a command quietly with ``--json``; returns the document."""
        done = self._run((*words, "--json"))
        if done.returncode:
            raise CommandFailed(f"krypton {shlex.join(words)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def quietly(self, *words: str) -> None:
        """Run a command whose output is not part of the story."""
        done = self._run(words)
        if done.returncode:
            raise CommandFailed(f"krypton {shlex.join(words)}: {done.stderr.strip()}")

    def recorded(self) -> None:
        """Return when the DICOM service has recorded all that it took. Raises CommandFailed."""
        deadline = time.monotonic() + RECORDED_S
        while any(self._spool.pending()):
            if time.monotonic() > deadline:
                raise CommandFailed(f"received instances were not recorded in {RECORDED_S:.0f} s")
            time.sleep(0.1)

    def _run(self, words: tuple[str, ...]) -> Done:
        """Run the command line in this process: starting Python each time would take most of the demo's time."""
        printed, complained = io.StringIO(), io.StringIO()
        with redirect_stdout(printed), redirect_stderr(complained):
            code = run(words)
        return Done(code, printed.getvalue(), complained.getvalue())


def panel(text: str, title: str) -> None:
    """A framed text."""
    console.print(Panel(text, title=title, expand=False))
