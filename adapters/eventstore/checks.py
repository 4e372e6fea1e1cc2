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

SAYS: Final = """CASE WHEN octet_length(state) < 15 THEN '' WHEN get_byte(state, 13) < 128
    THEN substring(state FROM 16 + get_byte(state, 13) / 2 FOR 36)
    ELSE substring(state FROM 17 + (get_byte(state, 13) - 128 + 128 * get_byte(state, 14)) / 2 FOR 36) END"""
"""The command's id in an event's bytes: behind the actor (``tables.ACTOR``) and its own length."""
COMMANDS: Final = f"""
WITH event AS (SELECT id, {SAYS} AS says FROM {EVENTS} WHERE id > %(after)s),
named AS (SELECT unnest(positions) AS position, command_id, convert_to(command_id::text, 'UTF8') AS id
    FROM ledger.command)
SELECT coalesce(event.id, named.position), event.id IS NULL, named.command_id::text,
    (SELECT state FROM {EVENTS} AS whole WHERE whole.id = event.id)
FROM event FULL JOIN (SELECT * FROM named WHERE position > %(after)s) AS named ON named.position = event.id
WHERE event.id IS NULL OR named.position IS NULL OR (event.says <> named.id AND NOT EXISTS (
    SELECT FROM {EVENTS} AS whole WHERE whole.id = event.id AND position(named.id IN whole.state) > 0))
ORDER BY 1 LIMIT 1"""
"""Few bytes of each event take part in the join; all of them are searched where the id is not in its place."""


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
