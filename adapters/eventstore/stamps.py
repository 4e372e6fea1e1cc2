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


def not_before_last(state: str) -> str:
    """Stored bytes, with the stamp of ``last`` where their own is earlier (T2)."""
    earlier = f"({stamp_of(state)}) < last.at"
    return f"CASE WHEN {earlier} THEN overlay({state} PLACING last.stamp FROM {AT + 1} FOR {BYTES}) ELSE {state} END"


LAST: Final = f"""SELECT substring(state FROM {AT + 1} FOR {BYTES}) AS stamp, {stamp_of("state")} AS at
FROM {EVENTS} ORDER BY id DESC LIMIT 1"""
"""The last event's stamp, as bytes and in µs."""
TIME: Final = f"SELECT {CLOCK}, coalesce((SELECT at FROM ({LAST}) AS last), 0)"
"""The server's clock, and the last event's stamp."""
