"""Finds whose retention is over: the views say whose it may be, and the ledger whose it is.

Views do not know whether a device sent an exam or an archive was imported, when an order was performed, nor of stays:
whoever had one is kept longer, never shorter. Whether it still is over, the ledger decides again for each request.

What lapses with an erasure: the key, and with it every sealed field in all copies; instances, exports and texts of
rows. What stands in clear in the log stays, under an id that leads to nobody any more: key, name and number are gone.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import chain, islice
from typing import Any, Final
from uuid import UUID

from psycopg2.extensions import connection as Connection

from adapters.eventstore import histories
from domain.aggregates.erasure import Erasure
from domain.aggregates.identity import Identity
from domain.commands.care import last_care
from domain.retention import Ground, Retention, birth_day, dated
from krypton.bootstrap import Krypton
from projections.engine.query import fetch

Document = dict[str, Any]
Reach = Callable[[int], None]
AskedBefore = Callable[[Sequence[str]], Collection[str]]
PAGE: Final = 2_000
AT_A_TIME: Final = 200
FIRST: Final = str(UUID(int=0))
US: Final = 1_000_000
PEOPLE: Final = """SELECT i.identity_id::text AS identity, i.assigner, i.traits->>'birth_date' AS born,
    (SELECT e.recorded_at FROM identity_index.identity_event e WHERE e.position = i.registered_position) AS registered,
    (SELECT jsonb_agg(jsonb_build_array(s.started_at, s.received_at)) FROM patient_record.study s
     WHERE s.identity_id = i.identity_id) AS exams,
    (SELECT max(o.placed_at) FROM patient_record.exam_order o WHERE o.identity_id = i.identity_id) AS ordered
FROM identity_index.identity i WHERE i.identity_id > %(after)s::uuid AND NOT i.erased
ORDER BY i.identity_id LIMIT %(page)s"""


def unheard(_: int) -> None:
    """Where nobody asks how far it is."""


def lapsed(ours: Krypton, connection: Connection, reach: Reach = unheard) -> Iterator[Document]:
    """Whose retention is over: the identity, the day of the last exam, order or stay, and how its erasure stands.

    ``reach``: told how many more identities were looked at.
    """
    return chain.from_iterable(_pages(ours, lambda after: _people(connection, after), reach))


def to_request(ours: Krypton, asked_before: AskedBefore, reach: Reach = unheard) -> Iterator[Document]:
    """Those of them whose erasure nobody has requested, or whose request was cancelled; and whom no hold stops. A page
    at a time, as the views are then: of a region it takes hours.

    ``asked_before``: of these identities those for whom the same command was answered before it was ended.
    """

    def read(after: str) -> list[Document]:
        with ours.snapshot() as connection:
            return _people(connection, after)

    for page in _pages(ours, read, reach):
        before = asked_before([one["identity"] for one in page])
        yield from (one for one in page if one["state"] in (None, "cancelled") or one["identity"] in before)


def _pages(ours: Krypton, read: Callable[[str], list[Document]], reach: Reach) -> Iterator[list[Document]]:
    """Of each page of people those whose retention is over. ``read``: the people behind an identity."""
    today = ours.ledger.clock().date()
    rules, after = ours.ledger.rules().retention(today), FIRST
    while page := read(after):
        maybe = {row["identity"]: row for row in page if _may_be_over(row, rules, today)}
        ours.vault.prefetch(list(maybe))
        over = {one: last for one in maybe if (last := _over(ours, one, rules, today))}
        stands = _stands(ours, list(over))
        yield [
            {
                "identity": identity,
                "assigner": maybe[identity]["assigner"],
                "last": str(last),
                "state": stands.get(identity),
            }
            for identity, last in over.items()
        ]
        reach(len(page))
        after = page[-1]["identity"]


def _people(connection: Connection, after: str) -> list[Document]:
    return fetch(connection, PEOPLE, after=after, page=PAGE)


def waiting(ours: Krypton, connection: Connection, reference: str, actor: str) -> Iterator[Document]:
    """Requests for the end of retention under a reference that ``actor`` may approve now; the oldest first.

    Those that are under a hold, and their own, are left out. ``position``: of the ledger, as of which they were read.
    """
    rules = ours.ledger.rules().retention(ours.ledger.clock().date())
    position = histories.head(connection)  # before anybody is looked at
    found = map(UUID, histories.erasures(connection))
    while some := list(islice(found, AT_A_TIME)):
        held = ours.ledger.load(some)
        for erasure in (held[one] for one in some):
            if isinstance(erasure, Erasure) and erasure.waits_for(actor, Ground.END_OF_RETENTION, reference):
                yield {**_to_approve(ours, erasure, rules), "position": position}


def _to_approve(ours: Krypton, erasure: Erasure, rules: Retention) -> Document:
    request, identity = erasure.request, erasure.identity_id
    assert request is not None, "it waits"
    found = last_of(ours, str(identity), rules)
    return {
        "identity": str(identity),
        "request": str(request.id),
        "requested_by": request.by,
        "last": str(found[1]) if found else None,
    }


def _over(ours: Krypton, identity: str, rules: Retention, today: date) -> date | None:
    """The day of the last exam, order or stay, where retention is over as the ledger has it; else None."""
    if (found := last_of(ours, identity, rules)) is None:
        return None
    born, last = found
    return last if rules.kept_until(last, born).until <= today else None


def last_of(ours: Krypton, identity: str, rules: Retention) -> tuple[date | None, date] | None:
    """The birth date, where it is known, and the day of the last exam, order or stay; None where they are erased."""
    work = ours.ledger.work([])
    if (person := work.find(Identity, UUID(identity))) is None or person.erased:
        return None
    born = birth_day(person.traits.get("birth_date"))
    return born, last_care(work, person, born, rules)


def _may_be_over(row: Document, rules: Retention, today: date) -> bool:
    """Whether it is over as far as the views know; where the ledger says yes, they do."""
    born = birth_day(row["born"])
    days = [dated(stated, _day(recorded), born) for stated, recorded in row["exams"] or ()]
    days += [_day(row["ordered"])] if row["ordered"] else []
    last = max(days, default=_day(row["registered"]))
    return rules.kept_until(last, born).until <= today


def _day(at: int) -> date:
    return datetime.fromtimestamp(at / US, UTC).date()


def _stands(ours: Krypton, identities: Sequence[str]) -> dict[str, str]:
    """How the erasures of these people stand, of those that have one."""
    ids = [Erasure.create_id(ours.ledger.ids, UUID(one)) for one in identities]
    held = (one for one in ours.ledger.load(ids).values() if isinstance(one, Erasure))
    return {str(one.identity_id): one.state for one in held}
