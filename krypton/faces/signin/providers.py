"""The providers file: by which providers people sign in, and what each says of them.

    [providers.psc]
    kind = "professionals"                # professionals, patients or staff
    title = "Pro Santé Connect"
    issuer = "https://auth.esw.esante.gouv.fr/auth/realms/esante-wallet"
    client = "krypton"
    secret_file = "/etc/krypton/psc.secret"
    authorities = "/etc/krypton/ca.pem"   # who signs for its certificate; the system's authorities
    scope = "openid scope_all"            # may be left out, as acr may
    acr = "eidas1"                        # levels of sign-in that are enough, with spaces between; "": any
    claim = "ins"                         # patients: which one tells the matricule; staff: which one lists roles

    [providers.staff.people]              # staff: roles by the provider's name for somebody (sub)
    "7d3f…" = ["auditor:dpo"]

It is ``providers.toml`` in the state folder, or what KRYPTON_WEB_PROVIDERS names, and is believed as the roles file is
(``krypton.believed``). It is read when the service starts.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from krypton.believed import believe
from krypton.errors import SettingsWrong

WHAT: Final = "the providers file"
NAME: Final = re.compile("[a-z][a-z0-9-]{0,31}")
RESERVED: Final = ("back", "choose")
KINDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "professionals": ("openid scope_all", "eidas1", ""),
    "patients": ("openid", "eidas1", "ins"),
    "staff": ("openid", "", ""),
}
"""Of each kind, the usual scope, level and claim."""
NEEDED: Final = ("kind", "title", "issuer", "client", "secret_file")
TEXTS: Final = (*NEEDED, "authorities", "scope", "acr", "claim")


@dataclass(frozen=True)
class Stated:
    """One provider, as the file has it."""

    name: str
    kind: str
    title: str
    issuer: str
    client: str
    secret_file: Path
    authorities: Path | None
    scope: str
    acr: tuple[str, ...]
    claim: str
    people: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read(file: Path, home: Path) -> dict[str, Stated]:
    """The providers, by name; none where there is no file. Raises SettingsWrong."""
    try:
        with file.open("rb") as opened:
            believe(WHAT, file, os.fstat(opened.fileno()), home)
            told = tomllib.load(opened)
    except FileNotFoundError:
        return {}
    except OSError as failure:
        raise SettingsWrong(f"{WHAT} {file} cannot be read ({failure.strerror}): let it be read") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise SettingsWrong(f"{WHAT} {file} is no TOML: {wrong}") from None
    held = told.get("providers", {})
    if told.keys() - {"providers"} or not isinstance(held, dict):
        raise SettingsWrong(f"{WHAT} {file} may say nothing but [providers.NAME], one for each")
    found = {name: _provider(name, one, f"{WHAT} {file}, provider {name}", file.parent) for name, one in held.items()}
    if len({(one.issuer, one.client) for one in found.values()}) < len(found):
        raise SettingsWrong(f"{WHAT} {file} names one client of one issuer twice: give each its own")
    return found


def _provider(name: str, stated: Any, where: str, folder: Path) -> Stated:
    """Raises SettingsWrong for what is no provider."""
    if not NAME.fullmatch(name) or name in RESERVED:
        raise SettingsWrong(
            f"{where}: a name has small letters, digits and hyphens, and is not {' or '.join(RESERVED)}"
        )
    if not isinstance(stated, dict) or stated.keys() - {*TEXTS, "people"}:
        raise SettingsWrong(f"{where}: it may say {', '.join((*TEXTS, 'people'))}, and nothing else")
    if any(not isinstance(stated.get(key, ""), str) for key in TEXTS) or not all(map(stated.get, NEEDED)):
        raise SettingsWrong(f"{where}: it says {', '.join(NEEDED)} at least, each a text")
    if stated["kind"] not in KINDS:
        raise SettingsWrong(f"{where}: kind is one of {', '.join(KINDS)}")
    if not re.match(r"https://[^/]|http://(127\.0\.0\.1|localhost)[:/]", stated["issuer"]):
        raise SettingsWrong(f"{where}: issuer begins with https://, for tokens and a secret are sent there")
    scope, acr, claim = (
        stated.get(key, usual) for key, usual in zip(("scope", "acr", "claim"), KINDS[stated["kind"]], strict=True)
    )
    return Stated(
        name,
        stated["kind"],
        stated["title"],
        stated["issuer"],
        stated["client"],
        folder / stated["secret_file"],
        folder / stated["authorities"] if stated.get("authorities") else None,
        scope,
        tuple(acr.split()),
        claim,
        _people(stated.get("people", {}), where),
    )


def _people(stated: Any, where: str) -> dict[str, tuple[str, ...]]:
    """Raises SettingsWrong."""
    if not isinstance(stated, dict) or not all(
        isinstance(roles, list) and all(isinstance(one, str) for one in roles) for roles in stated.values()
    ):
        raise SettingsWrong(f'{where}: people are lines such as "7d3f" = ["auditor:dpo"]')
    return {name: tuple(roles) for name, roles in stated.items()}
