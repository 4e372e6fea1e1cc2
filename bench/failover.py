"""How long the ledger stands still when one of its processes is killed or frozen while another stands by.

Each figure is the time from the failure until everything stored meanwhile has arrived. The relay's lease and the
session of a consumer group set it, and hardly the machine's speed.
"""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from kafka import KafkaAdminClient

from bench import backlog
from bench.commands import new_site
from bench.region import started
from domain.commands.identities import Register
from domain.work import Envelope
from krypton.bootstrap import Krypton
from streams.broker import broker
from tests.waiting import until

VIEW = "identity_index"
GROUP = f"krypton-{VIEW}-v1"
STORED = "SELECT count(*) FROM ledger.ledger_events"
REGISTERED = f"{STORED} WHERE topic = 'identity.registered'"
INDEXED = f"SELECT count(*) FROM {VIEW}_v1.identity"


def run(ours: Krypton) -> dict[str, float]:
    """Seconds, in an empty ledger where nothing runs."""
    with backlog.published(ours) as counter:

        def relayed() -> bool:
            return counter() >= _count(ours, STORED)

        killed = _taken_over(ours, ("relay",), relayed, signal.SIGKILL)
        frozen = _taken_over(ours, ("relay",), relayed, signal.SIGSTOP)

    def indexed() -> bool:
        return _count(ours, INDEXED) == _count(ours, REGISTERED)

    def shared() -> bool:
        return _members(ours) == 2 and indexed()

    with _running(ours, ("relay",)):
        worker = _taken_over(ours, ("worker", VIEW), indexed, signal.SIGKILL, both=shared)
    return {"relay killed: s": killed, "relay frozen: s": frozen, "one of two workers killed: s": worker}


def _taken_over(
    ours: Krypton,
    words: tuple[str, ...],
    arrived: Callable[[], bool],
    sent: signal.Signals,
    both: Callable[[], bool] | None = None,
) -> float:
    """From the failure of one of two processes until what is stored then has arrived. ``both``: both are at work."""
    with _running(ours, words) as active:
        _register(ours)
        until(arrived, "all has arrived")
        with _running(ours, words):
            _register(ours)
            until(both or arrived, "both are at work")
            active.send_signal(sent)
            _register(ours)
            return until(arrived, "what was stored meanwhile has arrived")


@contextmanager
def _running(ours: Krypton, words: tuple[str, ...]) -> Iterator["subprocess.Popen[bytes]"]:
    process = started(ours, *words)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _register(ours: Krypton, count: int = 100) -> None:
    """New people, over all partitions."""
    site = new_site(ours)
    stated = {"family": "FICTIVE", "given": "Alex", "birth_date": "1970-01-01", "sex": "F"}
    people = [Register(assigner=site, local_id=uuid4().hex, stated=stated) for _ in range(count)]
    ours.ledger.execute_many([(one, Envelope()) for one in people])


def _members(ours: Krypton) -> int:
    """How many workers have a share of the view's partitions."""
    admin = KafkaAdminClient(**broker.options(ours.addresses.kafka))
    try:
        members = admin.describe_groups([GROUP])[GROUP]["members"]
    finally:
        admin.close()
    known = [m["member_assignment"] for m in members if not isinstance(m["member_assignment"], (str, bytes))]
    return len([one for one in known if one["assigned_partitions"]])


def _count(ours: Krypton, sql: str) -> int:
    with ours.snapshot() as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])
