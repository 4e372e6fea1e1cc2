"""The mail file: by which server notices go by mail, and to whom.

    host = "smtp.region.example"
    port = 587
    from = "krypton@region.example"
    user = "krypton"                      # where the server asks for a login, as its password's file
    password_file = "smtp.password"
    authorities = "ca.pem"                # who signs for its certificate; the system's authorities

    [to]                                  # by code of the establishment; "*": of all
    "*" = ["physique@region.example"]
    CHU-BDX = ["radioprotection@chu.example"]

It is ``mail.toml`` in the state folder, or what KRYPTON_MAIL names, and is believed as the roles file is
(``krypton.believed``). It is read when policies start. Without it nobody is written to.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from adapters.notices.mail import Mail, MailServer, NoMail
from domain.notices import Notices
from krypton import setting_values as values
from krypton.believed import believe
from krypton.errors import SettingsWrong
from krypton.settings import Settings

WHAT: Final = "the mail file"
ADDRESS: Final = re.compile(r"[^@\s<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,255}", re.ASCII)
TEXTS: Final = ("host", "from", "user", "password_file", "authorities")
PORT: Final = 587


def mail(settings: Settings) -> Notices:
    """Where mail goes. Raises SettingsWrong."""
    server = read(settings.mail, settings.home, settings.web_origin)
    return Mail(server) if server else NoMail()


def read(file: Path, home: Path, origin: str | None) -> MailServer | None:
    """The mail server; None where there is no file. Raises SettingsWrong."""
    try:
        with file.open("rb") as opened:
            believe(WHAT, file, os.fstat(opened.fileno()), home)
            told = tomllib.load(opened)
    except FileNotFoundError:
        return None
    except OSError as failure:
        raise SettingsWrong(f"{WHAT} {file} cannot be read ({failure.strerror}): let it be read") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise SettingsWrong(f"{WHAT} {file} is no TOML: {wrong}") from None
    return _server(told, file, origin)


def _server(told: Mapping[str, Any], file: Path, origin: str | None) -> MailServer:
    where = f"{WHAT} {file}"
    if told.keys() - {*TEXTS, "port", "to"} or any(not isinstance(told.get(name, ""), str) for name in TEXTS):
        raise SettingsWrong(f"{where}: it may say {', '.join(TEXTS)}, each a text, port and [to], and nothing else")
    if not told.get("host") or not ADDRESS.fullmatch(told.get("from", "")):
        raise SettingsWrong(f"{where}: it says host, and from, an address such as krypton@region.example")
    port = told.get("port", PORT)
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65_535:
        raise SettingsWrong(f"{where}: port is a number from 1 to 65535")
    if bool(told.get("user")) != bool(told.get("password_file")):
        raise SettingsWrong(f"{where}: user and password_file go together: add the other, or remove both")
    secret = file.parent / told["password_file"] if told.get("password_file") else None
    return MailServer(
        told["host"],
        port,
        told["from"],
        _recipients(told.get("to", {}), where),
        told.get("user"),
        values.password(secret, f"{where}, password_file") if secret else None,
        file.parent / told["authorities"] if told.get("authorities") else None,
        origin,
    )


def _recipients(stated: Any, where: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(stated, dict) or not all(
        isinstance(some, list) and some and all(isinstance(one, str) and ADDRESS.fullmatch(one) for one in some)
        for some in stated.values()
    ):
        raise SettingsWrong(f'{where}: [to] has lines such as CHU-BDX = ["radioprotection@chu.example"]')
    return {site: tuple(some) for site, some in stated.items()}
