"""Takes one thing of each kind from a ledger that is right, and says what the checker does not see."""

import random
from collections.abc import Callable, Iterator
from typing import Final

import psycopg2

from adapters.dicom.inlet import spool_at
from projections.declared import VIEWS
from projections.engine.projection import schema_of
from tests.chaos import checker, poison
from tests.chaos.fold import stored
from tests.chaos.load import Load
from tests.fakes.dicom import SITE
from tests.integration.live_ledger import LiveLedger

Part = Callable[[LiveLedger, Load], Iterator[str]]


def unseen(ledger: LiveLedger, load: Load) -> Iterator[str]:
    """What was taken and is not missed; the ledger is good for nothing after."""
    events = stored(ledger)
    for name in VIEWS:  # first: without one of its events, a view is no fold whatever its rows are
        if _row(ledger, name) and not [*checker.view(ledger, name, events)]:
            yield f"a row of {name}"
    for take, part, said in TAKEN:
        take(ledger, load)
        if not any(said in finding for finding in part(ledger, load)):
            yield f"{take.__name__} ({said})"


def _command(ledger: LiveLedger, load: Load) -> None:
    one = load.acknowledged[len(load.acknowledged) // 2]
    _delete(ledger, "DELETE FROM ledger.command WHERE command_id = %s", str(one.command_id))


def _image(ledger: LiveLedger, load: Load) -> None:
    spool_at(ledger.krypton.settings.instances).claim(SITE, load.images[-1]).unlink()


def _notice(ledger: LiveLedger, _: Load) -> None:
    folder = ledger.krypton.settings.notices
    if file := next(iter(folder.glob("*.json")), None):
        file.unlink()
    else:
        folder.mkdir(exist_ok=True)
        (folder / "never-decided.json").touch()


def _foreign(ledger: LiveLedger, load: Load) -> None:
    poison.plant(ledger.krypton.addresses.kafka, random.Random(load.seed), kinds=(poison.SAID,))


def _event(ledger: LiveLedger, load: Load) -> None:
    position = next(p for one in load.acknowledged for p in one.positions)
    _delete(ledger, "DELETE FROM ledger.ledger_events WHERE id = %s", position)


def _row(ledger: LiveLedger, name: str) -> int:
    """Delete a row of the view's largest table; how many there were to delete."""
    view = ledger.krypton.projection(name)
    tables = [f"{schema_of(view)}.{table.name}" for table in view.tables.sorted_tables]
    table = max(tables, key=lambda one: ledger.query(f"SELECT count(*) FROM {one}"))
    return _delete(ledger, f"DELETE FROM {table} WHERE ctid = (SELECT min(ctid) FROM {table})")


def _delete(ledger: LiveLedger, statement: str, *values: object) -> int:
    """As somebody does who has all rights: no trigger hears of it."""
    connection = psycopg2.connect(ledger.database)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(statement, values or None)
            return cursor.rowcount
    finally:
        connection.close()


TAKEN: Final[tuple[tuple[Callable[[LiveLedger, Load], None], Part, str], ...]] = (
    (_command, checker.store, "acknowledged commands 1 are lost"),
    (_image, checker.archive, "are not on disk"),
    (_notice, checker.outbox, "notices"),
    (_foreign, checker.kafka, "kafka:"),
    (_event, checker.store, "hold no event"),
    (_event, checker.audit, "audit verify"),
)
