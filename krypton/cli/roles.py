"""The roles file: gives each user of the operating system their roles, and so authenticates the command line.

It is the command line's authentication.

    development = true  # only where the ledger is the embedded one: lets rpps:* and patient:* stand for any number
    [users.alice]
    roles = ["clerk:chb-desk", "rpps:10101201233"]
    site = "CHB"  # where they act from; may be left out

It is ``roles.toml`` in the state folder, or the file that KRYPTON_ROLES names. The user is told by the process's uid,
never by a variable. Whether the file is believed is decided in ``krypton.believed``.
"""

import os
import pwd
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adapters.private import close_to_writers
from domain.actors import OF_PROGRAMS, actor
from domain.errors import BadActor
from krypton.believed import believe
from krypton.errors import SettingsWrong
from krypton.settings import Settings

ANY_PROFESSIONAL: Final = "rpps:*"
ANY_PATIENT: Final = "patient:*"
WILD: Final = frozenset({ANY_PROFESSIONAL, ANY_PATIENT})


@dataclass(frozen=True)
class OwnRoles:
    """The roles of one user, in the order in which they are tried. ``site``: where they act from, if the file says."""

    user: str
    roles: tuple[str, ...]
    site: str | None
    file: Path


def user_name() -> str:
    """The user who runs this process, by its uid; the number where the system knows no name for it."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def own_roles(settings: Settings) -> OwnRoles:
    """The roles of the user who runs this process; none where the file does not name them. Raises SettingsWrong."""
    file, user = settings.roles, user_name()
    told = _read(file, settings.home)
    stated = told["users"].get(user, {"roles": []})
    wild = sorted(WILD.intersection(*[stated["roles"]]))
    if wild and not (told["development"] and settings.database is None):
        raise SettingsWrong(
            f"{file} gives {user} {' and '.join(wild)}: that is for development, where the file says development = "
            "true and the ledger is the embedded one; name the numbers instead"
        )
    return OwnRoles(user, tuple(stated["roles"]), stated.get("site"), file)


def write_for_development(settings: Settings) -> bool:
    """Write a file that gives its user every role. Writes nothing, and returns False, where there is one."""
    lines = (
        "# Who may act as what on the command line. Made by krypton dev up, for development alone: every role.",
        "development = true",
        "",
        f'[users."{user_name()}"]',
        "roles = [",
        *(f'  "{own}",' for own in ("operator:dev", "clerk:dev", "auditor:dev", "service:dev", "operator:second")),
        f'  "{ANY_PROFESSIONAL}",  # choose one with --as rpps:<number>',
        f'  "{ANY_PATIENT}",  # the patient who is asked about',
        "]",
        "",
    )
    file = settings.roles
    if file.exists():
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    close_to_writers(file.parent)
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(opened, "w") as written:
        os.fchmod(written.fileno(), 0o644)  # whatever the umask: it is read by all, and written by its owner alone
        written.write("\n".join(lines))
    return True


def _read(file: Path, home: Path) -> dict[str, Any]:
    """The file's content, checked. Raises SettingsWrong."""
    try:
        with file.open("rb") as opened:
            believe("the roles file", file, os.fstat(opened.fileno()), home)
            told = tomllib.load(opened)
    except FileNotFoundError:
        raise SettingsWrong(
            f'no roles file {file}: write one with a line such as users.{user_name()}.roles = ["clerk:chb-desk"], '
            "owned by root or by the owner of the state folder; for development, krypton dev up writes it"
        ) from None
    except OSError as failure:
        raise SettingsWrong(f"the roles file {file} cannot be read ({failure.strerror}): let it be read") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise SettingsWrong(f"the roles file {file} is no TOML: {wrong}") from None
    return _checked(told, file)


def _checked(told: dict[str, Any], file: Path) -> dict[str, Any]:
    """What the file says, with ``development`` and ``users`` there. Raises SettingsWrong for what it cannot say."""
    told = {"development": False, "users": {}} | told
    if unknown := told.keys() - {"development", "users"}:
        raise SettingsWrong(f"the roles file {file} says {sorted(unknown)[0]!r}: it may say development and users")
    if not isinstance(told["development"], bool) or not isinstance(told["users"], dict):
        raise SettingsWrong(f"the roles file {file}: development is true or false, and [users.NAME] names a user")
    for name, stated in told["users"].items():
        where = f"the roles file {file}, user {name}"
        if not isinstance(stated, dict) or not stated.keys() <= {"roles", "site"} or "roles" not in stated:
            raise SettingsWrong(f'{where}: it must say roles = ["clerk:chb-desk"] and may say site = "CHB"')
        if not isinstance(stated["roles"], list) or not isinstance(stated.get("site", ""), str):
            raise SettingsWrong(f"{where}: roles is a list of ids, and site the code of an establishment")
        for own in stated["roles"]:
            _check_id(own, where)
    return told


def _check_id(own: Any, where: str) -> None:
    """Raises SettingsWrong for what is no id that a user can have."""
    if isinstance(own, str) and own in WILD:
        return
    try:
        scheme = actor(str(own)).partition(":")[0]
    except BadActor:
        scheme = "system"
    if scheme in OF_PROGRAMS:
        raise SettingsWrong(
            f"{where}: {own!r} is none of rpps:<number>, patient:<uuid>, or clerk:, operator:, auditor: or service: "
            "and a code"
        )
