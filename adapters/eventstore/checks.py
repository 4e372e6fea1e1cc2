"""Consistency checks of the event store, run inside PostgreSQL: gapless versions, and events matched to commands.

Sets are compared in the database: no event is decoded, and a million take a few seconds. The envelope's command id is
searched in an event's bytes, where it is a uuid as text.
"""

from typing import Final, NamedTuple
from uuid import UUID

from adapters.eventstore.scan import Scan
from adapters.eventstore.tables import EVENTS


class Fault(NamedTuple):
    """The first event that fails a check: its position, the kind of fault, and an explanation."""

    position: int
    kind: str
    detail: str


VERSIONS: Final = f"""
SELECT id, originator_id::text, originator_version, before, before_id FROM (
    SELECT id, originator_id, originator_version,
        lag(originator_version, 1, 0::bigint) OVER versions AS before, lag(id, 1, 0::bigint) OVER versions AS before_id
    FROM {EVENTS}
    WHERE %(after)s = 0 OR originator_id IN (SELECT originator_id FROM {EVENTS} WHERE id > %(after)s)
    WINDOW versions AS (PARTITION BY originator_id ORDER BY originator_version, id)
) AS each
WHERE (originator_version <> before + 1 OR id < before_id) AND id > %(after)s
ORDER BY id LIMIT 1"""

COMMANDS: Final = f"""
WITH named AS (SELECT position, command_id FROM ledger.command, unnest(positions) AS position)
SELECT coalesce(event.id, named.position), event.id IS NULL, named.command_id::text, event.state
FROM (SELECT id, state FROM {EVENTS} WHERE id > %(after)s) AS event
FULL JOIN (SELECT * FROM named WHERE position > %(after)s) AS named ON named.position = event.id
WHERE event.id IS NULL OR named.position IS NULL
    OR position(convert_to(named.command_id::text, 'UTF8') IN event.state) = 0
ORDER BY 1 LIMIT 1"""


def version_fault(scan: Scan, after: int = 0) -> Fault | None:
    """The first event after a position whose version does not follow its aggregate's previous one."""
    found = scan.ask(VERSIONS, {"after": after})
    if not found:
        return None
    position, aggregate, version, before, before_id = found[0]
    said = f"aggregate {aggregate} has version {version} at position {position}"
    if version == before + 1:
        return Fault(position, "reordered", f"{said}, and version {before} later, at {before_id}")
    if version == before:
        return Fault(position, "version repeated", f"{said}, and at {before_id} too")
    return Fault(position, "version gap", f"{said}; the one before it is {before or 'missing'}")


def command_fault(scan: Scan, after: int = 0) -> Fault | None:
    """The first event after a position that the command named in its envelope did not record exactly once."""
    found = scan.ask(COMMANDS, {"after": after})
    if not found:
        return None
    position, is_gone, named, state = found[0]
    if is_gone:
        return Fault(
            position, "missing", f"command {named} wrote an event at position {position}, which does not exist"
        )
    own = [text for text in _uuids(bytes(state)) if scan.ask(KNOWN, text)]
    if own:
        return Fault(
            position, "repeated command", f"the event at {position} names command {own[0]}, which wrote other events"
        )
    said = f"is recorded as command {named}'s, whose id it does not name" if named else "belongs to no recorded command"
    return Fault(position, "command altered", f"the event at {position} {said}")


KNOWN: Final = "SELECT 1 FROM ledger.command WHERE command_id = %s::uuid"
TEXT_BYTES: Final = 36
MARK: Final = bytes([TEXT_BYTES * 2])  # Avro's length of a uuid as text: a zigzag varint


def _uuids(state: bytes) -> list[str]:
    """The first uuid in an event's bytes as text: the command id follows recorded_at and actor."""
    at = state.find(MARK, 5)
    while at >= 0:
        try:
            return [str(UUID(state[at + 1 : at + 1 + TEXT_BYTES].decode()))]
        except ValueError:
            at = state.find(MARK, at + 1)
    return []
