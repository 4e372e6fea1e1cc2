"""What an identity has had of care: exams, orders and stays; until when that is kept, and what of it is new.

A record is kept from its last care on (CSP R.1112-7). Nothing of an identity is erased that came to it since somebody
looked at it (F7): what it is, is told without a trait.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final
from uuid import UUID

from domain.aggregates.identity import Identity
from domain.aggregates.order import Order
from domain.aggregates.study import Study
from domain.errors import StillRetained
from domain.retention import Retention, birth_day, day_of_death
from domain.work import Work

BRINGS: Final[Mapping[str, str]] = {
    Study.Extended.TOPIC: "images of study {}",
    Study.ReportAdded.TOPIC: "a report of study {}",
    Study.ConflictFound.TOPIC: "other content of study {}",
    Order.Performed.TOPIC: "an exam of order {}",
    Order.Resulted.TOPIC: "a result of order {}",
    Identity.Seen.TOPIC: "a stay",
}
"""Events that bring something to what was there before, each with its words."""


def theirs(work: Work, identity: UUID, after: int = 0) -> list[Study | Order]:
    """The studies and orders that are an identity's now; those alone that came to it after a ledger position."""
    begun = work.begun_for(identity, after)
    work.fetch(begun)
    found = (work.find(Study, one) or work.find(Order, one) for one in begun)
    return [one for one in found if one and one.identity_id == identity]


def came_since(work: Work, identity: UUID, position: int) -> list[str]:
    """What came to an identity after a ledger position, in words; it is of this identity still."""
    new = {one.id: one for one in theirs(work, identity, after=position)}
    told = [f"{'study' if isinstance(one, Study) else 'order'} {id}" for id, one in new.items()]
    before = [one.id for one in theirs(work, identity) if one.id not in new]
    brought = work.brought_to(identity, [identity, *before], tuple(BRINGS), after=position)
    told += [BRINGS[topic].format(id) for id, topic in brought if id not in new]
    merges = work.membership.merged_in(str(identity))
    told += [f"a merge of {' and '.join(pair)}" for pair, merging in merges.items() if merging.position > position]
    return sorted(told)


def refuse_if_kept(work: Work, person: Identity, rules: Retention, died: str | None) -> None:
    """Raises StillRetained (F2): retention runs; BadTraits (I1): the day of death cannot be."""
    born, today = birth_day(person.traits.get("birth_date")), work.now.date()
    last = last_care(work, person, born, rules)
    kept = rules.kept_until(last, born, day_of_death(died, last, today))
    if today < kept.until:
        raise StillRetained(f"the record of {person.id} is kept {kept.told}: the end of retention is no ground before")


def last_care(work: Work, person: Identity, born: date | None, rules: Retention) -> date:
    """The day of the last exam, order or stay; of the registration, where there is neither exam nor order."""
    days = (_day(one, born, rules) for one in theirs(work, person.id))
    return max(max(days, default=person.created_on.date()), person.seen_on or date.min)


def _day(one: Study | Order, born: date | None, rules: Retention) -> date:
    """Of an order the day when it was placed; where its exam was made, of its last step: not all images are here."""
    if isinstance(one, Order):
        return (one.modified_on if one.studies else one.created_on).date()
    return rules.last_seen(one.started_at, one.created_on.date(), born, by_device=one.by_device)
