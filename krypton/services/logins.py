"""Says who logs in to Kafka, and what each login may do there: one for each process, with the rights that it uses.

Only the relay writes event topics. The operator's login is Kafka's super user: commands take it, and no process that
stays does. DICOM and HL7 intake and the registry ask Kafka for nothing, and have none. A password is in a file of its
own, ``USER.password`` in the folder of logins, for its owner alone; ``krypton init`` makes those that are missing.
"""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from krypton.errors import SettingsWrong
from krypton.policies.fold import PREFIX
from policies.all import POLICIES
from projections.declared import VIEWS
from streams.broker import broker
from streams.broker.logins import Rights, make
from streams.broker.topics import CHECKPOINTS, DEAD_LETTERS, LEDGER
from streams.relay.outlet import IDENTITY

RELAY: Final = "krypton-relay"
NOTARY: Final = "krypton-notary"
POLICY: Final = "krypton-policies"
HEALTH: Final = "krypton-health"
WEB: Final = "krypton-web"
PASSWORD_BYTES: Final = 24


def worker(view: str) -> str:
    """The login of the workers of a view, of whatever version."""
    return f"krypton-worker-{view}"


def rights() -> Mapping[str, Rights]:
    """Each login beside the operator's, and what it may do."""
    followed = sorted({topic for policy in POLICIES.values() for topic in policy.topics})
    workers = {
        worker(name): Rights(view.make().topics, (DEAD_LETTERS,), groups=f"krypton-{name}-v")
        for name, view in VIEWS.items()
    }
    return {
        RELAY: Rights(LEDGER, LEDGER, transactions=IDENTITY),
        NOTARY: Rights((CHECKPOINTS,), (CHECKPOINTS,)),
        POLICY: Rights(tuple(followed), (DEAD_LETTERS,), groups=f"krypton-{PREFIX}"),
        HEALTH: Rights((*LEDGER, CHECKPOINTS), sees=(DEAD_LETTERS,)),
        WEB: Rights((*LEDGER, CHECKPOINTS), sees=(DEAD_LETTERS,)),
        **workers,
    }


def install(kafka: str) -> str | None:
    """Make the logins that are missing, and give each its rights; returns what was done, None where nobody logs in.

    An address that names one login, and no folder of them, is left alone: whoever runs that Kafka makes its logins.
    Raises SettingsWrong, NoAuthorizer, KafkaError.
    """
    if (folder := broker.logins(kafka)) is None:
        return None
    wanted = rights()
    new = [name for name in wanted if _make_password(broker.login_file(folder, name))]
    passwords = {name: broker.login_file(folder, name).read_text().strip() for name in wanted}
    made = make(kafka, wanted, passwords, new)
    return f"logins: {len(made)} made, {len(wanted) - len(made)} there already"


def _make_password(file: Path) -> bool:
    """Make a password file, whole at once, where there is none; whether it was made. Raises SettingsWrong."""
    if file.exists():
        return False
    try:
        with _written(file.parent, secrets.token_urlsafe(PASSWORD_BYTES) + "\n") as whole:
            os.link(whole, file)
    except FileExistsError:  # another krypton init was quicker
        return False
    except OSError as failure:
        raise SettingsWrong(
            f"{file} is missing, and cannot be made ({failure.strerror}): put a password there (openssl rand -hex 24), "
            "then run krypton init"
        ) from None
    return True


@contextlib.contextmanager
def _written(folder: Path, text: str) -> Iterator[Path]:
    """A file that its owner alone may read, gone afterwards."""
    opened, name = tempfile.mkstemp(dir=folder)  # 0600
    try:
        with os.fdopen(opened, "w") as secret:
            secret.write(text)
        yield Path(name)
    finally:
        Path(name).unlink()
