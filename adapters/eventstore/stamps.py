"""SQL for the stamps of stored events: ``recorded_at``, the first field of the stored bytes, is read and put in place.

It follows the schema's id as an Avro long, a zigzag varint (Avro 1.12, binary encoding). All times from 1978 to 3111
have the same length, so a stamp can be put in another's place.
"""

from typing import Final

from adapters.eventstore.tables import EVENTS

AT: Final = 5  # where it begins, counted from 0
BYTES: Final = 8
CLOCK: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
"""The server's clock, in µs since 1970."""


def stamp_of(state: str) -> str:
    """The stamp of stored bytes, in µs since 1970; NULL where it has another length."""
    last = AT + BYTES - 1
    bits = " | ".join(f"((get_byte({state}, {AT + n}) & 127)::bigint << {7 * n})" for n in range(BYTES))
    fits = f"length({state}) > {last} AND get_byte({state}, {last}) < 128 AND get_byte({state}, {last - 1}) >= 128"
    return f"CASE WHEN {fits} THEN ({bits}) >> 1 END"


def read_stamp(state: bytes) -> int:
    """The stamp of stored bytes, in µs since 1970; 0 where it has another length."""
    found = state[AT : AT + BYTES]
    if len(found) < BYTES or found[-1] > 0x7F or found[-2] <= 0x7F:
        return 0
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(found)) >> 1


def not_before_last(state: str, at: str) -> str:
    """Stored bytes that are stamped with ``at``, or with the last event's stamp where that is later (T2); ``at`` 0:
    bytes that have no stamp, as they are.

    ``NOTE_LAST`` was executed in this transaction.
    """
    last = f"overlay({state} PLACING decode(current_setting('krypton.stamp'), 'hex') FROM {AT + 1} FOR {BYTES})"
    return f"CASE WHEN {at} > 0 AND {LAST_AT} > {at} THEN {last} ELSE {state} END"


LAST: Final = f"""SELECT substring(state FROM {AT + 1} FOR {BYTES}) AS stamp, {stamp_of("state")} AS at
FROM {EVENTS} ORDER BY id DESC LIMIT 1"""
"""The last event's stamp, as bytes and in µs."""
TIME: Final = f"SELECT {CLOCK}, coalesce((SELECT at FROM ({LAST}) AS last), 0)"
"""The server's clock, and the last event's stamp."""
PREPARE_LAST: Final = f"""PREPARE note_last AS
SELECT set_config('krypton.stamp', coalesce(encode(stamp, 'hex'), ''), true),
set_config('krypton.last', coalesce(at, 0)::text, true) FROM (SELECT) AS always LEFT JOIN ({LAST}) AS last ON true"""
"""Planned once per connection: it would cost more than the insert itself."""
NOTE_LAST: Final = "EXECUTE note_last"
LAST_AT: Final = "current_setting('krypton.last')::bigint"
"""The last event's stamp, in µs, as noted."""
