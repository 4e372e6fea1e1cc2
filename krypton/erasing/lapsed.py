"""Finds whose retention is over: the views say whose it may be, and the ledger whose it is.

Views do not know whether a device sent an exam or an archive was imported, nor when an order was performed. Whether it
still is over, the ledger decides again for each request.

What lapses with an erasure: the key, and with it every sealed field in all copies; instances, exports and texts of
rows. What stands in clear in the log stays, under an id that leads to nobody any more: key, name and number are gone.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from domain.aggregates.erasure import Erasure
from domain.aggregates.identity import Identity
from domain.batch import Outcome
from domain.commands.erasures import RequestErasure, last_care
from domain.ports import Answer
from domain.retention import Ground, Retention, dated, known_day
from domain.work import Envelope
from krypton.bootstrap import Krypton
from projections.engine.query import fetch

Document = dict[str, Any]
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


def lapsed(ours: Krypton, reach: Callable[[int], None] = lambda _: None) -> Iterator[Document]:
    """Whose retention is over: the identity, the day of the last exam or order, and how its erasure stands, if any.

    ``reach``: told how many more identities were looked at.
    """
    today = ours.ledger.clock().date()
    rules, after = ours.ledger.rules().retention(today), FIRST
    with ours.snapshot() as connection:
        while page := fetch(connection, PEOPLE, after=after, page=PAGE):
            maybe = {row["identity"]: row for row in page if _may_be_over(row, rules, today)}
            ours.vault.prefetch(list(maybe))
            over = {one: last for one in maybe if (last := _over(ours, one, rules, today))}
            stands = _stands(ours, list(over))
            for identity, last in over.items():
                told = {"identity": identity, "assigner": maybe[identity]["assigner"], "last": str(last)}
                yield {**told, "state": stands.get(identity)}
            reach(len(page))
            after = page[-1]["identity"]


def request(ours: Krypton, found: Sequence[Document], reference: str, by: Envelope) -> list[tuple[str, Outcome]]:
    """Request the erasure of these people; of each the answer, or why it is refused. A repeat has the same ids."""
    answered: list[tuple[str, Outcome]] = []
    for start in range(0, len(found), AT_A_TIME):
        some = [one["identity"] for one in found[start : start + AT_A_TIME]]
        asked = [(_request(identity, reference), _by(by, identity)) for identity in some]
        answered += zip(some, ours.ledger.execute_many(asked), strict=True)
    return answered


def summary(answered: Sequence[tuple[str, Outcome]]) -> Document:
    """How many are requested, where in the ledger, and who is refused and why."""
    positions = [at for _, one in answered if isinstance(one, Answer) for at in one.positions]
    refused = [{"identity": identity, "reason": str(one)} for identity, one in answered if not isinstance(one, Answer)]
    return {"requested": len(answered) - len(refused), "positions": positions, "refused": refused}


def _request(identity: str, reference: str) -> RequestErasure:
    return RequestErasure(identity=UUID(identity), ground=Ground.END_OF_RETENTION.value, reference=reference)


def _by(by: Envelope, identity: str) -> Envelope:
    return Envelope(by.actor, uuid5(by.command_id, identity), by.command_id)


def _over(ours: Krypton, identity: str, rules: Retention, today: date) -> date | None:
    """The day of the last exam or order, where retention is over as the ledger has it; else None."""
    work = ours.ledger.work([])
    if (person := work.find(Identity, UUID(identity))) is None or person.erased:
        return None
    born = known_day(person.traits.get("birth_date"))
    last = last_care(work, person, born, rules)
    return last if rules.kept_until(last, born).until <= today else None


def _may_be_over(row: Document, rules: Retention, today: date) -> bool:
    """Whether it is over as far as the views know; where the ledger says yes, they do."""
    born = known_day(row["born"])
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
