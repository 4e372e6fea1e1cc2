"""Promotes, rolls back and drops versions of a view; records each switch in the ledger; raises the decisions now due.

The switch and its journal row are one transaction in the views' database (``projections.versions.versions``). The
ledger event is a second transaction, under a command id derived from the row's token. ``settle`` completes whatever a
crash left unfinished, oldest first, one process at a time: however often it runs, each switch has one event and each
decision is raised once. Who promotes raises what the diff found due (``foreseen``). Anybody else queries it from the
version's tables, which must first contain everything decided under the former rules up to the switch; a version that
lags stays unsettled and is tried again by the next caller.

V3  A version is promoted only once its rules are in force.
"""

import time
from contextlib import closing
from typing import Any, Final
from uuid import UUID, uuid5

from psycopg2.extensions import connection as Connection

from domain.commands.views import Dropped, Promoted, RolledBack
from domain.errors import RuleBroken
from domain.rules.document import RuleId
from domain.work import Command, Envelope
from krypton.bootstrap import Krypton
from krypton.views import lag, raise_due
from krypton.views.foreseen import Foreseen
from postgres.session import connect
from projections.engine import positions
from projections.engine.declaration import Tell
from projections.versions import catalog, promotable, switches, tailing, versions
from projections.versions.promotable import Behind
from projections.versions.switches import DROPPED, PROMOTED, Switched, Unsettled
from projections.versions.tailing import OtherCode

SWITCHES = UUID("3f0e3a4d-21c8-5b0a-a2c4-6d7f9b1e8c53")  # namespace of command ids: stored state, never change it
LOCK = "hashtext('krypton switches')"
TIMEOUT_S: Final = 10.0  # the wait of a promotion: a running worker catches up within a second or two
SHORT_S: Final = 2.0  # the wait of any other command that finds an unsettled switch


class NotInForce(RuleBroken):
    """The version's rules come into force on a later day."""

    rule = "V3"


def answered(ours: Krypton, command_id: UUID | None, actor: str) -> dict[str, Any] | None:
    """The journal row of the promotion that this command id already made; None if it is new. Raises IdTaken (W5)."""
    if command_id is None:
        return None
    with ours.snapshot() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('views.switch')")
        found = None if cursor.fetchone() == (None,) else switches.noted(cursor, command_id, PROMOTED, actor)
    return found and _told(ours, found, lambda *_: None)


def promote(
    ours: Krypton,
    view: str,
    version: int,
    actor: str,
    command_id: UUID | None = None,
    *,
    summary: dict[str, Any] | None = None,
    foreseen: Foreseen | None = None,
    force: bool = False,
    tell: Tell = lambda *_: None,
) -> dict[str, Any]:
    """Make a version the live one and raise the decisions now due; the ``summary`` of the diff is recorded.

    Returns the journal row of the switch; ``waits_for``: why decisions are not raised yet, or None. ``foreseen``: what
    the diff found due. ``tell`` is told how far it is. ``force``: promote even if the version lags or was built up to a
    position only. Raises as ``check_promotable``, and StoreAway.
    """
    check_promotable(ours, view, version, force=force)
    database = ours.addresses.database
    done = versions.promote(database, view, version, actor, summary=summary, force=force, token=command_id)
    return _told(ours, done, tell, foreseen)


def check_promotable(
    ours: Krypton, view: str, version: int, *, force: bool = False, timeout_s: float = TIMEOUT_S
) -> None:
    """Raises NotInForce, NotFound, NotPromotable, OtherCode; without ``force`` also StopsEarly and Behind.

    ``timeout_s``: how long the version may take to read what readers see now.
    """
    _check_in_force(ours, view, version)
    with ours.snapshot() as connection, connection.cursor() as cursor:
        promotable.check_promotable(connection, view, version, force=force)
        goal = positions.read(cursor, view, catalog.live_version(connection, view) or version)
    ours.folding(view, version)  # only a program with that code keeps the version up to date, so only it may promote
    deadline = time.monotonic() + timeout_s
    while not force:
        with ours.snapshot() as connection:
            missing = tailing.missing(connection, view, version, goal)
        if not missing:
            return
        if time.monotonic() > deadline:
            raise Behind(
                f"{view} v{version} lacks {missing} records that readers see already: let its worker catch up "
                f"(krypton run, or krypton worker {view} --version {version}), or promote it with --force"
            )
        time.sleep(lag.LOOK_AGAIN_S)


