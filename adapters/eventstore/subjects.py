"""Reads whose keys a vault must have and whose it must not, as the event store has it; in the order of their ids."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from adapters.eventstore.scan import Scan
from adapters.eventstore.tables import ACTOR, ASKED, ERASED, EVENTS, NAMING

BEGUN: Final = "'identity.registered', 'professional.registered'"
"""First events of those under whose keys something is sealed; a professional's key may never have been needed."""
KNOWN: Final = f"""
SELECT begun.originator_id::text, begun.id, begun.topic = 'identity.registered', gone.id
FROM {EVENTS} begun LEFT JOIN {EVENTS} gone ON gone.originator_id = begun.originator_id AND gone.topic IN ({ERASED})
WHERE begun.originator_version = 1 AND begun.topic IN ({BEGUN}) ORDER BY begun.originator_id"""
CALLERS: Final = f"SELECT DISTINCT convert_from({ACTOR}, 'UTF8') FROM {EVENTS} WHERE topic IN ({ASKED})"

NAMED: Final = f"SELECT originator_version, state FROM {EVENTS} WHERE topic IN ({NAMING}) ORDER BY id"


class Known(NamedTuple):
    """Somebody whom the ledger knows: ``position`` of the first event; ``erased``: of the erasure, if there is one."""

    subject: str
    position: int
    must_have: bool
    erased: int | None


def known(scan: Scan) -> Iterator[Known]:
    """Everybody under whose key events may be sealed, callers aside; of erased ones the first erasure counts."""
    last = ""
    for row in scan.each(KNOWN):
        if row[0] != last:
            last = row[0]
            yield Known(*row)


def callers(scan: Scan) -> Iterator[str]:
    """The actors under whose own keys the reasons of their questions are sealed."""
    return (actor for (actor,) in scan.each(CALLERS))


def naming(scan: Scan) -> Iterator[tuple[int, bytes]]:
    """The events that are sealed under the key of somebody whom they name and who need not be registered, too."""
    return ((version, bytes(state)) for version, state in scan.each(NAMED))
