"""Measures bytes per event in each store, the figures behind ``docs/sizing.md``."""

from pathlib import Path
from typing import Final

from bench import backlog, filled
from bench.region import processes
from krypton.bootstrap import Krypton
from projections.declared import VIEWS

COMMANDS: Final = 5_000


def run(ours: Krypton, events: int = 200_000) -> dict[str, float]:
    """Bytes per event of a generated region, indexes included; of the commands' records, per command."""
    stored = filled.fill(ours, events)
    figures: dict[str, float] = {"events": stored}
    figures["event store, bytes per event"] = _table(ours, "ledger.ledger_events") / stored
    figures["vault, bytes per identity"] = _table(ours, "vault.subject_key") / _count(ours, "vault.subject_key")
    for view in VIEWS:
        figures[f"{view}, bytes per event of the ledger"] = _schema(ours, f"{view}_v1") / stored
    with backlog.published(ours) as counter, processes(ours, ("relay",)):
        backlog.rate(counter, stored)
    figures["kafka, bytes per event"] = _logs(ours.settings.home / "kafka") / stored
    backlog.fill(ours, COMMANDS)
    figures["records of commands, bytes per command"] = _table(ours, "ledger.command") / _count(ours, "ledger.command")
    return figures


def _table(ours: Krypton, name: str) -> float:
    return _number(ours, f"SELECT pg_total_relation_size('{name}')")


def _count(ours: Krypton, name: str) -> float:
    return _number(ours, f"SELECT count(*) FROM {name}")


def _schema(ours: Krypton, name: str) -> float:
    sizes = "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c"
    return _number(ours, f"{sizes} WHERE relkind = 'r' AND relnamespace = '{name}'::regnamespace")


def _number(ours: Krypton, sql: str) -> float:
    with ours.snapshot() as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return float(cursor.fetchone()[0])


def _logs(folder: Path) -> float:
    """Of the ledger's topics, without the index files, which the broker makes in their full size."""
    return float(sum(log.stat().st_size for log in folder.rglob("krypton.*/*.log")))
