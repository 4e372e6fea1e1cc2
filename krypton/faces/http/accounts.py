"""The accounts file: programs that may sign in by a certificate, by a token, or by both, and as whom each asks.

    [accounts.chb-portal]
    actor = "rpps:10101201233"
    site = "CHB"                              # where it acts from; may be left out
    certificate = "portal.chb.example"        # a name in its certificate, CN or DNS
    token = "sha256:9f86d081884c7d65…"        # of the token; the token itself is stored nowhere
    until = 2027-06-30                        # its last day, in UTC

    [portals.chb-viewer]                      # asks for professionals, whose tokens it brings (``delegated``)
    certificate = "viewer.chb.example"
    client = "chb-viewer"                     # as the provider of the tokens knows it
    until = 2027-06-30

Nobody is in it unless somebody wrote them there: without the file nobody signs in. It is ``accounts.toml`` in the state
folder, or what KRYPTON_WEB_ACCOUNTS names; ``krypton.believed`` decides whether it is believed. It is read again when
it changes; a file that cannot be read, or says what makes no sense, lets nobody in until it does.
"""

import hashlib
import logging
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from domain.actors import OF_PROGRAMS, actor
from domain.errors import BadActor
from krypton.believed import believe
from krypton.errors import SettingsWrong
from krypton.faces.http.signing_in import Shown, SignedIn, refused

log = logging.getLogger(__name__)
WHAT: Final = "the accounts file"
FORM: Final = re.compile(r"[A-Za-z0-9._-]{43,200}")
"""A token: 256 random bits need 43 characters of base64; what is shorter can be guessed, and is not looked up."""
DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
FIELDS: Final = {"actor", "site", "certificate", "token", "until"}
OF_PORTALS: Final = {"certificate", "client", "until"}
NOT_GOOD: Final = "the certificate or token shown is of no account, or is not valid any more"


@dataclass(frozen=True)
class Account:
    """Who may sign in: by all that is named of ``certificate`` and ``digest`` (of the token, as hex)."""

    name: str
    actor: str
    site: str | None
    certificate: str | None
    digest: str | None = field(repr=False)
    until: date

    def fits(self, names: frozenset[str]) -> bool:
        """Whether a certificate with these names may be this account's, or need not be."""
        return self.certificate is None or self.certificate in names

    def shows(self, token: str, names: frozenset[str]) -> bool:
        """Whether this token, and a certificate with these names, are all that the account signs in by."""
        right = self.digest is None or (bool(FORM.fullmatch(token)) and _digest(token) == self.digest)
        return right and self.fits(names)


@dataclass(frozen=True)
class Portal:
    """Who may ask for professionals. ``client``: as the provider of their tokens knows it."""

    name: str
    certificate: str
    client: str
    until: date


@dataclass(frozen=True)
class Held:
    """What a file says."""

    accounts: Mapping[str, Account] = field(default_factory=dict)
    portals: Mapping[str, Portal] = field(default_factory=dict)


class Accounts:
    """Signs in by the file. ``home``: the state folder, whose owner may write it; ``today``: the day, in UTC."""

    def __init__(self, file: Path, home: Path, today: Callable[[], date] = lambda: datetime.now(UTC).date()) -> None:
        self._file, self._home, self._today = file, home, today
        self._state: tuple[int, ...] | None = None
        self._held = Held()
        self._look(first=True)

    async def who(self, shown: Shown) -> SignedIn | None:
        """See ``Authenticator``. A token is looked at first; one that is not good is not made good by a certificate."""
        self._look()
        if shown.authorization:
            found = self._by_token(shown)
        else:
            named = [one for one in self._held.accounts.values() if one.digest is None and one.fits(shown.names)]
            if not named:
                return None
            found = named[0] if len(named) == 1 else None  # a certificate of two accounts is of neither
        if found is None or found.until < self._today():
            raise refused(NOT_GOOD)
        return SignedIn(found.actor, found.site, f"account {found.name}")

    def named(self, name: str) -> Account | None:
        """The account of that name, while it is one."""
        self._look()
        found = self._held.accounts.get(name)
        return found if found and found.until >= self._today() else None

    def still(self, key: str) -> bool:
        """Whether who signed in under this key may do so still: by an account, or through a portal, whose own session
        of the professional is not known here; of others nothing is.
        """
        kind, _, name = key.partition(" ")
        if kind == "portal":
            self._look()
            portal = self._held.portals.get(name.rpartition(" ")[0])
            return portal is not None and portal.until >= self._today()
        return kind != "account" or self.named(name) is not None

    def portal(self, names: frozenset[str]) -> Portal | None:
        """The portal that a certificate with these names is of, while it is one; of two it is neither."""
        self._look()
        found = [one for one in self._held.portals.values() if one.certificate in names]
        return found[0] if len(found) == 1 and found[0].until >= self._today() else None

    def _by_token(self, shown: Shown) -> Account | None:
        scheme, _, token = shown.authorization.partition(" ")
        if scheme.lower() != "bearer" or not FORM.fullmatch(token):
            return None
        found = [one for one in self._held.accounts.values() if one.digest == _digest(token)]
        return found[0] if found and found[0].fits(shown.names) else None

    def _look(self, *, first: bool = False) -> None:
        """Read the file if it is another one than before. Raises SettingsWrong the ``first`` time."""
        try:
            there = self._file.stat()
            state: tuple[int, ...] = (there.st_mtime_ns, there.st_size, there.st_ino, there.st_mode, there.st_uid)
        except OSError:
            state = ()
        if state == self._state:
            return
        self._state, self._held = state, Held()
        try:
            self._held = read(self._file, self._home) if state else Held()
        except SettingsWrong as wrong:
            if first:
                raise
            log.error("%s; nobody signs in by it until that is repaired", wrong)