def rollback(
    ours: Krypton, view: str, actor: str, command_id: UUID | None = None, *, tell: Tell = lambda *_: None
) -> dict[str, Any]:
    """Make the previous version the live one again; otherwise like ``promote``. Raises as ``versions.rollback``."""
    return _told(ours, versions.rollback(ours.addresses.database, view, actor, token=command_id), tell)


def drop(ours: Krypton, view: str, version: int, actor: str, command_id: UUID | None = None) -> dict[str, Any]:
    """Remove a version; returns the journal row. Raises as ``versions.drop``."""
    done = versions.drop(ours.addresses.database, view, version, actor, token=command_id)
    return _told(ours, done, lambda *_: None)


def settle(
    ours: Krypton,
    *,
    wait: bool = True,
    timeout_s: float = SHORT_S,
    tell: Tell = lambda *_: None,
    foreseen: Foreseen | None = None,
) -> dict[int, str]:
    """Complete every unsettled switch; returns why some could not be completed, by the id of their journal row.

    ``wait``: wait if another process is settling. ``timeout_s``: how long a version may take to catch up.
    ``foreseen``: what is due in a version, if it is live. Raises ServiceUnavailable, Contended; the next call completes
    the rest.
    """
    waiting_for: dict[int, str] = {}
    with closing(connect(ours.addresses.database, "switches")) as connection:
        connection.autocommit = True
        if switches.unsettled(connection) and _locked(connection, wait):
            for one in switches.unsettled(connection):
                if why := _settle(ours, connection, one, timeout_s, tell, foreseen):
                    waiting_for[one.done.id] = why
    return waiting_for


def _told(ours: Krypton, done: Switched, tell: Tell, foreseen: Foreseen | None = None) -> dict[str, Any]:
    waiting_for = settle(ours, timeout_s=TIMEOUT_S, tell=tell, foreseen=foreseen)
    with ours.snapshot() as connection:
        return {**switches.switch(connection, done.id), "waits_for": waiting_for.get(done.id)}


def _locked(connection: Connection, wait: bool) -> bool:
    """The lock is held as long as the connection."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_{'' if wait else 'try_'}advisory_lock({LOCK})")
        ((got,),) = cursor.fetchall()
        return wait or bool(got)


def _settle(
    ours: Krypton, connection: Connection, one: Unsettled, timeout_s: float, tell: Tell, foreseen: Foreseen | None
) -> str:
    """Complete one switch; returns why not, or None. Due decisions are queried as this program's code knows the
    tables.
    """
    command_id, position = uuid5(SWITCHES, str(one.token)), one.position
    if position is None:
        position = ours.execute(_event(one.done), Envelope(one.done.actor, command_id)).positions[-1]
        switches.mark_recorded(connection, one.done.id, position)
    decided: dict[str, int] = {}
    if one.done.what != DROPPED and one.done.rules != one.former_rules and (live := _live(connection, one.done)):
        if foreseen and (foreseen.view, foreseen.version) != (one.done.view, live):
            foreseen = None
        late = _of_others(ours, one.done.view, live)
        if why := late or ("" if foreseen else lag.lacks(ours, one.done.view, position, timeout_s)):
            return why
        decided = raise_due.raise_due(ours, one.done.view, live, command_id, tell, upto=position, foreseen=foreseen)
    switches.mark_settled(connection, one.done.id, decided)
    return ""


def _of_others(ours: Krypton, view: str, version: int) -> str:
    try:
        ours.folding(view, version)
    except OtherCode as theirs:
        return str(theirs)
    return ""


def _live(connection: Connection, done: Switched) -> int | None:
    """The live version, if it has the rules of this switch; else a later switch, to other rules, is responsible."""
    live = catalog.live_version(connection, done.view)
    return live if live and catalog.rules_of(connection, done.view, live) == done.rules else None


def _event(done: Switched) -> Command:
    if done.what == DROPPED:
        return Dropped(view=done.view, version=done.version)
    told: dict[str, Any] = {
        "view": done.view,
        "version": done.version,
        "former": done.former,
        "rules": done.rules,
    }
    return Promoted(**told, summary=done.summary or {}) if done.what == PROMOTED else RolledBack(**told)


def _check_in_force(ours: Krypton, view: str, version: int) -> None:
    """Raises NotInForce."""
    with ours.snapshot() as connection:
        rules = catalog.rules_of(connection, view, version) or {}
    if not any(rules.values()):
        return
    known, today = ours.ledger.rules(), ours.ledger.clock().date().isoformat()
    for rule_id in (RuleId(*named) for named in rules.items()):
        if rule_id in known.published and (start := known.document(rule_id).in_force_from) > today:
            raise NotInForce(f"{rule_id} is in force from {start}: promote {view} v{version} from that day on")
