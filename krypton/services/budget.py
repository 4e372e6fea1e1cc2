"""The connection budget: how many PostgreSQL sessions each process may hold, and whether the server lets them all in.

A process keeps within its line of ``BUDGETS`` (``postgres.session.keep_within``), and looks at its start whether the
lines of the whole ledger add up to what the server lets in. What is left belongs to commands and rebuilds.
"""

import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Final

import psycopg2
from psycopg2.extensions import connection as Connection

from krypton.bootstrap import Krypton
from krypton.errors import SettingsWrong
from krypton.settings import Settings
from krypton.vaults import open_vault
from policies.all import POLICIES
from postgres import limits
from postgres.session import connect, keep_within
from projections.declared import VIEWS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Budget:
    """``pool``: sessions of the event store, and as many of the vault. ``single``: those that are opened one by one;
    ``kept``: how many of these, for snapshots, stay open for the next.
    """

    pool: int = 0
    single: Mapping[str, int] = field(default_factory=dict)
    kept: int = 0

    @property
    def most(self) -> int:
        """How many the process may hold."""
        return 2 * self.pool + sum(self.single.values())


WORKER: Final = "worker"
BUDGETS: Final[Mapping[str, Budget]] = {
    "run": Budget(1, {"switches": 1, "snapshots": 2, "a view": 1}),
    "relay": Budget(0, {"lock": 1, "pages of events": 1}),
    "dicom": Budget(2, {"snapshots": 2, "outbox": 1}, kept=2),
    "hl7": Budget(1, {"snapshot": 1}, kept=1),
    "web": Budget(4, {"snapshots": 4, "measurement": 1, "web sessions": 2, "viewings": 1}, kept=4),
    "notary": Budget(0, {"event store": 1, "scan": 1}),
    "policies": Budget(
        2,
        {
            "folds": len(POLICIES),
            "outboxes": len(POLICIES) + 2,
            "match, or a region at once": 1,
            "sharing": 1,
            "erasure": 1,
            "snapshots": 1,
        },
    ),
    "health": Budget(0, {"snapshot": 1}),
    WORKER: Budget(1, {"a snapshot, then its view": 1}),
}
"""Each process that uses the database. There is one worker for each version of a view that is kept up to date."""
OPENING: Final = frozenset({"dicom", "hl7", "web", "policies", WORKER})
"""Processes that open sealed fields; ``krypton run`` looks at the vault when it installs what is missing."""
COMING: Final = 1  # workers for which room is kept: a rebuild makes another version ready
TAILED: Final = """SELECT count(*) FROM views.view_version
WHERE state IN ('live', 'ready', 'retired') AND until IS NULL"""


def begin(ours: Krypton, process: str) -> Krypton:
    """Keep this process within its budget; the ledger as it is to use it, with its vault looked at if it opens fields.

    Raises SettingsWrong where the server lets in fewer sessions than the whole ledger may hold; WrongMasterKey.
    """
    budget = BUDGETS[process]
    ours.close()
    keep_within(process, budget.most)
    try:
        with closing(connect(ours.addresses.database, "budget", autocommit=True)) as connection:
            if missing := overrun(connection, ours.settings, max(len(VIEWS), workers(connection)) + COMING):
                raise SettingsWrong(missing)
    except psycopg2.OperationalError as away:  # the process waits for it, and the next one looks
        log.warning("whether the server lets in enough connections is not known now (%s)", type(away).__name__)
    ours = replace(ours, pool=budget.pool, kept=budget.kept)
    if process in OPENING and (back := open_vault(ours)):
        log.warning("%d keys of erased people were in the vault again and are destroyed", back)
    return ours


def workers(connection: Connection) -> int:
    """How many versions of views are kept up to date; 0 where no view was made yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('views.view_version')")
        if cursor.fetchall() == [(None,)]:
            return 0
        cursor.execute(TAILED)
        ((count,),) = cursor.fetchall()
        return int(count)


def overrun(connection: Connection, settings: Settings, count: int) -> str:
    """What is too much where the server lets in too few, with so many workers; else nothing."""
    most, wanted = limits.most(connection), needed(settings, count)
    if wanted <= most:
        return ""
    lines = [f"{name} {budget.most}" for name, budget in BUDGETS.items() if name != WORKER]
    lines += [f"{count} workers {BUDGETS[WORKER].most} each", f"other programs {settings.other_connections}"]
    return (
        f"the processes may hold {wanted} database connections ({', '.join(lines)}), and PostgreSQL lets in {most}: "
        f"raise its max_connections by {wanted - most}, lower KRYPTON_OTHER_CONNECTIONS, or drop retired versions of "
        "views (krypton views drop)"
    )


def needed(settings: Settings, count: int) -> int:
    """How many sessions the whole ledger may hold with so many workers, and others beside it."""
    each = sum(budget.most for name, budget in BUDGETS.items() if name != WORKER)
    return each + count * BUDGETS[WORKER].most + settings.other_connections