def read(file: Path, home: Path) -> Held:
    """What is in a file. Raises SettingsWrong."""
    try:
        with file.open("rb") as opened:
            believe(WHAT, file, os.fstat(opened.fileno()), home)
            told = tomllib.load(opened)
    except OSError as failure:
        raise SettingsWrong(f"{WHAT} {file} cannot be read ({failure.strerror}): let it be read") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise SettingsWrong(f"{WHAT} {file} is no TOML: {wrong}") from None
    tables = {kind: told.get(kind, {}) for kind in ("accounts", "portals")}
    if told.keys() - tables.keys() or not all(isinstance(table, dict) for table in tables.values()):
        raise SettingsWrong(f"{WHAT} {file} may say nothing but [accounts.NAME] and [portals.NAME], one for each")
    accounts = {name: _account(name, one, f"{WHAT} {file}, account {name}") for name, one in tables["accounts"].items()}
    portals = {name: _portal(name, one, f"{WHAT} {file}, portal {name}") for name, one in tables["portals"].items()}
    digests = [one.digest for one in accounts.values() if one.digest]
    alone = [
        one.certificate for one in accounts.values() if one.digest is None
    ]  # with a token beside it, others may, too
    alone += [one.certificate for one in portals.values()]
    if any(len(set(shown)) < len(shown) for shown in (digests, alone)):
        raise SettingsWrong(f"{WHAT} {file}: two accounts have the same certificate or token: give each its own")
    return Held(accounts, portals)


def _digest(token: str) -> str:
    """As the file has it; it tells nobody how much of a guess was right."""
    return hashlib.sha256(token.encode()).hexdigest()


def _account(name: str, stated: Any, where: str) -> Account:
    """Raises SettingsWrong for what is no account."""
    if not isinstance(stated, dict) or stated.keys() - FIELDS:
        raise SettingsWrong(f"{where}: it may say {', '.join(sorted(FIELDS))}, and nothing else")
    texts = {key: stated.get(key) for key in ("actor", "site", "certificate", "token")}
    if any(value is not None and (not isinstance(value, str) or not value) for value in texts.values()):
        raise SettingsWrong(f"{where}: actor, site, certificate and token are texts")
    if texts["certificate"] is None and texts["token"] is None:
        raise SettingsWrong(f"{where}: say by which certificate or token it signs in")
    if texts["token"] is not None and not DIGEST.fullmatch(texts["token"]):
        raise SettingsWrong(f"{where}: token is sha256: and the SHA-256 of the token, as 64 digits from 0 to f")
    until = _last_day(stated, where)
    digest = None if texts["token"] is None else texts["token"].partition(":")[2]
    return Account(name, _actor(texts["actor"], where), texts["site"], texts["certificate"], digest, until)


def _portal(name: str, stated: Any, where: str) -> Portal:
    """Raises SettingsWrong for what is no portal."""
    if not isinstance(stated, dict) or stated.keys() - OF_PORTALS:
        raise SettingsWrong(f"{where}: it says {', '.join(sorted(OF_PORTALS))}, and nothing else")
    certificate, client = stated.get("certificate"), stated.get("client")
    if not isinstance(certificate, str) or not isinstance(client, str) or not certificate or not client:
        raise SettingsWrong(f"{where}: certificate and client are texts")
    return Portal(name, certificate, client, _last_day(stated, where))


def _last_day(stated: Mapping[str, Any], where: str) -> date:
    """Raises SettingsWrong."""
    until = stated.get("until")
    if not isinstance(until, date) or isinstance(until, datetime):
        raise SettingsWrong(f"{where}: until is its last day, as 2027-06-30, without quotes")
    return until


def _actor(stated: str | None, where: str) -> str:
    """Raises SettingsWrong."""
    try:
        if actor(stated or "").partition(":")[0] not in OF_PROGRAMS:
            return actor(stated or "")
    except BadActor:
        pass
    expected = "rpps:<number>, patient:<uuid>, or clerk:, operator:, auditor: or service: and a code"
    raise SettingsWrong(f"{where}: actor is none of {expected}")
