"""A roles file for tests of the command line: whoever runs them has every role, as ``krypton dev up`` gives it."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from uuid import UUID

from krypton.cli.roles import user_name, write_for_development
from krypton.settings import Settings

REASON = "a test asks"
"""Why data are read in tests whose reason does not matter."""


@cache
def every_role() -> Path:
    """One file for all commands of this process on an embedded database."""
    folder = _folder()
    write_for_development(Settings(folder))
    return folder / "roles.toml"


@cache
def every_role_by_name(rpps: str) -> Path:
    """The same where the database is given: no role there is anybody's."""
    programs_and_people = ("operator:dev", "clerk:dev", "auditor:dev", "service:dev", "operator:second", f"rpps:{rpps}")
    return roles_file(_folder(), *programs_and_people, f"patient:{UUID(int=1)}")


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="krypton-roles-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def roles_file(folder: Path, *roles: str) -> Path:
    """A file that gives whoever runs the tests these roles, in this order."""
    file = folder / "roles.toml"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    file.write_text(f'[users."{user_name()}"]\nroles = {list(roles)}\n'.replace("'", '"'))
    file.chmod(0o600)
    return file
