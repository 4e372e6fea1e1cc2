"""A local provider of sign-in, in the shape of Pro Santé Connect: npm's oidc-provider, with people who do not exist.

It is fetched once, with npm, by a lock that names the digest of each package; it listens on this machine alone, and
keeps keys, sessions and tokens in memory. Whoever asks it chooses as whom to sign in, so it is never for production.
"""

import hashlib
import json
import secrets
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil

from krypton.devstack import npm, processes
from krypton.devstack.home import StackHome
from krypton.devstack.people import KINDS, PEOPLE, ROLES
from krypton.devstack.ports import choose, is_free
from krypton.devstack.state import write_secret
from krypton.devstack.teller import Teller
from krypton.errors import ServiceUnavailable
from krypton.once import once
from krypton.ports import HOST, answers

PROGRAM: Final = Path(__file__).parent / "provider"
FILES: Final = ("package.json", "package-lock.json", "provider.mjs")
START_S: Final = 30.0
STOP: Final = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
SECRET_BYTES: Final = 32


@dataclass(frozen=True)
class LocalProvider:
    """The provider of one state folder. ``origin``: where the web service is asked by browsers."""

    home: StackHome
    cache: Path
    tell: Teller
    origin: str

    @property
    def settings(self) -> Path:
        """Its port, clients and people; it holds the clients' secrets."""
        return self.home.root / "provider.json"

    @property
    def log(self) -> Path:
        """What it says."""
        return self.home.logs / "provider.log"

    def up(self) -> str:
        """Start it if it does not run, for this ``origin``; returns its issuer. Raises ServiceUnavailable."""
        with self.home.locked(self.tell):
            self.home.prepare(min_free_bytes=0)
            program = fetched(self.cache, self.tell)
            port = self._configure()
            if not (self.process() and answers(port)):
                self._start(program, port)
        return f"http://{HOST}:{port}"

    def down(self) -> None:
        """Stop it; safe to repeat."""
        if running := self.process():
            processes.end(running, STOP)

    def process(self) -> psutil.Process | None:
        """The running one."""
        return processes.find(self._is_ours)

    def clients(self) -> dict[str, str]:
        """The secret of each client, by its id."""
        return {one["client_id"]: one["client_secret"] for one in json.loads(self.settings.read_text())["clients"]}

    def _is_ours(self, argv: Sequence[str]) -> bool:
        return Path(argv[0]).name == "node" and argv[-1] == str(self.settings)

    def _start(self, program: Path, port: int) -> None:
        self.down()
        self.tell.say("starting the local provider of sign-in")
        started = processes.spawn([str(npm.NODE), str(program / "provider.mjs"), str(self.settings)], log=self.log)
        processes.wait_until(lambda: answers(port) or not processes.alive(started), START_S)
        if not answers(port):
            raise ServiceUnavailable(
                f"the local provider of sign-in did not come up; {self.log} ends with:\n"
                f"{processes.last_lines(self.log)}\nfix that, then run krypton dev sign-in"
            )

    def _configure(self) -> int:
        """Write its settings, if they are others than there are; returns its port."""
        held = _read(self.settings)
        known = {one["client_id"]: one["client_secret"] for one in held.get("clients", ())}
        port = held.get("port") or 0
        if not port or (not self.process() and not is_free(port)):
            port = choose(set())
        made = {name: known.get(name) or secrets.token_urlsafe(SECRET_BYTES) for name in KINDS}
        wanted = {"port": port, "clients": [client(*one, self.origin) for one in made.items()], "people": PEOPLE}
        if wanted != held:
            self.down()
            self.settings.unlink(missing_ok=True)
            write_secret(self.settings, json.dumps(wanted, indent=2, ensure_ascii=False))
        return int(port)


def client(name: str, secret: str, origin: str) -> dict[str, Any]:
    """A client of the provider: the web service, for one kind of people."""
    return {
        "client_id": name,
        "client_secret": secret,
        "redirect_uris": [f"{origin}/sign-in/back/{name}"],
        "post_logout_redirect_uris": [f"{origin}/signed-out"],
        "backchannel_logout_uri": f"{origin}/sign-in/{name}/ended",
    }


def write_providers(provider: LocalProvider, issuer: str, file: Path) -> bool:
    """Write the providers file that names it, with the secrets beside. Writes nothing, and returns False, where there
    is one that somebody else wrote, or that is as it must be.
    """
    head = "# Made by krypton dev sign-in, for development alone: anybody signs in there as whom they choose.\n"
    if file.exists() and not file.read_text().startswith(head):
        return False
    lines = [head]
    for name, secret in provider.clients().items():
        beside = file.with_name(f"{name}.secret")
        beside.unlink(missing_ok=True)
        write_secret(beside, secret + "\n")
        told = {"kind": KINDS[name], "title": f"Local provider: {KINDS[name]}", "issuer": issuer, "client": name}
        lines += [f"[providers.{name}]", *(f'{key} = "{value}"' for key, value in told.items())]
        lines += [f'secret_file = "{beside.name}"', ""]
        if KINDS[name] == "staff":
            lines += [
                f"[providers.{name}.people]",
                *(f'"{sub}" = {json.dumps(held)}' for sub, held in ROLES.items()),
                "",
            ]
    text = "\n".join(lines)
    if file.exists() and file.read_text() == text:
        return False
    file.unlink(missing_ok=True)
    write_secret(file, text)
    return True


def fetched(cache: Path, tell: Teller) -> Path:
    """The folder of the program, fetched where it is not there. Raises ServiceUnavailable."""
    digest = hashlib.sha256(b"".join((PROGRAM / name).read_bytes() for name in FILES)).hexdigest()
    folder = cache / f"provider-{digest[:16]}"
    who = "another krypton dev fetches the local provider of sign-in"
    cache.mkdir(parents=True, exist_ok=True)
    once(
        cache / "provider.lock", who, tell.say, done=partial(npm.is_fetched, folder), make=partial(_fetch, folder, tell)
    )
    return folder


def _fetch(folder: Path, tell: Teller) -> None:
    """Raises ServiceUnavailable."""
    tell.say("fetching the local provider of sign-in with npm (4 MB, once)")
    try:
        npm.fetch([PROGRAM / name for name in FILES], folder)
    except (OSError, ValueError, subprocess.SubprocessError) as failure:
        raise ServiceUnavailable(
            f"the local provider of sign-in could not be fetched ({type(failure).__name__}: {failure}): check the "
            "network and npm's registry, then run krypton dev sign-in again"
        ) from failure


def _read(file: Path) -> dict[str, Any]:
    """What a settings file says; a missing or damaged one says nothing."""
    try:
        held = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}
