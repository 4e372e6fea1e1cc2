"""Data types of an undecoded Kafka record and of a decoded ledger event."""

from typing import Any, Final, NamedTuple

ERASED: Final = "[erased]"
"""Placeholder for a sealed value whose key was destroyed: shown as it is, never parsed."""


class Record(NamedTuple):
    """One Kafka record, undecoded. ``offset`` is Kafka's; ``headers`` carry the ledger position and the version."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


class LedgerEvent(NamedTuple):
    """One decoded event, as projections receive it.

    ``data`` holds the envelope and the event's own fields: ids as ``str``, times as microseconds since 1970 (UTC),
    sealed fields decrypted, or ``ERASED`` if the person's key was destroyed.
    """

    position: int
    type: str
    aggregate_id: str
    version: int
    data: dict[str, Any]
